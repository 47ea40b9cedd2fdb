#include "ops/resample_rows.hpp"

namespace trtswap {

namespace {

// Pairs of neighbours with their channels interleaved -> [Channels][kColumns].
template <typename Code, int Width>
inline void mix_pairs_of(const Code (*pairs)[Width], const float* f, float* __restrict__ out, int size) {
    constexpr int kChannels = Width / 2;
    for (int k = 0; k < kChannels; ++k) {
        float* __restrict__ values = out + k * kColumns;
        for (int i = 0; i < size; ++i) {
            values[i] = mix(code_of(pairs[i][k]), code_of(pairs[i][kChannels + k]), f[i]);
        }
    }
}

} // namespace

TRTSWAP_WIDE void mix_pairs(const std::uint8_t (*pairs)[2], const float* f, float* out, int size) {
    mix_pairs_of(pairs, f, out, size);
}

TRTSWAP_WIDE void mix_pairs(const std::uint16_t (*pairs)[2], const float* f, float* out, int size) {
    mix_pairs_of(pairs, f, out, size);
}

TRTSWAP_WIDE void mix_pairs(const std::uint8_t (*pairs)[4], const float* f, float* out, int size) {
    mix_pairs_of(pairs, f, out, size);
}

TRTSWAP_WIDE void mix_pairs(const std::uint16_t (*pairs)[4], const float* f, float* out, int size) {
    mix_pairs_of(pairs, f, out, size);
}

TRTSWAP_WIDE void mix_pairs(const std::uint8_t (*pairs)[6], const float* f, float* out, int size) {
    mix_pairs_of(pairs, f, out, size);
}

TRTSWAP_WIDE void mix_down(const float* upper, const float* lower, float f, float* __restrict__ out,
                           int size) {
    for (int i = 0; i < size; ++i) {
        out[i] = mix(upper[i], lower[i], f);
    }
}

TRTSWAP_WIDE void add_mixed_down(const float* upper, const float* lower, float f, float* __restrict__ sum,
                                 int size) {
    for (int i = 0; i < size; ++i) {
        sum[i] += mix(upper[i], lower[i], f);
    }
}

TRTSWAP_WIDE void scale_run(float* __restrict__ values, float factor, int size) {
    for (int i = 0; i < size; ++i) {
        values[i] *= factor;
    }
}

TRTSWAP_WIDE void rgb_of_yuv_run(const ColourTransform& colour, float* __restrict__ y_to_r,
                                 float* __restrict__ u_to_g, float* __restrict__ v_to_b, int size) {
    const ColourTransform t = colour;
    for (int i = 0; i < size; ++i) {
        const Rgb c = clamp_rgb(rgb_from_yuv(t, {y_to_r[i], u_to_g[i], v_to_b[i]}));
        y_to_r[i] = c.r;
        u_to_g[i] = c.g;
        v_to_b[i] = c.b;
    }
}

TRTSWAP_WIDE void darken_run(float* __restrict__ rgb, const float* across, float down, int size) {
    for (int k = 0; k < 3; ++k) {
        for (int i = 0; i < size; ++i) {
            rgb[k * kColumns + i] *= across[i] * down;
        }
    }
}

TRTSWAP_WIDE void finish_run(const float* values, float scale, float offset, float* __restrict__ out,
                             int size) {
    for (int i = 0; i < size; ++i) {
        out[i] = values[i] * scale + offset;
    }
}

void finish_run(const float* values, float scale, float offset, Half* out, int size) {
    for (int i = 0; i < size; ++i) {
        out[i] = to_half(values[i] * scale + offset);
    }
}

} // namespace trtswap
