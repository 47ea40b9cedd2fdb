// How noisy the samples of tracks are, told from their third differences.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "smoothing/fit.hpp"

namespace trtswap::smoothing {

// Dimensions that share noise level and bandwidth: of each dimension its group, and of each group how many it has.
struct Groups {
    explicit Groups(std::vector<int> group_of);

    std::vector<int> group_of;
    std::vector<int> sizes;

    int count() const { return static_cast<int>(sizes.size()); }
    // The mean of numbers [dimensions] in each group: [groups].
    void means(const double* numbers, double* result) const;
};

// What mean squared residuals of a track may be, of samples in units of their own. white: [groups], for noise that is
// white, times what chance adds. slow: [kWider, groups], besides, for each bandwidth. share: [groups], 0 to 1, how much of
// what third differences tell is noise; the rest is motion that all but the widest window would smooth away.
struct Tolerances {
    std::vector<double> white, slow, share;
};

// What is known of the noise of some kind of samples.
class Noise {
public:
    virtual ~Noise() = default;
    virtual int kinds() const = 0; // how many scales are measured

    // What is measured of third differences [dimensions], beside one of their samples: squares [kinds].
    virtual void squares(const double* differences, const double* sample, double* result) const = 0;
    // From the medians [kinds] of so many squares, infinite where unknown.
    virtual Tolerances tolerances(const double* medians, int count) const = 0;
    // The squared units [groups] of a sample; false where they are 1.
    virtual bool units(const double* sample, double* result) const = 0;
    // Excesses [kWider, groups] of wider fits over what is allowed, seen beside those of the other groups, in place.
    virtual void strain(std::vector<double>& excess) const = 0;
    // How sure it is, [groups], that nothing moves that the widest fit would not follow; false where it can't be told.
    // squares: [groups], in units of the samples, what a cubic leaves there; medians: as of `tolerances`.
    virtual bool calm(const double* squares, const double* medians, double* sure) const = 0;
};

// Groups of dimensions about which nothing is known: third differences are noise, which the groups share.
class PlainNoise : public Noise {
public:
    explicit PlainNoise(Groups groups);

    int kinds() const override { return groups_.count(); }
    void squares(const double* differences, const double* sample, double* result) const override;
    Tolerances tolerances(const double* medians, int count) const override;
    bool units(const double*, double*) const override { return false; }
    void strain(std::vector<double>&) const override {}
    bool calm(const double*, const double*, double*) const override { return false; }

private:
    Groups groups_;
};

// How much larger than third differences tell the errors of a detector may be within windows, narrow to wide: they are not
// white, but drift with how the head is held.
constexpr std::array<double, kWider> kSlow{1.0, 2.0, 6.5};

// The median of chi square over its degrees of freedom (Wilson and Hilferty).
double chi_square_median(int degrees);

} // namespace trtswap::smoothing
