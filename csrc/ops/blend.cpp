#include "ops/blend.hpp"

#include <vector>

#include "core/check.h"
#include "ops/pyramid_rows.hpp"

namespace trtswap {

namespace {

constexpr int kMostTaps = 8;           // per luma pixel
constexpr int kWorthThreads = 1 << 13; // pixels
constexpr int kLeastAcross = 16;       // samples of the coarsest level
constexpr int kBand = 8;               // rows one thread takes at a time

struct Layout {
    std::size_t patch_floats, plane_floats;
};

Layout layout_of(const BlendFace* faces, int count, const BlendInput& input) {
    Layout layout{};
    const PreparedPatch patch{nullptr, nullptr, input.source.width, input.source.height};
    layout.patch_floats = 4 * patch.elements();
    for (int i = 0; i < count; ++i) {
        if (faces[i].region.empty()) {
            continue;
        }
        BlendPlane planes[2];
        const int plane_count = make_planes(faces[i], input.source, planes);
        for (int k = 0; k < plane_count; ++k) {
            const PyramidShape shape =
                pyramid_shape(planes[k].width, planes[k].height, plane_levels(planes[k], input));
            layout.plane_floats =
                max_of(layout.plane_floats, BlendPlanes::floats(shape, channels_of(planes[k].kind)));
        }
    }
    return layout;
}

void prepare_row(const PrepareItem& item, const PatchBatch& patch, const ColourMap* map, int y, float* rows) {
    const int width = patch.width;
    const int v = clamp_to(y - kRing, 0, patch.height - 1);
    float *r = rows, *g = rows + width, *b = rows + 2 * width;
    const auto* in = static_cast<const std::uint8_t*>(patch.data) +
                     static_cast<std::size_t>(v) * width * patch.item_bytes();
    patch_colours(patch, in, map, r, g, b, static_cast<std::size_t>(width));
    for (int x = 0; x < item.target.stride(); ++x) {
        const int u = clamp_to(x - kRing, 0, width - 1);
        store_prepared<float>(item, x, y, {r[u], g[u], b[u]}, prepared_mask(item, x, y));
    }
}

void prepare(const BlendFace& face, int n, const BlendInput& input, const PreparedPatch& target) {
    const CompositeSource& s = input.source;
    const PrepareItem item{face.patch, face.mask, target, face.surface.colour, face.surface.subsampled(), n};
    const PatchBatch patch{face.patch, s.half, 1, s.width, s.height, s.scale, s.offset};
    const ColourMap* map = input.maps == nullptr ? nullptr : input.maps + n;
    const int rows = target.height + 2 * kRing;
#pragma omp parallel for schedule(static) if (rows * target.stride() >= kWorthThreads)
    for (int y = 0; y < rows; ++y) {
        thread_local std::vector<float> buffer;
        buffer.resize(3 * static_cast<std::size_t>(s.width));
        prepare_row(item, patch, map, y, buffer.data());
    }
}

// The windows lie where a pyramid of impurities would have its finest level, which nothing else uses.
float* windows_of(const BlendPlanes& p) { return p.impurity(); }

template <PlaneKind Kind, typename Code>
void difference_row(const BlendPlane& plane, const BlendPlanes& p, int y) {
    constexpr int kChannels = channels_of(Kind);
    const std::size_t at = static_cast<std::size_t>(y) * plane.width;
    float *mask = p.mask() + at, *windows = windows_of(p) + at;
    float* rows[kChannels];
    for (int k = 0; k < kChannels; ++k) {
        rows[k] = p.difference(k) + at;
    }
    for (int x = 0; x < plane.width; ++x) {
        float difference[kChannels];
        if (p.membrane) {
            mask[x] = line_at<Kind, Code, float>(plane, x, y, difference);
        } else {
            const float packed = difference_at<Kind, Code, float>(plane, x, y, difference);
            mask[x] = max_of(packed, 0.0f);
            windows[x] = window_of(packed);
        }
        for (int k = 0; k < kChannels; ++k) {
            rows[k][x] = difference[k];
        }
    }
}

template <PlaneKind Kind, typename Code>
void finish_row(const BlendPlane& plane, const BlendPlanes& p, int y, float* const* rows) {
    constexpr int kChannels = channels_of(Kind);
    const float* windows = windows_of(p) + static_cast<std::size_t>(y) * plane.width;
    for (int x = 0; x < plane.width; ++x) {
        float results[kChannels];
        for (int k = 0; k < kChannels; ++k) {
            results[k] = rows[k][x];
        }
        if (p.membrane) {
            write_membrane<Kind, Code, float>(plane, x, y, results, rows[kChannels][x]);
        } else {
            write_result<Kind, Code>(plane, x, y, windows[x], results);
        }
    }
}

template <PlaneKind Kind, typename Code>
void blend_plane(const BlendPlane& plane, const BlendInput& input, float* memory) {
    constexpr int kChannels = channels_of(Kind);
    const BlendPlanes p{pyramid_shape(plane.width, plane.height, plane_levels(plane, input)), kChannels,
                        memory, input.poisson};
    const bool threads = plane.width * plane.height >= kWorthThreads;
#pragma omp parallel for schedule(dynamic, kBand) if (threads)
    for (int y = 0; y < plane.height; ++y) {
        difference_row<Kind, Code>(plane, p, y);
    }
    collapse_to_level_1(p);
#pragma omp parallel for schedule(static) if (threads)
    for (int y = 0; y < plane.height; ++y) {
        const auto width = static_cast<std::size_t>(plane.width);
        thread_local std::vector<float> buffer;
        buffer.resize((kChannels + 3) * width + 16);
        float* rows[kMostRowChannels];
        for (std::size_t k = 0; k <= kChannels; ++k) {
            rows[k] = buffer.data() + k * width;
        }
        collapse_row(p, y, rows, buffer.data() + (kChannels + 1) * width);
        finish_row<Kind, Code>(plane, p, y, rows);
    }
}

void blend_plane(const BlendPlane& plane, const BlendInput& input, float* memory) {
    if (plane.kind == PlaneKind::rgb) {
        blend_plane<PlaneKind::rgb, std::uint8_t>(plane, input, memory);
    } else if (plane.kind == PlaneKind::luma) {
        plane.wide ? blend_plane<PlaneKind::luma, std::uint16_t>(plane, input, memory)
                   : blend_plane<PlaneKind::luma, std::uint8_t>(plane, input, memory);
    } else {
        plane.wide ? blend_plane<PlaneKind::chroma, std::uint16_t>(plane, input, memory)
                   : blend_plane<PlaneKind::chroma, std::uint8_t>(plane, input, memory);
    }
}

// Levels until the coarsest has kLeastAcross samples across the patch, which is `size` of its own pixels wide.
int levels_for(const Affine& to_patch, int size) {
    const double scale = std::sqrt(std::fabs(to_patch.m[0] * to_patch.m[4] - to_patch.m[1] * to_patch.m[3]));
    int levels = 1;
    while (levels < kMostLevels && size / scale >= kLeastAcross << levels) {
        ++levels;
    }
    return levels;
}

} // namespace

BlendFace make_blend_face(const SurfaceView& surface, const Affine& to_patch, const CompositeSource& source,
                          const void* patch, const float* mask) {
    const CompositeItem item = make_composite_item(surface, to_patch, source, patch, mask);
    return {surface, to_patch, patch, mask, item.region};
}

int make_planes(const BlendFace& face, const CompositeSource& source, BlendPlane* planes) {
    const SurfaceView& s = face.surface;
    const Region& r = face.region;
    const float unit = (s.colour.code_max + 1.0f) / 256.0f;
    const PreparedPatch patch{nullptr, nullptr, source.width, source.height};
    const bool wide = s.format == PixelFormat::p010;
    const int most_levels = levels_for(face.to_patch, min_of(source.width, source.height));
    planes[0] = {s.luma.data,
                 s.luma.stride_bytes,
                 s.subsampled() ? PlaneKind::luma : PlaneKind::rgb,
                 wide,
                 r.x0,
                 r.y0,
                 r.x1 - r.x0,
                 r.y1 - r.y0,
                 128.0f * unit,
                 unit,
                 s.colour.code_max,
                 localised(face.to_patch, r.x0, r.y0),
                 taps_per_axis(face.to_patch, kMostTaps),
                 most_levels,
                 patch};
    if (!s.subsampled()) {
        planes[0].centre = 128.0f;
        planes[0].unit = 1.0f;
        planes[0].code_max = 255.0f;
        return 1;
    }
    const double* m = face.to_patch.m; // chroma sample (i, j) lies at luma (2 i + x, 2 j + y)
    const double x = s.siting_x, y = s.siting_y;
    const Affine chroma{
        {2 * m[0], 2 * m[1], m[0] * x + m[1] * y + m[2], 2 * m[3], 2 * m[4], m[3] * x + m[4] * y + m[5]}};
    const int x0 = r.x0 / 2, y0 = r.y0 / 2;
    planes[1] = {s.chroma.data,
                 s.chroma.stride_bytes,
                 PlaneKind::chroma,
                 wide,
                 x0,
                 y0,
                 (r.x1 + 1) / 2 - x0,
                 (r.y1 + 1) / 2 - y0,
                 128.0f * unit,
                 unit,
                 s.colour.code_max,
                 localised(chroma, x0, y0),
                 taps_per_axis(chroma, 2 * kMostTaps),
                 most_levels,
                 patch};
    return 2;
}

std::size_t blend_bytes_host(const BlendFace* faces, int count, const BlendInput& input) {
    const Layout layout = layout_of(faces, count, input);
    return (layout.patch_floats + layout.plane_floats) * sizeof(float);
}

void blend_host(const BlendFace* faces, int count, const BlendInput& input, void* workspace) {
    const Layout layout = layout_of(faces, count, input);
    auto* memory = static_cast<float*>(workspace);
    for (int i = 0; i < count; ++i) {
        if (faces[i].region.empty()) {
            continue;
        }
        BlendPlane planes[2];
        const int plane_count = make_planes(faces[i], input.source, planes);
        PreparedPatch patch = planes[0].patch;
        patch.first = memory;
        patch.second = memory + layout.patch_floats / 2;
        prepare(faces[i], i, input, patch);
        for (int k = 0; k < plane_count; ++k) {
            planes[k].patch = patch;
            blend_plane(planes[k], input, memory + layout.patch_floats);
        }
    }
}

} // namespace trtswap
