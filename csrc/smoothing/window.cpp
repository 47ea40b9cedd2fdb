#include "smoothing/window.hpp"

#include <algorithm>

namespace trtswap::smoothing {

namespace {

constexpr int kWindowsHeld = 4; // so that frames are moved to the front once in three windows

template <class T> void to_front(std::vector<T>& array, int end, int length, int width) {
    std::copy(array.begin() + static_cast<std::ptrdiff_t>(end - length) * width,
              array.begin() + static_cast<std::ptrdiff_t>(end) * width, array.begin());
}

} // namespace

TrackWindow::TrackWindow(int length, int dimensions)
    : length_(length), dimensions_(dimensions), capacity_(kWindowsHeld * length) {
    reset();
}

void TrackWindow::reset() {
    frame_ = 0;
    end_ = length_;
    times_.assign(capacity_, 0.0);
    slots_.clear();
    slot_of_.clear();
}

TrackWindow::Pushed TrackWindow::push(const std::int64_t* ids, int count, const double* values,
                                      const double* weights, double time_s) {
    advance(time_s);
    release();
    Pushed pushed;
    pushed.slots.reserve(count);
    const std::size_t newest = end_ - 1;
    for (int row = 0; row < count; ++row) {
        const auto found = slot_of_.find(ids[row]);
        const int number = found == slot_of_.end() ? allocate(ids[row]) : found->second;
        if (found == slot_of_.end()) {
            pushed.fresh.push_back(number);
        }
        Slot& slot = slots_[number];
        slot.last_frame = frame_;
        std::copy_n(values + static_cast<std::ptrdiff_t>(row) * dimensions_, dimensions_,
                    slot.values.begin() + static_cast<std::ptrdiff_t>(newest) * dimensions_);
        slot.weights[newest] = weights[row];
        slot.present[newest] = 1;
        pushed.slots.push_back(number);
    }
    return pushed;
}

void TrackWindow::advance(double time_s) {
    if (end_ == capacity_) {
        to_front(times_, end_, length_, 1);
        for (Slot& slot : slots_) {
            to_front(slot.values, end_, length_, dimensions_);
            to_front(slot.weights, end_, length_, 1);
            to_front(slot.present, end_, length_, 1);
        }
        end_ = length_;
    }
    if (frame_ == 0) { // the frames before the first are a second apart
        for (int back = 0; back < end_; ++back) {
            times_[back] = time_s - (end_ - back);
        }
    }
    ++frame_;
    times_[end_] = time_s;
    for (Slot& slot : slots_) {
        std::fill_n(slot.values.begin() + static_cast<std::ptrdiff_t>(end_) * dimensions_, dimensions_, 0.0);
        slot.weights[end_] = 0;
        slot.present[end_] = 0;
    }
    ++end_;
}

void TrackWindow::release() {
    for (Slot& slot : slots_) {
        if (slot.used && slot.last_frame <= frame_ - length_) {
            slot_of_.erase(slot.track);
            slot.used = false;
        }
    }
}

int TrackWindow::allocate(std::int64_t track) {
    const auto free = std::find_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return !slot.used; });
    const int number = static_cast<int>(free - slots_.begin());
    if (free == slots_.end()) {
        slots_.emplace_back();
    }
    Slot& slot = slots_[number];
    slot.track = track;
    slot.used = true;
    slot.values.assign(static_cast<std::size_t>(capacity_) * dimensions_, 0.0);
    slot.weights.assign(capacity_, 0.0);
    slot.present.assign(capacity_, 0);
    slot_of_[track] = number;
    return number;
}

} // namespace trtswap::smoothing
