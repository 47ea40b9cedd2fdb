// pyramid_blend: pictures a and b joined under a mask, coarse structure softly, detail sharply (Burt and Adelson 1983).
//
//   a, b   [N, 3, H, W]    float32
//   masks  [N or 1, H, W]  float32, 0..1; 1 takes a
//   out    [N, 3, H, W]    float32
//
// One pyramid of the difference d = a - b serves instead of one for each picture. With G the Gaussian pyramid, up() to
// the next finer level and n levels:
//
//   r[n-1] = G m[n-1] G d[n-1]      r[l] = G m[l] (G d[l] - up(G d[l+1])) + up(r[l+1])      out = b + r[0]
//
// Beside it runs i[l] = (1 - G m[l]) + up(i[l+1]), which is 0 exactly where the mask is 1 as far as any level reaches:
// there out = a. Down and up are the [1 4 6 4 1] / 16 filter with OpenCV's borders: sizes (w + 1) / 2, reflected without
// repeating the edge; going up across, the sample beyond the right edge is the last one.
//
// The host form runs to the end before it returns; the CUDA form queues on `stream`. Neither allocates.
#pragma once

#include "core/half.h"

namespace trtswap {

constexpr int kMostLevels = 8;

// The sizes of the levels; offsets count elements from the finest level.
struct PyramidShape {
    int levels;
    int width[kMostLevels], height[kMostLevels];
    std::uint32_t offset[kMostLevels];
    std::uint32_t elements;
};

inline PyramidShape pyramid_shape(int width, int height, int levels) {
    PyramidShape s{};
    s.levels = levels;
    for (int l = 0; l < levels; ++l) {
        s.width[l] = width;
        s.height[l] = height;
        s.offset[l] = s.elements;
        s.elements += static_cast<std::uint32_t>(width) * static_cast<std::uint32_t>(height);
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
    return s;
}

struct PyramidBlendInput {
    const float *a, *b, *masks;
    int count;
    bool one_mask;
    int width, height, levels;

    TRTSWAP_HD std::size_t area() const { return static_cast<std::size_t>(width) * height; }
};

// Pictures are blended in groups whose workspace stays below a bound; returns the workspace of the largest group.
std::size_t pyramid_blend_bytes_host(const PyramidBlendInput& input);
std::size_t pyramid_blend_bytes_cuda(const PyramidBlendInput& input);
void pyramid_blend_host(const PyramidBlendInput& input, float* out, void* workspace);
void pyramid_blend_cuda(const PyramidBlendInput& input, float* out, void* workspace, std::uintptr_t stream);

// --- membranes: values known on a line, spread over the plane (Farbman, Fattal and Lischinski 2011) ---
//
// The same pyramids with other sums: of v b and b, where b says how much a sample lies on the line and v is its value,
// r[l] = 2^-l G (v b)[l] + up(r[l+1]) and s[l] = 2^-l G b[l] + up(s[l+1]); then r[0] / s[0] is the mean of the values with
// weights that fall with the third power of the distance: nearly the smoothest surface through them.

// --- shared by both targets ---

TRTSWAP_HD float membrane_weight(int level) { return 1.0f / static_cast<float>(1 << level); }

// Reflection without repeating the edge: d c b | a b c d | c b a.
TRTSWAP_HD int reflected(int i, int size) {
    if (size == 1) {
        return 0;
    }
    while (i < 0 || i >= size) {
        i = i < 0 ? -i : 2 * size - 2 - i;
    }
    return i;
}

TRTSWAP_HD float down_filter(float a, float b, float c, float d, float e) {
    return ((a + e) + 4.0f * (b + d) + 6.0f * c) * 0.0625f;
}
TRTSWAP_HD float up_even(float before, float here, float after) {
    return (before + 6.0f * here + after) * 0.125f;
}
TRTSWAP_HD float up_odd(float here, float after) { return (here + after) * 0.5f; }

// The coarse samples beside number k of `size`: reflected before the first, the last again after the last.
TRTSWAP_HD int up_before(int k, int size) { return k > 0 ? k - 1 : size > 1 ? 1 : 0; }
TRTSWAP_HD int up_after(int k, int size) { return k + 1 < size ? k + 1 : size - 1; }

} // namespace trtswap
