// How alike two small pictures are, pixel by pixel: the arithmetic behind trtswap/stages/scene_match.py.
//
// Pictures are float32, row by row; beyond a border they go on mirrored about its last pixel.
#pragma once

#include <cstdint>

namespace trtswap {

constexpr int kWindow = 7; // pixels wide and high, in which pictures are compared

struct Size {
    int width, height; // each above any radius used

    int pixels() const { return width * height; }
};

// A picture after smoothing, with its statistics in windows.
struct LookView {
    const float* luma;
    const float* mean;
    const float* variance;
};

// A plane made half as wide and high, by the mean of 2 x 2 pixels. size: of the small one.
void halve(const float* plane, Size size, float* small);

// The luma (ITU-R BT.601) of three planes, 0..255, and the largest of each row and of each column. Returns the mean.
double luma_of(const float* planes, Size size, float* luma, float* row_maxima, float* column_maxima);

// Gaussian smoothing with so many pixels to either side, sigma in pixels.
void smooth(const float* picture, Size size, int radius, double sigma, float* smoothed);

// Mean and variance in windows. Returns the mean standard deviation.
double statistics_of(const float* luma, Size size, float* mean, float* variance);

// How the normalised correlation of two pictures in windows is turned into a share of what is found again.
struct Likeness {
    double error;   // variance of noise, added to that of either
    double texture; // variance of the second one at which a pixel has half its weight
    double lost, found;
};

// Sums over the pixels: of the weights, of those below `burnt` in both, and of these times what is found.
struct Score {
    double weight, left, found;
};

// inside: weights to multiply with, or null.
Score score_of(const LookView& x, const LookView& y, Size size, const Likeness& likeness, const float* inside,
               float burnt);

// Detail alone, evened out about 128: for finding motion.
void even_out(const LookView& look, Size size, float error, std::uint8_t* even);

// How x may lie over y: a pixel of y is found in x at its own place and `x`, `y` and its flow farther.
struct Motion {
    const float* flow; // pairs x, y
    int x, y;
    float stray; // a flow that goes farther, along either axis, finds nothing
};

// The sums of `score_of` with x's luma moved onto y first. found, seen: the best of each pixel over several motions,
// and 1 where one of them lies inside x; both begin at 0 and are added to.
Score score_moved(const float* luma, const LookView& y, Size size, const Likeness& likeness,
                  const Motion& motion, const float* inside, float burnt, float* found, float* seen);

} // namespace trtswap
