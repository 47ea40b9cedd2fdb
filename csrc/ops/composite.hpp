// composite: warps patches and their masks into surfaces and blends them there, in the surface's own format.
//
//   items    [F]           surface to write, affine from surface pixel to patch pixel, patch [3, H, W], mask [H, W]
//   patches  [F, 3, H, W]  float32 or float16, R, G, B planes; R'G'B' = value * scale + offset, clamped after
//                          sampling
//   masks    [F or 1, H, W] float32, 0..1; bilinear, zero outside
//
// frame <- frame + m (patch - frame), in code values, where m is the warped mask. Patch and mask are sampled over each
// frame pixel's footprint (area) where the patch is denser than the frame, else bilinearly. A 4:2:0 chroma sample
// takes the footprint of two by two luma pixels around its own site. Rounded to nearest, never dithered. Samples
// where m = 0 are not written. Items on one surface apply in order.
//
// The host form runs to the end before it returns; the CUDA form queues on `stream`. Neither allocates.
#pragma once

#include "core/sampling.h"

namespace trtswap {

struct Region {
    int x0, y0, x1, y1; // x1, y1 excluded; x0, y0 even
    TRTSWAP_HD bool empty() const { return x0 >= x1 || y0 >= y1; }
};

struct CompositeItem {
    SurfaceView surface;
    LocalAffine to_patch; // from surface pixels relative to the region's corner
    Region region;
    int taps;
    const void* patch;
    const float* mask;
};

struct CompositeSource {
    bool half;
    int width, height;
    float scale, offset; // to R'G'B' on 0..255
};

CompositeItem make_composite_item(const SurfaceView& surface, const Affine& to_patch,
                                  const CompositeSource& source, const void* patch, const float* mask);

// For each item the number of items before it that must be finished first, as a layer number from 0: items of one
// layer touch disjoint pixels. `layers` has room for `count`. Returns the number of layers.
int assign_layers(const CompositeItem* items, int count, int* layers);

void composite_host(const CompositeItem* items, int count, const CompositeSource& source);
void composite_cuda(const CompositeItem* items, int count, const int* layers, int layer_count,
                    const CompositeSource& source, std::uintptr_t stream);

namespace detail {

struct Weighted {
    Rgb colour;   // mean of m * R'G'B', 0..255
    float weight; // mean of m, 0..1
};

TRTSWAP_HD float mask_at(const float* mask, const CompositeSource& s, int x, int y) {
    return x >= 0 && y >= 0 && x < s.width && y < s.height ? mask[static_cast<std::size_t>(y) * s.width + x]
                                                           : 0.0f;
}

TRTSWAP_HD float sample_mask(const float* mask, const CompositeSource& s, float x, float y, int ox, int oy) {
    const int ix = floor_to_int(x), iy = floor_to_int(y);
    const float fx = x - static_cast<float>(ix), fy = y - static_cast<float>(iy);
    const int px = ix + ox, py = iy + oy;
    const float upper = mix(mask_at(mask, s, px, py), mask_at(mask, s, px + 1, py), fx);
    const float lower = mix(mask_at(mask, s, px, py + 1), mask_at(mask, s, px + 1, py + 1), fx);
    return mix(upper, lower, fy);
}

template <typename T>
TRTSWAP_HD float sample_patch(const T* plane, const CompositeSource& s, const BilinearCell& c) {
    const T* top = plane + static_cast<std::size_t>(c.y0) * s.width;
    const T* bottom = plane + static_cast<std::size_t>(c.y1) * s.width;
    const float value = mix(mix(to_float(top[c.x0]), to_float(top[c.x1]), c.fx),
                            mix(to_float(bottom[c.x0]), to_float(bottom[c.x1]), c.fx), c.fy);
    return clamp_to(value * s.scale + s.offset, 0.0f, 255.0f);
}

// Patch and mask around (x, y), in surface pixels from the region's corner, over a square of `size` surface pixels.
template <typename T>
TRTSWAP_HD Weighted sample_weighted(const CompositeItem& item, const CompositeSource& s, float x, float y,
                                    float size, int taps) {
    const std::size_t plane = static_cast<std::size_t>(s.width) * s.height;
    const T* patch = static_cast<const T*>(item.patch);
    const float step = size / static_cast<float>(taps);
    Weighted sum{{0.0f, 0.0f, 0.0f}, 0.0f};
    for (int j = 0; j < taps; ++j) {
        const float dy = (static_cast<float>(j) + 0.5f) * step - 0.5f * size;
        for (int i = 0; i < taps; ++i) {
            const float dx = (static_cast<float>(i) + 0.5f) * step - 0.5f * size;
            const LocalPoint p = item.to_patch(x + dx, y + dy);
            const float m = sample_mask(item.mask, s, p.x, p.y, item.to_patch.to_x, item.to_patch.to_y);
            if (m > 0.0f) {
                const BilinearCell cell =
                    bilinear_cell(p.x, p.y, item.to_patch.to_x, item.to_patch.to_y, s.width, s.height);
                sum.colour.r += m * sample_patch(patch, s, cell);
                sum.colour.g += m * sample_patch(patch + plane, s, cell);
                sum.colour.b += m * sample_patch(patch + 2 * plane, s, cell);
                sum.weight += m;
            }
        }
    }
    const float mean = 1.0f / static_cast<float>(taps * taps);
    return {{sum.colour.r * mean, sum.colour.g * mean, sum.colour.b * mean}, sum.weight * mean};
}

TRTSWAP_HD void store_code(std::uint8_t* target, float code, float code_max) {
    *target = static_cast<std::uint8_t>(round_to_int(clamp_to(code, 0.0f, code_max)));
}
TRTSWAP_HD void store_code(std::uint16_t* target, float code, float code_max) {
    *target = static_cast<std::uint16_t>(round_to_int(clamp_to(code, 0.0f, code_max)) << 6);
}

// `mixed` is the weighted patch colour converted as if its weight were 1, so the offset is added weight times.
template <typename T> TRTSWAP_HD void blend_code(T* target, float weighted, float weight, float code_max) {
    const float old = code_of(*target);
    store_code(target, old + (weighted - weight * old), code_max);
}

// One block of 2 x 2 luma samples and its chroma sample; (x, y) is its first luma sample, even.
template <typename Code, typename T>
TRTSWAP_HD void composite_block(const CompositeItem& item, const CompositeSource& source, int x, int y) {
    const SurfaceView& s = item.surface;
    const ColourTransform& t = s.colour;
    const float rx = static_cast<float>(x - item.region.x0), ry = static_cast<float>(y - item.region.y0);
    for (int j = 0; j < 2 && y + j < s.height; ++j) {
        for (int i = 0; i < 2 && x + i < s.width; ++i) {
            const Weighted p = sample_weighted<T>(item, source, rx + static_cast<float>(i),
                                                  ry + static_cast<float>(j), 1.0f, item.taps);
            if (p.weight > 0.0f) {
                Code* row = reinterpret_cast<Code*>(s.luma.data + (y + j) * s.luma.stride_bytes);
                const float luma = t.y_r * p.colour.r + t.y_g * p.colour.g + t.y_b * p.colour.b;
                blend_code(row + x + i, luma + p.weight * t.y_offset, p.weight, t.code_max);
            }
        }
    }
    const Weighted p =
        sample_weighted<T>(item, source, rx + s.siting_x, ry + s.siting_y, 2.0f, 2 * item.taps);
    if (p.weight > 0.0f) {
        Code* pair = reinterpret_cast<Code*>(s.chroma.data + (y / 2) * s.chroma.stride_bytes) + (x / 2) * 2;
        const float luma = t.luma_r * p.colour.r + t.luma_g * p.colour.g + t.luma_b * p.colour.b;
        const float neutral = p.weight * t.c_offset;
        blend_code(pair, neutral + t.u_scale * (p.colour.b - luma), p.weight, t.code_max);
        blend_code(pair + 1, neutral + t.v_scale * (p.colour.r - luma), p.weight, t.code_max);
    }
}

template <typename T>
TRTSWAP_HD void composite_rgb(const CompositeItem& item, const CompositeSource& source, int x, int y) {
    const SurfaceView& s = item.surface;
    const Weighted p = sample_weighted<T>(item, source, static_cast<float>(x - item.region.x0),
                                          static_cast<float>(y - item.region.y0), 1.0f, item.taps);
    if (p.weight > 0.0f) {
        std::uint8_t* pixel = s.luma.data + y * s.luma.stride_bytes + x * 3;
        blend_code(pixel, p.colour.r, p.weight, 255.0f);
        blend_code(pixel + 1, p.colour.g, p.weight, 255.0f);
        blend_code(pixel + 2, p.colour.b, p.weight, 255.0f);
    }
}

} // namespace detail

// Shared by both targets: everything in the block of 2 x 2 pixels at (x, y), both even.
template <typename T>
TRTSWAP_HD void composite_cell(const CompositeItem& item, const CompositeSource& source, int x, int y) {
    if (item.surface.format == PixelFormat::nv12) {
        detail::composite_block<std::uint8_t, T>(item, source, x, y);
    } else if (item.surface.format == PixelFormat::p010) {
        detail::composite_block<std::uint16_t, T>(item, source, x, y);
    } else {
        for (int j = 0; j < 2 && y + j < item.surface.height; ++j) {
            for (int i = 0; i < 2 && x + i < item.surface.width; ++i) {
                detail::composite_rgb<T>(item, source, x + i, y + j);
            }
        }
    }
}

} // namespace trtswap
