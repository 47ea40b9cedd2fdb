#include "smoothing/local_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "smoothing/angles.hpp"

namespace trtswap::smoothing {

namespace {

constexpr double kLeastStep = 1e-2; // frames
constexpr double kQuarter = kTurn / 4;
constexpr int kOrder = 4;    // samples of a third difference
constexpr int kSearched = 8; // frames in which they are looked for
// Every so many frames, by their time stamps, scales are measured again: of all tracks.
constexpr int kStride = 8;
constexpr double kSameFrames = 1e-8;
constexpr std::size_t kMostKept = 100; // fits of windows: some kilobytes each
constexpr double kRounding = 1e-20;
constexpr double kUnknown = std::numeric_limits<double>::infinity();

// The weights of the divided difference over four times, at length 1: they cancel parabolas and turn white noise of
// deviation s into a number of deviation s.
std::array<double, kOrder> difference_weights(const std::array<double, kOrder>& times_s) {
    std::array<double, kOrder> weights{};
    double scale = 1.0, length = 0;
    for (const double a : times_s) {
        for (const double b : times_s) {
            scale = std::max(scale, std::abs(a - b));
        }
    }
    for (int i = 0; i < kOrder; ++i) {
        double product = 1.0;
        for (int j = 0; j < kOrder; ++j) {
            product *= (i == j ? 1.0 : times_s[i] - times_s[j]) / scale;
        }
        weights[i] = 1 / product;
        length += weights[i] * weights[i];
    }
    for (double& weight : weights) {
        weight /= std::sqrt(length);
    }
    return weights;
}

} // namespace

LocalFit::LocalFit(int lag_frames, double frame_rate, Groups groups, std::unique_ptr<Noise> noise, int angle,
                   int extras, double leaning)
    : lag_(lag_frames), dimensions_(static_cast<int>(groups.group_of.size())), rate_(frame_rate),
      groups_(std::move(groups)), noise_(std::move(noise)), angle_(angle), ladder_(lag_frames, leaning),
      window_(2 * lag_frames + 1, dimensions_ + extras), history_(noise_->kinds()) {
    reset();
}

void LocalFit::reset() {
    window_.reset();
    history_.reset();
    told_.clear();
    refresh_ = true;
    time_s_ = -kUnknown;
    away_.assign(window_.length(), 0.0);
    kept_.clear();
}

TrackWindow::Pushed LocalFit::push(const std::int64_t* ids, int count, const double* values,
                                   const double* weights, double time_s) {
    if (std::isfinite(time_s_)) {
        const double least = time_s_ + (time_s > time_s_ ? kLeastStep : 1.0) / rate_;
        time_s_ = time_s > least ? time_s : least;
    } else {
        time_s_ = std::isfinite(time_s) ? time_s : 0.0;
    }
    TrackWindow::Pushed pushed = window_.push(ids, count, values, weights, time_s_);
    refresh_ = std::fmod(std::nearbyint(time_s_ * rate_), kStride) == 0;
    judge(history_.push(squares(), pushed.fresh, refresh_));
    return pushed;
}

void LocalFit::skip() {
    time_s_ += 1 / rate_;
    window_.push(nullptr, 0, nullptr, nullptr, time_s_);
}

void LocalFit::estimate(int slot, double* result, double* drift) {
    const Fits& fitted = fits(slot);
    const int length = window_.length(), width = window_.dimensions();
    const double* source = window_.values(slot);
    std::vector<double> values(static_cast<std::size_t>(length) * dimensions_);
    for (int frame = 0; frame < length; ++frame) {
        std::copy_n(source + static_cast<std::ptrdiff_t>(frame) * width, dimensions_,
                    values.begin() + static_cast<std::ptrdiff_t>(frame) * dimensions_);
    }
    const bool unwrapped = turned(values.data(), length, dimensions_);
    const double middle = unwrapped ? unwrap(values, fitted) : 0.0;
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(lag_) * dimensions_;
    const std::vector<double> centre(place, place + dimensions_);
    for (int frame = 0; frame < length; ++frame) {
        for (int d = 0; d < dimensions_; ++d) {
            values[static_cast<std::size_t>(frame) * dimensions_ + d] -= centre[d];
        }
    }
    choose(fitted, slot, values, centre.data(), result);
    if (drift != nullptr) {
        fitted.drift(values.data(), dimensions_, result, drift);
    }
    for (int d = 0; d < dimensions_; ++d) {
        result[d] += centre[d];
    }
    if (unwrapped) {
        result[angle_] = wrapped(result[angle_] + middle);
    }
}

void LocalFit::choose(const Fits& fits, int slot, const std::vector<double>& values, const double* centre,
                      double* result) const {
    const int count = groups_.count();
    const Told& told = told_[slot];
    std::vector<double> unit(count), left(dimensions_), smooth(dimensions_), excess(told.allowed.size());
    const bool in_units = noise_->units(centre, unit.data());
    const auto allowed = [&](int level, int group) {
        return told.allowed[level * count + group] * (in_units ? unit[group] : 1.0);
    };
    fits.widest(values.data(), dimensions_, left.data(), smooth.data());
    double* widest = excess.data() + static_cast<std::ptrdiff_t>(kWider - 1) * count;
    groups_.means(left.data(), widest);
    bool fine = true;
    for (int group = 0; group < count; ++group) {
        fine = fine && widest[group] <= allowed(kWider - 1, group);
    }
    if (fine) { // all else would come to the same
        fits.estimate(kLevels - 1, values.data(), dimensions_, result);
        return;
    }
    for (int level = 0; level < kWider - 1; ++level) {
        fits.mean_squares(level, values.data(), dimensions_, left.data());
        groups_.means(left.data(), excess.data() + static_cast<std::ptrdiff_t>(level) * count);
    }
    for (int level = 0; level < kWider; ++level) {
        for (int group = 0; group < count; ++group) {
            excess[level * count + group] /= allowed(level, group);
        }
    }
    noise_->strain(excess);
    gates(excess, told.share);
    if (*std::min_element(widest, widest + count) < 1) {
        std::vector<double> least(count), sure(count);
        groups_.means(smooth.data(), least.data());
        for (int group = 0; group < count && in_units; ++group) {
            least[group] /= unit[group];
        }
        if (noise_->calm(least.data(), history_.medians(slot), sure.data())) {
            for (int group = 0; group < count; ++group) {
                widest[group] = std::max(widest[group], sure[group]);
            }
        }
    }
    std::vector<double>& level = left;
    fits.estimate(0, values.data(), dimensions_, result);
    for (int wider = 0; wider < kWider; ++wider) {
        fits.estimate(wider + 1, values.data(), dimensions_, level.data());
        for (int d = 0; d < dimensions_; ++d) {
            result[d] += (level[d] - result[d]) * excess[wider * count + groups_.group_of[d]];
        }
    }
}

void LocalFit::judge(const std::vector<int>& slots) {
    const int count = groups_.count();
    while (static_cast<int>(told_.size()) < window_.slot_count()) {
        told_.push_back({std::vector<double>(static_cast<std::size_t>(kWider) * count),
                         std::vector<double>(count), std::vector<double>(count, 1.0)});
    }
    for (const int slot : slots) {
        Tolerances tolerances = noise_->tolerances(history_.medians(slot), history_.count(slot));
        for (int level = 0; level < kWider; ++level) {
            for (int group = 0; group < count; ++group) {
                const int item = level * count + group;
                const double strict = ladder_.strictness(level, groups_.sizes[group]);
                told_[slot].allowed[item] =
                    strict * tolerances.white[group] + tolerances.slow[item] + kRounding;
            }
        }
        told_[slot].share = std::move(tolerances.share);
        told_[slot].white = std::move(tolerances.white);
    }
}

// Those of windows with the same gaps are kept as long as the rate is even.
const Fits& LocalFit::fits(int slot) {
    const int length = window_.length();
    const double* times = window_.times_s();
    std::vector<double> away(length);
    bool same = kept_.size() <= kMostKept;
    for (int frame = 0; frame < length; ++frame) {
        away[frame] = (times[frame] - times[lag_]) * rate_;
        same = same && std::abs(away[frame] - away_[frame]) < kSameFrames;
    }
    if (!same) {
        away_ = away;
        kept_.clear();
    }
    const double* weights = window_.weights(slot);
    std::string key(reinterpret_cast<const char*>(weights), sizeof(double) * length);
    const auto known = kept_.find(key);
    if (known != kept_.end()) {
        return known->second;
    }
    std::vector<double> distances(length), offsets(length);
    for (int frame = 0; frame < length; ++frame) {
        distances[frame] = std::max(std::abs(away_[frame]), static_cast<double>(std::abs(frame - lag_)));
        offsets[frame] = away_[frame] / (lag_ + 1);
    }
    return kept_.emplace(std::move(key), fit(ladder_, distances, offsets, weights)).first->second;
}

// Whether an angle is so large that two may lie on either side of half a turn.
bool LocalFit::turned(const double* values, int frames, int width) const {
    for (int frame = 0; frame < frames && angle_ != kNoAngle; ++frame) {
        if (std::abs(values[static_cast<std::ptrdiff_t>(frame) * width + angle_]) > kQuarter) {
            return true;
        }
    }
    return false;
}

// Makes angles, in place, differences to their mean direction, which it returns.
double LocalFit::unwrap(std::vector<double>& values, const Fits& fits) const {
    const double* row = fits.rows.data() + static_cast<std::ptrdiff_t>(kLevels - 1) * fits.length;
    double sine = 0, cosine = 0;
    for (int frame = 0; frame < fits.length; ++frame) {
        const double angle = values[static_cast<std::size_t>(frame) * dimensions_ + angle_];
        sine += std::abs(row[frame]) * std::sin(angle);
        cosine += std::abs(row[frame]) * std::cos(angle);
    }
    const double middle = std::atan2(sine, cosine);
    for (int frame = 0; frame < fits.length; ++frame) {
        double& angle = values[static_cast<std::size_t>(frame) * dimensions_ + angle_];
        angle = wrapped(angle - middle);
    }
    return middle;
}

// What is measured of third differences over the newest four measured samples of each slot; infinite where the newest is
// not measured, or four are not there.
std::vector<double> LocalFit::squares() {
    const int kinds = noise_->kinds(), length = window_.length(), width = window_.dimensions();
    std::vector<double> result(static_cast<std::size_t>(window_.slot_count()) * kinds, kUnknown);
    std::vector<double> differences(dimensions_), recent(static_cast<std::size_t>(kOrder) * dimensions_);
    for (int slot = 0; slot < window_.slot_count(); ++slot) {
        const double* weights = window_.weights(slot);
        std::array<int, kOrder> frames{};
        int found = 0;
        for (int frame = length - 1; frame >= std::max(length - kSearched, 0) && found < kOrder; --frame) {
            if (weights[frame] >= kMeasured) {
                frames[kOrder - 1 - found++] = frame;
            } else if (frame == length - 1) {
                break;
            }
        }
        if (found < kOrder) {
            continue;
        }
        std::array<double, kOrder> times{};
        for (int item = 0; item < kOrder; ++item) {
            times[item] = window_.times_s()[frames[item]];
            std::copy_n(window_.values(slot) + static_cast<std::ptrdiff_t>(frames[item]) * width, dimensions_,
                        recent.begin() + static_cast<std::ptrdiff_t>(item) * dimensions_);
        }
        const double* newest = recent.data() + static_cast<std::ptrdiff_t>(kOrder - 1) * dimensions_;
        const bool wraps = turned(recent.data(), kOrder, dimensions_);
        const std::array<double, kOrder> shares = difference_weights(times);
        std::fill(differences.begin(), differences.end(), 0.0);
        for (int item = 0; item < kOrder; ++item) {
            for (int d = 0; d < dimensions_; ++d) {
                const double value = recent[static_cast<std::size_t>(item) * dimensions_ + d];
                differences[d] += shares[item] * (wraps && d == angle_ ? wrapped(value - newest[d]) : value);
            }
        }
        noise_->squares(differences.data(), newest,
                        result.data() + static_cast<std::ptrdiff_t>(slot) * kinds);
    }
    return result;
}

} // namespace trtswap::smoothing
