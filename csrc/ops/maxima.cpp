#include "ops/maxima.hpp"

#include <limits>

namespace trtswap {

namespace {

constexpr std::size_t kWorthThreads = 1 << 16; // values

template <typename T> void run(const MaximaInput& input, float* out) {
    const auto* rows = static_cast<const T*>(input.rows);
#pragma omp parallel for schedule(static) if (input.count * input.length >= kWorthThreads)
    for (int n = 0; n < input.count; ++n) {
        const T* row = rows + static_cast<std::size_t>(n) * input.length;
        float best = -std::numeric_limits<float>::infinity();
        for (std::size_t i = 0; i < input.length; ++i) {
            best = larger(best, to_float(row[i]));
        }
        out[n] = best;
    }
}

} // namespace

void maxima_host(const MaximaInput& input, float* out) {
    input.half ? run<Half>(input, out) : run<float>(input, out);
}

} // namespace trtswap
