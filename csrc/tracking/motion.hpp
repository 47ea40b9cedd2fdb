// How a tracked face moves: where it will be, and how well a detection fits there.
//
// Lengths are in units of the face's own size and times in seconds, so that nothing depends on the resolution or the
// frame rate. Both records are rows of float64 tables in Python.
#pragma once

namespace trtswap {

// What is seen of a face.
struct Seen {
    double centre[2]; // px
    double log_size;  // of px
    double shape[10]; // the landmarks relative to their centre, in sizes
};

struct Track {
    Seen seen;
    double velocity[2];       // px per second
    double position_variance; // in sizes squared, per axis; the last two per second, and per second squared
    double covariance;
    double velocity_variance;
    double unseen_s; // since the last detection
};

constexpr int kSeenColumns = 13;
constexpr int kTrackColumns = 19;
static_assert(sizeof(Seen) == kSeenColumns * sizeof(double) &&
              sizeof(Track) == kTrackColumns * sizeof(double));

// box: x1 y1 x2 y2. landmarks: five points. In px.
Seen observe(const double* box, const double* landmarks);

// A new track of what is seen, standing still as far as anyone knows.
Track begin(const Seen& seen);

// Moves tracks on in time: constant velocity, damped, under white accelerations.
void predict(Track* tracks, int count, double elapsed_s);

// How much better than as a new face a detection is explained by a predicted track.
//
// A logarithm of likelihoods, heavy-tailed because heads start and stop: of the centre, the size and the shape. Above
// 0 where the two may belong together; -inf where the size rules it out.
double affinity(const Track& track, const Seen& seen);

// Corrects a predicted track by what is seen of it.
void update(Track& track, const Seen& seen);

} // namespace trtswap
