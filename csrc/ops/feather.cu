#include "core/launch.cuh"
#include "ops/feather.hpp"

namespace trtswap {

namespace {

__global__ void down_kernel(const __grid_constant__ FeatherInput in, float* passing) {
    const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    if (x < in.width && y < in.height) {
        const std::ptrdiff_t picture = static_cast<std::ptrdiff_t>(blockIdx.z) * in.width * in.height;
        passing[picture + static_cast<std::ptrdiff_t>(y) * in.width + x] =
            gaussian(in, in.masks + picture + x, y, in.height, in.width);
    }
}

__global__ void across_kernel(const __grid_constant__ FeatherInput in, const float* passing, float* out) {
    const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    if (x < in.width && y < in.height) {
        const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(blockIdx.z) * in.width * in.height +
                                   static_cast<std::ptrdiff_t>(y) * in.width;
        out[row + x] = feathered(in, in.masks[row + x], gaussian(in, passing + row, x, in.width, 1));
    }
}

} // namespace

void feather_cuda(const FeatherInput& in, float* out, float* passing, std::uintptr_t stream) {
    if (in.count == 0) {
        return;
    }
    const dim3 block(32, 8);
    const dim3 grid(blocks_for(in.width, block.x), blocks_for(in.height, block.y),
                    static_cast<unsigned>(in.count));
    down_kernel<<<grid, block, 0, as_stream(stream)>>>(in, passing);
    check_cuda(cudaGetLastError(), "launching feather");
    across_kernel<<<grid, block, 0, as_stream(stream)>>>(in, passing, out);
    check_cuda(cudaGetLastError(), "launching feather");
}

} // namespace trtswap
