#include "smoothing/parameters.hpp"

#include <algorithm>
#include <cmath>

namespace trtswap::smoothing {

namespace {

constexpr double kSmallestSide = 1e-3;
using Complex = std::complex<double>;

Complex point_of(const double* pairs, int number) { return {pairs[2 * number], pairs[2 * number + 1]}; }

// A product without the standard library's care for infinities.
Complex times(Complex a, Complex b) {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

Complex over(Complex a, Complex b) { return times(a, std::conj(b)) / std::norm(b); }

} // namespace

Groups face_groups() { return Groups({0, 0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4}); }

FaceTemplate::FaceTemplate(const double* points, const double* warp) : warp_{}, eyes_(0), spread_(0) {
    Complex centre = 0;
    for (int point = 0; point < kFive; ++point) {
        centre += point_of(points, point) / static_cast<double>(kFive);
        warp_[point] = warp[point];
    }
    for (int point = 0; point < kFive; ++point) {
        canonical_[point] = point_of(points, point) - centre;
        spread_ += std::norm(canonical_[point]);
    }
    for (int point = 0; point < kFive; ++point) {
        project_[point] = std::conj(canonical_[point]) / spread_;
    }
    eyes_ = std::abs(canonical_[1] - canonical_[0]);
}

void FaceTemplate::decompose(const double* points, const double* box, double* parameters) const {
    Complex centre = 0, turn = 0;
    for (int point = 0; point < kFive; ++point) {
        centre += point_of(points, point);
    }
    centre /= static_cast<double>(kFive);
    for (int point = 0; point < kFive; ++point) {
        turn += times(point_of(points, point) - centre, project_[point]);
    }
    const double scale = std::abs(turn);
    parameters[0] = centre.real();
    parameters[1] = centre.imag();
    parameters[kScale] = std::log(scale);
    parameters[kRotation] = std::arg(turn);
    for (int point = 0; point < kFive; ++point) {
        const Complex residual = over(point_of(points, point) - centre, turn) - canonical_[point];
        parameters[kShape + 2 * point] = residual.real();
        parameters[kShape + 2 * point + 1] = residual.imag();
    }
    for (int axis = 0; axis < 2; ++axis) {
        parameters[kBox + axis] = (0.5 * (box[axis] + box[axis + 2]) - parameters[axis]) / scale;
        parameters[kBox + 2 + axis] = std::log(std::max(box[axis + 2] - box[axis], kSmallestSide) / scale);
    }
}

void FaceTemplate::recompose(const double* parameters, double* points, double* box) const {
    const double scale = std::exp(parameters[kScale]);
    const Complex turn{scale * std::cos(parameters[kRotation]), scale * std::sin(parameters[kRotation])};
    for (int point = 0; point < kFive; ++point) {
        const Complex place = times(point_of(parameters + kShape, point) + canonical_[point], turn);
        points[2 * point] = place.real() + parameters[0];
        points[2 * point + 1] = place.imag() + parameters[1];
    }
    for (int axis = 0; axis < 2; ++axis) {
        const double middle = parameters[kBox + axis] * scale + parameters[axis];
        const double half = 0.5 * std::exp(parameters[kBox + 2 + axis]) * scale;
        box[axis] = middle - half;
        box[axis + 2] = middle + half;
    }
}

void FaceTemplate::repair(double* points, const std::uint8_t* trusted, const double* shape) const {
    std::array<Complex, kFive> model;
    Complex from = 0, to = 0, turn = 0;
    double spread = 0, count = 0;
    for (int point = 0; point < kFive; ++point) {
        model[point] = canonical_[point] + point_of(shape, point);
        if (trusted[point]) {
            from += model[point];
            to += point_of(points, point);
            ++count;
        }
    }
    from /= count;
    to /= count;
    for (int point = 0; point < kFive; ++point) {
        if (trusted[point]) {
            turn += times(std::conj(model[point] - from), point_of(points, point));
            spread += std::norm(model[point] - from);
        }
    }
    turn /= spread;
    for (int point = 0; point < kFive; ++point) {
        if (!trusted[point]) {
            const Complex place = times(model[point] - from, turn) + to;
            points[2 * point] = place.real();
            points[2 * point + 1] = place.imag();
        }
    }
}

double FaceTemplate::warp_square(const double* shape) const {
    Complex warp = 0;
    for (int point = 0; point < kFive; ++point) {
        warp += point_of(shape, point) * warp_[point];
    }
    return 0.5 * std::norm(warp);
}

} // namespace trtswap::smoothing
