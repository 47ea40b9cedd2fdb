#include "ops/feather.hpp"

namespace trtswap {

namespace {

TRTSWAP_WIDE void add_weighted(const float* row, float weight, float* __restrict__ sum, int width) {
    for (int x = 0; x < width; ++x) {
        sum[x] += weight * row[x];
    }
}

// The same sums as gaussian() down the columns, a whole row at a time.
void down_row(const FeatherInput& in, const float* picture, int y, float* sum) {
    for (int x = 0; x < in.width; ++x) {
        sum[x] = 0.0f;
    }
    for (int k = max_of(-in.reach, -y); k <= min_of(in.reach, in.height - 1 - y); ++k) {
        const float* row = picture + static_cast<std::ptrdiff_t>(y + k) * in.width;
        add_weighted(row, in.weights[k < 0 ? -k : k], sum, in.width);
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
        for (int x = 0; x < in.width; ++x) {
            out[at + x] = feathered(in.masks[at + x], gaussian(in, passing + at, x, in.width, 1));
        }
    }
}

} // namespace trtswap
