#include "smoothing/history.hpp"

#include <algorithm>
#include <limits>

namespace trtswap::smoothing {

namespace {

constexpr int LEAST_SAMPLES = 5;
constexpr double UNKNOWN = std::numeric_limits<double>::infinity();

} // namespace

void ScaleHistory::reset() {
    slots_.clear();
    next_ = 0;
}

std::vector<int> ScaleHistory::push(const std::vector<double>& samples, const std::vector<int>& fresh,
                                    bool refresh) {
    const std::size_t count = samples.size() / kinds_;
    while (slots_.size() < count) {
        slots_.push_back(blank());
    }
    std::vector<int> due = fresh;
    for (const int slot : fresh) {
        slots_[slot] = blank();
    }
    for (std::size_t number = 0; number < count; ++number) {
        Slot& slot = slots_[number];
        for (int kind = 0; kind < kinds_; ++kind) {
            const double sample = samples[number * kinds_ + kind];
            slot.samples[kind][next_] = sample < UNKNOWN ? sample : UNKNOWN; // not a number is none
        }
        if (slot.samples[0][next_] < UNKNOWN) {
            ++slot.age;
            if (refresh || slot.age <= HISTORY / 2) {
                measure(slot);
                due.push_back(static_cast<int>(number));
            }
        }
    }
    next_ = (next_ + 1) % HISTORY;
    return due;
}

ScaleHistory::Slot ScaleHistory::blank() const {
    Slot slot;
    slot.samples.resize(kinds_);
    for (auto& kind : slot.samples) {
        kind.fill(UNKNOWN);
    }
    slot.medians.assign(kinds_, UNKNOWN);
    return slot;
}

void ScaleHistory::measure(Slot& slot) const {
    const auto& first = slot.samples[0];
    slot.count =
        static_cast<int>(std::count_if(first.begin(), first.end(), [](double s) { return s < UNKNOWN; }));
    for (int kind = 0; kind < kinds_; ++kind) {
        if (slot.count < LEAST_SAMPLES) {
            slot.medians[kind] = UNKNOWN;
            continue;
        }
        std::array<double, HISTORY> ordered = slot.samples[kind];
        const auto middle = ordered.begin() + (slot.count - 1) / 2;
        std::nth_element(ordered.begin(), middle, ordered.end());
        slot.medians[kind] = *middle;
    }
}

} // namespace trtswap::smoothing
