// Affine maps that stay accurate in float: coordinates count from an integer origin near the face, not from the
// frame's corner, so that 24 bits of mantissa are spent on the face's own extent.
#pragma once

#include <cmath>

#include "core/views.h"

namespace trtswap {

struct LocalPoint {
    float x, y;
};

// Maps integer destination pixels, counted from (from_x, from_y), to source coordinates counted from (to_x, to_y).
struct LocalAffine {
    float a, b, tx;
    float c, d, ty;
    int from_x, from_y;
    int to_x, to_y;

    TRTSWAP_HD LocalPoint operator()(float x, float y) const {
        return {a * x + b * y + tx, c * x + d * y + ty};
    }
};

inline bool invertible(const Affine& map) {
    const double det = map.m[0] * map.m[4] - map.m[1] * map.m[3];
    bool finite = std::isfinite(det);
    for (double value : map.m) {
        finite = finite && std::isfinite(value);
    }
    return finite && std::fabs(det) > 1e-12;
}

// `map` must be invertible.
inline Affine inverted(const Affine& map) {
    const double* m = map.m;
    const double det = m[0] * m[4] - m[1] * m[3];
    const double a = m[4] / det, b = -m[1] / det, c = -m[3] / det, d = m[0] / det;
    return {{a, b, -(a * m[2] + b * m[5]), c, d, -(c * m[2] + d * m[5])}};
}

// Whether every pixel of a width x height destination lands where int arithmetic is safe.
inline bool within_reach(const Affine& map, int width, int height) {
    constexpr double kFarthest = 1 << 24;
    for (int corner = 0; corner < 4; ++corner) {
        const double u = corner & 1 ? width : 0, v = corner & 2 ? height : 0;
        const double x = map.m[0] * u + map.m[1] * v + map.m[2], y = map.m[3] * u + map.m[4] * v + map.m[5];
        if (!(std::fabs(x) < kFarthest && std::fabs(y) < kFarthest)) {
            return false;
        }
    }
    return true;
}

// `map` takes destination to source; (from_x, from_y) is the destination's origin.
inline LocalAffine localised(const Affine& map, int from_x, int from_y) {
    const double* m = map.m;
    const double x = m[0] * from_x + m[1] * from_y + m[2];
    const double y = m[3] * from_x + m[4] * from_y + m[5];
    const double to_x = std::floor(x), to_y = std::floor(y);
    LocalAffine local{};
    local.a = static_cast<float>(m[0]);
    local.b = static_cast<float>(m[1]);
    local.tx = static_cast<float>(x - to_x);
    local.c = static_cast<float>(m[3]);
    local.d = static_cast<float>(m[4]);
    local.ty = static_cast<float>(y - to_y);
    local.from_x = from_x;
    local.from_y = from_y;
    local.to_x = static_cast<int>(to_x);
    local.to_y = static_cast<int>(to_y);
    return local;
}

// Source samples per destination sample along the denser axis: at least 1, at most `most`.
inline int taps_per_axis(const Affine& map, int most) {
    const double* m = map.m;
    const double across = std::hypot(m[0], m[3]);
    const double down = std::hypot(m[1], m[4]);
    const double scale = std::ceil(std::fmax(across, down) - 1e-3);
    return scale < 1.0 ? 1 : scale > most ? most : static_cast<int>(scale);
}

} // namespace trtswap
