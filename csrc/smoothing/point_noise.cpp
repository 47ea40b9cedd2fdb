#include "smoothing/point_noise.hpp"

#include <algorithm>
#include <cmath>

namespace trtswap::smoothing {

namespace {

constexpr double LEAST = 1e-30;

// Lengths are in eye distances.
constexpr double UNSEEN = 0.001;   // errors that are not worth following
constexpr double EXPECTED = 0.015; // noise of a face seen too briefly to tell, and the most believed after BRIEF samples
constexpr double BRIEF = 8.0;
constexpr double PRESUMED = 0.01; // point noise of a face that is not known yet, to tell whether it is calm
constexpr double LARGE = 0.03;    // shared errors of so much are calm

// White noise may be MARGIN times what the warp says, where a parameter tells as much; CALM times more where nothing moves:
// then all directions agree, and together they know better.
constexpr double MARGIN = 1.25;
constexpr double CALM = 2.0;

// Scale and rotation vary by SHARED times the warp, with few samples DOUBT over their count more, where errors are shared;
// at SHARED_SURELY times as much they surely are. Where it is not sure, IN_DOUBT times the warp more is taken off first.
constexpr double SHARED = 1.3, DOUBT = 6.0, SHARED_SURELY = 1.4, IN_DOUBT = 2.0;
constexpr double SHARED_MOST = 15.0; // the most of shared errors that is believed, in units of the most of white noise

// Position moves by so many times the variance of scale and rotation (as point noise counts) at the most, where it is noise;
// twice as many where errors surely are shared. The shape by so many times that of the warp.
constexpr double SHIFT[] = {5.0, 9.0}, TURN[] = {16.0, 32.0};
constexpr double LENIENCE = 1.2;
constexpr int POSITION_GROUP = 0, SCALE_GROUP = 1, ROTATION_GROUP = 2, SHAPE_GROUP = 3, BOX_GROUP = 4, WARP = 5;

// How much each kind tells of noise that is the same in every direction: its dimensions.
constexpr double POOL[] = {2. / 12, 1. / 12, 1. / 12, 6. / 12, 0, 2. / 12};

// Where position leaves so many times what is allowed at the widest fit, up to so many times more, the face moves for
// certain. So many times stricter the other groups are then judged, narrow to wide.
constexpr double HASTE[] = {5.0, 3.0};
constexpr double STRICTER[] = {1.0, 2.0, 3.0};

// Position varies by so many times the variance of scale and rotation (as point noise counts, and without it) at the most,
// where that is noise; surely not by so many times more. The same for position at the widest fit and its third differences.
constexpr double CALM_SHIFT[] = {3.0, 5.0 / 3}, CALM_SLOW[] = {3.5, 2.0};
constexpr double CALM_LARGE_TIMES = 2.25; // what shared errors cost if they were motion grows with their square
constexpr double CALM_DOUBT = 0.15;       // so much of point noise may be left when it is taken off

// From 0 at `low` to 1 at `times` as much, even in the logarithm.
double ramp(double value, double low, double times) {
    return std::min(std::max(std::log(value / low) / std::log(times), 0.0), 1.0);
}

double squared(double value) { return value * value; }

// The mean of the deviations of scale and rotation, squared.
double similar_to(const double* levels) {
    return 0.25 * squared(std::sqrt(levels[SCALE_GROUP]) + std::sqrt(levels[ROTATION_GROUP]));
}

} // namespace

PointNoise::PointNoise(const FaceTemplate& face)
    : face_(face), groups_(face_groups()), square_of_eyes_(squared(face.eyes())),
      unit_{1.0 / 5, 1 / face.spread(), 1 / face.spread(), 6.0 / 10, 1.0}, scale_{} {
    for (int group = 0; group < FACE_GROUPS; ++group) {
        scale_[group] = chi_square_median(groups_.sizes[group]) * unit_[group];
    }
    scale_[WARP] = chi_square_median(2);
}

void PointNoise::squares(const double* differences, const double* sample, double* result) const {
    std::array<double, PARAMETERS> squares{};
    for (int d = 0; d < PARAMETERS; ++d) {
        squares[d] = squared(differences[d]);
    }
    groups_.means(squares.data(), result);
    result[POSITION_GROUP] *= std::exp(-2 * sample[SCALE]);
    result[WARP] = face_.warp_square(differences + SHAPE);
}

bool PointNoise::units(const double* sample, double* result) const {
    std::fill_n(result, FACE_GROUPS, 1.0);
    result[POSITION_GROUP] = std::exp(2 * sample[SCALE]);
    return true;
}

Tolerances PointNoise::tolerances(const double* medians, int count) const {
    const bool known = std::isfinite(medians[WARP]);
    std::array<double, FACE_GROUPS + 1> levels{};
    double pooled = 0, most_moved = 0;
    for (int kind = 0; kind <= FACE_GROUPS; ++kind) {
        levels[kind] = (known ? medians[kind] : 0.0) / scale_[kind] + LEAST;
        pooled += levels[kind] * POOL[kind];
        most_moved = kind < BOX_GROUP ? std::max(most_moved, levels[kind]) : most_moved;
    }
    const double warp = levels[WARP], seen = std::max(count, 1), expected = squared(EXPECTED) * square_of_eyes_;
    const double most = expected * squared(seen / BRIEF), floor = std::min(warp, most);
    const double margin = MARGIN * std::pow(CALM, 1 - ramp(most_moved / floor, 4.0, 2.0));

    const double similar = similar_to(levels.data());
    const double sure = ramp(similar / warp, SHARED * (1 + DOUBT / seen), SHARED_SURELY);
    const double shift = ramp(levels[POSITION_GROUP] / similar, SHIFT[0] * (1 + sure), SHIFT[1] / SHIFT[0]);
    const double turn = ramp(levels[SHAPE_GROUP] / warp, TURN[0], TURN[1] / TURN[0]);
    const double likely = (1 - shift) * (1 - turn);

    Tolerances told{std::vector<double>(FACE_GROUPS), std::vector<double>(WIDER * FACE_GROUPS),
                    std::vector<double>(FACE_GROUPS)};
    for (int group = 0; group < FACE_GROUPS; ++group) {
        const double level = levels[group];
        double white = known ? std::min(std::max(std::max(level, pooled), floor), margin * floor) : expected;
        double shared = std::max(level - (1 + IN_DOUBT * (1 - sure)) * floor, 0.0) * likely;
        shared = known ? std::min(shared, SHARED_MOST * most) : 0.0;
        double share = std::min(LENIENCE * (white + shared * sure) / level, 1.0);
        for (int wider = 0; wider < WIDER; ++wider) {
            double slow = SLOW[wider] * shared * (wider < WIDER - 1 ? sure : 1.0);
            if (group == BOX_GROUP) {
                slow = SLOW[wider] * level;
            }
            told.slow[wider * FACE_GROUPS + group] =
                (slow + squared(UNSEEN) * square_of_eyes_) * unit_[group];
        }
        if (group == BOX_GROUP) {
            white = level;
            share = 1.0;
        }
        told.white[group] = white * unit_[group];
        told.share[group] = share;
    }
    return told;
}

void PointNoise::strain(std::vector<double>& excess) const {
    const double position = excess[(WIDER - 1) * FACE_GROUPS + POSITION_GROUP];
    if (!(position > HASTE[0])) {
        return;
    }
    const double moves = ramp(position, HASTE[0], HASTE[1]);
    for (int wider = 0; wider < WIDER; ++wider) {
        for (const int group : {SCALE_GROUP, ROTATION_GROUP, SHAPE_GROUP}) {
            excess[wider * FACE_GROUPS + group] *= 1 + (STRICTER[wider] - 1) * moves;
        }
    }
}

bool PointNoise::calm(const double* squares, const double* medians, double* sure) const {
    std::array<double, FACE_GROUPS> variances{};
    for (int group = 0; group < FACE_GROUPS; ++group) {
        variances[group] = squares[group] / unit_[group];
    }
    const double certain = surely_calm(variances.data(), medians[POSITION_GROUP] / scale_[POSITION_GROUP],
                                       medians[WARP] / scale_[WARP], square_of_eyes_);
    for (int group = 0; group < FACE_GROUPS; ++group) {
        sure[group] = group <= ROTATION_GROUP ? certain : 0.0;
    }
    return true;
}

double surely_calm(const double* variances, double third, double warp, double square_of_eyes) {
    const double presumed = squared(PRESUMED) * square_of_eyes;
    const double point = std::isfinite(warp) ? warp : presumed;
    const double rough = std::max(std::isfinite(third) ? third : presumed, 0.5 * point);
    const double position = variances[POSITION_GROUP];
    const double shared = std::max(similar_to(variances) - point, 0.0);
    const double shift = std::max(position - point, 0.0);
    double sure = 1 - ramp(shift / (shared + CALM_DOUBT * point + LEAST) + LEAST, CALM_SHIFT[0], CALM_SHIFT[1]);
    sure *= 1 - ramp(position / rough + LEAST, CALM_SLOW[0], CALM_SLOW[1]);
    const double cost = std::max(shared, shift / (CALM_SHIFT[0] * CALM_SHIFT[1])) + LEAST;
    return sure * (1 - ramp(cost, squared(LARGE) * square_of_eyes, CALM_LARGE_TIMES));
}

} // namespace trtswap::smoothing
