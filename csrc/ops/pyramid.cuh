// Pyramids of many pictures at once. A task is one picture; a launch covers the tiles of all tasks at one level.
//
// A level is an array of elements of 2 or 4 lanes, float or half. In the pyramid `d` the last lane is the mask and the
// others are differences; on the finest level a value below 0 means more to the caller and counts as 0 here; in the pyramid `r` (levels from 1) the last lane is the impurity, the others results.
#pragma once

#include "core/launch.cuh"
#include "ops/pyramid.hpp"

namespace trtswap {

constexpr int kMostTasks = 128;
constexpr int kTileWidth = 32, kTileHeight = 16;
constexpr int kTileThreads = 256;
constexpr int kDownThreads = 288; // one for every column and group of rows of a tile, whole warps

struct PyramidTask {
    PyramidShape shape;
    void *d, *r; // r is offset so that level l begins at shape.offset[l]
    int lanes;
};

// first[l][t]: the number of the first tile of task t at level l; past the last task a number no block has.
struct TileTable {
    int first[kMostLevels][kMostTasks];
};

inline int tile_count(int width, int height) {
    return static_cast<int>(blocks_for(width, kTileWidth) * blocks_for(height, kTileHeight));
}

// Fills the table and returns the tiles of each level.
inline void fill_tiles(const PyramidTask* tasks, int count, int levels, TileTable& table,
                       int (&tiles)[kMostLevels]) {
    for (int l = 0; l < levels; ++l) {
        tiles[l] = 0;
        for (int t = 0; t < kMostTasks; ++t) {
            const bool used = t < count && l < tasks[t].shape.levels;
            table.first[l][t] = t < count ? tiles[l] : 0x7fffffff;
            tiles[l] += used ? tile_count(tasks[t].shape.width[l], tasks[t].shape.height[l]) : 0;
        }
    }
}

struct Tile {
    int task, x, y; // of its first pixel
};

template <int N> struct Lanes {
    float v[N];
};

template <int N> __device__ __forceinline__ Lanes<N> load_lanes(const float* p) {
    Lanes<N> lanes;
    if constexpr (N == 2) {
        const float2 pair = *reinterpret_cast<const float2*>(p);
        lanes.v[0] = pair.x;
        lanes.v[1] = pair.y;
    } else {
        const float4 four = *reinterpret_cast<const float4*>(p);
        lanes.v[0] = four.x;
        lanes.v[1] = four.y;
        lanes.v[2] = four.z;
        lanes.v[3] = four.w;
    }
    return lanes;
}

__device__ __forceinline__ float half_at(std::uint32_t word, int upper) {
    return to_float(Half{static_cast<std::uint16_t>(upper ? word >> 16 : word & 0xffffu)});
}

__device__ __forceinline__ std::uint32_t halves(float lower, float upper) {
    return to_half(lower).bits | static_cast<std::uint32_t>(to_half(upper).bits) << 16;
}

template <int N> __device__ __forceinline__ Lanes<N> load_lanes(const Half* p) {
    Lanes<N> lanes;
    if constexpr (N == 2) {
        const std::uint32_t word = *reinterpret_cast<const std::uint32_t*>(p);
        lanes.v[0] = half_at(word, 0);
        lanes.v[1] = half_at(word, 1);
    } else {
        const uint2 words = *reinterpret_cast<const uint2*>(p);
        lanes.v[0] = half_at(words.x, 0);
        lanes.v[1] = half_at(words.x, 1);
        lanes.v[2] = half_at(words.y, 0);
        lanes.v[3] = half_at(words.y, 1);
    }
    return lanes;
}

template <int N> __device__ __forceinline__ void store_lanes(float* p, const Lanes<N>& lanes) {
    if constexpr (N == 2) {
        *reinterpret_cast<float2*>(p) = make_float2(lanes.v[0], lanes.v[1]);
    } else {
        *reinterpret_cast<float4*>(p) = make_float4(lanes.v[0], lanes.v[1], lanes.v[2], lanes.v[3]);
    }
}

template <int N> __device__ __forceinline__ void store_lanes(Half* p, const Lanes<N>& lanes) {
    if constexpr (N == 2) {
        *reinterpret_cast<std::uint32_t*>(p) = halves(lanes.v[0], lanes.v[1]);
    } else {
        *reinterpret_cast<uint2*>(p) =
            make_uint2(halves(lanes.v[0], lanes.v[1]), halves(lanes.v[2], lanes.v[3]));
    }
}

// The tile of this block. Whole warps call it.
__device__ __forceinline__ Tile find_tile(const PyramidTask* tasks, const TileTable* table, int level) {
    const int block = static_cast<int>(blockIdx.x), lane = static_cast<int>(threadIdx.x) & 31;
    const int4 first = reinterpret_cast<const int4*>(table->first[level])[lane];
    const int begun = __popc(__ballot_sync(0xffffffffu, first.x <= block)) +
                      __popc(__ballot_sync(0xffffffffu, first.y <= block)) +
                      __popc(__ballot_sync(0xffffffffu, first.z <= block)) +
                      __popc(__ballot_sync(0xffffffffu, first.w <= block));
    const int task = begun - 1, number = block - table->first[level][task];
    const int across = (tasks[task].shape.width[level] + kTileWidth - 1) / kTileWidth;
    return {task, number % across * kTileWidth, number / across * kTileHeight};
}

// A level of one pyramid, in elements of N lanes of T.
template <int N, typename T> struct LevelView {
    T* data;
    int width, height;
    __device__ __forceinline__ Lanes<N> load(int x, int y) const {
        return load_lanes<N>(data + N * (y * width + x));
    }
    __device__ __forceinline__ void store(int x, int y, const Lanes<N>& lanes) const {
        store_lanes<N>(data + N * (y * width + x), lanes);
    }
};

template <int N, typename T>
__device__ __forceinline__ LevelView<N, T> level_of(const PyramidTask& task, void* pyramid, int l) {
    return {static_cast<T*>(pyramid) + static_cast<std::size_t>(N) * task.shape.offset[l],
            task.shape.width[l], task.shape.height[l]};
}

// Calls sink(x, y, elements of d, results and impurity) for every pixel of a tile of level l; results of level l + 1
// are ready.
template <int N, typename T, typename Sink>
__device__ void collapse_tile(const PyramidTask& task, int l, const Tile& tile, float* shared,
                              const Sink& sink) {
    constexpr int kWidth = kTileWidth / 2 + 2, kLanes = 2 * N - 1; // d without the mask, then r
    const LevelView<N, T> fine = level_of<N, T>(task, task.d, l);
    const bool coarsest = l + 1 == task.shape.levels;
    const int tid = static_cast<int>(threadIdx.x);
    if (!coarsest) {
        const LevelView<N, T> d = level_of<N, T>(task, task.d, l + 1),
                              r = level_of<N, T>(task, task.r, l + 1);
        const int left = tile.x / 2 - 1;
        for (int i = tid; i < kWidth * kTileHeight; i += kTileThreads) {
            const int y = tile.y + i / kWidth, k = y / 2;
            if (y >= fine.height) {
                break;
            }
            const int wanted = left + i % kWidth;
            const int x = wanted < 0 ? up_before(0, d.width) : min_of(wanted, d.width - 1);
            const int below = up_after(k, d.height);
            const Lanes<N> d1 = d.load(x, k), d2 = d.load(x, below), r1 = r.load(x, k), r2 = r.load(x, below);
            float* out = shared + i * kLanes;
            if (y % 2 == 0) {
                const int above = up_before(k, d.height);
                const Lanes<N> d0 = d.load(x, above), r0 = r.load(x, above);
#pragma unroll
                for (int c = 0; c < N; ++c) {
                    if (c + 1 < N) {
                        out[c] = up_even(d0.v[c], d1.v[c], d2.v[c]);
                    }
                    out[N - 1 + c] = up_even(r0.v[c], r1.v[c], r2.v[c]);
                }
            } else {
#pragma unroll
                for (int c = 0; c < N; ++c) {
                    if (c + 1 < N) {
                        out[c] = up_odd(d1.v[c], d2.v[c]);
                    }
                    out[N - 1 + c] = up_odd(r1.v[c], r2.v[c]);
                }
            }
        }
        __syncthreads();
    }
    for (int i = tid; i < kTileWidth * kTileHeight; i += kTileThreads) {
        const int x = tile.x + i % kTileWidth, y = tile.y + i / kTileWidth;
        if (x >= fine.width || y >= fine.height) {
            continue;
        }
        const Lanes<N> e = fine.load(x, y);
        const float m = max_of(e.v[N - 1], 0.0f);
        float up[kLanes] = {};
        if (!coarsest) {
            const float* here = shared + (i / kTileWidth * kWidth + i % kTileWidth / 2 + 1) * kLanes;
#pragma unroll
            for (int c = 0; c < kLanes; ++c) {
                up[c] = x % 2 == 0 ? up_even(here[c - kLanes], here[c], here[c + kLanes])
                                   : up_odd(here[c], here[c + kLanes]);
            }
        }
        Lanes<N> r;
#pragma unroll
        for (int c = 0; c + 1 < N; ++c) {
            r.v[c] = m * (e.v[c] - up[c]) + up[N - 1 + c];
        }
        r.v[N - 1] = (1.0f - m) + up[kLanes - 1];
        sink(x, y, e, r);
    }
}

constexpr int kCollapseShared = (kTileWidth / 2 + 2) * kTileHeight * 7; // floats, for four lanes

// Queues the pyramids from level 1 to the coarsest and the results back to level 1. tasks and table lie on the device.
template <typename T>
void launch_pyramids(const PyramidTask* tasks, const TileTable* table, const int (&tiles)[kMostLevels],
                     int levels, std::uintptr_t stream);

extern template void launch_pyramids<float>(const PyramidTask*, const TileTable*, const int (&)[kMostLevels],
                                            int, std::uintptr_t);
extern template void launch_pyramids<Half>(const PyramidTask*, const TileTable*, const int (&)[kMostLevels],
                                           int, std::uintptr_t);

} // namespace trtswap
