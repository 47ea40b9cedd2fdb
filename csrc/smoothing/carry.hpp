// Points that move as the five landmarks of their face do.
#pragma once

#include <cmath>
#include <complex>

#include "smoothing/faces.hpp"

namespace trtswap::smoothing {

// Moves `count` points (x, y) as the least-squares similarity from five points to five moves; not at all where there is
// none: five that are not finite, or lie in one place.
inline void carry(const double* before, const double* after, const float* points, int count, float* out) {
    using Place = std::complex<double>;
    constexpr double kSmallestSpread = 1e-6; // square pixels
    const auto at = [](const auto* pairs, int k) { return Place(pairs[2 * k], pairs[2 * k + 1]); };
    Place start = 0.0, end = 0.0, product = 0.0;
    for (int k = 0; k < kFive; ++k) {
        start += at(before, k) / static_cast<double>(kFive);
        end += at(after, k) / static_cast<double>(kFive);
    }
    double spread = 0.0;
    for (int k = 0; k < kFive; ++k) {
        product += std::conj(at(before, k) - start) * (at(after, k) - end);
        spread += std::norm(at(before, k) - start);
    }
    const double turned = std::norm(product);
    const bool found = spread > kSmallestSpread && turned > 0.0 && std::isfinite(spread + turned);
    const Place similarity = product / spread;
    for (int k = 0; k < count; ++k) {
        const Place moved = found ? (at(points, k) - start) * similarity + end : at(points, k);
        out[2 * k] = static_cast<float>(moved.real());
        out[2 * k + 1] = static_cast<float>(moved.imag());
    }
}

} // namespace trtswap::smoothing
