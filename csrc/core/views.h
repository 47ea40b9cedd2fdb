// Views: where the pixels are and what they mean. They own nothing.
#pragma once

#include "core/colour.h"
#include "core/portable.h"

namespace trtswap {

enum class PixelFormat : int { nv12 = 0, p010 = 1, rgb8 = 2 };

struct PlaneView {
    std::uint8_t* data;
    std::ptrdiff_t stride_bytes; // from one row to the next
    int width, height;           // in samples of this plane (a Cb, Cr pair is one)
};

struct SurfaceView {
    PixelFormat format;
    int width, height;
    PlaneView luma;   // nv12, p010: Y'; rgb8: interleaved R', G', B'
    PlaneView chroma; // nv12, p010: interleaved Cb, Cr; rgb8: unused
    ColourTransform colour;
    float siting_x, siting_y; // of the first chroma sample, in luma pixels

    TRTSWAP_HD bool subsampled() const { return format != PixelFormat::rgb8; }
};

// A similarity or affine map in double precision: x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5].
struct Affine {
    double m[6];
};

} // namespace trtswap
