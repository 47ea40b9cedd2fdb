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
#include "ops/pyramid.hpp"

namespace trtswap {

constexpr int kRing = 2; // samples around a prepared patch: its edge again, under a mask of 0

// What a patch is made into: two pictures of pairs, (W + 2 kRing) x (H + 2 kRing): first colour and mask; second and
// third colour. Colours are codes of the surface around the middle of its scale, in eighths bits.
struct PreparedPatch {
    void *first, *second;
    int width, height; // of the patch

    TRTSWAP_HD int stride() const { return width + 2 * kRing; }
    TRTSWAP_HD std::size_t elements() const {
        return static_cast<std::size_t>(stride()) * static_cast<std::size_t>(height + 2 * kRing);
    }
};

enum class PlaneKind : int { luma = 0, chroma = 1, rgb = 2 };

// One plane of one face: a part of the surface's plane, and how its samples map to the patch.
struct BlendPlane {
    std::uint8_t* data; // of the whole plane
    std::ptrdiff_t stride_bytes;
    PlaneKind kind;
    bool wide;                 // samples of 16 bits
    int x0, y0, width, height; // the part, in samples
    float centre, unit, code_max;
    LocalAffine to_patch;
    int taps;
    int most_levels; // that the size of the face has room for
    PreparedPatch patch;
};

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

namespace detail {

// Catmull-Rom weights of the samples -1, 0, 1, 2 at the fraction t between 0 and 1.
TRTSWAP_HD void cubic_weights(float t, float (&w)[4]) {
    w[0] = ((-0.5f * t + 1.0f) * t - 0.5f) * t;
    w[1] = (1.5f * t - 2.5f) * t * t + 1.0f;
    w[2] = ((-1.5f * t + 2.0f) * t + 0.5f) * t;
    w[3] = (0.5f * t - 0.5f) * t * t;
}

struct Pair {
    float a, b;
};

TRTSWAP_HD Pair load_pair(const float* p) { return {p[0], p[1]}; }
TRTSWAP_HD Pair load_pair(const Half* p) {
#if defined(__CUDA_ARCH__)
    const std::uint32_t word = *reinterpret_cast<const std::uint32_t*>(p);
    return {to_float(Half{static_cast<std::uint16_t>(word & 0xffffu)}),
            to_float(Half{static_cast<std::uint16_t>(word >> 16)})};
#else
    return {to_float(p[0]), to_float(p[1])};
#endif
}

// A place between four samples of a prepared patch; places outside move to the ring, where the mask is 0.
struct PatchCell {
    int at; // element of the upper left sample
    float fx, fy;
};

TRTSWAP_HD PatchCell patch_cell(const PreparedPatch& patch, float x, float y, int origin_x, int origin_y) {
    int ix = floor_to_int(x), iy = floor_to_int(y);
    PatchCell cell{0, x - static_cast<float>(ix), y - static_cast<float>(iy)};
    ix += origin_x;
    iy += origin_y;
    if (ix < -1) {
        ix = -1;
        cell.fx = 0.0f;
    } else if (ix >= patch.width) {
        ix = patch.width - 1;
        cell.fx = 1.0f;
    }
    if (iy < -1) {
        iy = -1;
        cell.fy = 0.0f;
    } else if (iy >= patch.height) {
        iy = patch.height - 1;
        cell.fy = 1.0f;
    }
    cell.at = (iy + kRing) * patch.stride() + ix + kRing;
    return cell;
}

template <typename T> TRTSWAP_HD Pair bilinear_pair(const T* picture, int stride, const PatchCell& c) {
    const T* p = picture + 2 * c.at;
    const Pair a = load_pair(p), b = load_pair(p + 2), d = load_pair(p + 2 * stride),
               e = load_pair(p + 2 * stride + 2);
    return {mix(mix(a.a, b.a, c.fx), mix(d.a, e.a, c.fx), c.fy),
            mix(mix(a.b, b.b, c.fx), mix(d.b, e.b, c.fx), c.fy)};
}

template <typename T> TRTSWAP_HD float bilinear_mask(const T* picture, int stride, const PatchCell& c) {
    const T* p = picture + 2 * c.at + 1;
    return mix(mix(to_float(p[0]), to_float(p[2]), c.fx),
               mix(to_float(p[2 * stride]), to_float(p[2 * stride + 2]), c.fx), c.fy);
}

// The four samples around a place, and the twelve around them.
template <typename T>
TRTSWAP_HD void load_middle(const T* picture, int stride, const PatchCell& c, Pair (&p)[4][4]) {
    for (int j = 1; j < 3; ++j) {
        for (int i = 1; i < 3; ++i) {
            p[j][i] = load_pair(picture + 2 * (c.at + (j - 1) * stride + i - 1));
        }
    }
}

template <typename T>
TRTSWAP_HD void load_outer(const T* picture, int stride, const PatchCell& c, Pair (&p)[4][4]) {
    for (int j = 0; j < 4; ++j) {
        for (int i = 0; i < 4; ++i) {
            if (j == 0 || j == 3 || i == 0 || i == 3) {
                p[j][i] = load_pair(picture + 2 * (c.at + (j - 1) * stride + i - 1));
            }
        }
    }
}

TRTSWAP_HD float middle_mask(const Pair (&p)[4][4], const PatchCell& c) {
    return mix(mix(p[1][1].b, p[1][2].b, c.fx), mix(p[2][1].b, p[2][2].b, c.fx), c.fy);
}

TRTSWAP_HD Pair cubic_pair(const Pair (&p)[4][4], const PatchCell& c) {
    float across[4], down[4];
    cubic_weights(c.fx, across);
    cubic_weights(c.fy, down);
    Pair sum{0.0f, 0.0f};
    for (int j = 0; j < 4; ++j) {
        Pair line{0.0f, 0.0f};
        for (int i = 0; i < 4; ++i) {
            line.a += across[i] * p[j][i].a;
            line.b += across[i] * p[j][i].b;
        }
        sum.a += down[j] * line.a;
        sum.b += down[j] * line.b;
    }
    return sum;
}

} // namespace detail

// The patch under one sample of a plane: up to three colours, and the mask.
struct PatchSample {
    float colour[3];
    float mask;
};

// (x, y) counts from the corner of the plane's part.
template <PlaneKind Kind, typename T>
TRTSWAP_HD PatchSample patch_sample(const BlendPlane& plane, int x, int y) {
    const PreparedPatch& patch = plane.patch;
    const T* first = static_cast<const T*>(patch.first);
    const T* second = static_cast<const T*>(patch.second);
    const LocalAffine& map = plane.to_patch;
    const int stride = patch.stride();
    PatchSample s{{0.0f, 0.0f, 0.0f}, 0.0f};
    if (plane.taps == 1) {
        const LocalPoint at = map(static_cast<float>(x), static_cast<float>(y));
        const detail::PatchCell cell = detail::patch_cell(patch, at.x, at.y, map.to_x, map.to_y);
        detail::Pair p[4][4];
        detail::load_middle(first, stride, cell, p);
        s.mask = detail::middle_mask(p, cell);
        if (!(s.mask > 0.0f)) {
            return s;
        }
        if (Kind != PlaneKind::chroma) {
            detail::load_outer(first, stride, cell, p);
            s.colour[0] = detail::cubic_pair(p, cell).a;
        }
        if (Kind != PlaneKind::luma) {
            detail::load_middle(second, stride, cell, p);
            detail::load_outer(second, stride, cell, p);
            const detail::Pair pair = detail::cubic_pair(p, cell);
            s.colour[Kind == PlaneKind::chroma ? 0 : 1] = pair.a;
            s.colour[Kind == PlaneKind::chroma ? 1 : 2] = pair.b;
        }
        return s;
    }
    const float step = 1.0f / static_cast<float>(plane.taps);
    for (int j = 0; j < plane.taps; ++j) {
        const float dy = (static_cast<float>(j) + 0.5f) * step - 0.5f;
        for (int i = 0; i < plane.taps; ++i) {
            const float dx = (static_cast<float>(i) + 0.5f) * step - 0.5f;
            const LocalPoint p = map(static_cast<float>(x) + dx, static_cast<float>(y) + dy);
            const detail::PatchCell cell = detail::patch_cell(patch, p.x, p.y, map.to_x, map.to_y);
            if (Kind == PlaneKind::chroma) {
                s.mask += detail::bilinear_mask(first, stride, cell);
            } else {
                const detail::Pair pair = detail::bilinear_pair(first, stride, cell);
                s.colour[0] += pair.a;
                s.mask += pair.b;
            }
            if (Kind != PlaneKind::luma) {
                const detail::Pair pair = detail::bilinear_pair(second, stride, cell);
                s.colour[Kind == PlaneKind::chroma ? 0 : 1] += pair.a;
                s.colour[Kind == PlaneKind::chroma ? 1 : 2] += pair.b;
            }
        }
    }
    const float mean = step * step;
    return {{s.colour[0] * mean, s.colour[1] * mean, s.colour[2] * mean}, s.mask * mean};
}

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
