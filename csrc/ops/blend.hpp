// blend: the composite with levels. Patches go into their surfaces by the pyramids of pyramid.hpp, in the surface's own
// planes: luma with n levels, the half-sized chroma with n - 1, R'G'B' with n.
//
//   faces    [F]             surface to write, affine from surface pixel to patch pixel, patch [3, H, W], mask [H, W]
//   patches, masks           as in composite.hpp
//   maps     [F]             optional: every patch through its colour map first, see core/transfer.h
//
// In a plane, at each sample: p the patch and m the mask there, b the frame. The patch is sampled bicubically
// (Catmull-Rom) where it is enlarged and averaged over the sample's footprint where it is denser than the plane; the mask
// bilinearly, 0 outside the patch. The mask's slope is the room that a transition has: detail changes over within its
// middle quarter, what is coarser over a width of its own, and the outer part takes what would reach out of the mask.
//
//   d = min(1, 16 m) (p - b)     k = clamp(4 m - 1.5, 0, 1)     w = min(1, m / 0.375)
//   r = blend of d under k (pyramid.hpp)     b <- b + w r
//
// A sample with m = 0 is not written and never seen by the pyramids: what lies before the face does not bleed into it.
// Where k is 1 as far as the coarsest level reaches the result is the patch itself. Rounded to nearest.
//
// With `poisson` the patch's detail goes onto the frame's surroundings instead (Perez, Gangnet and Blake 2003): within the
// line m = 1/2 the frame becomes p - h, where h is the membrane (pyramid.hpp) through p - b on the line. All levels serve.
//
// The host form runs to the end before it returns; the CUDA form queues on `stream`. Neither allocates.
#pragma once

#include "ops/composite.hpp"
#include "ops/lab.hpp"
#include "ops/patch_sampling.hpp"
#include "ops/pyramid.hpp"

namespace trtswap {

struct PrepareItem {
    const void* patch;
    const float* mask;
    PreparedPatch target;
    ColourTransform colour;
    bool yuv;
    int map; // which of the maps
};

struct BlendFace {
    SurfaceView surface;
    Affine to_patch;
    const void* patch;
    const float* mask;
    Region region;
};

struct BlendInput {
    CompositeSource source;
    int levels;
    bool poisson;
    bool half;             // workspace of float16; the host always takes float
    const ColourMap* maps; // where the patches are, or null
};

BlendFace make_blend_face(const SurfaceView& surface, const Affine& to_patch, const CompositeSource& source,
                          const void* patch, const float* mask);

// Fills planes[0] and, for 4:2:0, planes[1]; returns how many. `patch` has no memory yet.
int make_planes(const BlendFace& face, const CompositeSource& source, BlendPlane* planes);

inline int plane_levels(const BlendPlane& plane, const BlendInput& input) {
    const int most = input.poisson ? kMostLevels : min_of(input.levels, plane.most_levels);
    return plane.kind == PlaneKind::chroma && most > 1 ? most - 1 : most;
}

std::size_t blend_bytes_host(const BlendFace* faces, int count, const BlendInput& input);
void blend_host(const BlendFace* faces, int count, const BlendInput& input, void* workspace);
std::size_t blend_bytes_cuda(const BlendFace* faces, int count, const int* layers, const BlendInput& input);
void blend_cuda(const BlendFace* faces, int count, const int* layers, int layer_count,
                const BlendInput& input, void* workspace, std::uintptr_t stream);

// --- shared by both targets ---

TRTSWAP_HD constexpr int channels_of(PlaneKind kind) {
    return kind == PlaneKind::luma ? 1 : kind == PlaneKind::chroma ? 2 : 3;
}

// k and w of a mask in one number, as they are never both in between: k above 0, where w is 1; else w - 1.
TRTSWAP_HD float packed_mask(float mask) {
    return mask < 0.375f ? mask * (1.0f / 0.375f) - 1.0f : clamp_to(4.0f * mask - 1.5f, 0.0f, 1.0f);
}
TRTSWAP_HD float window_of(float packed) { return 1.0f + min_of(packed, 0.0f); }

template <PlaneKind Kind, typename Code> TRTSWAP_HD Code* codes_at(const BlendPlane& plane, int x, int y) {
    std::uint8_t* row = plane.data + (plane.y0 + y) * plane.stride_bytes;
    return reinterpret_cast<Code*>(row) + (plane.x0 + x) * channels_of(Kind);
}

// d and m at a sample: `difference` gets channels_of(Kind) values; returns the packed mask.
template <PlaneKind Kind, typename Code, typename T>
TRTSWAP_HD float difference_at(const BlendPlane& plane, int x, int y, float* difference) {
    const PatchSample s = patch_sample<Kind, T>(plane, x, y);
    const Code* codes = codes_at<Kind, Code>(plane, x, y);
    const float edge = min_of(1.0f, 16.0f * s.mask), scale = 1.0f / plane.unit;
    for (int k = 0; k < channels_of(Kind); ++k) {
        difference[k] =
            s.mask > 0.0f ? edge * (s.colour[k] - (code_of(codes[k]) - plane.centre) * scale) : 0.0f;
    }
    return packed_mask(s.mask);
}

// The difference times how much a sample lies on the line where the mask is a half; returns that.
template <PlaneKind Kind, typename Code, typename T>
TRTSWAP_HD float line_at(const BlendPlane& plane, int x, int y, float* values) {
    const PatchSample s = patch_sample<Kind, T>(plane, x, y);
    const Code* codes = codes_at<Kind, Code>(plane, x, y);
    const float off = 2.0f * s.mask - 1.0f, scale = 1.0f / plane.unit;
    const float near = 1.0f - (off < 0.0f ? -off : off);
    const float line = s.mask > 0.0f ? near * near : 0.0f;
    for (int k = 0; k < channels_of(Kind); ++k) {
        values[k] = line > 0.0f ? line * (s.colour[k] - (code_of(codes[k]) - plane.centre) * scale) : 0.0f;
    }
    return line;
}

// Writes the patch less the membrane, whose sums are `sums` over `total`, within the line.
template <PlaneKind Kind, typename Code, typename T>
TRTSWAP_HD void write_membrane(const BlendPlane& plane, int x, int y, const float* sums, float total) {
    const PatchSample s = patch_sample<Kind, T>(plane, x, y);
    const float w = clamp_to(4.0f * s.mask - 1.5f, 0.0f, 1.0f);
    if (!(w > 0.0f)) {
        return;
    }
    Code* codes = codes_at<Kind, Code>(plane, x, y);
    for (int k = 0; k < channels_of(Kind); ++k) {
        const float code = code_of(codes[k]);
        const float spread = total > 0.0f ? sums[k] / total : 0.0f;
        const float change = (s.colour[k] - spread) * plane.unit + plane.centre - code;
        detail::store_code(codes + k, code + w * change, plane.code_max);
    }
}

template <PlaneKind Kind, typename Code>
TRTSWAP_HD void write_result(const BlendPlane& plane, int x, int y, float window, const float* results) {
    if (!(window > 0.0f)) {
        return;
    }
    Code* codes = codes_at<Kind, Code>(plane, x, y);
    const float w = window * plane.unit;
    for (int k = 0; k < channels_of(Kind); ++k) {
        detail::store_code(codes + k, code_of(codes[k]) + w * results[k], plane.code_max);
    }
}

// Writes the pixel (x, y) of the ringed patch: R'G'B' on 0..255, and the mask.
template <typename T>
TRTSWAP_HD void store_prepared(const PrepareItem& item, int x, int y, Rgb c, float mask) {
    float values[3] = {c.r - 128.0f, c.g - 128.0f, c.b - 128.0f};
    if (item.yuv) {
        const ColourTransform& t = item.colour;
        const float unit = (t.code_max + 1.0f) * (1.0f / 256.0f), scale = 1.0f / unit;
        const Yuv code = yuv_from_rgb(t, c);
        values[0] = (code.y - 128.0f * unit) * scale;
        values[1] = (code.u - 128.0f * unit) * scale;
        values[2] = (code.v - 128.0f * unit) * scale;
    }
    const std::size_t to = 2 * (static_cast<std::size_t>(y) * item.target.stride() + x);
    T* first = static_cast<T*>(item.target.first) + to;
    T* second = static_cast<T*>(item.target.second) + to;
    store(first, values[0]);
    store(first + 1, mask);
    store(second, values[1]);
    store(second + 1, values[2]);
}

// The mask at (x, y) of the ringed patch: 0 in the ring.
TRTSWAP_HD float prepared_mask(const PrepareItem& item, int x, int y) {
    const int u = x - kRing, v = y - kRing;
    if (u < 0 || v < 0 || u >= item.target.width || v >= item.target.height) {
        return 0.0f;
    }
    return clamp_to(item.mask[static_cast<std::size_t>(v) * item.target.width + u], 0.0f, 1.0f);
}

} // namespace trtswap
