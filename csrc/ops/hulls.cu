#include "core/launch.cuh"
#include "core/upload.cuh"
#include "ops/hulls.hpp"

namespace trtswap {

namespace {

constexpr unsigned kBlock = 128;

__global__ void hulls_kernel(const HullEdge* edges, const int* starts, HullsInput in, float* out) {
    const int i = static_cast<int>(blockIdx.x * kBlock + threadIdx.x), area = in.width * in.height;
    if (i >= area) {
        return;
    }
    const int face = static_cast<int>(blockIdx.y);
    const float x = static_cast<float>(i % in.width), y = static_cast<float>(i / in.width);
    float kept = 0.0f;
    for (int g = 0; g < in.hulls; ++g) {
        const int* start = starts + static_cast<std::size_t>(face) * in.hulls + g;
        float beyond = start[0] == start[1] ? kFarBeyond : -kFarBeyond;
        for (int k = start[0]; k < start[1]; ++k) {
            beyond = max_of(beyond, beyond_edge(edges[k], x, y));
        }
        const float cover = covered(beyond);
        kept = g == 0 ? cover : min_of(kept, 1.0f - cover);
    }
    out[static_cast<std::size_t>(face) * area + i] = kept;
}

} // namespace

void hulls_cuda(const HullTable& table, const HullsInput& input, void* memory, float* out,
                std::uintptr_t stream) {
    if (input.faces == 0 || input.width == 0 || input.height == 0) {
        return;
    }
    auto* starts = static_cast<int*>(memory);
    auto* edges = reinterpret_cast<HullEdge*>(starts + table.starts.size());
    upload(starts, table.starts.data(), table.starts.size() * sizeof(int), stream);
    upload(edges, table.edges.data(), table.edges.size() * sizeof(HullEdge), stream);
    const dim3 blocks(blocks_for(input.width * input.height, kBlock), static_cast<unsigned>(input.faces));
    hulls_kernel<<<blocks, kBlock, 0, as_stream(stream)>>>(edges, starts, input, out);
    check_cuda(cudaGetLastError(), "launching hulls");
}

} // namespace trtswap
