// IEEE 754 binary16, stored as uint16_t so that host code needs no compiler support for it.
#pragma once

#include <cstring>

#include "core/portable.h"

namespace trtswap {

struct Half {
    std::uint16_t bits;
};

namespace detail {

TRTSWAP_HD std::uint32_t float_bits(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

TRTSWAP_HD float float_of(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

} // namespace detail

// Round to nearest, ties to even; overflow gives infinity.
TRTSWAP_HD Half to_half(float value) {
#if defined(__CUDA_ARCH__)
    Half half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half.bits) : "f"(value));
    return half;
#else
    const std::uint32_t bits = detail::float_bits(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000u;
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return {static_cast<std::uint16_t>(sign | 0x7e00u)};
    }
    if (magnitude >= 0x477ff000u) { // rounds to 65536 or more
        return {static_cast<std::uint16_t>(sign | 0x7c00u)};
    }
    if (magnitude < 0x38800000u) { // subnormal: let the float adder round at the place of the half's last bit
        const float shifted = detail::float_of(magnitude) + 0.5f;
        return {static_cast<std::uint16_t>(sign | (detail::float_bits(shifted) - 0x3f000000u))};
    }
    const std::uint32_t odd = (magnitude >> 13) & 1u;
    return {static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13))};
#endif
}

TRTSWAP_HD float to_float(Half half) {
#if defined(__CUDA_ARCH__)
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(half.bits));
    return value;
#else
    const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000u) << 16;
    const std::uint32_t exponent = (half.bits >> 10) & 0x1fu;
    const std::uint32_t fraction = half.bits & 0x3ffu;
    if (exponent == 0) {
        const float magnitude = static_cast<float>(fraction) * (1.0f / 16777216.0f);
        return sign ? -magnitude : magnitude;
    }
    const std::uint32_t rebased = exponent == 31 ? 255u : exponent + 112u;
    return detail::float_of(sign | (rebased << 23) | (fraction << 13));
#endif
}

TRTSWAP_HD float to_float(float value) { return value; }

TRTSWAP_HD void store(float* target, float value) { *target = value; }
TRTSWAP_HD void store(Half* target, float value) { *target = to_half(value); }

} // namespace trtswap
