#include "ops/resample.hpp"

#include "core/check.h"

namespace trtswap {

namespace {

constexpr int kMostTaps = 16;
constexpr int kBand = 32;              // rows one thread takes at a time
constexpr int kWorthThreads = 1 << 16; // pixels; waking and joining threads costs more than fewer take
constexpr int kColumns = 64;           // columns whose places are worked out once per band

// Where the columns of an unturned map fall; the same numbers that sample_surface would find for each pixel.
struct Columns {
    int x0[kColumns], x1[kColumns];
    float fx[kColumns];

    void set(int i, float x, int origin, int width) {
        const BilinearCell cell = bilinear_cell(x, 0.0f, origin, 0, width, 1);
        x0[i] = cell.x0;
        x1[i] = cell.x1;
        fx[i] = cell.fx;
    }
};

template <typename Code> struct Rows {
    const Code *top, *bottom;
    float fy;

    Rows(const PlaneView& plane, float y, int origin) {
        const BilinearCell cell = bilinear_cell(0.0f, y, 0, origin, 1, plane.height);
        top = reinterpret_cast<const Code*>(plane.data + cell.y0 * plane.stride_bytes);
        bottom = reinterpret_cast<const Code*>(plane.data + cell.y1 * plane.stride_bytes);
        fy = cell.fy;
    }

    template <int Channels> float at(const Columns& columns, int i, int channel) const {
        const int left = columns.x0[i] * Channels + channel, right = columns.x1[i] * Channels + channel;
        return mix(mix(code_of(top[left]), code_of(top[right]), columns.fx[i]),
                   mix(code_of(bottom[left]), code_of(bottom[right]), columns.fx[i]), fy);
    }
};

Footprint footprint(const ResampleItem& item, int u, int v) {
    const LocalAffine& map = item.to_surface;
    const LocalPoint p = map(static_cast<float>(u), static_cast<float>(v));
    return {p.x, p.y, map.a, map.b, map.c, map.d, map.to_x, map.to_y, 1};
}

// A block of a detector's input: no turn and one tap, so that columns and rows separate.
template <typename Code, typename T>
void unturned_block(const ResampleItem& item, const ResampleTarget& target, int n, int u0, int u1, int v0,
                    int v1) {
    const SurfaceView& s = item.surface;
    Columns luma, chroma;
    for (int u = u0; u < u1; ++u) {
        const Footprint f = footprint(item, u, 0);
        luma.set(u - u0, f.x, f.origin_x, s.luma.width);
        if (s.subsampled()) {
            const Footprint c = chroma_footprint(f, s.siting_x, s.siting_y);
            chroma.set(u - u0, c.x, c.origin_x, s.chroma.width);
        }
    }
    for (int v = v0; v < v1; ++v) {
        const Footprint f = footprint(item, 0, v);
        const Rows<Code> y(s.luma, f.y, f.origin_y);
        if (s.subsampled()) {
            const Footprint c = chroma_footprint(f, s.siting_x, s.siting_y);
            const Rows<Code> uv(s.chroma, c.y, c.origin_y);
            for (int i = 0; i < u1 - u0; ++i) {
                const auto sample = [&](int, int) {
                    const Yuv code{y.template at<1>(luma, i, 0), uv.template at<2>(chroma, i, 0),
                                   uv.template at<2>(chroma, i, 1)};
                    return clamp_rgb(rgb_from_yuv(s.colour, code));
                };
                resample_pixel<T>(item, target, n, u0 + i, v, sample);
            }
        } else {
            for (int i = 0; i < u1 - u0; ++i) {
                const auto sample = [&](int, int) {
                    return Rgb{y.template at<3>(luma, i, 0), y.template at<3>(luma, i, 1),
                               y.template at<3>(luma, i, 2)};
                };
                resample_pixel<T>(item, target, n, u0 + i, v, sample);
            }
        }
    }
}

bool unturned(const ResampleItem& item) {
    return item.to_surface.b == 0.0f && item.to_surface.c == 0.0f && item.taps == 1;
}

template <typename T>
void block(const ResampleItem& item, const ResampleTarget& target, int n, int u0, int u1, int v0, int v1) {
    if (!target.black && unturned(item) && u1 <= item.extent_x && v1 <= item.extent_y) {
        if (item.surface.format == PixelFormat::p010) {
            unturned_block<std::uint16_t, T>(item, target, n, u0, u1, v0, v1);
        } else {
            unturned_block<std::uint8_t, T>(item, target, n, u0, u1, v0, v1);
        }
        return;
    }
    for (int v = v0; v < v1; ++v) {
        for (int u = u0; u < u1; ++u) {
            if (target.black) {
                resample_pixel<T>(item, target, n, u, v, DarkenedSample{item});
            } else {
                resample_pixel<T>(item, target, n, u, v, MappedSample{item});
            }
        }
    }
}

template <typename T> void run(const ResampleItem* items, int count, const ResampleTarget& target) {
    const int bands = (target.height + kBand - 1) / kBand;
    const auto pixels = static_cast<std::int64_t>(count) * target.width * target.height;
#pragma omp parallel for schedule(dynamic) if (pixels >= kWorthThreads)
    for (int job = 0; job < count * bands; ++job) {
        const int n = job / bands, v0 = job % bands * kBand;
        for (int u0 = 0; u0 < target.width; u0 += kColumns) {
            block<T>(items[n], target, n, u0, min_of(u0 + kColumns, target.width), v0,
                     min_of(v0 + kBand, target.height));
        }
    }
}

} // namespace

ResampleItem make_resample_item(const SurfaceView& surface, const Affine& to_tensor, bool area, int extent_x,
                                int extent_y) {
    require(invertible(to_tensor), "a placement must be a finite, invertible 2x3 map");
    const Affine to_surface = inverted(to_tensor);
    require(within_reach(to_surface, extent_x, extent_y), "a placement reaches too far outside the frame");
    const int taps = area ? taps_per_axis(to_surface, kMostTaps) : 1;
    return {surface, localised(to_surface, 0, 0), taps, extent_x, extent_y};
}

void resample_host(const ResampleItem* items, int count, const ResampleTarget& target) {
    target.half ? run<Half>(items, count, target) : run<float>(items, count, target);
}

} // namespace trtswap
