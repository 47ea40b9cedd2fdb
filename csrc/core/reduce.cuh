// Sums over a block of threads, added up in a fixed order, so that they are the same in every run.
#pragma once

namespace trtswap {

// Every thread brings N values; thread 0 leaves with the sums. `shared` has room for N values per warp. All threads of
// the block take part.
template <int N> __device__ void add_up_block(double (&values)[N], double* shared) {
    const int lane = static_cast<int>(threadIdx.x) & 31, warp = static_cast<int>(threadIdx.x) / 32;
    const int warps = static_cast<int>(blockDim.x) / 32;
#pragma unroll
    for (int k = 0; k < N; ++k) {
#pragma unroll
        for (int step = 16; step > 0; step /= 2) {
            values[k] += __shfl_down_sync(0xffffffffu, values[k], step);
        }
    }
    __syncthreads(); // `shared` may still be read from a former sum
    if (lane == 0) {
#pragma unroll
        for (int k = 0; k < N; ++k) {
            shared[warp * N + k] = values[k];
        }
    }
    __syncthreads();
    if (warp == 0 && lane < N) { // one thread per value; N is at most 32
        double sum = 0.0;
        for (int w = 0; w < warps; ++w) {
            sum += shared[w * N + lane];
        }
        shared[lane] = sum; // entry `lane` of warp 0 is read by this thread alone
    }
    __syncthreads();
    if (threadIdx.x == 0) {
#pragma unroll
        for (int k = 0; k < N; ++k) {
            values[k] = shared[k];
        }
    }
}

} // namespace trtswap
