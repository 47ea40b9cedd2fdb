// What lets one header compile for the host and for CUDA. Shared arithmetic uses only +, -, *, / and comparisons
// on float, compiled without contraction into fused multiply-adds on both targets (-ffp-contract=off, -fmad=false),
// so that both give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#define TRTSWAP_HD __host__ __device__ __forceinline__
#else
#define TRTSWAP_HD inline
#endif

// A host loop compiled for wide vectors too; the processor chooses when the library is loaded. No contraction into fused
// multiply-adds either, so the bits are the same.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__) &&                 \
    !defined(__CUDACC__)
#define TRTSWAP_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define TRTSWAP_WIDE
#endif

namespace trtswap {

template <typename T> TRTSWAP_HD T min_of(T a, T b) { return b < a ? b : a; }
template <typename T> TRTSWAP_HD T max_of(T a, T b) { return a < b ? b : a; }
template <typename T> TRTSWAP_HD T clamp_to(T value, T low, T high) {
    return min_of(max_of(value, low), high);
}

// The largest integer not above `value`; |value| < 2^31.
TRTSWAP_HD int floor_to_int(float value) {
    const int truncated = static_cast<int>(value);
    return truncated - (value < static_cast<float>(truncated) ? 1 : 0);
}

// Nearest integer, halves upwards.
TRTSWAP_HD int round_to_int(float value) { return floor_to_int(value + 0.5f); }

} // namespace trtswap
