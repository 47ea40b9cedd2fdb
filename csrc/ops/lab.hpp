// lab: pictures between R'G'B' and L*a*b*, and through a map of colours.
//
//   in, out  [N, 3, H, W]  planar; R'G'B' on 0..1, L* on 0..100
//   maps     [N]           see core/transfer.h
//
// colour_transfer takes float32 or float16 patches, R'G'B' = value * scale + offset, clamped to 0..1, and gives R'G'B' on
// 0..1 in the same type. The host form runs to the end before it returns; the CUDA form queues on `stream`.
#pragma once

#include "core/transfer.h"

namespace trtswap {

void lab_host(const float* in, float* out, int images, std::size_t area, bool to_lab);
void lab_cuda(const float* in, float* out, int images, std::size_t area, bool to_lab, std::uintptr_t stream);

struct PatchBatch {
    const void* data;
    bool half;
    int count, width, height;
    float scale, offset; // to R'G'B' on 0..255

    std::size_t area() const { return static_cast<std::size_t>(width) * height; }
    std::size_t item_bytes() const { return half ? 2 : 4; }
    const void* patch(int n) const {
        return static_cast<const std::uint8_t*>(data) +
               static_cast<std::size_t>(n) * 3 * area() * item_bytes();
    }
};

void colour_transfer_host(const PatchBatch& patches, const ColourMap* maps, void* out);
void colour_transfer_cuda(const PatchBatch& patches, const ColourMap* maps, void* out, std::uintptr_t stream);

// R'G'B' on 0..255 of `size` pixels of a patch from `in`, through `map` unless it is null, into three rows. Host.
void patch_colours(const PatchBatch& patches, const void* in, const ColourMap* map, float* r, float* g,
                   float* b, std::size_t size);

// Shared by both targets: the pixel at `in`, its planes `area` values apart.
template <typename T> TRTSWAP_HD Rgb patch_pixel(const T* in, std::size_t area, float scale, float offset) {
    return clamp_rgb({to_float(in[0]) * scale + offset, to_float(in[area]) * scale + offset,
                      to_float(in[2 * area]) * scale + offset});
}

} // namespace trtswap
