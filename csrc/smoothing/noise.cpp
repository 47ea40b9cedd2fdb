#include "smoothing/noise.hpp"

#include <algorithm>
#include <utility>

namespace trtswap::smoothing {

Groups::Groups(std::vector<int> group_of) : group_of(std::move(group_of)) {
    for (const int group : this->group_of) {
        sizes.resize(std::max<std::size_t>(sizes.size(), group + 1));
        ++sizes[group];
    }
}

void Groups::means(const double* numbers, double* result) const {
    std::fill_n(result, sizes.size(), 0.0);
    for (std::size_t d = 0; d < group_of.size(); ++d) {
        result[group_of[d]] += numbers[d];
    }
    for (std::size_t group = 0; group < sizes.size(); ++group) {
        result[group] /= sizes[group];
    }
}

PlainNoise::PlainNoise(Groups groups) : groups_(std::move(groups)) {}

void PlainNoise::squares(const double* differences, const double*, double* result) const {
    std::vector<double> squared(differences, differences + groups_.group_of.size());
    for (double& value : squared) {
        value *= value;
    }
    groups_.means(squared.data(), result);
}

Tolerances PlainNoise::tolerances(const double* medians, int) const {
    const int count = groups_.count();
    Tolerances told{std::vector<double>(count), std::vector<double>(static_cast<std::size_t>(kWider) * count),
                    std::vector<double>(count, 1.0)};
    for (int group = 0; group < count; ++group) {
        told.white[group] = medians[group] / chi_square_median(groups_.sizes[group]);
        for (int level = 0; level < kWider; ++level) {
            told.slow[level * count + group] = kSlow[level] * told.white[group];
        }
    }
    return told;
}

double chi_square_median(int degrees) {
    const double root = 1 - 2 / (9.0 * degrees);
    return root * root * root;
}

} // namespace trtswap::smoothing
