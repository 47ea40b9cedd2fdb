// Angles in radians that wrap.
#pragma once

#include <cmath>

namespace trtswap::smoothing {

constexpr double kTurn = 6.283185307179586;

// What to take off an angle to bring it within half a turn.
inline double whole_turns(double angle) { return kTurn * std::nearbyint(angle / kTurn); }

inline double wrapped(double angle) { return angle - whole_turns(angle); }

} // namespace trtswap::smoothing
