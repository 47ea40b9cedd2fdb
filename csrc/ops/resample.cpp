#include "ops/resample.hpp"

#include "core/check.h"
#include "ops/resample_rows.hpp"

namespace trtswap {

namespace {

constexpr int kBand = 32;              // rows one thread takes at a time
constexpr int kWorthThreads = 1 << 16; // pixels; waking and joining threads costs more than fewer take

Footprint footprint(const ResampleItem& item, int u, int v) {
    const LocalAffine& map = item.to_surface;
    const LocalPoint p = map(static_cast<float>(u), static_cast<float>(v));
    return {p.x, p.y, map.a, map.b, map.c, map.d, map.to_x, map.to_y, item.taps};
}

// A rectangle of the tensor: columns u0 up to u1, rows v0 up to v1.
struct Block {
    int n, u0, u1, v0, v1;

    int width() const { return u1 - u0; }
    bool empty() const { return u0 >= u1 || v0 >= v1; }
};

template <typename T> T* place(const ResampleTarget& target, int n, int channel, int u, int v) {
    const std::size_t plane = static_cast<std::size_t>(target.width) * target.height;
    return static_cast<T*>(target.data) + (static_cast<std::size_t>(n) * 3 + channel) * plane +
           static_cast<std::size_t>(v) * target.width + u;
}

// One row of R'G'B' in runs of kColumns to the three planes.
template <typename T>
void store_row(const ResampleTarget& target, const Block& block, int v, const float* rgb) {
    for (int k = 0; k < 3; ++k) {
        const float* values = rgb + (target.bgr ? 2 - k : k) * kColumns;
        finish_run(values, target.scale[k], target.offset[k], place<T>(target, block.n, k, block.u0, v),
                   block.width());
    }
}

// What DarkenedSample does, for a block.
class Darkened {
public:
    Darkened(const ResampleItem& item, const ResampleTarget& target, const Block& block)
        : item_(item), on_(target.black), width_(block.width()) {
        for (int i = 0; i < width_ && on_; ++i) {
            across_[i] = DarkenedSample::within(footprint(item, block.u0 + i, 0).x, item.to_surface.to_x,
                                                item.surface.width);
        }
    }

    void apply(int v, float* rgb) const {
        if (on_) {
            const float down =
                DarkenedSample::within(footprint(item_, 0, v).y, item_.to_surface.to_y, item_.surface.height);
            darken_run(rgb, across_, down, width_);
        }
    }

private:
    const ResampleItem& item_;
    bool on_;
    int width_;
    float across_[kColumns];
};

template <typename T> void pad(const ResampleTarget& target, const Block& block) {
    const float black[3 * kColumns] = {};
    for (int v = block.v0; v < block.v1 && !block.empty(); ++v) {
        store_row<T>(target, block, v, black);
    }
}

template <typename T>
void unturned_rgb(const ResampleItem& item, const ResampleTarget& target, const Block& block) {
    const SurfaceView& s = item.surface;
    Columns columns;
    columns.begin(footprint(item, block.u0, 0));
    for (int u = block.u0; u < block.u1; ++u) {
        columns.set(u - block.u0, footprint(item, u, 0), s.luma.width);
    }
    PlaneRun<std::uint8_t, 3> pixels(s.luma, columns, block.width());
    const Darkened darkened(item, target, block);
    float rgb[3 * kColumns];
    for (int v = block.v0; v < block.v1; ++v) {
        pixels.row(footprint(item, 0, v), rgb);
        darkened.apply(v, rgb);
        store_row<T>(target, block, v, rgb);
    }
}

template <typename Code, typename T>
void unturned_yuv(const ResampleItem& item, const ResampleTarget& target, const Block& block) {
    const SurfaceView& s = item.surface;
    const auto halved = [&](const Footprint& f) { return chroma_footprint(f, s.siting_x, s.siting_y); };
    Columns across, across_chroma;
    across.begin(footprint(item, block.u0, 0));
    across_chroma.begin(halved(footprint(item, block.u0, 0)));
    for (int u = block.u0; u < block.u1; ++u) {
        const Footprint f = footprint(item, u, 0);
        across.set(u - block.u0, f, s.luma.width);
        across_chroma.set(u - block.u0, halved(f), s.chroma.width);
    }
    PlaneRun<Code, 1> luma(s.luma, across, block.width());
    PlaneRun<Code, 2> chroma(s.chroma, across_chroma, block.width());
    const Darkened darkened(item, target, block);
    float rgb[3 * kColumns];
    for (int v = block.v0; v < block.v1; ++v) {
        const Footprint f = footprint(item, 0, v);
        luma.row(f, rgb);
        chroma.row(halved(f), rgb + kColumns);
        rgb_of_yuv_run(s.colour, rgb, rgb + kColumns, rgb + 2 * kColumns, block.width());
        darkened.apply(v, rgb);
        store_row<T>(target, block, v, rgb);
    }
}

// No turn: columns and rows separate.
template <typename T>
void unturned_block(const ResampleItem& item, const ResampleTarget& target, const Block& block) {
    const int u = clamp_to(item.extent_x, block.u0, block.u1),
              v = clamp_to(item.extent_y, block.v0, block.v1);
    const Block inside{block.n, block.u0, u, block.v0, v};
    if (!inside.empty()) {
        if (item.surface.format == PixelFormat::rgb8) {
            unturned_rgb<T>(item, target, inside);
        } else if (item.surface.format == PixelFormat::p010) {
            unturned_yuv<std::uint16_t, T>(item, target, inside);
        } else {
            unturned_yuv<std::uint8_t, T>(item, target, inside);
        }
    }
    pad<T>(target, {block.n, u, block.u1, block.v0, v});
    pad<T>(target, {block.n, block.u0, block.u1, v, block.v1});
}

template <typename T>
void any_block(const ResampleItem& item, const ResampleTarget& target, const Block& block) {
    for (int v = block.v0; v < block.v1; ++v) {
        for (int u = block.u0; u < block.u1; ++u) {
            if (target.black) {
                resample_pixel<T>(item, target, block.n, u, v, DarkenedSample{item});
            } else {
                resample_pixel<T>(item, target, block.n, u, v, MappedSample{item});
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
            const Block block{n, u0, min_of(u0 + kColumns, target.width), v0,
                              min_of(v0 + kBand, target.height)};
            const bool turned = items[n].to_surface.b != 0.0f || items[n].to_surface.c != 0.0f;
            turned ? any_block<T>(items[n], target, block) : unturned_block<T>(items[n], target, block);
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
