// Robust scales of tracks: medians over the last samples.
#pragma once

#include <array>
#include <vector>

namespace trtswap::smoothing {

// Medians per slot and kind over the last `kHistory` samples; of fewer than five they are infinite, as all kinds of a
// missing sample are. Medians of many samples hardly change from one to the next, and are taken when `refresh` says so.
class ScaleHistory {
public:
    static constexpr int kHistory = 64; // frames over which noise is estimated

    explicit ScaleHistory(int kinds) : kinds_(kinds) {}

    void reset();
    // Adds samples [slots, kinds] of all slots; gives those whose medians may have changed. fresh: slots that begin a new
    // track and forget what was there.
    std::vector<int> push(const std::vector<double>& samples, const std::vector<int>& fresh, bool refresh);

    const double* medians(int slot) const { return slots_[slot].medians.data(); }
    int count(int slot) const { return slots_[slot].count; }

private:
    struct Slot {
        std::vector<std::array<double, kHistory>> samples; // of each kind
        std::vector<double> medians;
        int age = 0, count = 0;
    };

    Slot blank() const;
    void measure(Slot& slot) const;

    int kinds_;
    int next_ = 0;
    std::vector<Slot> slots_;
};

} // namespace trtswap::smoothing
