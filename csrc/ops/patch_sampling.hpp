// Patches made ready for blending, and how a plane of a surface sees them: bicubically (Catmull-Rom) where a patch is
// enlarged, averaged over the sample's footprint where it is denser than the plane; masks bilinearly.
#pragma once

#include "core/affine.h"
#include "core/half.h"
#include "core/sampling.h"

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

} // namespace trtswap
