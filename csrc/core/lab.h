// R'G'B' of sRGB (IEC 61966-2-1) <-> CIE 1976 L*a*b*, D65, 2 degrees, in float.
//
// Roots are found by Newton's method from a guess at the exponent, with additions and products only, so that loops over
// pixels turn into vector code.
#pragma once

#include <cmath>

#include "core/colour.h"
#include "core/half.h"

namespace trtswap {

struct Lab {
    float l, a, b;
};

namespace detail {

constexpr float kLeastRadicand =
    1e-9f; // keeps the guess of a root finite; smaller values take the linear parts

// x^(-1/3), x > 0: relative error below 3e-7.
TRTSWAP_HD float inverse_cube_root(float x) {
    float y = float_of(0x54a21f2au - float_bits(x) / 3u);
    for (int k = 0; k < 3; ++k) {
        y = y * (4.0f / 3.0f - (1.0f / 3.0f) * x * (y * y * y));
    }
    return y;
}

// x^(-1/5), x > 0: relative error below 3e-7.
TRTSWAP_HD float inverse_fifth_root(float x) {
    float y = float_of(0x4c2bb923u - float_bits(x) / 5u);
    for (int k = 0; k < 3; ++k) {
        const float square = y * y;
        y = y * (6.0f / 5.0f - (1.0f / 5.0f) * x * (square * square * y));
    }
    return y;
}

TRTSWAP_HD float cube_root(float x) {
    const float safe = max_of(x, kLeastRadicand);
    const float y = inverse_cube_root(safe);
    return safe * y * y;
}

constexpr float kEpsilon = 216.0f / 24389.0f; // where CIE's cube root goes over into a line
constexpr float kSlope = 841.0f / 108.0f;

TRTSWAP_HD float lab_curve(float t) {
    const float root = cube_root(t);
    return t > kEpsilon ? root : kSlope * t + 16.0f / 116.0f;
}

TRTSWAP_HD float lab_curve_inverse(float f) {
    return f > 6.0f / 29.0f ? f * f * f : (f - 16.0f / 116.0f) * (1.0f / kSlope);
}

} // namespace detail

// R' on 0..1 to light on 0..1: x^2.4 = x^3 (x^(-1/5))^3.
TRTSWAP_HD float light_from_srgb(float value) {
    const float x = max_of((value + 0.055f) * (1.0f / 1.055f), detail::kLeastRadicand);
    const float root = x * detail::inverse_fifth_root(x);
    return value <= 0.04045f ? value * (1.0f / 12.92f) : root * root * root;
}

// x^(1/2.4) = x^(1/3) x^(1/12); on a GPU by its own logarithm and power of two, good to 1e-6.
TRTSWAP_HD float srgb_from_light(float light) {
#if defined(__CUDA_ARCH__)
    float exponent, power;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(exponent) : "f"(max_of(light, detail::kLeastRadicand)));
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(exponent * (1.0f / 2.4f)));
    const float curved = 1.055f * power - 0.055f;
#else
    const float root = detail::cube_root(light);
    const float curved = 1.055f * (root * sqrtf(sqrtf(root))) - 0.055f;
#endif
    return light <= 0.0031308f ? light * 12.92f : curved;
}

// `c` on 0..1.
TRTSWAP_HD Lab lab_from_srgb(Rgb c) {
    const float r = light_from_srgb(c.r), g = light_from_srgb(c.g), b = light_from_srgb(c.b);
    // XYZ over the white (0.95047, 1, 1.08883)
    const float x = (0.412453f * r + 0.357580f * g + 0.180423f * b) * (1.0f / 0.95047f);
    const float y = 0.212671f * r + 0.715160f * g + 0.072169f * b;
    const float z = (0.019334f * r + 0.119193f * g + 0.950227f * b) * (1.0f / 1.08883f);
    const float fx = detail::lab_curve(x), fy = detail::lab_curve(y), fz = detail::lab_curve(z);
    return {116.0f * fy - 16.0f, 500.0f * (fx - fy), 200.0f * (fy - fz)};
}

// On 0..1, clamped.
TRTSWAP_HD Rgb srgb_from_lab(Lab c) {
    const float fy = (c.l + 16.0f) * (1.0f / 116.0f);
    const float fx = fy + c.a * (1.0f / 500.0f), fz = fy - c.b * (1.0f / 200.0f);
    const float x = 0.95047f * detail::lab_curve_inverse(fx);
    const float y = detail::lab_curve_inverse(fy);
    const float z = 1.08883f * detail::lab_curve_inverse(fz);
    // the inverse of the matrix above
    const float r = 3.240481343f * x - 1.537151516f * y - 0.498536326f * z;
    const float g = -0.969254950f * x + 1.875990001f * y + 0.041555927f * z;
    const float b = 0.055646639f * x - 0.204041338f * y + 1.057311070f * z;
    return {srgb_from_light(clamp_to(r, 0.0f, 1.0f)), srgb_from_light(clamp_to(g, 0.0f, 1.0f)),
            srgb_from_light(clamp_to(b, 0.0f, 1.0f))};
}

} // namespace trtswap
