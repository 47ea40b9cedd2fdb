#include "ops/statistics.hpp"

namespace trtswap {

namespace {

constexpr std::size_t kWorthThreads = 1 << 14; // pixels

void add_piece(const StatisticsInput& input, int n, int piece, double* target) {
    const float* x = input.picture(n);
    const float* mask = input.mask(n);
    const std::size_t first = piece * input.piece(), last = min_of(first + input.piece(), input.area);
    double sums[kSums] = {};
    for (std::size_t i = first; i < last; ++i) {
        add_sample<double>(sums, mask[i], x[i], x[i + input.area], x[i + 2 * input.area]);
    }
    for (int k = 0; k < kSums; ++k) {
        target[k] = sums[k];
    }
}

} // namespace

void statistics_host(const StatisticsInput& input, double* partial, Moments* moments) {
#pragma omp parallel for schedule(static) if (input.count * input.area >= kWorthThreads)
    for (int job = 0; job < input.count * kPartials; ++job) {
        add_piece(input, job / kPartials, job % kPartials, partial + static_cast<std::size_t>(job) * kSums);
    }
    for (int n = 0; n < input.count; ++n) {
        double sums[kSums] = {};
        for (int piece = 0; piece < kPartials; ++piece) {
            for (int k = 0; k < kSums; ++k) {
                sums[k] += partial[(static_cast<std::size_t>(n) * kPartials + piece) * kSums + k];
            }
        }
        moments[n] = moments_of(sums);
    }
}

} // namespace trtswap
