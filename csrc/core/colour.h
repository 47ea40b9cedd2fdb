// Y'CbCr <-> R'G'B' of ITU-R BT.601, BT.709 and BT.2020 (non-constant luminance), limited and full range.
//
// R', G', B' are on the scale 0..255 whatever the bit depth; Y', Cb, Cr are code values of the surface's depth.
// Quantisation follows BT.709 section 4 and BT.2100 table 9: at n bits, limited range puts luma at
// (219 E + 16) 2^(n-8) and chroma at (224 E + 128) 2^(n-8); full range puts luma at (2^n - 1) E and chroma at
// (2^n - 1) E + 2^(n-1).
#pragma once

#include "core/portable.h"

namespace trtswap {

enum class Matrix : int { bt601 = 0, bt709 = 1, bt2020 = 2 };

struct Rgb {
    float r, g, b;
};

struct Yuv {
    float y, u, v;
};

// The conversion of one surface, worked out once per call in double precision.
struct ColourTransform {
    float y_offset, c_offset; // code values of black and of neutral chroma
    float y_gain;             // R'G'B' per luma code
    float r_v, g_u, g_v, b_u; // R'G'B' per chroma code
    float y_r, y_g, y_b;      // luma codes per R'G'B'
    float u_scale, v_scale;   // chroma codes per unit of B' - Y', R' - Y'
    float luma_r, luma_g, luma_b;
    float code_max;
};

inline ColourTransform make_colour_transform(Matrix matrix, bool full_range, int bits) {
    const double kr = matrix == Matrix::bt601 ? 0.299 : matrix == Matrix::bt709 ? 0.2126 : 0.2627;
    const double kb = matrix == Matrix::bt601 ? 0.114 : matrix == Matrix::bt709 ? 0.0722 : 0.0593;
    const double kg = 1.0 - kr - kb;
    const double unit = static_cast<double>(1 << (bits - 8));
    const double top = static_cast<double>((1 << bits) - 1);
    const double y_codes = full_range ? top : 219.0 * unit; // codes from black to white
    const double c_codes = full_range ? top : 224.0 * unit; // codes of the whole chroma excursion
    const double y_gain = 255.0 / y_codes;
    const double c_gain = 255.0 / c_codes;
    ColourTransform t{};
    t.y_offset = static_cast<float>(full_range ? 0.0 : 16.0 * unit);
    t.c_offset = static_cast<float>(128.0 * unit);
    t.y_gain = static_cast<float>(y_gain);
    t.r_v = static_cast<float>(2.0 * (1.0 - kr) * c_gain);
    t.b_u = static_cast<float>(2.0 * (1.0 - kb) * c_gain);
    t.g_u = static_cast<float>(-2.0 * (1.0 - kb) * kb / kg * c_gain);
    t.g_v = static_cast<float>(-2.0 * (1.0 - kr) * kr / kg * c_gain);
    t.y_r = static_cast<float>(kr / y_gain);
    t.y_g = static_cast<float>(kg / y_gain);
    t.y_b = static_cast<float>(kb / y_gain);
    t.luma_r = static_cast<float>(kr);
    t.luma_g = static_cast<float>(kg);
    t.luma_b = static_cast<float>(kb);
    t.u_scale = static_cast<float>(1.0 / (2.0 * (1.0 - kb) * c_gain));
    t.v_scale = static_cast<float>(1.0 / (2.0 * (1.0 - kr) * c_gain));
    t.code_max = static_cast<float>(top);
    return t;
}

// Not clamped: code values outside the nominal range give R'G'B' outside 0..255.
TRTSWAP_HD Rgb rgb_from_yuv(const ColourTransform& t, Yuv code) {
    const float y = (code.y - t.y_offset) * t.y_gain;
    const float u = code.u - t.c_offset;
    const float v = code.v - t.c_offset;
    return {y + t.r_v * v, y + t.g_u * u + t.g_v * v, y + t.b_u * u};
}

TRTSWAP_HD float luma_from_rgb(const ColourTransform& t, Rgb c) {
    return t.y_offset + t.y_r * c.r + t.y_g * c.g + t.y_b * c.b;
}

TRTSWAP_HD Yuv yuv_from_rgb(const ColourTransform& t, Rgb c) {
    const float luma = t.luma_r * c.r + t.luma_g * c.g + t.luma_b * c.b;
    return {luma_from_rgb(t, c), t.c_offset + t.u_scale * (c.b - luma),
            t.c_offset + t.v_scale * (c.r - luma)};
}

TRTSWAP_HD Rgb clamp_rgb(Rgb c) {
    return {clamp_to(c.r, 0.0f, 255.0f), clamp_to(c.g, 0.0f, 255.0f), clamp_to(c.b, 0.0f, 255.0f)};
}

} // namespace trtswap
