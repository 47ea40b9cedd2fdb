// feather: masks that fade out inwards.
//
//   masks    [N, H, W]  float32, 0..1
//   out      [N, H, W]  float32: m * clamp(2 g - 1, 0, 1), where g is the mask, 0 beyond its picture, under a Gaussian
//   passing  [N, H, W]  float32, workspace
//
// At a straight edge g is a half, so that the result is 0 there and grows inwards; nothing grows outwards. The Gaussian
// ends at three standard deviations. The host form runs to the end before it returns; the CUDA form queues on `stream`.
#pragma once

#include <cmath>

#include "core/portable.h"

namespace trtswap {

constexpr int kMostReach = 384; // samples to either side

struct FeatherInput {
    const float* masks;
    int count, width, height;
    int reach;
    float weights[kMostReach + 1]; // from the centre outwards
};

// sigma in samples, 0 or more.
inline FeatherInput make_feather_input(const float* masks, int count, int width, int height, double sigma) {
    FeatherInput in{masks, count, width, height, 0, {}};
    const double wanted = std::ceil(3.0 * sigma);
    in.reach = wanted > kMostReach ? kMostReach : static_cast<int>(wanted);
    double sum = 0.0;
    for (int k = 0; k <= in.reach; ++k) {
        sum += (k ? 2.0 : 1.0) * std::exp(-0.5 * k * k / (sigma > 0.0 ? sigma * sigma : 1.0));
    }
    for (int k = 0; k <= in.reach; ++k) {
        in.weights[k] =
            static_cast<float>(std::exp(-0.5 * k * k / (sigma > 0.0 ? sigma * sigma : 1.0)) / sum);
    }
    return in;
}

void feather_host(const FeatherInput& input, float* out, float* passing);
void feather_cuda(const FeatherInput& input, float* out, float* passing, std::uintptr_t stream);

// Shared by both targets: the Gaussian at sample `at` of a line of `size`, `step` values apart.
TRTSWAP_HD float gaussian(const FeatherInput& in, const float* line, int at, int size, std::ptrdiff_t step) {
    float sum = 0.0f;
    for (int k = max_of(-in.reach, -at); k <= min_of(in.reach, size - 1 - at); ++k) {
        sum += in.weights[k < 0 ? -k : k] * line[(at + k) * step];
    }
    return sum;
}

TRTSWAP_HD float feathered(float mask, float blurred) {
    return mask * clamp_to(2.0f * blurred - 1.0f, 0.0f, 1.0f);
}

} // namespace trtswap
