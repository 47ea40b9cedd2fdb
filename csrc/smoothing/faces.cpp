#include "smoothing/faces.hpp"

#include <algorithm>
#include <cmath>

namespace trtswap::smoothing {

namespace {

// What the window keeps of each face behind its parameters: points and box as they were seen, and the weight.
constexpr int kPoints = kParameters, kCorners = kPoints + 2 * kFive, kWeight = kCorners + 4, kExtras = 15;

constexpr double kRepairedWeight = 0.5;
// Eye distances: points this near to what their neighbours say are no outliers.
constexpr double kLeastDeviation = 0.01;
constexpr double kLeaningOfFaces = 0.02; // heads move, and where a line does not follow, nothing is smoothed
constexpr double kAtStart = 100.0;
constexpr int kTrustedPoints = 3;

} // namespace

FaceSmoother::FaceSmoother(const FaceTemplate& face, int lag_frames, double frame_rate)
    : Delayed(LocalFit(lag_frames, frame_rate, face_groups(), std::make_unique<PointNoise>(face), kRotation,
                       kExtras, kLeaningOfFaces)),
      face_(face), rest_(lag_frames) {}

std::optional<PlacedFaces> FaceSmoother::push(const std::int64_t* ids, int count, const double* points,
                                              const double* boxes, const double* weights, double time_s) {
    const int width = kParameters + kExtras;
    std::vector<double> samples(static_cast<std::size_t>(count) * width);
    for (int row = 0; row < count; ++row) {
        double* sample = samples.data() + static_cast<std::ptrdiff_t>(row) * width;
        const double* five = points + static_cast<std::ptrdiff_t>(row) * 2 * kFive;
        const double* box = boxes + static_cast<std::ptrdiff_t>(row) * 4;
        face_.decompose(five, box, sample);
        std::copy_n(five, 2 * kFive, sample + kPoints);
        std::copy_n(box, 4, sample + kCorners);
        sample[kWeight] = weights[row];
    }
    return advance(ids, count, samples, weights, time_s);
}

PlacedFaces FaceSmoother::finish(const Waiting& frame) {
    const std::size_t count = frame.slots.size();
    PlacedFaces placed{std::vector<double>(count * 2 * kFive), std::vector<double>(count * 4)};
    if (count == 0) {
        return placed;
    }
    std::vector<double> estimates(count * kParameters), drift(count * kParameters), noise;
    for (std::size_t row = 0; row < count; ++row) {
        const int slot = frame.slots[row];
        fit_.estimate(slot, estimates.data() + row * kParameters, drift.data() + row * kParameters);
        noise.insert(noise.end(), fit_.white(slot).begin(), fit_.white(slot).end());
    }
    rest_.hold(frame.ids.data(), static_cast<int>(count), estimates.data(), drift.data(), noise.data());
    for (std::size_t row = 0; row < count; ++row) {
        face_.recompose(estimates.data() + row * kParameters, placed.points.data() + row * 2 * kFive,
                        placed.boxes.data() + row * 4);
    }
    return placed;
}

void FaceSmoother::revise(const std::vector<int>& fresh) {
    TrackWindow& window = fit_.window();
    const int length = window.length(), width = window.dimensions(), first = length - kNeeded;
    std::vector<Recent> recent;
    recent.reserve(window.slot_count());
    for (int slot = 0; slot < window.slot_count(); ++slot) {
        const double* values = window.values(slot) + static_cast<std::ptrdiff_t>(first) * width;
        const std::uint8_t* present = window.present(slot) + first;
        double scale = 0, shown = 0, least = values[kWeight];
        for (int frame = 0; frame < kNeeded; ++frame) {
            const double* sample = values + static_cast<std::ptrdiff_t>(frame) * width;
            scale += present[frame] ? sample[kScale] : 0.0;
            shown += present[frame];
            least = std::min(least, sample[kWeight]);
        }
        const double floor = kLeastDeviation * std::exp(scale / std::max(shown, 1.0)) * face_.eyes();
        recent.push_back({values + kPoints, width, kFive, 2, present, window.times_s() + first,
                          least >= kMeasured, floor, kAtStart * floor});
    }
    const auto trusted = guard_.judge(recent, fresh, fit_.refresh());
    for (int slot = 0; slot < window.slot_count(); ++slot) {
        for (int frame = 0; frame < kJudged; ++frame) {
            const int place = length - kJudged + frame;
            const std::uint8_t* points = trusted[slot].data() + static_cast<std::ptrdiff_t>(frame) * kFive;
            const double given = window.values(slot)[static_cast<std::ptrdiff_t>(place) * width + kWeight];
            if (window.weights(slot)[place] != given || std::count(points, points + kFive, 0) > 0) {
                correct(slot, place, points);
            }
        }
    }
}

// Sets the weight and the parameters of one sample by which of its points are trusted.
void FaceSmoother::correct(int slot, int frame, const std::uint8_t* trusted) {
    TrackWindow& window = fit_.window();
    const int width = window.dimensions();
    double* weights = window.weights(slot);
    double* values = window.values(slot);
    double* sample = values + static_cast<std::ptrdiff_t>(frame) * width;
    const auto count = kFive - std::count(trusted, trusted + kFive, 0);
    weights[frame] = 0.0;
    if (count < kTrustedPoints) {
        return;
    }
    std::array<double, 2 * kFive> points{};
    std::copy_n(sample + kPoints, 2 * kFive, points.begin());
    if (count < kFive) {
        std::array<double, 2 * kFive> shape{}; // the mean of the window's
        double total = 0;
        for (int other = 0; other < window.length(); ++other) {
            total += weights[other];
            for (int d = 0; d < 2 * kFive; ++d) {
                shape[d] += weights[other] * values[static_cast<std::ptrdiff_t>(other) * width + kShape + d];
            }
        }
        for (double& residual : shape) {
            residual = total > 0 ? residual / total : 0.0;
        }
        face_.repair(points.data(), trusted, shape.data());
    }
    face_.decompose(points.data(), sample + kCorners, sample);
    weights[frame] = sample[kWeight] * (count == kFive ? 1.0 : kRepairedWeight);
}

} // namespace trtswap::smoothing
