#include "ops/feather.hpp"

#include <vector>

namespace trtswap {

namespace {

TRTSWAP_WIDE void start_with(const float* row, float weight, float* __restrict__ sum, int width) {
    for (int x = 0; x < width; ++x) {
        sum[x] = weight * row[x];
    }
}

TRTSWAP_WIDE void add_both(const float* one, const float* other, float weight, float* __restrict__ sum,
                           int width) {
    for (int x = 0; x < width; ++x) {
        sum[x] += weight * (one[x] + other[x]);
    }
}

// The same sums as gaussian(), a whole row at a time. nothing: a row of zeros.
void down_row(const FeatherInput& in, const float* picture, int y, const float* nothing, float* sum) {
    const auto row = [&](int at) {
        const bool inside = at >= 0 && at < in.height;
        return inside || in.soften ? picture + static_cast<std::ptrdiff_t>(mirrored(at, in.height)) * in.width
                                   : nothing;
    };
    start_with(row(y), in.weights[0], sum, in.width);
    for (int k = 1; k <= in.reach; ++k) {
        add_both(row(y - k), row(y + k), in.weights[k], sum, in.width);
    }
}

// wide: room for the row with what lies `reach` beyond it on both sides.
void across_row(const FeatherInput& in, const float* row, float* wide, float* sum) {
    for (int x = -in.reach; x < in.width + in.reach; ++x) {
        wide[in.reach + x] = seen(in, row, x, in.width, 1);
    }
    const float* middle = wide + in.reach;
    start_with(middle, in.weights[0], sum, in.width);
    for (int k = 1; k <= in.reach; ++k) {
        add_both(middle - k, middle + k, in.weights[k], sum, in.width);
    }
}

} // namespace

void feather_host(const FeatherInput& in, float* out, float* passing) {
    const int rows = in.count * in.height;
    const std::vector<float> nothing(static_cast<std::size_t>(in.width));
#pragma omp parallel for schedule(static)
    for (int job = 0; job < rows; ++job) {
        const float* picture = in.masks + static_cast<std::ptrdiff_t>(job / in.height) * in.width * in.height;
        down_row(in, picture, job % in.height, nothing.data(),
                 passing + static_cast<std::ptrdiff_t>(job) * in.width);
    }
#pragma omp parallel
    {
        std::vector<float> wide(static_cast<std::size_t>(in.width) + 2 * static_cast<std::size_t>(in.reach));
#pragma omp for schedule(static)
        for (int job = 0; job < rows; ++job) {
            const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(job) * in.width;
            across_row(in, passing + at, wide.data(), out + at);
            for (int x = 0; x < in.width; ++x) {
                out[at + x] = feathered(in, in.masks[at + x], out[at + x]);
            }
        }
    }
}

} // namespace trtswap
