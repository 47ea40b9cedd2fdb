// The arithmetic of resample over runs of columns, for maps without a turn on the host: columns and rows separate there,
// and a row of a plane is mixed across once for all the rows of the tensor that need it. Operation by operation the same
// as sample_surface, so the same bits, in loops that become vector code.
#pragma once

#include <cstring>

#include "core/sampling.h"

namespace trtswap {

constexpr int kMostTaps = 16;
constexpr int kColumns = 64; // columns worked on together

// Where the samples of a run of columns fall in a plane.
struct Columns {
    int taps;
    bool paired; // every second sample is the right-hand neighbour of the first
    int x0[kMostTaps][kColumns], x1[kMostTaps][kColumns];
    float fx[kMostTaps][kColumns];

    // Before `set` of each column; f: the footprint of any of them.
    void begin(const Footprint& f) {
        taps = f.taps;
        paired = true;
    }

    void set(int column, const Footprint& f, int width) {
        const float step = 1.0f / static_cast<float>(taps);
        for (int i = 0; i < taps; ++i) {
            const float across = (static_cast<float>(i) + 0.5f) * step - 0.5f;
            const BilinearCell cell = bilinear_cell(f.x + f.across_x * across, 0.0f, f.origin_x, 0, width, 1);
            x0[i][column] = cell.x0;
            x1[i][column] = cell.x1;
            fx[i][column] = cell.fx;
            paired = paired && cell.x1 == cell.x0 + 1;
        }
    }
};

void mix_pairs(const std::uint8_t (*pairs)[2], const float* f, float* out, int size);
void mix_pairs(const std::uint16_t (*pairs)[2], const float* f, float* out, int size);
void mix_pairs(const std::uint8_t (*pairs)[4], const float* f, float* out, int size);
void mix_pairs(const std::uint16_t (*pairs)[4], const float* f, float* out, int size);
void mix_pairs(const std::uint8_t (*pairs)[6], const float* f, float* out, int size);
void mix_down(const float* upper, const float* lower, float f, float* out, int size);
void add_mixed_down(const float* upper, const float* lower, float f, float* sum, int size);
void scale_run(float* values, float factor, int size);
void rgb_of_yuv_run(const ColourTransform& colour, float* y_to_r, float* u_to_g, float* v_to_b, int size);
void darken_run(float* rgb, const float* across, float down, int size); // rgb: in runs of kColumns
void finish_run(const float* values, float scale, float offset, float* out, int size);
void finish_run(const float* values, float scale, float offset, Half* out, int size);

// The samples of a plane along a run of columns: for any row of the tensor, the mean of its taps.
template <typename Code, int Channels> class PlaneRun {
public:
    PlaneRun(const PlaneView& plane, const Columns& columns, int size)
        : plane_(plane), columns_(columns), size_(size) {}

    // values[k * kColumns + i]: channel k of column i, for the row that `f` is a footprint of.
    void row(const Footprint& f, float* values) {
        const float step = 1.0f / static_cast<float>(f.taps);
        for (int k = 0; k < Channels && f.taps > 1; ++k) {
            std::memset(values + k * kColumns, 0, sizeof(float) * static_cast<std::size_t>(size_));
        }
        for (int j = 0; j < f.taps; ++j) {
            const float down = (static_cast<float>(j) + 0.5f) * step - 0.5f;
            const BilinearCell cell =
                bilinear_cell(0.0f, f.y + f.down_y * down, 0, f.origin_y, 1, plane_.height);
            const float* upper = across(cell.y0);
            const float* lower = across(cell.y1);
            for (int i = 0; i < f.taps; ++i) {
                for (int k = 0; k < Channels; ++k) {
                    const int at = (i * Channels + k) * kColumns;
                    if (f.taps == 1) {
                        mix_down(upper + at, lower + at, cell.fy, values + k * kColumns, size_);
                    } else {
                        add_mixed_down(upper + at, lower + at, cell.fy, values + k * kColumns, size_);
                    }
                }
            }
        }
        for (int k = 0; k < Channels && f.taps > 1; ++k) {
            scale_run(values + k * kColumns, step * step, size_);
        }
    }

private:
    // Row y mixed across, [taps][Channels][kColumns]; valid while no third row is asked for.
    const float* across(int y) {
        if (y != y_[recent_] && y != y_[1 - recent_]) {
            recent_ = 1 - recent_; // the one that was asked for longer ago
            y_[recent_] = y;
            mix(reinterpret_cast<const Code*>(plane_.data + y * plane_.stride_bytes), mixed_[recent_]);
        } else if (y != y_[recent_]) {
            recent_ = 1 - recent_;
        }
        return mixed_[recent_];
    }

    void mix(const Code* row, float* out) const {
        Code pairs[kColumns][2 * Channels];
        for (int i = 0; i < columns_.taps; ++i) {
            columns_.paired ? fetch_pairs(row, columns_.x0[i], pairs)
                            : fetch_apart(row, columns_.x0[i], columns_.x1[i], pairs);
            mix_pairs(pairs, columns_.fx[i], out + i * Channels * kColumns, size_);
        }
    }

    void fetch_pairs(const Code* row, const int* x0, Code (*pairs)[2 * Channels]) const {
        const int size = size_;
        for (int n = 0; n < size; ++n) {
            std::memcpy(pairs[n], row + x0[n] * Channels, sizeof(Code) * 2 * Channels);
        }
    }

    void fetch_apart(const Code* row, const int* x0, const int* x1, Code (*pairs)[2 * Channels]) const {
        const int size = size_;
        for (int n = 0; n < size; ++n) {
            std::memcpy(pairs[n], row + x0[n] * Channels, sizeof(Code) * Channels);
            std::memcpy(pairs[n] + Channels, row + x1[n] * Channels, sizeof(Code) * Channels);
        }
    }

    const PlaneView& plane_;
    const Columns& columns_;
    int size_;
    int recent_ = 0;
    int y_[2] = {-1, -1};
    float mixed_[2][kMostTaps * Channels * kColumns];
};

} // namespace trtswap
