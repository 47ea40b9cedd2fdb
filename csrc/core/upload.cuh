// Small tables to the device without a copy: they travel as kernel parameters, so that nothing has to outlive the call
// and the work can be captured into a CUDA graph.
#pragma once

#include <cstring>

#include "core/launch.cuh"

namespace trtswap {

template <int Bytes> struct Parcel {
    std::uint32_t words[Bytes / 4];
};

template <int Bytes>
__global__ void unpack_kernel(const __grid_constant__ Parcel<Bytes> parcel, std::uint32_t* target,
                              int words) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < words) {
        target[i] = parcel.words[i];
    }
}

template <int Bytes>
void upload_in(void* target, const void* source, std::size_t bytes, std::uintptr_t stream) {
    for (std::size_t first = 0; first < bytes; first += Bytes) {
        const std::size_t size = bytes - first < Bytes ? bytes - first : Bytes;
        Parcel<Bytes> parcel;
        std::memcpy(parcel.words, static_cast<const char*>(source) + first, size);
        auto* there = reinterpret_cast<std::uint32_t*>(static_cast<char*>(target) + first);
        const int words = static_cast<int>(size / 4);
        unpack_kernel<Bytes><<<blocks_for(words, 64), 64, 0, as_stream(stream)>>>(parcel, there, words);
        check_cuda(cudaGetLastError(), "sending a table to the device");
    }
}

// `bytes` is a multiple of 4. Large parameters need CUDA 12.1 and Volta.
inline void upload(void* target, const void* source, std::size_t bytes, std::uintptr_t stream) {
    constexpr int kSmall = 3840;
#if CUDART_VERSION >= 12010
    static const bool large = [] {
        int driver = 0;
        return cudaDriverGetVersion(&driver) == cudaSuccess && driver >= 12010;
    }();
    if (large && bytes > kSmall) {
        upload_in<30720>(target, source, bytes, stream);
        return;
    }
#endif
    upload_in<kSmall>(target, source, bytes, stream);
}

} // namespace trtswap
