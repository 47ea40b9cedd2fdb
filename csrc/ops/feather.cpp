#include "ops/feather.hpp"

#include <algorithm>

namespace trtswap {

namespace {

TRTSWAP_WIDE void add_weighted(const float* row, float weight, float* __restrict__ sum, int width) {
    for (int x = 0; x < width; ++x) {
        sum[x] += weight * row[x];
    }
}

// The same sums as gaussian(), a whole row at a time.
void down_row(const FeatherInput& in, const float* picture, int y, float* sum) {
    std::fill_n(sum, in.width, 0.0f);
    for (int k = max_of(-in.reach, -y); k <= min_of(in.reach, in.height - 1 - y); ++k) {
        const float* row = picture + static_cast<std::ptrdiff_t>(y + k) * in.width;
        add_weighted(row, in.weights[k < 0 ? -k : k], sum, in.width);
    }
}

void across_row(const FeatherInput& in, const float* row, float* sum) {
    std::fill_n(sum, in.width, 0.0f);
    for (int k = -min_of(in.reach, in.width - 1); k <= min_of(in.reach, in.width - 1); ++k) {
        const int first = max_of(0, -k), last = min_of(in.width, in.width - k);
        add_weighted(row + first + k, in.weights[k < 0 ? -k : k], sum + first, last - first);
    }
}

} // namespace

void feather_host(const FeatherInput& in, float* out, float* passing) {
    const int rows = in.count * in.height;
#pragma omp parallel for schedule(static)
    for (int job = 0; job < rows; ++job) {
        const float* picture = in.masks + static_cast<std::ptrdiff_t>(job / in.height) * in.width * in.height;
        down_row(in, picture, job % in.height, passing + static_cast<std::ptrdiff_t>(job) * in.width);
    }
#pragma omp parallel for schedule(static)
    for (int job = 0; job < rows; ++job) {
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(job) * in.width;
        across_row(in, passing + at, out + at);
        for (int x = 0; x < in.width; ++x) {
            out[at + x] = feathered(in.masks[at + x], out[at + x]);
        }
    }
}

} // namespace trtswap
