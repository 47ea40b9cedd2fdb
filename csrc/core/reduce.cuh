// Sums over a block of threads, added up in a fixed order, so that they are the same in every run.
#pragma once

namespace trtswap {

// Every thread brings N values; their sums end in shared[0..N). `shared` has room for N values per warp. All threads of
// the block take part, and may read the sums when it returns.
template <int N> __device__ void add_up_block(double (&values)[N], double* shared) {
    const int thread = static_cast<int>(threadIdx.x), lane = thread & 31, warp = thread / 32;
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
    if (thread < N) { // value `thread` of the first warp is read by this thread alone
        double sum = 0.0;
        for (int w = 0; w < warps; ++w) {
            sum += shared[w * N + thread];
        }
        shared[thread] = sum;
    }
    __syncthreads();
}

} // namespace trtswap
