#include "core/launch.cuh"
#include "core/upload.cuh"
#include "ops/masks.hpp"

namespace trtswap {

namespace {

constexpr unsigned kBlock = 256;

// A thread for each pixel, a row of blocks for each mask.
dim3 blocks_of(int count, std::size_t area) {
    return dim3(blocks_for(static_cast<int>(area), kBlock), static_cast<unsigned>(count));
}

__device__ std::size_t pixel() { return static_cast<std::size_t>(blockIdx.x) * kBlock + threadIdx.x; }

__global__ void resize_kernel(ResizeInput in, float* out) {
    const std::size_t area = static_cast<std::size_t>(in.to_width) * in.to_height, i = pixel();
    if (i >= area) {
        return;
    }
    const float* mask = in.masks + static_cast<std::size_t>(blockIdx.y) * in.width * in.height;
    const Between x = between(static_cast<int>(i % in.to_width), in.width, in.to_width);
    const Between y = between(static_cast<int>(i / in.to_width), in.height, in.to_height);
    const float* upper = mask + static_cast<std::size_t>(y.first) * in.width;
    const float* lower = mask + static_cast<std::size_t>(y.second) * in.width;
    out[blockIdx.y * area + i] = mixed(mixed(upper[x.first], lower[x.first], y.share),
                                       mixed(upper[x.second], lower[x.second], y.share), x.share);
}

__global__ void least_kernel(LeastInput in, float* out) {
    const std::size_t i = pixel();
    if (i >= in.area) {
        return;
    }
    const std::size_t own = blockIdx.y * in.area + i;
    float least = in.masks[0][in.single[0] ? i : own];
    for (int k = 1; k < in.sets; ++k) {
        least = min_of(least, in.masks[k][in.single[k] ? i : own]);
    }
    out[own] = least * in.scale;
}

__global__ void hold_kernel(HoldInput in, float* out) {
    const std::size_t i = pixel();
    if (i >= in.area) {
        return;
    }
    const float* const* masks = in.masks + static_cast<std::size_t>(blockIdx.y) * (in.others + 1);
    Held h = held_alone(masks[0][i]);
    for (int k = 1; k <= in.others; ++k) {
        if (masks[k] != nullptr) {
            h = held_with(h, masks[k][i], in.unlike);
        }
    }
    out[blockIdx.y * in.area + i] = held(h);
}

} // namespace

void resize_masks_cuda(const ResizeInput& in, float* out, std::uintptr_t stream) {
    const std::size_t area = static_cast<std::size_t>(in.to_width) * in.to_height;
    if (in.count == 0 || area == 0) {
        return;
    }
    resize_kernel<<<blocks_of(in.count, area), kBlock, 0, as_stream(stream)>>>(in, out);
    check_cuda(cudaGetLastError(), "launching resize_masks");
}

void least_cuda(const LeastInput& in, float* out, std::uintptr_t stream) {
    if (in.count == 0 || in.area == 0) {
        return;
    }
    least_kernel<<<blocks_of(in.count, in.area), kBlock, 0, as_stream(stream)>>>(in, out);
    check_cuda(cudaGetLastError(), "launching least");
}

void hold_cuda(const HoldInput& in, void* memory, float* out, std::uintptr_t stream) {
    if (in.count == 0 || in.area == 0) {
        return;
    }
    const std::size_t pointers = static_cast<std::size_t>(in.count) * (in.others + 1);
    upload(memory, in.masks, pointers * sizeof(float*), stream);
    HoldInput there = in;
    there.masks = static_cast<const float* const*>(memory);
    hold_kernel<<<blocks_of(in.count, in.area), kBlock, 0, as_stream(stream)>>>(there, out);
    check_cuda(cudaGetLastError(), "launching hold");
}

} // namespace trtswap
