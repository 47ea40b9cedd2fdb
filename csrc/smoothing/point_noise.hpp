// Tells the noise of a face's points from quick motion.
//
// Third differences of position, scale and rotation hold both. What tells them apart:
//
// * Four points of a flat face, the corners of the eyes and of the mouth, move as an affine map says, however the head
//   turns. What is left of them after any affine map is noise (and a mouth that widens), and noise that is independent from
//   point to point is as large there as in every other direction.
// * Errors that the points share, as some detectors make them, are not seen there. They move scale and rotation too, and
//   position by a few times as much. Motion that shows in the position by far more than in scale and rotation is real.
//
// So there are two budgets: white noise, seen in the warp, and shared errors, as far as all three of position, scale and
// rotation have them.
//
// How large what a wide fit leaves may be can't be told from its size alone: errors of a detector drift with how a head is
// held, by as much as a slow turn of the head moves it. But a head that moves so that no parabola follows moves in the
// picture by far more than it turns in its plane and grows, whereas errors that the points share do all three alike; and it
// moves smoothly, whereas errors are rough as well.
#pragma once

#include "smoothing/parameters.hpp"

namespace trtswap::smoothing {

// How sure it is that position, scale and rotation hold noise alone, 0 to 1. variances: [kFaceGroups], what a cubic leaves at
// the widest fit; third: of position, and warp: from third differences, infinite where unknown. All as point noise counts.
double surely_calm(const double* variances, double third, double warp, double square_of_eyes);

// The noise of the parameters of faces, in their groups; the sixth kind is the warp.
class PointNoise : public Noise {
public:
    explicit PointNoise(const FaceTemplate& face);

    int kinds() const override { return kFaceGroups + 1; }
    void squares(const double* differences, const double* sample, double* result) const override;
    Tolerances tolerances(const double* medians, int count) const override;
    // Position is in template units.
    bool units(const double* sample, double* result) const override;
    // A face that moves quickly turns and changes as quickly.
    void strain(std::vector<double>& excess) const override;
    bool calm(const double* squares, const double* medians, double* sure) const override;

private:
    FaceTemplate face_;
    Groups groups_;
    double square_of_eyes_;
    // The variance of each group, of position in template units, under point noise of variance 1; and what medians of each
    // kind are of that.
    std::array<double, kFaceGroups> unit_;
    std::array<double, kFaceGroups + 1> scale_;
};

} // namespace trtswap::smoothing
