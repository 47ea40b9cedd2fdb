#include "tracking/motion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trtswap {

namespace {

constexpr double square(double value) { return value * value; }

// A face's box is about four times as large as its landmarks' root mean square distance from their centre (measured
// with YuNet: 3.6 to 4.4). Landmarks are used, because boxes end at the border of the frame.
constexpr double kSizeOfSpread = 4.0;
constexpr double kLeastSizeOfBox = 0.25;
constexpr double kLeastSizePx = 1e-3;

// A velocity that nothing confirms fades with this time constant.
constexpr double kDampingS = 1.0;
// Density of the white noise that accelerates a face, sizes^2/s^3: 1 size/s of change from frame to frame at 30 fps, as
// much as a shaken head.
constexpr double kJerkiness = 30.0;
// Standard deviation of the unknown velocity of a new face, sizes/s.
constexpr double kBirthSpeed = 4.0;
// Variance of a detected centre, sizes squared: well above a detector's noise, as heads also nod and blur.
constexpr double kMeasurement = square(0.03);
constexpr double kSizeSigma = 0.06, kSizeSigmaPerS = 1.0;
constexpr double kShapeSigma = 0.04, kShapeSigmaPerS = 0.5;
// Natural logarithm of the largest step in size that is still the same face: 2.5 times.
constexpr double kLargestSizeChange = 0.9;
// However long a face was away, it is likeliest to come back where it was expected.
constexpr double kLargestVariance = 0.3, kLongestDoubtS = 0.25;
// A squared innovation beyond this many variances is a sudden move or a stray hit: the velocity trusts it less.
constexpr double kSurprise = 9.0;
// The cost from which a new face is the better explanation. With it a steady face may jump 0.8 sizes off its path, a
// new one 1.2 sizes at 30 fps, and one unseen for 0.2 s 1.4 sizes.
constexpr double kTooFar = 1.0;

void predict(Track& track, double elapsed_s, double decay, double travel) {
    for (int axis = 0; axis < 2; ++axis) {
        track.seen.centre[axis] += travel * track.velocity[axis];
        track.velocity[axis] *= decay;
    }
    const double position = track.position_variance, cross = track.covariance,
                 velocity = track.velocity_variance;
    track.position_variance = position + 2 * travel * cross + square(travel) * velocity +
                              kJerkiness * (elapsed_s * elapsed_s * elapsed_s / 3);
    track.covariance = decay * cross + decay * travel * velocity + kJerkiness * (square(elapsed_s) / 2);
    track.velocity_variance = square(decay) * velocity + kJerkiness * elapsed_s;
    track.unseen_s += elapsed_s;
}

} // namespace

Seen observe(const double* box, const double* landmarks) {
    Seen seen{};
    for (int k = 0; k < 10; ++k) {
        seen.centre[k % 2] += landmarks[k];
    }
    seen.centre[0] /= 5;
    seen.centre[1] /= 5;
    double squares = 0;
    for (int k = 0; k < 10; ++k) {
        seen.shape[k] = landmarks[k] - seen.centre[k % 2];
        squares += square(seen.shape[k]);
    }
    const double width = std::max(box[2] - box[0], 0.0), height = std::max(box[3] - box[1], 0.0);
    const double least = std::max(kLeastSizeOfBox * std::sqrt(width * height), kLeastSizePx);
    const double size = std::max(kSizeOfSpread * std::sqrt(squares / 5), least);
    seen.log_size = std::log(size);
    for (double& part : seen.shape) {
        part /= size;
    }
    return seen;
}

Track begin(const Seen& seen) {
    Track track{};
    track.seen = seen;
    track.position_variance = kMeasurement;
    track.velocity_variance = square(kBirthSpeed);
    return track;
}

void predict(Track* tracks, int count, double elapsed_s) {
    const double decay = std::exp(-elapsed_s / kDampingS);
    const double travel = kDampingS * (1 - decay);
    std::for_each(tracks, tracks + count, [=](Track& track) { predict(track, elapsed_s, decay, travel); });
}

double affinity(const Track& track, const Seen& seen) {
    const double grown = square(seen.log_size - track.seen.log_size);
    if (!(grown < square(kLargestSizeChange))) {
        return -std::numeric_limits<double>::infinity();
    }
    const double apart =
        square(seen.centre[0] - track.seen.centre[0]) + square(seen.centre[1] - track.seen.centre[1]);
    double bent = 0;
    for (int k = 0; k < 10; ++k) {
        bent += square(seen.shape[k] - track.seen.shape[k]);
    }
    const double unseen_s = std::min(track.unseen_s, kLongestDoubtS);
    const double variance = std::min(track.position_variance + kMeasurement, kLargestVariance);
    const double size_sigma = kSizeSigma + kSizeSigmaPerS * unseen_s;
    const double shape_sigma = kShapeSigma + kShapeSigmaPerS * unseen_s;
    const double place_tail = 1 + apart * std::exp(-2 * track.seen.log_size) / (2 * variance);
    const double shape_tail = 1 + bent / (20 * square(shape_sigma));
    const double size_tail = 1 + grown / (2 * square(size_sigma));
    const double tails = square(place_tail * shape_tail) * size_tail * std::sqrt(size_tail);
    return kTooFar - std::log(tails * variance * size_sigma);
}

void update(Track& track, const Seen& seen) {
    const double variance = track.position_variance + kMeasurement;
    const double cross = track.covariance, share = cross / variance;
    const double off[2] = {seen.centre[0] - track.seen.centre[0], seen.centre[1] - track.seen.centre[1]};
    const double squared = (square(off[0]) + square(off[1])) * std::exp(-2 * track.seen.log_size);
    const double trust = 1 / std::max(squared / (kSurprise * variance), 1.0);
    const double gain = 1 - kMeasurement / variance * trust;
    const double doubt = (1 - trust) * squared / square(2 * track.unseen_s);
    Seen corrected = seen;
    for (int axis = 0; axis < 2; ++axis) {
        corrected.centre[axis] = track.seen.centre[axis] + gain * off[axis];
        track.velocity[axis] += share * trust * off[axis];
    }
    track.seen = corrected;
    track.position_variance = gain * kMeasurement;
    track.covariance = (1 - gain) * cross;
    track.velocity_variance += doubt - cross * share;
    track.unseen_s = 0;
}

} // namespace trtswap
