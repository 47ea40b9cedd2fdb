// Launching kernels: every launch is checked, and failures become CudaFailure.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/check.h"

namespace trtswap {

inline void check_cuda(cudaError_t status, const char* what) {
    if (status != cudaSuccess) {
        throw CudaFailure(std::string(what) + ": " + cudaGetErrorString(status), cudaGetErrorName(status),
                          status == cudaErrorMemoryAllocation);
    }
}

inline cudaStream_t as_stream(std::uintptr_t handle) { return reinterpret_cast<cudaStream_t>(handle); }

inline unsigned blocks_for(int size, unsigned block) {
    return (static_cast<unsigned>(size) + block - 1) / block;
}

// Kernel parameters are limited to 4 KiB before CUDA 12.1 and on older drivers; items travel by value in chunks, so
// that nothing has to be allocated or copied beforehand.
template <typename Item, int Capacity> struct ItemChunk {
    Item items[Capacity];
};

} // namespace trtswap
