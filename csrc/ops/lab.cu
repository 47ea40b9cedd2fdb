#include "core/launch.cuh"
#include "ops/lab.hpp"

namespace trtswap {

namespace {

constexpr unsigned kBlock = 256;

__global__ void lab_kernel(const float* in, float* out, std::size_t area, bool to_lab) {
    const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kBlock + threadIdx.x;
    if (i >= area) {
        return;
    }
    const std::size_t at = static_cast<std::size_t>(blockIdx.y) * 3 * area + i;
    const float x = in[at], y = in[at + area], z = in[at + 2 * area];
    if (to_lab) {
        const Lab c = lab_from_srgb({x, y, z});
        out[at] = c.l;
        out[at + area] = c.a;
        out[at + 2 * area] = c.b;
    } else {
        const Rgb c = srgb_from_lab({x, y, z});
        out[at] = c.r;
        out[at + area] = c.g;
        out[at + 2 * area] = c.b;
    }
}

template <typename T>
__global__ void transfer_kernel(const T* in, const ColourMap* maps, T* out, std::size_t area, float scale,
                                float offset) {
    const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kBlock + threadIdx.x;
    if (i >= area) {
        return;
    }
    const std::size_t at = static_cast<std::size_t>(blockIdx.y) * 3 * area + i;
    const Rgb c = mapped(maps[blockIdx.y], patch_pixel(in + at, area, scale, offset));
    store(out + at, c.r * (1.0f / 255.0f));
    store(out + at + area, c.g * (1.0f / 255.0f));
    store(out + at + 2 * area, c.b * (1.0f / 255.0f));
}

dim3 grid_of(std::size_t area, int images) {
    return {static_cast<unsigned>((area + kBlock - 1) / kBlock), static_cast<unsigned>(images)};
}

template <typename T>
void launch_transfer(const PatchBatch& p, const ColourMap* maps, void* out, std::uintptr_t stream) {
    transfer_kernel<T><<<grid_of(p.area(), p.count), kBlock, 0, as_stream(stream)>>>(
        static_cast<const T*>(p.data), maps, static_cast<T*>(out), p.area(), p.scale, p.offset);
}

} // namespace

void lab_cuda(const float* in, float* out, int images, std::size_t area, bool to_lab, std::uintptr_t stream) {
    if (images == 0 || area == 0) {
        return;
    }
    lab_kernel<<<grid_of(area, images), kBlock, 0, as_stream(stream)>>>(in, out, area, to_lab);
    check_cuda(cudaGetLastError(), "launching lab");
}

void colour_transfer_cuda(const PatchBatch& patches, const ColourMap* maps, void* out,
                          std::uintptr_t stream) {
    if (patches.count == 0 || patches.area() == 0) {
        return;
    }
    if (patches.half) {
        launch_transfer<Half>(patches, maps, out, stream);
    } else {
        launch_transfer<float>(patches, maps, out, stream);
    }
    check_cuda(cudaGetLastError(), "launching colour_transfer");
}

} // namespace trtswap
