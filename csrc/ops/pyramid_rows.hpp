// The host's pyramids: one plane of floats per channel, whole rows at a time.
#pragma once

#include "ops/pyramid.hpp"

namespace trtswap {

// A pyramid of one channel: levels behind one another, as in PyramidShape.
void pyramid_down(const PyramidShape& shape, float* planes);

// One blend in planes: `channels` differences, then the mask, then for the levels from 1 as many results and the
// impurity. Every plane has shape.elements floats.
struct BlendPlanes {
    PyramidShape shape;
    int channels;
    float* base;
    bool
        membrane; // the other sums; the mask's plane says what lies on the line, the impurities are those of s

    float* difference(int k) const { return base + static_cast<std::size_t>(k) * shape.elements; }
    float* mask() const { return difference(channels); }
    float* result(int k) const { return difference(channels + 1 + k); }
    float* impurity() const { return result(channels); }
    static std::size_t floats(const PyramidShape& shape, int channels) {
        return static_cast<std::size_t>(2 * channels + 2) * shape.elements;
    }
};

// Builds the pyramids of differences and mask from their finest level, then the results down to level 1.
void collapse_to_level_1(const BlendPlanes& planes);

constexpr int kMostRowChannels = 4;

// Row y of the finest level: `results` gets channels rows of r[0], then the row of the impurity. `scratch` has room for
// two coarse rows.
void collapse_row(const BlendPlanes& planes, int y, float* const* results, float* scratch);

} // namespace trtswap
