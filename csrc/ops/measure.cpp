#include "ops/measure.hpp"

namespace trtswap {

namespace {

constexpr int kMostTaps = 4; // per axis, over a grid cell

template <typename T>
void sample(const MeasureItem* items, int count, const MeasureInput& input, float* samples) {
#pragma omp parallel for schedule(static)
    for (int job = 0; job < count * kGrid; ++job) {
        const int n = job / kGrid;
        for (int i = 0; i < kGrid; ++i) {
            measure_sample<T>(items[n], input, i, job % kGrid,
                              samples + static_cast<std::size_t>(n) * kLanes * kSamples);
        }
    }
}

void measure(const float* s, Moments (&moments)[3]) {
    float weights[kSamples];
    const float* given = s + 6 * kSamples;
    for (int i = 0; i < kSamples; ++i) {
        weights[i] = given[i];
    }
    for (int pass = 0;; ++pass) {
        double sums[3][kSums] = {};
        for (int i = 0; i < kSamples; ++i) {
            if (weights[i] > 0.0f) {
                for (int side = 0; side < 3; ++side) {
                    const SideColour c = side_colour(s + i, kSamples, side);
                    add_sample<double>(sums[side], weights[i], c.x, c.y, c.z);
                }
            }
        }
        for (int side = 0; side < 3; ++side) {
            moments[side] = moments_of(sums[side]);
        }
        if (pass == kRefinements) {
            return;
        }
        const Biweight biweights[3] = {biweight(moments[0]), biweight(moments[1]), biweight(moments[2])};
        for (int i = 0; i < kSamples; ++i) {
            weights[i] = refined(biweights, s + i, kSamples);
        }
    }
}

} // namespace

MeasureItem make_measure_item(const SurfaceView& surface, const Affine& to_patch,
                              const CompositeSource& source, const void* patch, const float* weights) {
    const double x = static_cast<double>(kGrid) / source.width,
                 y = static_cast<double>(kGrid) / source.height;
    const double* m = to_patch.m; // grid = (patch + 0.5) * kGrid / size - 0.5
    const Affine to_grid{
        {x * m[0], x * m[1], x * (m[2] + 0.5) - 0.5, y * m[3], y * m[4], y * (m[5] + 0.5) - 0.5}};
    ResampleItem frame = make_resample_item(surface, to_grid, true, kGrid, kGrid);
    frame.taps = min_of(frame.taps, kMostTaps);
    return {frame, patch, weights};
}

MeasureInput make_measure_input(const CompositeSource& source) {
    const int cell = (max_of(source.width, source.height) + kGrid - 1) / kGrid;
    return {source, clamp_to(cell, 1, kMostTaps), false, TransferMethod::monge_kantorovich, 1.0f};
}

std::size_t measure_workspace_bytes(int count, bool cuda) {
    const std::size_t each = sizeof(float) * kLanes * kSamples + (cuda ? sizeof(MeasureItem) : 0);
    return static_cast<std::size_t>(count) * each + 256;
}

void measure_host(const MeasureItem* items, int count, const MeasureInput& input, void* workspace,
                  Moments* moments, ColourMap* maps) {
    auto* samples = static_cast<float*>(workspace);
    input.source.half ? sample<Half>(items, count, input, samples)
                      : sample<float>(items, count, input, samples);
#pragma omp parallel for schedule(static) if (count > 1)
    for (int n = 0; n < count; ++n) {
        Moments found[3];
        measure(samples + static_cast<std::size_t>(n) * kLanes * kSamples, found);
        for (int side = 0; side < 3; ++side) {
            moments[3 * n + side] = found[side];
        }
        if (input.solve) {
            maps[n] = transfer_map(found[0], found[1], found[2], input.method, input.strength);
        }
    }
}

} // namespace trtswap
