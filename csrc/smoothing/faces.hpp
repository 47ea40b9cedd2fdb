// Smoothing that looks ahead as far as back, on a face's alignment parameters and its shape: no delay of motion.
#pragma once

#include "smoothing/delayed.hpp"
#include "smoothing/point_noise.hpp"
#include "smoothing/rest.hpp"

namespace trtswap::smoothing {

// The faces of a frame: five points [count, 5, 2] and a box [count, 4] each, frame pixels.
struct PlacedFaces {
    std::vector<double> points, boxes;
};

class FaceSmoother : public Delayed<PlacedFaces> {
public:
    FaceSmoother(const FaceTemplate& face, int lag_frames, double frame_rate);

    // Takes the next frame: points and boxes as of `PlacedFaces`, and how much each face counts. Gives those of the frame that
    // is final.
    std::optional<PlacedFaces> push(const std::int64_t* ids, int count, const double* points,
                                    const double* boxes, const double* weights, double time_s);

private:
    PlacedFaces finish(const Waiting& frame) override;
    void revise(const std::vector<int>& fresh) override;
    void forget() override { rest_.reset(); }
    void correct(int slot, int frame, const std::uint8_t* trusted);

    FaceTemplate face_;
    Rest rest_;
};

} // namespace trtswap::smoothing
