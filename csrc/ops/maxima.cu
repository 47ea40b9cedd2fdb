#include <cmath>

#include "core/launch.cuh"
#include "ops/maxima.hpp"

namespace trtswap {

namespace {

constexpr int kBlock = 128;

template <typename T> __global__ void maxima_kernel(MaximaInput input, float* out) {
    __shared__ float warps[kBlock / 32];
    const T* row = static_cast<const T*>(input.rows) + static_cast<std::size_t>(blockIdx.x) * input.length;
    float best = -INFINITY;
    for (std::size_t i = threadIdx.x; i < input.length; i += kBlock) {
        best = larger(best, to_float(row[i]));
    }
    for (int step = 16; step > 0; step /= 2) {
        best = larger(best, __shfl_down_sync(0xffffffffu, best, step));
    }
    if (threadIdx.x % 32 == 0) {
        warps[threadIdx.x / 32] = best;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        for (const float other : warps) {
            best = larger(best, other);
        }
        out[blockIdx.x] = best;
    }
}

} // namespace

void maxima_cuda(const MaximaInput& input, float* out, std::uintptr_t stream) {
    if (input.count == 0) {
        return;
    }
    const auto count = static_cast<unsigned>(input.count);
    if (input.half) {
        maxima_kernel<Half><<<count, kBlock, 0, as_stream(stream)>>>(input, out);
    } else {
        maxima_kernel<float><<<count, kBlock, 0, as_stream(stream)>>>(input, out);
    }
    check_cuda(cudaGetLastError(), "launching maxima");
}

} // namespace trtswap
