// Fixed-lag smoothing of vectors per track: local fits over a window that reaches as far ahead as back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "smoothing/history.hpp"
#include "smoothing/noise.hpp"
#include "smoothing/window.hpp"

namespace trtswap::smoothing {

// Samples of numbers per track, and their smoothed values `lag_frames` frames later.
class LocalFit {
public:
    static constexpr int kNoAngle = -1;

    // groups: of the dimensions. angle: a dimension that is in radians and wraps, or kNoAngle. extras: further numbers kept in
    // the window behind the dimensions, not smoothed. leaning: as of `Ladder`.
    LocalFit(int lag_frames, double frame_rate, Groups groups, std::unique_ptr<Noise> noise, int angle,
             int extras, double leaning);

    void reset();
    // Adds a frame: values [count, dimensions + extras]. Time stamps that do not grow count as a frame later than
    // the one before: motion goes on all the same.
    TrackWindow::Pushed push(const std::int64_t* ids, int count, const double* values, const double* weights,
                             double time_s);
    // Adds a frame without tracks, to bring the last frames to the centre.
    void skip();
    // The smoothed values of the frame `lag_frames` before the newest, of a slot shown in it; and, unless null, how far the
    // samples drift about it within half a window: [dimensions] each.
    void estimate(int slot, double* result, double* drift);

    TrackWindow& window() { return window_; }
    int lag_frames() const { return lag_; }
    int dimensions() const { return dimensions_; }
    bool refresh() const { return refresh_; } // whether scales are measured again with this frame
    // The variances of white noise as of `Tolerances`: [groups].
    const std::vector<double>& white(int slot) const { return told_[slot].white; }

private:
    struct Told { // what residuals of a slot may be
        std::vector<double> allowed, share, white;
    };

    void judge(const std::vector<int>& slots);
    const Fits& fits(int slot);
    void choose(const Fits& fits, int slot, const std::vector<double>& values, const double* centre,
                double* result) const;
    bool turned(const double* values, int frames, int width) const;
    double unwrap(std::vector<double>& values, const Fits& fits) const;
    std::vector<double> squares();

    int lag_, dimensions_;
    double rate_;
    Groups groups_;
    std::unique_ptr<Noise> noise_;
    int angle_;
    Ladder ladder_;
    TrackWindow window_;
    ScaleHistory history_;
    std::vector<Told> told_;
    bool refresh_ = true;
    double time_s_;
    std::vector<double> away_; // of the window's frames from its centre, in frames
    std::unordered_map<std::string, Fits> kept_;
};

} // namespace trtswap::smoothing
