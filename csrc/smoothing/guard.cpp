#include "smoothing/guard.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trtswap::smoothing {

namespace {

constexpr double kTolerance = 8.0;
constexpr double kBenefit = 3.0;
// So much of the way from one neighbour to the other a sample between them may lie off.
constexpr double kAbout = 0.4;
constexpr double kUnknown = std::numeric_limits<double>::infinity();

double squared(double value) { return value * value; }

} // namespace

std::vector<double> disagreement(const Recent& recent) {
    const double* times = recent.times_s;
    std::array<double, kNeeded - 1> steps{};
    for (int step = 0; step < kNeeded - 1; ++step) {
        steps[step] = times[step + 1] - times[step];
    }
    std::array<bool, kJudged> known{};
    for (int frame = 0; frame < kJudged; ++frame) {
        known[frame] = recent.present[frame] && recent.present[frame + 1] && recent.present[frame + 2];
    }
    std::vector<double> apart(static_cast<std::size_t>(kJudged) * recent.point_count);
    for (int point = 0; point < recent.point_count; ++point) {
        const double* numbers = recent.points + static_cast<std::ptrdiff_t>(point) * recent.width;
        std::array<double, kNeeded - 1> near{};
        std::array<double, kJudged> far{}, bent{};
        for (int d = 0; d < recent.width; ++d) {
            std::array<double, kNeeded> x{};
            for (int frame = 0; frame < kNeeded; ++frame) {
                x[frame] = numbers[static_cast<std::ptrdiff_t>(frame) * recent.stride + d];
            }
            for (int step = 0; step < kNeeded - 1; ++step) {
                near[step] += squared(x[step + 1] - x[step]);
            }
            for (int frame = 0; frame < kJudged; ++frame) {
                const double before = x[frame + 1] - x[frame], after = x[frame + 2] - x[frame + 1];
                far[frame] += squared(x[frame + 2] - x[frame]);
                bent[frame] += squared(after - before * (steps[frame + 1] / steps[frame]));
            }
        }
        double after = kUnknown;
        if (known[2]) {
            after = std::min(std::max(near[2], far[2]), bent[2] * squared(steps[2] / steps[3]));
        }
        for (int frame = 0; frame < kJudged; ++frame) {
            double off = kUnknown;
            if (known[frame]) {
                off = std::min(std::max(near[frame + 1], far[frame]), bent[frame]);
            }
            if (frame == 0) {
                off = known[0] ? std::min(off, after) : after / squared(kBenefit);
            }
            apart[static_cast<std::size_t>(frame) * recent.point_count + point] =
                off == kUnknown ? 0.0 : std::sqrt(off);
        }
    }
    return apart;
}

std::vector<double> midway(const Recent& recent) {
    std::vector<double> off(static_cast<std::size_t>(2) * recent.point_count, kUnknown);
    for (int frame = 0; frame < 2; ++frame) {
        const int middle = frame + 2;
        if (!recent.present[middle - 1] || !recent.present[middle] || !recent.present[middle + 1]) {
            continue;
        }
        const double* times = recent.times_s + middle;
        const double share = (times[0] - times[-1]) / (times[1] - times[-1]);
        for (int point = 0; point < recent.point_count; ++point) {
            const double* here = recent.points + static_cast<std::ptrdiff_t>(middle) * recent.stride +
                                 static_cast<std::ptrdiff_t>(point) * recent.width;
            double away = 0, way = 0;
            for (int d = 0; d < recent.width; ++d) {
                const double before = here[d - recent.stride], step = here[d + recent.stride] - before;
                away += squared(here[d] - before - share * step);
                way += squared(step);
            }
            off[static_cast<std::size_t>(frame) * recent.point_count + point] =
                std::max(std::sqrt(away) - kAbout * std::sqrt(way), 0.0);
        }
    }
    return off;
}

std::vector<std::vector<std::uint8_t>> Guard::judge(const std::vector<Recent>& slots,
                                                    const std::vector<int>& fresh, bool refresh) {
    std::vector<std::vector<double>> apart;
    std::vector<double> settled;
    apart.reserve(slots.size());
    for (const Recent& recent : slots) {
        apart.push_back(disagreement(recent));
        double middle = kUnknown;
        if (recent.measured) {
            std::vector<double> third(apart.back().begin(), apart.back().begin() + recent.point_count);
            const auto place = third.begin() + recent.point_count / 2;
            std::nth_element(third.begin(), place, third.end());
            middle = *place;
        }
        settled.push_back(middle);
    }
    typical_.push(settled, fresh, refresh);
    std::vector<std::vector<std::uint8_t>> trusted;
    trusted.reserve(slots.size());
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        const Recent& recent = slots[slot];
        const double usual = typical_.medians(static_cast<int>(slot))[0];
        const double limit =
            usual == kUnknown ? recent.trusted_at_start : std::max(kTolerance * usual, recent.trusted_below);
        std::vector<std::uint8_t> judged(apart[slot].size());
        bool all = true;
        for (std::size_t item = 0; item < judged.size(); ++item) {
            judged[item] = apart[slot][item] <= limit;
            all = all && judged[item];
        }
        if (!all) {
            const std::vector<double> off = midway(recent);
            for (std::size_t item = 0; item < off.size(); ++item) {
                judged[item] = judged[item] || off[item] <= limit;
            }
        }
        trusted.push_back(std::move(judged));
    }
    return trusted;
}

} // namespace trtswap::smoothing
