// Bilinear sampling with integer coordinates at sample centres and edges replicated. Several samples over one
// destination pixel make an area filter.
#pragma once

#include "core/affine.h"
#include "core/half.h"
#include "core/views.h"

namespace trtswap {

// The code value of one stored sample. P010 keeps its ten bits at the top of sixteen.
TRTSWAP_HD float code_of(std::uint8_t stored) { return static_cast<float>(stored); }
TRTSWAP_HD float code_of(std::uint16_t stored) { return static_cast<float>(stored >> 6); }

struct BilinearCell {
    int x0, x1, y0, y1; // clamped
    float fx, fy;
};

// (x, y) counts from (origin_x, origin_y), in samples of a plane of width x height.
TRTSWAP_HD BilinearCell bilinear_cell(float x, float y, int origin_x, int origin_y, int width, int height) {
    const int ix = floor_to_int(x), iy = floor_to_int(y);
    BilinearCell cell;
    cell.fx = x - static_cast<float>(ix);
    cell.fy = y - static_cast<float>(iy);
    cell.x0 = clamp_to(ix + origin_x, 0, width - 1);
    cell.x1 = clamp_to(ix + origin_x + 1, 0, width - 1);
    cell.y0 = clamp_to(iy + origin_y, 0, height - 1);
    cell.y1 = clamp_to(iy + origin_y + 1, 0, height - 1);
    return cell;
}

TRTSWAP_HD float mix(float a, float b, float t) { return a + (b - a) * t; }

// Adds one bilinear sample of `Channels` interleaved values of type T to `sum`.
template <typename T, int Channels>
TRTSWAP_HD void add_sample(const PlaneView& plane, const BilinearCell& cell, float (&sum)[Channels]) {
    const T* top = reinterpret_cast<const T*>(plane.data + cell.y0 * plane.stride_bytes);
    const T* bottom = reinterpret_cast<const T*>(plane.data + cell.y1 * plane.stride_bytes);
    for (int k = 0; k < Channels; ++k) {
        const float upper =
            mix(code_of(top[cell.x0 * Channels + k]), code_of(top[cell.x1 * Channels + k]), cell.fx);
        const float lower =
            mix(code_of(bottom[cell.x0 * Channels + k]), code_of(bottom[cell.x1 * Channels + k]), cell.fx);
        sum[k] += mix(upper, lower, cell.fy);
    }
}

// One destination pixel's footprint in a plane: centre, and the steps from sub-sample to sub-sample.
struct Footprint {
    float x, y;             // the centre, from the origin
    float across_x, down_x; // how x moves over one destination pixel
    float across_y, down_y;
    int origin_x, origin_y;
    int taps; // per axis
};

// Mean of taps x taps bilinear samples spread evenly over the footprint.
template <typename T, int Channels>
TRTSWAP_HD void sample_plane(const PlaneView& plane, const Footprint& f, float (&value)[Channels]) {
    for (int k = 0; k < Channels; ++k) {
        value[k] = 0.0f;
    }
    const float step = 1.0f / static_cast<float>(f.taps);
    for (int j = 0; j < f.taps; ++j) {
        const float down = (static_cast<float>(j) + 0.5f) * step - 0.5f;
        for (int i = 0; i < f.taps; ++i) {
            const float across = (static_cast<float>(i) + 0.5f) * step - 0.5f;
            const float x = f.x + f.across_x * across + f.down_x * down;
            const float y = f.y + f.across_y * across + f.down_y * down;
            add_sample<T, Channels>(
                plane, bilinear_cell(x, y, f.origin_x, f.origin_y, plane.width, plane.height), value);
        }
    }
    const float weight = step * step;
    for (int k = 0; k < Channels; ++k) {
        value[k] *= weight;
    }
}

// The same footprint in a chroma plane of half the size. The origin is halved exactly; its odd part and the
// siting go into the centre.
TRTSWAP_HD Footprint chroma_footprint(const Footprint& luma, float siting_x, float siting_y) {
    Footprint f = luma;
    f.origin_x = luma.origin_x >> 1; // rounds down, also below zero
    f.origin_y = luma.origin_y >> 1;
    f.x = (luma.x + static_cast<float>(luma.origin_x & 1) - siting_x) * 0.5f;
    f.y = (luma.y + static_cast<float>(luma.origin_y & 1) - siting_y) * 0.5f;
    f.across_x = luma.across_x * 0.5f;
    f.down_x = luma.down_x * 0.5f;
    f.across_y = luma.across_y * 0.5f;
    f.down_y = luma.down_y * 0.5f;
    f.taps = (luma.taps + 1) / 2;
    return f;
}

template <typename T> TRTSWAP_HD Rgb sample_yuv(const SurfaceView& s, const Footprint& f) {
    float luma[1], chroma[2];
    sample_plane<T, 1>(s.luma, f, luma);
    sample_plane<T, 2>(s.chroma, chroma_footprint(f, s.siting_x, s.siting_y), chroma);
    return rgb_from_yuv(s.colour, {luma[0], chroma[0], chroma[1]});
}

// R'G'B' on 0..255, clamped.
TRTSWAP_HD Rgb sample_surface(const SurfaceView& s, const Footprint& f) {
    if (s.format == PixelFormat::nv12) {
        return clamp_rgb(sample_yuv<std::uint8_t>(s, f));
    }
    if (s.format == PixelFormat::p010) {
        return clamp_rgb(sample_yuv<std::uint16_t>(s, f));
    }
    float rgb[3];
    sample_plane<std::uint8_t, 3>(s.luma, f, rgb);
    return {rgb[0], rgb[1], rgb[2]};
}

} // namespace trtswap
