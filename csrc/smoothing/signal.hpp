// Any number that belongs to a track, held steady: symmetric, robust, following where the signal really moves.
#pragma once

#include <optional>
#include <vector>

#include "smoothing/delayed.hpp"
#include "smoothing/guard.hpp"

namespace trtswap::smoothing {

// Smooths vectors of numbers of one unit per track. Frames come out in order, `lag_frames` later.
class SignalSmoother {
public:
    using Values = std::vector<double>; // [tracks of the frame, dimensions]

    SignalSmoother(int dimensions, int lag_frames, double frame_rate);

    // Takes the next frame: values [count, dimensions], and how much each counts. Gives those of the frame that is final.
    std::optional<Values> push(const std::int64_t* ids, int count, const double* values,
                               const double* weights, double time_s);
    // Finishes the frames that wait and forgets everything.
    std::vector<Values> flush();

    int dimensions() const { return dimensions_; }

private:
    Values finish(const Waiting& frame);
    void revise(const std::vector<int>& fresh);

    int dimensions_;
    LocalFit fit_;
    Guard guard_;
    Delay delay_;
};

} // namespace trtswap::smoothing
