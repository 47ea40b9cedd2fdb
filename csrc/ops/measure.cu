#include "core/launch.cuh"
#include "core/reduce.cuh"
#include "core/upload.cuh"
#include "ops/measure.hpp"

namespace trtswap {

namespace {

constexpr int kBlock = 512;
constexpr int kEach = kSamples / kBlock; // samples of one thread

constexpr int kAll = 3 * kSums;

// Near most skin, so that few digits are lost to the mean when squares are added in single precision.
__device__ __forceinline__ float pivot(int side, int channel) {
    return side == 2 ? 0.0f : channel == 0 ? 50.0f : 14.0f;
}

template <typename T>
__global__ void sample_kernel(const MeasureItem* items, MeasureInput input, float* samples) {
    const int n = static_cast<int>(blockIdx.y), i = static_cast<int>(threadIdx.x);
    const int j = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y);
    measure_sample<T>(items[n], input, i, j, samples + static_cast<std::size_t>(n) * kLanes * kSamples);
}

__global__ void __launch_bounds__(kBlock)
    measure_kernel(const float* samples, MeasureInput input, Moments* moments, ColourMap* maps) {
    __shared__ double shared[kBlock / 32 * kAll];
    __shared__ Biweight biweights[3];
    __shared__ Moments found[3];
    const float* s = samples + static_cast<std::size_t>(blockIdx.x) * kLanes * kSamples;
    float lanes[kEach][kLanes], weights[kEach];
#pragma unroll
    for (int e = 0; e < kEach; ++e) {
#pragma unroll
        for (int k = 0; k < kLanes; ++k) {
            lanes[e][k] = s[k * kSamples + e * kBlock + static_cast<int>(threadIdx.x)];
        }
        weights[e] = lanes[e][6];
    }
    for (int pass = 0;; ++pass) {
        double sums[kAll] = {};
#pragma unroll
        for (int side = 0; side < 3; ++side) {
            float part[kSums] = {};
#pragma unroll
            for (int e = 0; e < kEach; ++e) {
                const SideColour c = side_colour(lanes[e], 1, side);
                add_sample(part, weights[e], c.x - pivot(side, 0), c.y - pivot(side, 1),
                           c.z - pivot(side, 2));
            }
#pragma unroll
            for (int k = 0; k < kSums; ++k) {
                sums[side * kSums + k] = part[k];
            }
        }
        add_up_block(sums, shared);
        if (threadIdx.x < 3) {
            const int side = static_cast<int>(threadIdx.x);
            Moments m = moments_of(shared + side * kSums);
            for (int k = 0; k < 3; ++k) {
                m.mean[k] += m.count > 0.0 ? pivot(side, k) : 0.0f;
            }
            found[side] = m;
            biweights[side] = biweight(m);
        }
        __syncthreads();
        if (pass == kRefinements) {
            break;
        }
#pragma unroll
        for (int e = 0; e < kEach; ++e) {
            weights[e] = refined(biweights, lanes[e], 1);
        }
    }
    if (threadIdx.x < 3) {
        moments[3 * blockIdx.x + threadIdx.x] = found[threadIdx.x];
    }
    if (threadIdx.x == 0 && input.solve) {
        maps[blockIdx.x] = transfer_map(found[0], found[1], found[2], input.method, input.strength);
    }
}

} // namespace

void measure_cuda(const MeasureItem* items, int count, const MeasureInput& input, void* workspace,
                  Moments* moments, ColourMap* maps, std::uintptr_t stream) {
    if (count == 0) {
        return;
    }
    auto* samples = static_cast<float*>(workspace);
    auto* table =
        reinterpret_cast<MeasureItem*>(samples + static_cast<std::size_t>(count) * kLanes * kSamples);
    upload(table, items, static_cast<std::size_t>(count) * sizeof(MeasureItem), stream);
    const dim3 block(kGrid, 2), grid(kGrid / 2, static_cast<unsigned>(count));
    if (input.source.half) {
        sample_kernel<Half><<<grid, block, 0, as_stream(stream)>>>(table, input, samples);
    } else {
        sample_kernel<float><<<grid, block, 0, as_stream(stream)>>>(table, input, samples);
    }
    check_cuda(cudaGetLastError(), "launching measure_colour");
    measure_kernel<<<static_cast<unsigned>(count), kBlock, 0, as_stream(stream)>>>(samples, input, moments,
                                                                                   maps);
    check_cuda(cudaGetLastError(), "launching measure_colour");
}

} // namespace trtswap
