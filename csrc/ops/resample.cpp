#include "ops/resample.hpp"

#include "core/check.h"

namespace trtswap {

namespace {

constexpr int kMostTaps = 16;

template <typename T> void run(const ResampleItem* items, int count, const ResampleTarget& target) {
    const int rows = count * target.height;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < rows; ++row) {
        const int n = row / target.height, v = row % target.height;
        for (int u = 0; u < target.width; ++u) {
            resample_pixel<T>(items[n], target, n, u, v);
        }
    }
}

} // namespace

ResampleItem make_resample_item(const SurfaceView& surface, const Affine& to_tensor, bool area, int extent_x,
                                int extent_y) {
    require(invertible(to_tensor), "a placement must be a finite, invertible 2x3 map");
    const Affine to_surface = inverted(to_tensor);
    require(within_reach(to_surface, extent_x, extent_y), "a placement reaches too far outside the frame");
    const int taps = area ? taps_per_axis(to_surface, kMostTaps) : 1;
    return {surface, localised(to_surface, 0, 0), taps, extent_x, extent_y};
}

void resample_host(const ResampleItem* items, int count, const ResampleTarget& target) {
    target.half ? run<Half>(items, count, target) : run<float>(items, count, target);
}

} // namespace trtswap
