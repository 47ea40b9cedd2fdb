#include "smoothing/point_noise.hpp"

#include <algorithm>
#include <cmath>

namespace trtswap::smoothing {

namespace {

constexpr double kLeast = 1e-30;

// Lengths are in eye distances.
constexpr double kUnseen = 0.001; // errors that are not worth following
// Noise of a face seen too briefly to tell, and the most believed after kBrief samples.
constexpr double kExpected = 0.015;
constexpr double kBrief = 8.0;
constexpr double kPresumed = 0.01; // point noise of a face that is not known yet, to tell whether it is calm
constexpr double kLarge = 0.03;    // shared errors of so much are calm

// White noise may be kMargin times what the warp says, where a parameter tells as much; kCalm times more where nothing moves:
// then all directions agree, and together they know better.
constexpr double kMargin = 1.25;
constexpr double kCalm = 2.0;

// Scale and rotation vary by kShared times the warp, with few samples kDoubt over their count more, where errors are shared;
// at kSharedSurely times as much they surely are. Where it is not sure, kInDoubt times the warp more is taken off first.
constexpr double kShared = 1.3, kDoubt = 6.0, kSharedSurely = 1.4, kInDoubt = 2.0;
// The most of shared errors that is believed, in units of the most of white noise.
constexpr double kSharedMost = 15.0;

// Position moves by so many times the variance of scale and rotation (as point noise counts) at the most, where it is noise;
// twice as many where errors surely are shared. The shape by so many times that of the warp.
constexpr double kShift[] = {5.0, 9.0}, kTurn[] = {16.0, 32.0};
constexpr double kLenience = 1.2;
constexpr int kPositionGroup = 0, kScaleGroup = 1, kRotationGroup = 2, kShapeGroup = 3, kBoxGroup = 4,
              kWarp = 5;

// How much each kind tells of noise that is the same in every direction: its dimensions.
constexpr double kPool[] = {2. / 12, 1. / 12, 1. / 12, 6. / 12, 0, 2. / 12};

// Where position leaves so many times what is allowed at the widest fit, up to so many times more, the face moves for
// certain. So many times stricter the other groups are then judged, narrow to wide.
constexpr double kHaste[] = {5.0, 3.0};
constexpr double kStricter[] = {1.0, 2.0, 3.0};

// Position varies by so many times the variance of scale and rotation (as point noise counts, and without it) at the most,
// where that is noise; surely not by so many times more. The same for position at the widest fit and its third differences.
constexpr double kCalmShift[] = {3.0, 5.0 / 3}, kCalmSlow[] = {3.5, 2.0};
// What shared errors cost if they were motion grows with their square.
constexpr double kCalmLargeTimes = 2.25;
constexpr double kCalmDoubt = 0.15; // so much of point noise may be left when it is taken off

// From 0 at `low` to 1 at `times` as much, even in the logarithm.
double ramp(double value, double low, double times) {
    return std::min(std::max(std::log(value / low) / std::log(times), 0.0), 1.0);
}

double squared(double value) { return value * value; }

// The mean of the deviations of scale and rotation, squared.
double similar_to(const double* levels) {
    return 0.25 * squared(std::sqrt(levels[kScaleGroup]) + std::sqrt(levels[kRotationGroup]));
}

} // namespace

PointNoise::PointNoise(const FaceTemplate& face)
    : face_(face), groups_(face_groups()), square_of_eyes_(squared(face.eyes())),
      unit_{1.0 / 5, 1 / face.spread(), 1 / face.spread(), 6.0 / 10, 1.0}, scale_{} {
    for (int group = 0; group < kFaceGroups; ++group) {
        scale_[group] = chi_square_median(groups_.sizes[group]) * unit_[group];
    }
    scale_[kWarp] = chi_square_median(2);
}

void PointNoise::squares(const double* differences, const double* sample, double* result) const {
    std::array<double, kParameters> squares{};
    for (int d = 0; d < kParameters; ++d) {
        squares[d] = squared(differences[d]);
    }
    groups_.means(squares.data(), result);
    result[kPositionGroup] *= std::exp(-2 * sample[kScale]);
    result[kWarp] = face_.warp_square(differences + kShape);
}

bool PointNoise::units(const double* sample, double* result) const {
    std::fill_n(result, kFaceGroups, 1.0);
    result[kPositionGroup] = std::exp(2 * sample[kScale]);
    return true;
}

Tolerances PointNoise::tolerances(const double* medians, int count) const {
    const bool known = std::isfinite(medians[kWarp]);
    std::array<double, kFaceGroups + 1> levels{};
    double pooled = 0, most_moved = 0;
    for (int kind = 0; kind <= kFaceGroups; ++kind) {
        levels[kind] = (known ? medians[kind] : 0.0) / scale_[kind] + kLeast;
        pooled += levels[kind] * kPool[kind];
        most_moved = kind < kBoxGroup ? std::max(most_moved, levels[kind]) : most_moved;
    }
    const double warp = levels[kWarp], seen = std::max(count, 1),
                 expected = squared(kExpected) * square_of_eyes_;
    const double most = expected * squared(seen / kBrief), floor = std::min(warp, most);
    const double margin = kMargin * std::pow(kCalm, 1 - ramp(most_moved / floor, 4.0, 2.0));

    const double similar = similar_to(levels.data());
    const double sure = ramp(similar / warp, kShared * (1 + kDoubt / seen), kSharedSurely);
    const double shift =
        ramp(levels[kPositionGroup] / similar, kShift[0] * (1 + sure), kShift[1] / kShift[0]);
    const double turn = ramp(levels[kShapeGroup] / warp, kTurn[0], kTurn[1] / kTurn[0]);
    const double likely = (1 - shift) * (1 - turn);

    Tolerances told{std::vector<double>(kFaceGroups), std::vector<double>(kWider * kFaceGroups),
                    std::vector<double>(kFaceGroups)};
    for (int group = 0; group < kFaceGroups; ++group) {
        const double level = levels[group];
        double white = known ? std::min(std::max(std::max(level, pooled), floor), margin * floor) : expected;
        double shared = std::max(level - (1 + kInDoubt * (1 - sure)) * floor, 0.0) * likely;
        shared = known ? std::min(shared, kSharedMost * most) : 0.0;
        double share = std::min(kLenience * (white + shared * sure) / level, 1.0);
        for (int wider = 0; wider < kWider; ++wider) {
            double slow = kSlow[wider] * shared * (wider < kWider - 1 ? sure : 1.0);
            if (group == kBoxGroup) {
                slow = kSlow[wider] * level;
            }
            told.slow[wider * kFaceGroups + group] =
                (slow + squared(kUnseen) * square_of_eyes_) * unit_[group];
        }
        if (group == kBoxGroup) {
            white = level;
            share = 1.0;
        }
        told.white[group] = white * unit_[group];
        told.share[group] = share;
    }
    return told;
}

void PointNoise::strain(std::vector<double>& excess) const {
    const double position = excess[(kWider - 1) * kFaceGroups + kPositionGroup];
    if (!(position > kHaste[0])) {
        return;
    }
    const double moves = ramp(position, kHaste[0], kHaste[1]);
    for (int wider = 0; wider < kWider; ++wider) {
        for (const int group : {kScaleGroup, kRotationGroup, kShapeGroup}) {
            excess[wider * kFaceGroups + group] *= 1 + (kStricter[wider] - 1) * moves;
        }
    }
}

bool PointNoise::calm(const double* squares, const double* medians, double* sure) const {
    std::array<double, kFaceGroups> variances{};
    for (int group = 0; group < kFaceGroups; ++group) {
        variances[group] = squares[group] / unit_[group];
    }
    const double certain = surely_calm(variances.data(), medians[kPositionGroup] / scale_[kPositionGroup],
                                       medians[kWarp] / scale_[kWarp], square_of_eyes_);
    for (int group = 0; group < kFaceGroups; ++group) {
        sure[group] = group <= kRotationGroup ? certain : 0.0;
    }
    return true;
}

double surely_calm(const double* variances, double third, double warp, double square_of_eyes) {
    const double presumed = squared(kPresumed) * square_of_eyes;
    const double point = std::isfinite(warp) ? warp : presumed;
    const double rough = std::max(std::isfinite(third) ? third : presumed, 0.5 * point);
    const double position = variances[kPositionGroup];
    const double shared = std::max(similar_to(variances) - point, 0.0);
    const double shift = std::max(position - point, 0.0);
    double sure =
        1 - ramp(shift / (shared + kCalmDoubt * point + kLeast) + kLeast, kCalmShift[0], kCalmShift[1]);
    sure *= 1 - ramp(position / rough + kLeast, kCalmSlow[0], kCalmSlow[1]);
    const double cost = std::max(shared, shift / (kCalmShift[0] * kCalmShift[1])) + kLeast;
    return sure * (1 - ramp(cost, squared(kLarge) * square_of_eyes, kCalmLargeTimes));
}

} // namespace trtswap::smoothing
