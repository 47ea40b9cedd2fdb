#include "ops/lab.hpp"

namespace trtswap {

namespace {

constexpr std::size_t kRun = 1 << 12;          // pixels one thread takes at a time
constexpr std::size_t kWorthThreads = 1 << 13; // pixels

TRTSWAP_WIDE void to_lab_run(const float* in, float* __restrict__ out, std::size_t area, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        const Lab c = lab_from_srgb({in[i], in[i + area], in[i + 2 * area]});
        out[i] = c.l;
        out[i + area] = c.a;
        out[i + 2 * area] = c.b;
    }
}

TRTSWAP_WIDE void from_lab_run(const float* in, float* __restrict__ out, std::size_t area, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        const Rgb c = srgb_from_lab({in[i], in[i + area], in[i + 2 * area]});
        out[i] = c.r;
        out[i + area] = c.g;
        out[i + 2 * area] = c.b;
    }
}

template <typename T>
void read_run(const T* in, std::size_t area, float scale, float offset, float* __restrict__ r,
              float* __restrict__ g, float* __restrict__ b, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        const Rgb c = patch_pixel(in + i, area, scale, offset);
        r[i] = c.r;
        g[i] = c.g;
        b[i] = c.b;
    }
}

TRTSWAP_WIDE void map_run(const ColourMap map, float* __restrict__ r, float* __restrict__ g,
                          float* __restrict__ b, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        const Rgb c = mapped(map, {r[i], g[i], b[i]});
        r[i] = c.r;
        g[i] = c.g;
        b[i] = c.b;
    }
}

template <typename T>
void transfer_run(const PatchBatch& p, const T* in, const ColourMap& map, T* out, std::size_t size) {
    float rows[3][kRun];
    patch_colours(p, in, &map, rows[0], rows[1], rows[2], size);
    for (int k = 0; k < 3; ++k) {
        for (std::size_t i = 0; i < size; ++i) {
            store(out + k * p.area() + i, rows[k][i] * (1.0f / 255.0f));
        }
    }
}

// Calls work(image, first pixel, pixels) for pieces of all images.
template <typename Work> void in_runs(int images, std::size_t area, const Work& work) {
    const auto runs = static_cast<std::int64_t>((area + kRun - 1) / kRun);
#pragma omp parallel for schedule(static) if (images * area >= kWorthThreads)
    for (std::int64_t job = 0; job < images * runs; ++job) {
        const std::size_t first = static_cast<std::size_t>(job % runs) * kRun;
        work(static_cast<std::size_t>(job / runs), first, min_of(kRun, area - first));
    }
}

template <typename T> void transfer(const PatchBatch& p, const ColourMap* maps, void* out) {
    in_runs(p.count, p.area(), [&](std::size_t n, std::size_t first, std::size_t size) {
        const std::size_t at = n * 3 * p.area() + first;
        transfer_run<T>(p, static_cast<const T*>(p.data) + at, maps[n], static_cast<T*>(out) + at, size);
    });
}

} // namespace

void lab_host(const float* in, float* out, int images, std::size_t area, bool to_lab) {
    in_runs(images, area, [&](std::size_t n, std::size_t first, std::size_t size) {
        const std::size_t at = n * 3 * area + first;
        (to_lab ? to_lab_run : from_lab_run)(in + at, out + at, area, size);
    });
}

void patch_colours(const PatchBatch& p, const void* in, const ColourMap* map, float* r, float* g, float* b,
                   std::size_t size) {
    if (p.half) {
        read_run(static_cast<const Half*>(in), p.area(), p.scale, p.offset, r, g, b, size);
    } else {
        read_run(static_cast<const float*>(in), p.area(), p.scale, p.offset, r, g, b, size);
    }
    if (map != nullptr) {
        map_run(*map, r, g, b, size);
    }
}

void colour_transfer_host(const PatchBatch& patches, const ColourMap* maps, void* out) {
    patches.half ? transfer<Half>(patches, maps, out) : transfer<float>(patches, maps, out);
}

} // namespace trtswap
