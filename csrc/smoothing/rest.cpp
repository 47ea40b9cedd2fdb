#include "smoothing/rest.hpp"

#include <algorithm>
#include <cmath>

#include "smoothing/angles.hpp"

namespace trtswap::smoothing {

namespace {

// In deviations of the white noise of a sample: a face is held as firmly as can be while it drifts by less than the first
// within half a window and is less far from where it is held, and not at all once it does either by the second.
constexpr double kHeldBelow = 0.7, kFreeFrom = 3.3;
constexpr double kGain = 2.5; // over the frames of half a window: what each low pass makes up in a frame
// Groups: a face rests where position, scale and rotation do; its shape may move all the same.
constexpr int kPlacement = 3;
constexpr int kHeldGroups = 4;

using Moved = std::array<double, kHeldGroups>;

} // namespace

Rest::Rest(int lag_frames) : gain_(std::min(kGain / lag_frames, 1.0)), groups_(face_groups()) {}

void Rest::hold(const std::int64_t* ids, int count, double* parameters, const double* drift,
                const double* noise) {
    std::vector<Track> held;
    held.reserve(count);
    for (int row = 0; row < count; ++row) {
        double* goal = parameters + static_cast<std::ptrdiff_t>(row) * kParameters;
        const auto known = std::find_if(tracks_.begin(), tracks_.end(),
                                        [&](const Track& track) { return track.id == ids[row]; });
        if (known != tracks_.end()) {
            held.push_back(*known);
        } else {
            Track begun{ids[row], {}, {}};
            std::copy_n(goal, kHeld, begun.slow.begin());
            begun.shown = begun.slow;
            held.push_back(begun);
        }
        follow(held.back(), goal, drift + static_cast<std::ptrdiff_t>(row) * kParameters,
               noise + static_cast<std::ptrdiff_t>(row) * kFaceGroups);
    }
    tracks_ = std::move(held);
}

void Rest::follow(Track& track, double* goal, const double* drift, const double* noise) const {
    // Angles less than half a turn apart.
    const double turns = whole_turns(goal[kRotation] - track.shown[kRotation]);
    track.slow[kRotation] += turns;
    track.shown[kRotation] += turns;
    Moved moved{}, away{};
    for (int d = 0; d < kHeld; ++d) {
        const double off = goal[d] - track.shown[d];
        moved[groups_.group_of[d]] += drift[d] * drift[d];
        away[groups_.group_of[d]] += off * off;
    }
    for (int group = 0; group < kHeldGroups; ++group) {
        const double unit =
            noise[group] * groups_.sizes[group] * (group == 0 ? std::exp(2 * goal[kScale]) : 1.0);
        moved[group] = moved[group] / unit;
        away[group] = away[group] / unit;
    }
    if (*std::max_element(moved.begin(), moved.begin() + kPlacement) >= kFreeFrom * kFreeFrom) {
        std::copy_n(goal, kHeld, track.slow.begin()); // as most faces do most of the time
        track.shown = track.slow;
        return;
    }
    for (int group = 0; group < kHeldGroups; ++group) {
        moved[group] = std::max(moved[group], away[group]);
    }
    const double placement = *std::max_element(moved.begin(), moved.begin() + kPlacement);
    Moved gain{};
    for (int group = 0; group < kHeldGroups; ++group) {
        const double deviations = std::sqrt(std::max(moved[group], placement));
        const double free = std::min(std::max(deviations - kHeldBelow, 0.0) / (kFreeFrom - kHeldBelow), 1.0);
        gain[group] = gain_ + (1 - gain_) * free * free * (3 - 2 * free);
    }
    for (int d = 0; d < kHeld; ++d) {
        const double share = gain[groups_.group_of[d]];
        track.slow[d] += share * (goal[d] - track.slow[d]);
        track.shown[d] += share * (track.slow[d] - track.shown[d]);
        goal[d] = track.shown[d];
    }
}

} // namespace trtswap::smoothing
