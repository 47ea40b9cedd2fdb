#include "smoothing/signal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trtswap::smoothing {

namespace {

constexpr double kLeastDeviation = 1e-6; // of the largest number, is never an outlier

Groups one_group(int dimensions) { return Groups(std::vector<int>(dimensions, 0)); }

} // namespace

SignalSmoother::SignalSmoother(int dimensions, int lag_frames, double frame_rate)
    : Delayed(LocalFit(lag_frames, frame_rate, one_group(dimensions),
                       std::make_unique<PlainNoise>(one_group(dimensions)), LocalFit::kNoAngle, 1, kLeaning)),
      dimensions_(dimensions) {}

std::optional<SignalSmoother::Values> SignalSmoother::push(const std::int64_t* ids, int count,
                                                           const double* values, const double* weights,
                                                           double time_s) {
    std::vector<double> samples;
    samples.reserve(static_cast<std::size_t>(count) * (dimensions_ + 1));
    for (int row = 0; row < count; ++row) { // the window keeps each weight as given behind the numbers
        const double* numbers = values + static_cast<std::ptrdiff_t>(row) * dimensions_;
        samples.insert(samples.end(), numbers, numbers + dimensions_);
        samples.push_back(weights[row]);
    }
    return advance(ids, count, samples, weights, time_s);
}

SignalSmoother::Values SignalSmoother::finish(const Waiting& frame) {
    Values values(frame.slots.size() * dimensions_);
    for (std::size_t row = 0; row < frame.slots.size(); ++row) {
        fit_.estimate(frame.slots[row], values.data() + row * dimensions_, nullptr);
    }
    return values;
}

// Takes the weight of outliers among the last three frames, and gives it back to those that proved true.
void SignalSmoother::revise(const std::vector<int>& fresh) {
    TrackWindow& window = fit_.window();
    const int length = window.length(), width = window.dimensions(), first = length - kNeeded;
    std::vector<Recent> recent;
    recent.reserve(window.slot_count());
    for (int slot = 0; slot < window.slot_count(); ++slot) {
        const double* values = window.values(slot) + static_cast<std::ptrdiff_t>(first) * width;
        double largest = 0, least = std::numeric_limits<double>::infinity();
        for (int frame = 0; frame < kNeeded; ++frame) {
            const double* sample = values + static_cast<std::ptrdiff_t>(frame) * width;
            for (int d = 0; d < dimensions_; ++d) {
                largest = std::max(largest, std::abs(sample[d]));
            }
            least = std::min(least, sample[dimensions_]);
        }
        recent.push_back({values, width, 1, dimensions_, window.present(slot) + first,
                          window.times_s() + first, least >= kMeasured,
                          kLeastDeviation * largest + std::numeric_limits<double>::min(),
                          std::numeric_limits<double>::infinity()});
    }
    const auto trusted = guard_.judge(recent, fresh, fit_.refresh());
    for (int slot = 0; slot < window.slot_count(); ++slot) {
        for (int frame = 0; frame < kJudged; ++frame) {
            const int place = length - kJudged + frame;
            const double given =
                window.values(slot)[static_cast<std::ptrdiff_t>(place) * width + dimensions_];
            window.weights(slot)[place] = trusted[slot][frame] ? given : 0.0;
        }
    }
}

} // namespace trtswap::smoothing
