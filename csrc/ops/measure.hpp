// measure_colour: the colour of the skin of a face, in the frame and in the patch that is to go there.
//
//   faces    [F]             surface, placement, patch [3, H, W] as in composite
//   weights  [F or 1, H, W]  float32 on the patch's grid, 0 where something is not skin
//   moments  [F, 3]          of patch, frame and frame - patch in L*a*b*, see statistics.hpp
//   maps     [F]             optional: from the patch's moments to the frame's, see core/transfer.h
//   samples  [F, kLanes, kGrid^2]  float, workspace
//
// Both pictures are averaged to one grid over the crop, so that grain and sharpness do not count. A sample counts where
// its weight says so and neither picture is near black or white; then, kRefinements times, the less the further either
// picture's colour, or their difference, lies from its mean there (Tukey's biweight), which leaves out hair, shadows,
// highlights, and features that one of the two has alone. Both sides
// of a sample share one weight: what is left out of one is left out of the other.
//
// The host form runs to the end before it returns; the CUDA form queues on `stream`. Neither allocates.
#pragma once

#include "ops/composite.hpp"
#include "ops/lab.hpp"
#include "ops/resample.hpp"
#include "ops/statistics.hpp"

namespace trtswap {

constexpr int kGrid = 64;
constexpr int kSamples = kGrid * kGrid;
constexpr int kLanes = 7; // patch L a b, frame L a b, weight
constexpr int kRefinements = 2;

struct MeasureItem {
    ResampleItem frame; // grid to surface
    const void* patch;
    const float* weights;
};

struct MeasureInput {
    CompositeSource source;
    int taps; // over a grid cell of the patch, per axis
    bool solve;
    TransferMethod method;
    float strength;
};

MeasureItem make_measure_item(const SurfaceView& surface, const Affine& to_patch,
                              const CompositeSource& source, const void* patch, const float* weights);
MeasureInput make_measure_input(const CompositeSource& source);

std::size_t measure_workspace_bytes(int count, bool cuda);
void measure_host(const MeasureItem* items, int count, const MeasureInput& input, void* workspace,
                  Moments* moments, ColourMap* maps);
void measure_cuda(const MeasureItem* items, int count, const MeasureInput& input, void* workspace,
                  Moments* moments, ColourMap* maps, std::uintptr_t stream);

namespace detail {

// 1 for colours a camera has not clipped, falling to 0 near black and white.
TRTSWAP_HD float unclipped(Rgb c) {
    const float most = max_of(c.r, max_of(c.g, c.b));
    return clamp_to((252.0f - most) * 0.125f, 0.0f, 1.0f) * clamp_to((most - 4.0f) * 0.083f, 0.0f, 1.0f);
}

template <typename T>
TRTSWAP_HD Rgb patch_mean(const MeasureItem& item, const MeasureInput& in, float u, float v) {
    const CompositeSource& s = in.source;
    const std::size_t plane = static_cast<std::size_t>(s.width) * s.height;
    const T* patch = static_cast<const T*>(item.patch);
    const float step_x = static_cast<float>(s.width) / static_cast<float>(kGrid * in.taps);
    const float step_y = static_cast<float>(s.height) / static_cast<float>(kGrid * in.taps);
    Rgb sum{0.0f, 0.0f, 0.0f};
    for (int j = 0; j < in.taps; ++j) {
        for (int i = 0; i < in.taps; ++i) {
            const float half = 0.5f * static_cast<float>(in.taps - 1);
            const BilinearCell cell =
                bilinear_cell(u + (static_cast<float>(i) - half) * step_x,
                              v + (static_cast<float>(j) - half) * step_y, 0, 0, s.width, s.height);
            sum.r += sample_patch(patch, s, cell);
            sum.g += sample_patch(patch + plane, s, cell);
            sum.b += sample_patch(patch + 2 * plane, s, cell);
        }
    }
    const float mean = 1.0f / static_cast<float>(in.taps * in.taps);
    return {sum.r * mean, sum.g * mean, sum.b * mean};
}

} // namespace detail

// Shared by both targets: writes the lanes of grid sample (i, j) of a face.
template <typename T>
TRTSWAP_HD void measure_sample(const MeasureItem& item, const MeasureInput& in, int i, int j,
                               float* samples) {
    const CompositeSource& s = in.source;
    const float u = (static_cast<float>(i) + 0.5f) * static_cast<float>(s.width) / kGrid - 0.5f;
    const float v = (static_cast<float>(j) + 0.5f) * static_cast<float>(s.height) / kGrid - 0.5f;
    float* out = samples + j * kGrid + i;
    const float weight = detail::sample_mask(item.weights, s, u, v, 0, 0);
    for (int k = 0; k < kLanes; ++k) {
        out[k * kSamples] = 0.0f;
    }
    const LocalAffine& map = item.frame.to_surface;
    const LocalPoint p = map(static_cast<float>(i), static_cast<float>(j));
    const SurfaceView& frame = item.frame.surface;
    const bool inside = p.x + static_cast<float>(map.to_x) >= 0.0f &&
                        p.y + static_cast<float>(map.to_y) >= 0.0f &&
                        p.x + static_cast<float>(map.to_x) <= static_cast<float>(frame.width - 1) &&
                        p.y + static_cast<float>(map.to_y) <= static_cast<float>(frame.height - 1);
    if (!(weight > 0.0f) || !inside) {
        return;
    }
    constexpr float kUnit = 1.0f / 255.0f;
    const Rgb a = detail::patch_mean<T>(item, in, u, v);
    const Rgb b = MappedSample{item.frame}(i, j);
    const Lab x = lab_from_srgb({a.r * kUnit, a.g * kUnit, a.b * kUnit});
    const Lab y = lab_from_srgb({b.r * kUnit, b.g * kUnit, b.b * kUnit});
    const float lanes[kLanes] = {
        x.l, x.a, x.b, y.l, y.a, y.b, weight * detail::unclipped(a) * detail::unclipped(b)};
    for (int k = 0; k < kLanes; ++k) {
        out[k * kSamples] = lanes[k];
    }
}

// How much a colour counts by its distance from the mean.
struct Biweight {
    float mean[3];
    float inverse[6]; // of the covariance, over the square of the distance at which nothing is left

    TRTSWAP_HD float operator()(float x, float y, float z) const {
        const float a = x - mean[0], b = y - mean[1], c = z - mean[2];
        const float d = inverse[0] * a * a + inverse[3] * b * b + inverse[5] * c * c +
                        2.0f * (inverse[1] * a * b + inverse[2] * a * c + inverse[4] * b * c);
        const float left = max_of(1.0f - d, 0.0f);
        return left * left;
    }
};

TRTSWAP_HD Biweight biweight(const Moments& m) {
    constexpr double kReach2 =
        12.0; // squared distance in standard deviations; three channels have 3 on average
    const detail::Matrix3 inverse = detail::inverse(detail::symmetric(m.covariance, detail::kRidge));
    Biweight w{};
    int at = 0;
    for (int i = 0; i < 3; ++i) {
        w.mean[i] = static_cast<float>(m.mean[i]);
        for (int j = i; j < 3; ++j, ++at) {
            w.inverse[at] = static_cast<float>(inverse(i, j) / kReach2);
        }
    }
    return w;
}

struct SideColour {
    float x, y, z;
};

// Patch (0), frame (1) or frame - patch (2) of the sample whose lanes lie `step` values apart from `s`.
TRTSWAP_HD SideColour side_colour(const float* s, int step, int side) {
    if (side == 2) {
        return {s[3 * step] - s[0], s[4 * step] - s[step], s[5 * step] - s[2 * step]};
    }
    const float* x = s + 3 * side * step;
    return {x[0], x[step], x[2 * step]};
}

TRTSWAP_HD float refined(const Biweight (&biweights)[3], const float* s, int step) {
    float weight = s[6 * step];
    for (int side = 0; side < 3; ++side) {
        const SideColour c = side_colour(s, step, side);
        weight *= biweights[side](c.x, c.y, c.z);
    }
    return weight;
}

} // namespace trtswap
