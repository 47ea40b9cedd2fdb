#include "core/launch.cuh"
#include "core/reduce.cuh"
#include "ops/statistics.hpp"

namespace trtswap {

namespace {

constexpr int kBlock = 128;

__global__ void partial_kernel(StatisticsInput input, double* partial) {
    __shared__ double shared[kBlock / 32 * kSums];
    const int n = static_cast<int>(blockIdx.y), piece = static_cast<int>(blockIdx.x);
    const float* x = input.picture(n);
    const float* mask = input.mask(n);
    const std::size_t first = piece * input.piece(), last = min_of(first + input.piece(), input.area);
    double sums[kSums] = {};
    for (std::size_t i = first + threadIdx.x; i < last; i += kBlock) {
        add_sample<double>(sums, mask[i], x[i], x[i + input.area], x[i + 2 * input.area]);
    }
    add_up_block(sums, shared);
    if (threadIdx.x < kSums) {
        partial[(static_cast<std::size_t>(n) * kPartials + piece) * kSums + threadIdx.x] =
            shared[threadIdx.x];
    }
}

__global__ void moments_kernel(const double* partial, Moments* moments) {
    __shared__ double sums[kSums];
    if (threadIdx.x < kSums) {
        double sum = 0.0;
        for (int piece = 0; piece < kPartials; ++piece) {
            sum += partial[(static_cast<std::size_t>(blockIdx.x) * kPartials + piece) * kSums + threadIdx.x];
        }
        sums[threadIdx.x] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        moments[blockIdx.x] = moments_of(sums);
    }
}

} // namespace

void statistics_cuda(const StatisticsInput& input, double* partial, Moments* moments, std::uintptr_t stream) {
    if (input.count == 0) {
        return;
    }
    const auto count = static_cast<unsigned>(input.count);
    partial_kernel<<<dim3(kPartials, count), kBlock, 0, as_stream(stream)>>>(input, partial);
    check_cuda(cudaGetLastError(), "launching statistics");
    moments_kernel<<<count, 32, 0, as_stream(stream)>>>(partial, moments);
    check_cuda(cudaGetLastError(), "launching statistics");
}

} // namespace trtswap
