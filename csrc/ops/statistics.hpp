// statistics: mean and covariance of pictures under masks, added up in double precision, always in the same order.
//
//   values   [N, 3, H, W]    float32
//   masks    [N or 1, H, W]  float32, weights of 0 or more
//   moments  [N, 10]         float64: effective samples (sum w)^2 / sum w^2, mean (3), covariance (00 01 02 11 12 22);
//                            all 0 where the mask is 0 everywhere
//   partial  [N, kPartials, kSums]  float64, workspace
//
// The host form runs to the end before it returns; the CUDA form queues on `stream`. Neither allocates.
#pragma once

#include "core/transfer.h"

namespace trtswap {

constexpr int kSums = 11;     // w, w^2, w x (3), w x x' (6)
constexpr int kPartials = 64; // pieces of a picture that are added up apart

struct StatisticsInput {
    const float* values;
    const float* masks;
    int count;
    bool one_mask;
    std::size_t area;

    TRTSWAP_HD const float* picture(int n) const { return values + static_cast<std::size_t>(n) * 3 * area; }
    TRTSWAP_HD const float* mask(int n) const {
        return one_mask ? masks : masks + static_cast<std::size_t>(n) * area;
    }
    TRTSWAP_HD std::size_t piece() const { return (area + kPartials - 1) / kPartials; }
};

void statistics_host(const StatisticsInput& input, double* partial, Moments* moments);
void statistics_cuda(const StatisticsInput& input, double* partial, Moments* moments, std::uintptr_t stream);

// Shared by both targets.
template <typename Real> TRTSWAP_HD void add_sample(Real (&sums)[kSums], Real w, Real x, Real y, Real z) {
    sums[0] += w;
    sums[1] += w * w;
    sums[2] += w * x;
    sums[3] += w * y;
    sums[4] += w * z;
    sums[5] += w * x * x;
    sums[6] += w * x * y;
    sums[7] += w * x * z;
    sums[8] += w * y * y;
    sums[9] += w * y * z;
    sums[10] += w * z * z;
}

TRTSWAP_HD Moments moments_of(const double* sums) {
    Moments m{};
    if (!(sums[0] > 0.0)) {
        return m;
    }
    const double share = 1.0 / sums[0];
    m.count = sums[0] * sums[0] / sums[1];
    for (int k = 0; k < 3; ++k) {
        m.mean[k] = sums[2 + k] * share;
    }
    int at = 0;
    for (int i = 0; i < 3; ++i) {
        for (int j = i; j < 3; ++j, ++at) {
            m.covariance[at] = sums[5 + at] * share - m.mean[i] * m.mean[j];
        }
    }
    m.covariance[0] = max_of(m.covariance[0], 0.0); // rounding may take them below
    m.covariance[3] = max_of(m.covariance[3], 0.0);
    m.covariance[5] = max_of(m.covariance[5], 0.0);
    return m;
}

} // namespace trtswap
