#include "smoothing/history.hpp"

#include <algorithm>
#include <limits>

namespace trtswap::smoothing {

namespace {

constexpr int kLeastSamples = 5;
constexpr double kUnknown = std::numeric_limits<double>::infinity();

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
            slot.samples[kind][next_] = sample < kUnknown ? sample : kUnknown; // not a number is none
        }
        if (slot.samples[0][next_] < kUnknown) {
            ++slot.age;
            if (refresh || slot.age <= kHistory / 2) {
                measure(slot);
                due.push_back(static_cast<int>(number));
            }
        }
    }
    next_ = (next_ + 1) % kHistory;
    return due;
}

ScaleHistory::Slot ScaleHistory::blank() const {
    Slot slot;
    slot.samples.resize(kinds_);
    for (auto& kind : slot.samples) {
        kind.fill(kUnknown);
    }
    slot.medians.assign(kinds_, kUnknown);
    return slot;
}

void ScaleHistory::measure(Slot& slot) const {
    const auto& first = slot.samples[0];
    slot.count =
        static_cast<int>(std::count_if(first.begin(), first.end(), [](double s) { return s < kUnknown; }));
    for (int kind = 0; kind < kinds_; ++kind) {
        if (slot.count < kLeastSamples) {
            slot.medians[kind] = kUnknown;
            continue;
        }
        std::array<double, kHistory> ordered = slot.samples[kind];
        const auto middle = ordered.begin() + (slot.count - 1) / 2;
        std::nth_element(ordered.begin(), middle, ordered.end());
        slot.medians[kind] = *middle;
    }
}

} // namespace trtswap::smoothing
