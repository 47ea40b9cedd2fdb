#include "smoothing/rest.hpp"

#include <algorithm>
#include <cmath>

#include "smoothing/angles.hpp"

namespace trtswap::smoothing {

namespace {

// In deviations of the white noise of a sample: a face is held as firmly as can be while it drifts by less than the first
// within half a window and is less far from where it is held, and not at all once it does either by the second.
constexpr double HELD_BELOW = 0.7, FREE_FROM = 3.3;
constexpr double GAIN = 2.5; // over the frames of half a window: what each low pass makes up in a frame
constexpr int PLACEMENT = 3; // groups: a face rests where position, scale and rotation do; its shape may move all the same
constexpr int HELD_GROUPS = 4;

using Moved = std::array<double, HELD_GROUPS>;

} // namespace

Rest::Rest(int lag_frames) : gain_(std::min(GAIN / lag_frames, 1.0)), groups_(face_groups()) {}

void Rest::hold(const std::int64_t* ids, int count, double* parameters, const double* drift,
                const double* noise) {
    std::vector<Track> held;
    held.reserve(count);
    for (int row = 0; row < count; ++row) {
        double* goal = parameters + static_cast<std::ptrdiff_t>(row) * PARAMETERS;
        const auto known = std::find_if(tracks_.begin(), tracks_.end(),
                                        [&](const Track& track) { return track.id == ids[row]; });
        if (known != tracks_.end()) {
            held.push_back(*known);
        } else {
            Track begun{ids[row], {}, {}};
            std::copy_n(goal, HELD, begun.slow.begin());
            begun.shown = begun.slow;
            held.push_back(begun);
        }
        follow(held.back(), goal, drift + static_cast<std::ptrdiff_t>(row) * PARAMETERS,
               noise + static_cast<std::ptrdiff_t>(row) * FACE_GROUPS);
    }
    tracks_ = std::move(held);
}

void Rest::follow(Track& track, double* goal, const double* drift, const double* noise) const {
    const double turns = whole_turns(goal[ROTATION] - track.shown[ROTATION]); // angles less than half a turn apart
    track.slow[ROTATION] += turns;
    track.shown[ROTATION] += turns;
    Moved moved{}, away{};
    for (int d = 0; d < HELD; ++d) {
        const double off = goal[d] - track.shown[d];
        moved[groups_.group_of[d]] += drift[d] * drift[d];
        away[groups_.group_of[d]] += off * off;
    }
    for (int group = 0; group < HELD_GROUPS; ++group) {
        const double unit = noise[group] * groups_.sizes[group] * (group == 0 ? std::exp(2 * goal[SCALE]) : 1.0);
        moved[group] = moved[group] / unit;
        away[group] = away[group] / unit;
    }
    if (*std::max_element(moved.begin(), moved.begin() + PLACEMENT) >= FREE_FROM * FREE_FROM) {
        std::copy_n(goal, HELD, track.slow.begin()); // as most faces do most of the time
        track.shown = track.slow;
        return;
    }
    for (int group = 0; group < HELD_GROUPS; ++group) {
        moved[group] = std::max(moved[group], away[group]);
    }
    const double placement = *std::max_element(moved.begin(), moved.begin() + PLACEMENT);
    Moved gain{};
    for (int group = 0; group < HELD_GROUPS; ++group) {
        const double deviations = std::sqrt(std::max(moved[group], placement));
        const double free =
            std::min(std::max(deviations - HELD_BELOW, 0.0) / (FREE_FROM - HELD_BELOW), 1.0);
        gain[group] = gain_ + (1 - gain_) * free * free * (3 - 2 * free);
    }
    for (int d = 0; d < HELD; ++d) {
        const double share = gain[groups_.group_of[d]];
        track.slow[d] += share * (goal[d] - track.slow[d]);
        track.shown[d] += share * (track.slow[d] - track.shown[d]);
        goal[d] = track.shown[d];
    }
}

} // namespace trtswap::smoothing
