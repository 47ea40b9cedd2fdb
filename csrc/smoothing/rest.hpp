// Holds faces that rest: what moves by no more than chance is averaged for longer than any window reaches.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "smoothing/parameters.hpp"

namespace trtswap::smoothing {

// The last step of smoothing: two low passes in a row follow the estimates of each track, slowly where these stay within
// chance and at once where they do not. So what is shown is never further from them than chance might be.
class Rest {
public:
    explicit Rest(int lag_frames);

    void reset() { tracks_.clear(); }
    // Replaces the parameters [count, kParameters] of tracks `ids`, but for the box, by those to show. Tracks that were not in
    // the frame before begin at theirs. drift: [count, kParameters], of samples within half a window. noise: [count,
    // kFaceGroups], the variance of white noise in each group, of position in template units.
    void hold(const std::int64_t* ids, int count, double* parameters, const double* drift,
              const double* noise);

private:
    static constexpr int kHeld = kBox; // parameters
    struct Track {
        std::int64_t id;
        std::array<double, kHeld> slow, shown;
    };

    void follow(Track& track, double* goal, const double* drift, const double* noise) const;

    double gain_;
    Groups groups_;
    std::vector<Track> tracks_; // of the last frame
};

} // namespace trtswap::smoothing
