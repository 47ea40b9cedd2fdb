#include "core/launch.cuh"
#include "ops/rearrange.hpp"

namespace trtswap {

namespace {

constexpr unsigned kBlock = 256;
constexpr std::size_t kMostBlocks = 1 << 16;

template <typename T>
__global__ void rearrange_kernel(const __grid_constant__ RearrangeInput input, const T* __restrict__ in,
                                 T* __restrict__ out) {
    const std::size_t step = static_cast<std::size_t>(gridDim.x) * kBlock;
    for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * kBlock + threadIdx.x; i < input.elements;
         i += step) {
        out[i] = in[rearranged_from(input, i)];
    }
}

} // namespace

void rearrange_cuda(const RearrangeInput& input, const void* in, void* out, std::size_t item_bytes,
                    std::uintptr_t stream) {
    if (input.elements == 0) {
        return;
    }
    const auto blocks =
        static_cast<unsigned>(min_of(kMostBlocks, (input.elements + kBlock - 1) / std::size_t{kBlock}));
    if (item_bytes == 2) {
        rearrange_kernel<<<blocks, kBlock, 0, as_stream(stream)>>>(
            input, static_cast<const std::uint16_t*>(in), static_cast<std::uint16_t*>(out));
    } else {
        rearrange_kernel<<<blocks, kBlock, 0, as_stream(stream)>>>(
            input, static_cast<const std::uint32_t*>(in), static_cast<std::uint32_t*>(out));
    }
    check_cuda(cudaGetLastError(), "launching rearrange");
}

} // namespace trtswap
