// Local polynomial regression over a window, as rows of weights, and the choice between bandwidths.
//
// Every estimate is linear in the samples: a row of weights times the window. Rows are made for a ladder of bandwidths,
// from the sample alone to a parabola over the whole window; the choice climbs it as long as the samples lie about the
// wider fit as the noise lets them. The choice is gradual, so that it does not jitter itself (stagewise aggregation after
// Belomestny and Spokoiny, Annals of Statistics 35, 2007).
#pragma once

#include <array>
#include <vector>

namespace trtswap::smoothing {

// Samples of less weight say nothing about noise: they were filled in, or are doubted.
constexpr double kMeasured = 0.5;
constexpr int kLevels = 4; // bandwidths, narrow to wide: two of lines, two of parabolas
constexpr int kWider = kLevels - 1;
// Of numbers about which nothing is known, in squared units of the widest bandwidth.
constexpr double kLeaning = 4.0;

// half_widths: in frames, samples as far away count 0. leaning: how far one-sided windows lean from parabolas to lines.
struct Ladder {
    Ladder(int lag_frames, double leaning);

    std::array<double, kLevels> half_widths;
    double leaning;

    // What a wider fit (0 to kWider) of a group of so many dimensions may leave, in variances of white noise.
    double strictness(int level, int size) const;
};

// What is made of the weights of one window of W samples. Mean squared residuals are quadratic forms: best small.
struct Fits {
    int length;
    std::vector<double> rows;    // [kLevels, W], each sums to one
    std::vector<double> slope;   // [W]: gives the drift within half a window of samples whose mean is 0
    std::vector<double> kernels; // [kWider, W]: how much each sample counts for residuals
    // [3 kWider + 1, W]: what of the samples the fits take up; last what a cubic would besides at the widest.
    std::vector<double> basis;
    double spare; // by how much fewer degrees of freedom make the cubic's residual larger

    // Of values [W, D], the estimate [D] of one level.
    void estimate(int level, const double* values, int dimensions, double* result) const;
    // The variance [D] of what a wider fit (0 to kWider) leaves; white noise gives its variance.
    void mean_squares(int level, const double* values, int dimensions, double* left) const;
    // The same of the widest, and of a cubic there.
    void widest(const double* values, int dimensions, double* left, double* smooth) const;
    // How far the samples [W, D], whose estimate is `result`, drift about it within half a window.
    void drift(const double* values, int dimensions, const double* result, double* drift) const;
};

// distances: [W], how far each sample is from the centre in frames. offsets: [W], signed and in units of the widest
// bandwidth. weights: [W], how much each sample counts; 0 leaves it out. A bandwidth in which nothing counts takes the next
// wider one; where nothing counts at all, the centre sample. Samples of little weight do not tell how well a fit fits, nor
// does such a one stand for itself alone.
Fits fit(const Ladder& ladder, const std::vector<double>& distances, const std::vector<double>& offsets,
         const double* weights);

// How far each wider fit is trusted, 0 to 1, in place of its mean squared residuals, in what is allowed: [kWider, groups].
// share: [groups], how much of what third differences tell is noise.
void gates(std::vector<double>& excess, const std::vector<double>& share);

} // namespace trtswap::smoothing
