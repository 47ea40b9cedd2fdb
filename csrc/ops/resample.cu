#include "core/launch.cuh"
#include "ops/resample.hpp"

namespace trtswap {

namespace {

constexpr int kChunk = 16;
using Chunk = ItemChunk<ResampleItem, kChunk>;
static_assert(sizeof(Chunk) + sizeof(ResampleTarget) + sizeof(int) <= 4096, "kernel parameters exceed 4 KiB");

template <typename T>
__global__ void resample_kernel(const __grid_constant__ Chunk chunk, ResampleTarget target, int first) {
    const int u = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int v = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    if (u < target.width && v < target.height) {
        const ResampleItem& item = chunk.items[blockIdx.z];
        const int n = first + static_cast<int>(blockIdx.z);
        if (target.black) {
            resample_pixel<T>(item, target, n, u, v, DarkenedSample{item});
        } else {
            resample_pixel<T>(item, target, n, u, v, MappedSample{item});
        }
    }
}

} // namespace

void resample_cuda(const ResampleItem* items, int count, const ResampleTarget& target,
                   std::uintptr_t stream) {
    const dim3 block(32, 8);
    for (int first = 0; first < count; first += kChunk) {
        const int size = min_of(kChunk, count - first);
        Chunk chunk;
        for (int i = 0; i < size; ++i) {
            chunk.items[i] = items[first + i];
        }
        const dim3 grid(blocks_for(target.width, block.x), blocks_for(target.height, block.y),
                        static_cast<unsigned>(size));
        if (target.half) {
            resample_kernel<Half><<<grid, block, 0, as_stream(stream)>>>(chunk, target, first);
        } else {
            resample_kernel<float><<<grid, block, 0, as_stream(stream)>>>(chunk, target, first);
        }
        check_cuda(cudaGetLastError(), "launching resample");
    }
}

} // namespace trtswap
