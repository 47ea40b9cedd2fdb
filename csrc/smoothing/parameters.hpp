// A face as the parameters that move on their own: where, how large, how turned, what shape, and its box.
//
// A row of kParameters numbers: centre x, y in frame pixels (the mean of the five points); natural logarithm of the scale
// (pixels per template unit); rotation in radians; ten residuals of the points from the template in the face's own frame
// (template units); box centre in the same frame; logarithms of box width and height in template units.
#pragma once

#include <array>
#include <complex>
#include <cstdint>

#include "smoothing/noise.hpp"

namespace trtswap::smoothing {

constexpr int kParameters = 18;
constexpr int kScale = 2, kRotation = 3, kShape = 4, kBox = 14;
constexpr int kFive = 5;
constexpr int kFaceGroups = 5; // position, scale, rotation, shape, box

// Which parameters share a bandwidth.
Groups face_groups();

// The template that shapes are told from.
class FaceTemplate {
public:
    // points: [5, 2]. warp: [5], of length 1: what is left of points after any affine map of a flat face.
    FaceTemplate(const double* points, const double* warp);

    // Points [5, 2] and box [4] as parameters. The points of a face must not coincide.
    void decompose(const double* points, const double* box, double* parameters) const;
    // The inverse.
    void recompose(const double* parameters, double* points, double* box) const;
    // Puts points [5, 2] that are not trusted (three or more are) where the others and the face's own shape (residuals
    // [10]) say.
    void repair(double* points, const std::uint8_t* trusted, const double* shape) const;
    // What no view of a flat face explains of a residual shape [10]: its squared length, halved.
    double warp_square(const double* shape) const;

    double eyes() const { return eyes_; } // the distance between the eyes, template units
    double spread() const {
        return spread_;
    } // the variance that noise of the points has, over that of scale or rotation

private:
    using Complex = std::complex<double>;
    std::array<Complex, kFive> canonical_, project_;
    std::array<double, kFive> warp_;
    double eyes_, spread_;
};

} // namespace trtswap::smoothing
