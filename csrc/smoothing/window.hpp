// The last frames of every track, in order of time.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace trtswap::smoothing {

// Values of all tracks over the last `length` frames. A track keeps its slot while any frame of the window shows it;
// memory grows with the tracks seen within a window, never with frames.
class TrackWindow {
public:
    struct Pushed {
        std::vector<int> slots; // of the ids, in their order
        std::vector<int> fresh; // those that begin a new track
    };

    TrackWindow(int length, int dimensions);

    void reset();
    // Adds a frame of `count` tracks: ids, values [count, dimensions], and how much each sample counts.
    Pushed push(const std::int64_t* ids, int count, const double* values, const double* weights,
                double time_s);

    int length() const { return length_; }
    int dimensions() const { return dimensions_; }
    int slot_count() const { return static_cast<int>(slots_.size()); }
    const double* times_s() const { return times_.data() + begin(); }

    // Of one slot, oldest frame first: values [length, dimensions]; weights [length], 0 where absent; present [length].
    double* values(int slot) { return slots_[slot].values.data() + begin() * dimensions_; }
    double* weights(int slot) { return slots_[slot].weights.data() + begin(); }
    const std::uint8_t* present(int slot) const { return slots_[slot].present.data() + begin(); }

private:
    struct Slot {
        std::int64_t track = 0;
        bool used = false;
        long long last_frame = 0; // that showed the track
        std::vector<double> values, weights;
        std::vector<std::uint8_t> present;
    };

    std::size_t begin() const { return static_cast<std::size_t>(end_ - length_); }
    void advance(double time_s);
    void release();
    int allocate(std::int64_t track);

    int length_, dimensions_, capacity_;
    int end_ = 0;
    long long frame_ = 0;
    std::vector<double> times_;
    std::vector<Slot> slots_;
    std::unordered_map<std::int64_t, int> slot_of_;
};

} // namespace trtswap::smoothing
