#include "core/launch.cuh"
#include "ops/composite.hpp"

namespace trtswap {

namespace {

constexpr int kChunk = 14;
using Chunk = ItemChunk<CompositeItem, kChunk>;
static_assert(sizeof(Chunk) + sizeof(CompositeSource) <= 4096, "kernel parameters exceed 4 KiB");

template <typename T>
__global__ void composite_kernel(const __grid_constant__ Chunk chunk, CompositeSource source) {
    const CompositeItem& item = chunk.items[blockIdx.z];
    const int x = item.region.x0 + 2 * static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int y = item.region.y0 + 2 * static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    if (x < item.region.x1 && y < item.region.y1) {
        composite_cell<T>(item, source, x, y);
    }
}

void launch(const Chunk& chunk, int size, const CompositeSource& source, std::uintptr_t stream) {
    int width = 1, height = 1;
    for (int i = 0; i < size; ++i) {
        const Region& r = chunk.items[i].region;
        width = max_of(width, (r.x1 - r.x0 + 1) / 2);
        height = max_of(height, (r.y1 - r.y0 + 1) / 2);
    }
    const dim3 block(32, 4);
    const dim3 grid(blocks_for(width, block.x), blocks_for(height, block.y), static_cast<unsigned>(size));
    if (source.half) {
        composite_kernel<Half><<<grid, block, 0, as_stream(stream)>>>(chunk, source);
    } else {
        composite_kernel<float><<<grid, block, 0, as_stream(stream)>>>(chunk, source);
    }
    check_cuda(cudaGetLastError(), "launching composite");
}

} // namespace

void composite_cuda(const CompositeItem* items, int count, const int* layers, int layer_count,
                    const CompositeSource& source, std::uintptr_t stream) {
    for (int layer = 0; layer < layer_count; ++layer) {
        Chunk chunk;
        int size = 0;
        for (int i = 0; i < count; ++i) {
            if (layers[i] != layer || items[i].region.empty()) {
                continue;
            }
            chunk.items[size++] = items[i];
            if (size == kChunk) {
                launch(chunk, size, source, stream);
                size = 0;
            }
        }
        if (size > 0) {
            launch(chunk, size, source, stream);
        }
    }
}

} // namespace trtswap
