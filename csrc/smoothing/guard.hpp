// Outliers of sampled tracks: agreement with neighbours.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "smoothing/history.hpp"

namespace trtswap::smoothing {

constexpr int kNeeded = 5; // frames that are looked at
constexpr int kJudged = 3; // of them, the last

// The last five frames of one track: `point_count` points of `width` numbers at `points` + frame * stride.
struct Recent {
    const double* points;
    int stride;
    int point_count, width;
    const std::uint8_t* present; // [5]
    const double* times_s;       // [5]
    bool measured;               // all five are measurements, and so tell what disagreement is usual
    // Disagreements that are trusted always, and those that are while it is unknown what is usual.
    double trusted_below, trusted_at_start;
};

// How far the last three of five samples lie from what their neighbours say: [kJudged, point_count], in units of the
// points. The distance to the two frames before (staying or moving evenly) or to the two after, whichever is less; 0 where
// neither side is known. Of the first frames of a track only what follows is known, and can only be carried back to them
// by extrapolation: there it counts three times less. A sample that starts a step agrees with what follows; a sample alone,
// or two, with nothing.
std::vector<double> disagreement(const Recent& recent);

// How far the third and fourth of five samples lie from about the middle between their neighbours: [2, point_count],
// infinite where one of these is missing.
std::vector<double> midway(const Recent& recent);

// Tells samples that agree neither with the frames before nor with those after, nor lie between them. A sample is judged
// when it arrives, by the frames before it alone, and again when each of the next two arrives.
class Guard {
public:
    void reset() { typical_.reset(); }
    // Which of the last three frames' points to trust, for each slot: [kJudged, point_count]. fresh, refresh: as of
    // `ScaleHistory`.
    std::vector<std::vector<std::uint8_t>> judge(const std::vector<Recent>& slots,
                                                 const std::vector<int>& fresh, bool refresh);

private:
    ScaleHistory typical_{1};
};

} // namespace trtswap::smoothing
