// Any number that belongs to a track, held steady: symmetric, robust, following where the signal really moves.
#pragma once

#include "smoothing/delayed.hpp"

namespace trtswap::smoothing {

// Smooths vectors of numbers of one unit per track: [tracks of the frame, dimensions].
class SignalSmoother : public Delayed<std::vector<double>> {
public:
    using Values = std::vector<double>;

    SignalSmoother(int dimensions, int lag_frames, double frame_rate);

    // Takes the next frame: values [count, dimensions], and how much each counts. Gives those of the frame that is final.
    std::optional<Values> push(const std::int64_t* ids, int count, const double* values,
                               const double* weights, double time_s);
    int dimensions() const { return dimensions_; }

private:
    Values finish(const Waiting& frame) override;
    void revise(const std::vector<int>& fresh) override;

    int dimensions_;
};

} // namespace trtswap::smoothing
