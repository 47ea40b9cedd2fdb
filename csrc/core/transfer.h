// From the colour statistics of two pictures to the map that gives one the other's: x -> M x + b in L*a*b*.
//
// Linear Monge-Kantorovich (Pitie and Kokaram 2007): of all linear maps that take covariance S to T the symmetric one,
// M = S^-1 (S T)^(1/2), which moves colours least. Reinhard et al. 2001: each channel alone, M = diag(sqrt(T_kk / S_kk)).
//
// Both covariances get kRidge on their diagonal, so that a spread that is small (dark, flat or monochrome faces) ends in
// no change of contrast; M is drawn towards the identity where it would stretch by more than kMostGain; the whole is
// drawn towards no change where few samples stand behind it.
#pragma once

#include <cmath>

#include "core/lab.h"

namespace trtswap {

enum class TransferMethod : int { monge_kantorovich = 0, reinhard = 1 };

// count: effective number of samples, (sum w)^2 / sum w^2. covariance: LL, La, Lb, aa, ab, bb.
struct Moments {
    double count;
    double mean[3];
    double covariance[6];
};

struct ColourMap {
    float m[9];
    float b[3];
};

namespace detail {

constexpr double kRidge = 1.0;       // of L*a*b* squared
constexpr double kMostGain = 2.0;    // of contrast; its inverse is the least
constexpr double kFewSamples = 16.0; // as many count half
constexpr double kShiftDoubt =
    0.04; // a shift counts half at this share of the variance of what the map leaves
constexpr double kGainDoubt =
    0.06; // and the squared logarithms of the gains at this share of its part of all
constexpr double kOtherPicture = 0.1; // at that part both doubts double: a beard and none, another pose

struct Matrix3 {
    double v[9];
    TRTSWAP_HD double operator()(int i, int j) const { return v[3 * i + j]; }
};

TRTSWAP_HD Matrix3 symmetric(const double (&c)[6], double ridge) {
    return {{c[0] + ridge, c[1], c[2], c[1], c[3] + ridge, c[4], c[2], c[4], c[5] + ridge}};
}

TRTSWAP_HD Matrix3 product(const Matrix3& a, const Matrix3& b) {
    Matrix3 r{};
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) {
            r.v[3 * i + j] = a(i, 0) * b(0, j) + a(i, 1) * b(1, j) + a(i, 2) * b(2, j);
        }
    }
    return r;
}

// c0 I + c1 A + c2 B
TRTSWAP_HD Matrix3 combined(double c0, double c1, const Matrix3& a, double c2, const Matrix3& b) {
    Matrix3 r{};
    for (int i = 0; i < 9; ++i) {
        r.v[i] = c1 * a.v[i] + c2 * b.v[i] + (i % 4 == 0 ? c0 : 0.0);
    }
    return r;
}

TRTSWAP_HD double determinant(const Matrix3& a) {
    return a(0, 0) * (a(1, 1) * a(2, 2) - a(1, 2) * a(2, 1)) -
           a(0, 1) * (a(1, 0) * a(2, 2) - a(1, 2) * a(2, 0)) +
           a(0, 2) * (a(1, 0) * a(2, 1) - a(1, 1) * a(2, 0));
}

TRTSWAP_HD Matrix3 inverse(const Matrix3& a) {
    const double f = 1.0 / determinant(a);
    return {{f * (a(1, 1) * a(2, 2) - a(1, 2) * a(2, 1)), f * (a(0, 2) * a(2, 1) - a(0, 1) * a(2, 2)),
             f * (a(0, 1) * a(1, 2) - a(0, 2) * a(1, 1)), f * (a(1, 2) * a(2, 0) - a(1, 0) * a(2, 2)),
             f * (a(0, 0) * a(2, 2) - a(0, 2) * a(2, 0)), f * (a(0, 2) * a(1, 0) - a(0, 0) * a(1, 2)),
             f * (a(1, 0) * a(2, 1) - a(1, 1) * a(2, 0)), f * (a(0, 1) * a(2, 0) - a(0, 0) * a(2, 1)),
             f * (a(0, 0) * a(1, 1) - a(0, 1) * a(1, 0))}};
}

// Eigenvalues, largest first, of a matrix whose eigenvalues are real: the cubic in closed form.
TRTSWAP_HD void eigenvalues(const Matrix3& a, double (&values)[3]) {
    const double q = (a(0, 0) + a(1, 1) + a(2, 2)) / 3.0;
    const Matrix3 shifted = combined(-q, 1.0, a, 0.0, a);
    const Matrix3 square = product(shifted, shifted);
    const double p = sqrt(max_of((square(0, 0) + square(1, 1) + square(2, 2)) / 6.0, 0.0));
    const double cube = p * p * p;
    const double r = cube > 0.0 ? clamp_to(determinant(shifted) / (2.0 * cube), -1.0, 1.0) : 1.0;
    const double angle = acos(r) / 3.0;
    constexpr double kThird = 2.0943951023931953; // a third of a turn
    values[0] = q + 2.0 * p * cos(angle);
    values[2] = q + 2.0 * p * cos(angle + kThird);
    values[1] = 3.0 * q - values[0] - values[2];
}

// The square root with positive eigenvalues of a matrix with positive eigenvalues, by Cayley and Hamilton.
TRTSWAP_HD Matrix3 square_root(const Matrix3& a) {
    double values[3];
    eigenvalues(a, values);
    const double x = sqrt(max_of(values[0], 0.0)), y = sqrt(max_of(values[1], 0.0)),
                 z = sqrt(max_of(values[2], 0.0));
    const double i1 = x + y + z, i2 = x * y + y * z + z * x, i3 = x * y * z;
    const double f = 1.0 / (i1 * i2 - i3);
    return combined(f * i1 * i3, f * (i1 * i1 - i2), a, -f, product(a, a));
}

TRTSWAP_HD Matrix3 monge_kantorovich(const Matrix3& from, const Matrix3& to) {
    const Matrix3 m = product(inverse(from), square_root(product(from, to)));
    const double ab = 0.5 * (m(0, 1) + m(1, 0)), ac = 0.5 * (m(0, 2) + m(2, 0)),
                 bc = 0.5 * (m(1, 2) + m(2, 1));
    return {{m(0, 0), ab, ac, ab, m(1, 1), bc, ac, bc, m(2, 2)}};
}

TRTSWAP_HD Matrix3 reinhard(const Matrix3& from, const Matrix3& to) {
    Matrix3 m{};
    for (int k = 0; k < 3; ++k) {
        m.v[4 * k] = sqrt(to(k, k) / from(k, k));
    }
    return m;
}

struct Gains {
    double bounded; // how much of M - I keeps every gain within bounds: 0..1
    double size2;   // sum of the squared logarithms
};

TRTSWAP_HD Gains gains_of(const Matrix3& m) {
    double gains[3];
    eigenvalues(m, gains);
    Gains g{1.0, 0.0};
    if (gains[0] > kMostGain) {
        g.bounded = (kMostGain - 1.0) / (gains[0] - 1.0);
    }
    if (gains[2] < 1.0 / kMostGain) {
        g.bounded = min_of(g.bounded, (1.0 - 1.0 / kMostGain) / (1.0 - gains[2]));
    }
    for (double gain : gains) {
        const double size = log(max_of(gain, 1e-6));
        g.size2 += size * size;
    }
    return g;
}

TRTSWAP_HD double trace(const Matrix3& m) { return m(0, 0) + m(1, 1) + m(2, 2); }

// The variance of y - M x, over all channels: what the map leaves of the difference between the two pictures.
TRTSWAP_HD double remainder(const Matrix3& m, const Matrix3& from, const Matrix3& to,
                            const double (&difference)[6]) {
    Matrix3 cross = symmetric(difference, 0.0); // of y - x: S + T - 2 C
    for (int i = 0; i < 9; ++i) {
        cross.v[i] = 0.5 * (from.v[i] + to.v[i] - cross.v[i]);
    }
    const double left = trace(to) + trace(product(product(m, from), m)) - 2.0 * trace(product(m, cross));
    return max_of(left, 0.0);
}

TRTSWAP_HD double believed(double size2, double doubt) { return size2 > 0.0 ? size2 / (size2 + doubt) : 0.0; }

} // namespace detail

TRTSWAP_HD ColourMap identity_map() { return {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}}; }

// The map that gives a picture with the moments `from` those of `to`; `difference`: the moments of to - from, sample by
// sample. strength: 0 (no change) to 1.
TRTSWAP_HD ColourMap transfer_map(const Moments& from, const Moments& to, const Moments& difference,
                                  TransferMethod method, double strength) {
    const double share = strength * from.count / (from.count + detail::kFewSamples);
    const detail::Matrix3 s = detail::symmetric(from.covariance, detail::kRidge);
    const detail::Matrix3 t = detail::symmetric(to.covariance, detail::kRidge);
    detail::Matrix3 m =
        method == TransferMethod::reinhard ? detail::reinhard(s, t) : detail::monge_kantorovich(s, t);
    const detail::Gains gains = detail::gains_of(m);
    const double left = detail::remainder(m, s, t, difference.covariance);
    const double part = left / (detail::trace(s) + detail::trace(t));
    double shift2 = 0.0;
    for (int i = 0; i < 3; ++i) {
        shift2 += (to.mean[i] - from.mean[i]) * (to.mean[i] - from.mean[i]);
    }
    const double other2 = part * part / (detail::kOtherPicture * detail::kOtherPicture);
    const double shift_doubt = detail::kShiftDoubt * left * (1.0 + other2);
    const double gain_doubt = detail::kGainDoubt * part * (1.0 + other2 * other2);
    const double moved = share * detail::believed(shift2, shift_doubt);
    const double kept = share * gains.bounded * detail::believed(gains.size2, gain_doubt);
    m = detail::combined(1.0 - kept, kept, m, 0.0, m);
    ColourMap map = identity_map();
    for (int i = 0; i < 3; ++i) {
        double b = from.mean[i] + moved * (to.mean[i] - from.mean[i]);
        for (int j = 0; j < 3; ++j) {
            map.m[3 * i + j] = static_cast<float>(m(i, j));
            b -= m(i, j) * from.mean[j];
        }
        map.b[i] = static_cast<float>(b);
    }
    return map;
}

// R'G'B' on 0..255 through a map in L*a*b*; clamped to 0..255.
TRTSWAP_HD Rgb mapped(const ColourMap& map, Rgb c) {
    constexpr float kUnit = 1.0f / 255.0f;
    const Lab x = lab_from_srgb({c.r * kUnit, c.g * kUnit, c.b * kUnit});
    const float* m = map.m;
    const Rgb y = srgb_from_lab({m[0] * x.l + m[1] * x.a + m[2] * x.b + map.b[0],
                                 m[3] * x.l + m[4] * x.a + m[5] * x.b + map.b[1],
                                 m[6] * x.l + m[7] * x.a + m[8] * x.b + map.b[2]});
    return {y.r * 255.0f, y.g * 255.0f, y.b * 255.0f};
}

} // namespace trtswap
