#include "ops/composite.hpp"

#include "core/check.h"

namespace trtswap {

namespace {

constexpr int kWorthThreads = 1 << 14; // pixels; waking and joining threads costs more than fewer take
constexpr int kMostTaps = 8;           // per luma pixel; a chroma sample takes twice as many per axis

int clipped(double value, int low, int high) {
    return value < low ? low : value > high ? high : static_cast<int>(value);
}

// Where a mask that is zero outside the patch can reach: the patch's rectangle grown by one patch pixel for bilinear
// sampling, then by two surface pixels for a chroma sample's footprint.
Region reach(const Affine& to_surface, const CompositeSource& source, const SurfaceView& surface) {
    double left = 1e300, top = 1e300, right = -1e300, bottom = -1e300;
    for (int corner = 0; corner < 4; ++corner) {
        const double u = corner & 1 ? source.width : -1.0, v = corner & 2 ? source.height : -1.0;
        const double* m = to_surface.m;
        const double x = m[0] * u + m[1] * v + m[2], y = m[3] * u + m[4] * v + m[5];
        left = std::fmin(left, x);
        right = std::fmax(right, x);
        top = std::fmin(top, y);
        bottom = std::fmax(bottom, y);
    }
    return {clipped(std::floor(left) - 2, 0, surface.width) & ~1,
            clipped(std::floor(top) - 2, 0, surface.height) & ~1,
            clipped(std::ceil(right) + 3, 0, surface.width),
            clipped(std::ceil(bottom) + 3, 0, surface.height)};
}

bool overlap(const CompositeItem& a, const CompositeItem& b) {
    return a.surface.luma.data == b.surface.luma.data && a.region.x0 < b.region.x1 + 1 &&
           b.region.x0 < a.region.x1 + 1 && a.region.y0 < b.region.y1 + 1 && b.region.y0 < a.region.y1 + 1;
}

template <typename T> void run(const CompositeItem& item, const CompositeSource& source) {
    const Region& r = item.region;
    const int pixels = (r.x1 - r.x0) * (r.y1 - r.y0);
#pragma omp parallel for schedule(dynamic, 4) if (pixels >= kWorthThreads)
    for (int y = r.y0; y < r.y1; y += 2) {
        for (int x = r.x0; x < r.x1; x += 2) {
            composite_cell<T>(item, source, x, y);
        }
    }
}

} // namespace

CompositeItem make_composite_item(const SurfaceView& surface, const Affine& to_patch,
                                  const CompositeSource& source, const void* patch, const float* mask) {
    require(invertible(to_patch), "a placement must be a finite, invertible 2x3 map");
    const Region region = reach(inverted(to_patch), source, surface);
    require(region.empty() || within_reach(to_patch, surface.width, surface.height),
            "a placement reaches too far outside the frame");
    return {surface, localised(to_patch, region.x0, region.y0),
            region,  taps_per_axis(to_patch, kMostTaps),
            patch,   mask};
}

int assign_layers(const CompositeItem* items, int count, int* layers) {
    int layer_count = 0;
    for (int i = 0; i < count; ++i) {
        layers[i] = 0;
        for (int j = 0; j < i; ++j) {
            if (overlap(items[i], items[j])) {
                layers[i] = max_of(layers[i], layers[j] + 1);
            }
        }
        layer_count = max_of(layer_count, layers[i] + 1);
    }
    return layer_count;
}

void composite_host(const CompositeItem* items, int count, const CompositeSource& source) {
    for (int i = 0; i < count; ++i) {
        source.half ? run<Half>(items[i], source) : run<float>(items[i], source);
    }
}

} // namespace trtswap
