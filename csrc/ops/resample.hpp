// resample: pixels of many surfaces -> one planar tensor of network inputs. The native side of `letterbox` and `crop`.
//
//   items   [N]            surface to read, affine from tensor pixel to surface pixel, placed extent
//   tensor  [N, 3, H, W]   float32 or float16, contiguous; every element is written
//
// Inside the placed extent a tensor pixel takes the surface at its mapped place: bilinear with edges replicated, or
// the mean over the pixel's footprint (area) when the map shrinks; converted to R'G'B' on 0..255 and clamped.
// With `black` it is as if the surface went on black beyond its edges. Outside it takes R'G'B' = 0. Then value * scale[k] + offset[k] per tensor channel k.
//
// The host form runs to the end before it returns; the CUDA form queues on `stream`. Neither allocates.
#pragma once

#include <cstdint>

#include "core/affine.h"
#include "core/half.h"
#include "core/sampling.h"
#include "core/views.h"

namespace trtswap {

struct ResampleItem {
    SurfaceView surface;
    LocalAffine to_surface;
    int taps;
    int extent_x, extent_y; // tensor pixels at or beyond these are padding
};

struct ResampleTarget {
    void* data;
    bool half;
    int width, height;
    bool bgr;
    bool black;
    float scale[3], offset[3];
};

ResampleItem make_resample_item(const SurfaceView& surface, const Affine& to_tensor, bool area, int extent_x,
                                int extent_y);

void resample_host(const ResampleItem* items, int count, const ResampleTarget& target);
void resample_cuda(const ResampleItem* items, int count, const ResampleTarget& target, std::uintptr_t stream);

// The surface at a tensor pixel, wherever the map sends it.
struct MappedSample {
    const ResampleItem& item;

    TRTSWAP_HD Rgb operator()(int u, int v) const {
        const LocalAffine& map = item.to_surface;
        const LocalPoint p = map(static_cast<float>(u), static_cast<float>(v));
        return sample_surface(item.surface,
                              {p.x, p.y, map.a, map.b, map.c, map.d, map.to_x, map.to_y, item.taps});
    }
};

// The same, darkened by as much of the pixel as lies beyond the surface: as if the surface went on black.
struct DarkenedSample {
    const ResampleItem& item;

    TRTSWAP_HD Rgb operator()(int u, int v) const {
        const LocalAffine& map = item.to_surface;
        const LocalPoint p = map(static_cast<float>(u), static_cast<float>(v));
        const float inside =
            within(p.x, map.to_x, item.surface.width) * within(p.y, map.to_y, item.surface.height);
        const Rgb c = MappedSample{item}(u, v);
        return {c.r * inside, c.g * inside, c.b * inside};
    }

    // 1 on the surface, falling to 0 over the pixel beyond its first or last sample.
    static TRTSWAP_HD float within(float place, int origin, int length) {
        const float before = -static_cast<float>(origin) - place;
        const float behind = place - static_cast<float>(length - 1 - origin);
        return clamp_to(1.0f - max_of(before, behind), 0.0f, 1.0f);
    }
};

// Shared by both targets: writes the pixel (u, v) of item `n`, with R'G'B' from `sample` inside the extent.
template <typename T, typename Sample>
TRTSWAP_HD void resample_pixel(const ResampleItem& item, const ResampleTarget& target, int n, int u, int v,
                               const Sample& sample) {
    Rgb c{0.0f, 0.0f, 0.0f};
    if (u < item.extent_x && v < item.extent_y) {
        c = sample(u, v);
    }
    const std::size_t plane = static_cast<std::size_t>(target.width) * target.height;
    T* out = static_cast<T*>(target.data) + static_cast<std::size_t>(n) * 3 * plane +
             static_cast<std::size_t>(v) * target.width + u;
    store(out, (target.bgr ? c.b : c.r) * target.scale[0] + target.offset[0]);
    store(out + plane, c.g * target.scale[1] + target.offset[1]);
    store(out + 2 * plane, (target.bgr ? c.r : c.b) * target.scale[2] + target.offset[2]);
}

} // namespace trtswap
