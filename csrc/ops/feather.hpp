// feather: masks that fade out inwards. soften: masks with soft edges inside their own.
//
//   masks    [N, H, W]  float32, 0..1
//   out      [N, H, W]  float32: clamp(2 g - 1, 0, 1), where g is the mask under a Gaussian; feather: times the mask
//   passing  [N, H, W]  float32, workspace
//
// At a straight edge g is a half, so that the result is 0 there and grows inwards. To feather, a mask is 0 beyond its picture
// and the Gaussian ends at three standard deviations; to soften, the picture is mirrored at its outermost pixels and the Gaussian
// ends at four. The host form runs to the end before it returns; the CUDA form queues on `stream`.
#pragma once

#include <cmath>

#include "core/portable.h"

namespace trtswap {

constexpr int kMostReach = 384; // samples to either side

struct FeatherInput {
    const float* masks;
    int count, width, height;
    bool soften;
    int reach;
    float weights[kMostReach + 1]; // from the centre outwards
};

// sigma in samples, 0 or more.
inline FeatherInput make_feather_input(const float* masks, int count, int width, int height, double sigma,
                                       bool soften) {
    FeatherInput in{masks, count, width, height, soften, 0, {}};
    const double wanted = std::ceil((soften ? 4.0 : 3.0) * sigma);
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

// Shared by both targets: where sample `at` of a line of `size` is found once it is mirrored, the ends not twice.
TRTSWAP_HD int mirrored(int at, int size) {
    while (at < 0 || at >= size) {
        at = size == 1 ? 0 : at < 0 ? -at : 2 * (size - 1) - at;
    }
    return at;
}

// What the Gaussian sees at `at`, beyond the line's ends too.
TRTSWAP_HD float seen(const FeatherInput& in, const float* line, int at, int size, std::ptrdiff_t step) {
    const bool inside = at >= 0 && at < size;
    return inside || in.soften ? line[(inside ? at : mirrored(at, size)) * step] : 0.0f;
}

// The Gaussian at sample `at` of a line of `size`, `step` values apart.
TRTSWAP_HD float gaussian(const FeatherInput& in, const float* line, int at, int size, std::ptrdiff_t step) {
    float sum = in.weights[0] * line[at * step];
    for (int k = 1; k <= in.reach; ++k) {
        sum += in.weights[k] * (seen(in, line, at - k, size, step) + seen(in, line, at + k, size, step));
    }
    return sum;
}

TRTSWAP_HD float feathered(const FeatherInput& in, float mask, float blurred) {
    const float inside = clamp_to(2.0f * blurred - 1.0f, 0.0f, 1.0f);
    return in.soften ? inside : mask * inside;
}

} // namespace trtswap
