#include "smoothing/fit.hpp"

#include <algorithm>
#include <cmath>

namespace trtswap::smoothing {

namespace {

constexpr double kStraight = 1e8; // a ridge that leaves no curvature
constexpr double kSlopeRidge = 1e-11;
constexpr double kCurveRidge = 1e-9;
constexpr double kOneSided = 0.1;
constexpr double kEmpty = 1e-9;
constexpr double kTiny = 1e-30;
constexpr double kDegenerate = 1e-9;
constexpr double kLeastFreedom = 0.2;

// By how many standard deviations of chance a fit may be worse than the noise, narrow to wide. The widest fit is the best
// where it holds, so it is given up last.
constexpr std::array<double, kWider> kStrictness{0.3, 0.9, 4.0};
constexpr int kLimited = 6; // more dimensions of a group than these are not independent
constexpr int kMiddle = 2;
// Where the narrowest fit is so many times as bad as allowed, the kMiddle one is not trusted.
constexpr double kFar = 4.0;
constexpr int kParts = 3; // of a parabola

bool straight(int level) { return level < kMiddle; }

double cubed(double value) { return value * value * value; }

// 1 up to 1, 0 from 1.5 on.
double fading(double excess) { return std::max(std::min(3 - 2 * excess, 1.0), 0.0); }

using Row = std::vector<double>;

double dot(const double* a, const double* b, int count) {
    double sum = 0;
    for (int item = 0; item < count; ++item) {
        sum += a[item] * b[item];
    }
    return sum;
}

double weighted(const double* kernel, const Row& a, const Row& b) {
    double sum = 0;
    for (std::size_t item = 0; item < a.size(); ++item) {
        sum += kernel[item] * a[item] * b[item];
    }
    return sum;
}

// At length 1 under the kernel; 0 where there is next to nothing.
void to_unit(Row& values, const double* kernel) {
    const double length = weighted(kernel, values, values);
    const double factor = length > kDegenerate ? 1 / std::sqrt(length + kTiny) : 0.0;
    for (double& value : values) {
        value *= factor;
    }
}

void take_off(Row& values, const Row& part, const double* kernel) {
    const double share = weighted(kernel, part, values);
    for (std::size_t item = 0; item < values.size(); ++item) {
        values[item] -= part[item] * share;
    }
}

// The row of one level, and its ridge on the curvature, in squared units of the offsets' squares.
double fit_row(const Ladder& ladder, int level, const Row& kernel, const Row& offsets, double* row) {
    const int length = static_cast<int>(kernel.size());
    std::array<double, 5> moments{};
    for (int item = 0; item < length; ++item) {
        double power = kernel[item];
        for (double& moment : moments) {
            moment += power;
            power *= offsets[item];
        }
    }
    const double s0 = moments[0] + kTiny;
    const double s1 = moments[1] / s0, s2 = moments[2] / s0, s3 = moments[3] / s0;
    const double beyond = std::max(std::abs(s1) - kOneSided, 0.0);
    const double shrinkage = ladder.leaning * beyond * beyond;
    const double s4 = moments[4] / s0 + kCurveRidge + (straight(level) ? kStraight : shrinkage);
    const double slope = s2 + kSlopeRidge;
    const double constant = slope * s4 - s3 * s3, linear = s2 * s3 - s1 * s4, square = s1 * s3 - slope * s2;
    const double scale = (kTiny + constant + s1 * linear + s2 * square) * s0;
    for (int item = 0; item < length; ++item) {
        const double offset = offsets[item];
        row[item] = kernel[item] * ((constant + linear * offset + square * offset * offset) / scale);
    }
    return shrinkage;
}

// The quadratic form of one wider fit: its kernel and basis, and for the widest the cubic.
void form(Fits& fits, int level, const Row& kernel, const Row& offsets, double shrinkage) {
    const int length = fits.length, wider = level - 1;
    const double* weights = kernel.data();
    double sum = 0;
    for (const double weight : kernel) {
        sum += weight;
    }
    const double total = sum + kTiny;
    Row squares(offsets);
    for (double& square : squares) {
        square *= square;
    }
    const Row constant(length, 1 / std::sqrt(total));
    Row line(offsets), bend(squares);
    const double middle = dot(weights, offsets.data(), length) / total;
    const double mean = dot(weights, squares.data(), length) / total;
    for (int item = 0; item < length; ++item) {
        line[item] -= middle;
        bend[item] -= mean;
    }
    to_unit(line, weights);
    const double shared = weighted(weights, line, squares);
    for (int item = 0; item < length; ++item) {
        bend[item] -= line[item] * shared;
    }
    const double room = weighted(weights, bend, bend) / total;
    const double lost = 1 - room / (room + kCurveRidge + shrinkage);
    const double kept = straight(level) ? 0.0 : std::sqrt(1 - lost * lost);
    to_unit(bend, weights);
    double* basis = fits.basis.data() + static_cast<std::ptrdiff_t>(kParts) * wider * length;
    double taken = 0;
    for (int item = 0; item < length; ++item) {
        const std::array<double, kParts> parts{constant[item], line[item], bend[item] * kept};
        for (int part = 0; part < kParts; ++part) {
            const double value = weights[item] * parts[part];
            basis[part * length + item] = value;
            taken += value * value;
        }
    }
    const double freedom = std::max(sum - taken, kLeastFreedom);
    for (int item = 0; item < kParts * length; ++item) {
        basis[item] /= std::sqrt(freedom);
    }
    for (int item = 0; item < length; ++item) {
        fits.kernels[static_cast<std::ptrdiff_t>(wider) * length + item] = weights[item] / freedom;
    }
    if (level < kLevels - 1) {
        return;
    }
    Row cube(offsets);
    for (double& value : cube) {
        value = cubed(value);
    }
    for (const Row* part : std::array<const Row*, kParts>{&constant, &line, &bend}) {
        take_off(cube, *part, weights);
    }
    to_unit(cube, weights);
    double spent = 0;
    double* last = basis + static_cast<std::ptrdiff_t>(kParts) * length;
    for (int item = 0; item < length; ++item) {
        const double value = shrinkage == 0 ? weights[item] * cube[item] : 0.0;
        spent += value * value;
        last[item] = value / std::sqrt(freedom);
    }
    fits.spare = freedom / std::max(freedom - spent, kLeastFreedom);
}

} // namespace

Ladder::Ladder(int lag_frames, double leaning) : half_widths{}, leaning(leaning) {
    const double full = lag_frames + 1.0;
    half_widths = {1.0, std::max(full / 4, 2.0), std::max(full / 2, 2.5), full};
}

double Ladder::strictness(int level, int size) const {
    const double freedom = std::max(1.2 * half_widths[level + 1] - 1.5, 1.0);
    return 1 + kStrictness[level] * std::sqrt(2 / (freedom * std::min(size, kLimited)));
}

Fits fit(const Ladder& ladder, const std::vector<double>& distances, const std::vector<double>& offsets,
         const double* weights) {
    const int length = static_cast<int>(offsets.size()), centre = length / 2;
    const auto room = static_cast<std::size_t>(length);
    Fits fits{length, Row(kLevels * room), Row(room), Row(kWider * room), Row((kParts * kWider + 1) * room),
              1.0};
    std::array<bool, kLevels> empty{};
    for (int level = 0; level < kLevels; ++level) {
        Row kernel(room);
        double total = 0;
        for (int item = 0; item < length; ++item) {
            const double open = std::max(1 - cubed(distances[item] / ladder.half_widths[level]), 0.0);
            kernel[item] = weights[item] * cubed(open);
            total += kernel[item];
        }
        const double shrinkage = fit_row(ladder, level, kernel, offsets,
                                         fits.rows.data() + static_cast<std::ptrdiff_t>(level) * length);
        empty[level] = total <= kEmpty || (level == 0 && weights[centre] < kMeasured);
        if (level > 0) {
            for (int item = 0; item < length; ++item) {
                kernel[item] = weights[item] >= kMeasured ? kernel[item] : 0.0;
            }
            form(fits, level, kernel, offsets, shrinkage);
        }
    }
    for (int level = kLevels - 1; level >= 0; --level) {
        if (!empty[level]) {
            continue;
        }
        const auto row = fits.rows.begin() + static_cast<std::ptrdiff_t>(level) * length;
        if (level == kLevels - 1) {
            std::fill_n(row, length, 0.0);
            row[centre] = 1.0;
        } else {
            std::copy_n(row + length, length, row);
        }
    }
    double spread = kEmpty;
    for (int item = 0; item < length; ++item) {
        fits.slope[item] = weights[item] * offsets[item];
        spread += fits.slope[item] * offsets[item];
    }
    for (double& weight : fits.slope) {
        weight /= spread;
    }
    return fits;
}

void Fits::estimate(int level, const double* values, int dimensions, double* result) const {
    const double* row = rows.data() + static_cast<std::ptrdiff_t>(level) * length;
    std::fill_n(result, dimensions, 0.0);
    for (int item = 0; item < length; ++item) {
        for (int d = 0; d < dimensions; ++d) {
            result[d] += row[item] * values[static_cast<std::ptrdiff_t>(item) * dimensions + d];
        }
    }
}

void Fits::mean_squares(int level, const double* values, int dimensions, double* left) const {
    Row unused(dimensions);
    const double* kernel = kernels.data() + static_cast<std::ptrdiff_t>(level) * length;
    const double* taken = basis.data() + static_cast<std::ptrdiff_t>(kParts) * level * length;
    std::fill_n(left, dimensions, 0.0);
    for (int item = 0; item < length; ++item) {
        for (int d = 0; d < dimensions; ++d) {
            const double value = values[static_cast<std::ptrdiff_t>(item) * dimensions + d];
            left[d] += kernel[item] * (value * value);
        }
    }
    for (int part = 0; part < kParts; ++part) {
        std::fill(unused.begin(), unused.end(), 0.0);
        for (int item = 0; item < length; ++item) {
            for (int d = 0; d < dimensions; ++d) {
                unused[d] +=
                    taken[part * length + item] * values[static_cast<std::ptrdiff_t>(item) * dimensions + d];
            }
        }
        for (int d = 0; d < dimensions; ++d) {
            left[d] -= unused[d] * unused[d];
        }
    }
    for (int d = 0; d < dimensions; ++d) {
        left[d] = std::max(left[d], 0.0);
    }
}

void Fits::widest(const double* values, int dimensions, double* left, double* smooth) const {
    mean_squares(kWider - 1, values, dimensions, left);
    const double* cubic = basis.data() + static_cast<std::ptrdiff_t>(kParts) * kWider * length;
    std::fill_n(smooth, dimensions, 0.0);
    for (int item = 0; item < length; ++item) {
        for (int d = 0; d < dimensions; ++d) {
            smooth[d] += cubic[item] * values[static_cast<std::ptrdiff_t>(item) * dimensions + d];
        }
    }
    for (int d = 0; d < dimensions; ++d) {
        smooth[d] = std::max((left[d] - smooth[d] * smooth[d]) * spare, 0.0);
    }
}

void Fits::drift(const double* values, int dimensions, const double* result, double* drift) const {
    double sum = 0;
    std::fill_n(drift, dimensions, 0.0);
    for (int item = 0; item < length; ++item) {
        sum += slope[item];
        for (int d = 0; d < dimensions; ++d) {
            drift[d] += slope[item] * values[static_cast<std::ptrdiff_t>(item) * dimensions + d];
        }
    }
    for (int d = 0; d < dimensions; ++d) {
        drift[d] -= sum * result[d];
    }
}

void gates(std::vector<double>& excess, const std::vector<double>& share) {
    const std::size_t groups = share.size();
    for (std::size_t group = 0; group < groups; ++group) {
        const double narrowest = excess[group];
        for (int level = 0; level < kWider; ++level) {
            double& trust = excess[level * groups + group];
            trust = fading(trust);
            if (level < kWider - 1) {
                trust *= share[group];
            }
            if (level == kMiddle - 1) {
                trust *= fading(narrowest / kFar);
            }
        }
    }
}

} // namespace trtswap::smoothing
