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

// Which tile of which task a block takes at one level; travels as a kernel parameter, so that a block finds its work
// without waiting for memory. first[t]: the number of task t's first tile; across[t]: its tiles side by side.
struct TileRow {
    int tasks, tiles;
    int first[kMostTasks];
    std::int16_t across[kMostTasks];
};

inline TileRow tile_row(const PyramidTask* tasks, int count, int level) {
    TileRow row{};
    row.tasks = count;
    for (int t = 0; t < count; ++t) {
        const PyramidShape& s = tasks[t].shape;
        row.first[t] = row.tiles;
        if (level < s.levels) {
            row.across[t] = static_cast<std::int16_t>(blocks_for(s.width[level], kTileWidth));
            row.tiles += row.across[t] * static_cast<int>(blocks_for(s.height[level], kTileHeight));
        }
    }
    return row;
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

// The tile of this block: of the last task that begins at or before it.
__device__ __forceinline__ Tile find_tile(const TileRow& row) {
    const int block = static_cast<int>(blockIdx.x);
    int low = 0, high = row.tasks;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (row.first[middle] <= block) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const int number = block - row.first[low], across = row.across[low], down = number / across;
    return {low, (number - down * across) * kTileWidth, down * kTileHeight};
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

// The rows of a tile filtered up from level l + 1, every second column: `shared` gets 2 N - 1 lanes each, d without the
// mask and r.
template <int N, typename T>
__device__ __forceinline__ void up_rows(const PyramidTask& task, int l, const Tile& tile, float* shared) {
    constexpr int kWidth = kTileWidth / 2 + 2, kLanes = 2 * N - 1;
    const LevelView<N, T> d = level_of<N, T>(task, task.d, l + 1), r = level_of<N, T>(task, task.r, l + 1);
    const int fine_height = task.shape.height[l], left = tile.x / 2 - 1;
    for (int i = static_cast<int>(threadIdx.x); i < kWidth * kTileHeight; i += kTileThreads) {
        const int y = tile.y + i / kWidth, k = y / 2;
        if (y >= fine_height) {
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
}

// r = m (d - up d) + up r, and the impurity, from an element of d and 2 N - 1 lanes filtered up.
template <int N> __device__ __forceinline__ Lanes<N> joined(const Lanes<N>& e, const float (&up)[2 * N - 1]) {
    const float m = max_of(e.v[N - 1], 0.0f);
    Lanes<N> r;
#pragma unroll
    for (int c = 0; c + 1 < N; ++c) {
        r.v[c] = m * (e.v[c] - up[c]) + up[N - 1 + c];
    }
    r.v[N - 1] = (1.0f - m) + up[2 * N - 2];
    return r;
}

// The same for a membrane: the last lane is what lies on the line, and its sum.
template <int N>
__device__ __forceinline__ Lanes<N> added(const Lanes<N>& e, const float (&up)[2 * N - 1], float weight) {
    Lanes<N> r;
#pragma unroll
    for (int c = 0; c < N; ++c) {
        r.v[c] = weight * e.v[c] + up[N - 1 + c];
    }
    return r;
}

// Calls sink(x, y, element of d, results and impurity) for every pixel of a tile of level l; the results of level l + 1
// are ready. A tile whose elements all fail wanted(element) is left out. Each thread takes a pair of pixels.
template <int N, typename T, bool Membrane, typename Wanted, typename Sink>
__device__ __forceinline__ void collapse_tile(const PyramidTask& task, int l, const Tile& tile, float* shared,
                                              const Wanted& wanted, const Sink& sink) {
    constexpr int kPairs = kTileWidth / 2, kWidth = kPairs + 2, kLanes = 2 * N - 1;
    static_assert(kPairs * kTileHeight == kTileThreads, "a thread for every pair");
    const LevelView<N, T> fine = level_of<N, T>(task, task.d, l);
    const int tid = static_cast<int>(threadIdx.x), pair = tid % kPairs, row = tid / kPairs;
    const int x = tile.x + 2 * pair, y = tile.y + row;
    const bool one = x < fine.width && y < fine.height, two = one && x + 1 < fine.width;
    Lanes<N> even{}, odd{};
    if (one) {
        even = fine.load(x, y);
    }
    if (two) {
        odd = fine.load(x + 1, y);
    }
    if (!__syncthreads_or((one && wanted(even)) || (two && wanted(odd)))) {
        return;
    }
    float up[kLanes] = {}, up2[kLanes] = {};
    if (l + 1 < task.shape.levels) {
        up_rows<N, T>(task, l, tile, shared);
        __syncthreads();
        const float* here = shared + (row * kWidth + pair + 1) * kLanes;
#pragma unroll
        for (int c = 0; c < kLanes; ++c) {
            up[c] = up_even(here[c - kLanes], here[c], here[c + kLanes]);
            up2[c] = up_odd(here[c], here[c + kLanes]);
        }
    }
    if (one) {
        sink(x, y, even, Membrane ? added<N>(even, up, membrane_weight(l)) : joined<N>(even, up));
    }
    if (two) {
        sink(x + 1, y, odd, Membrane ? added<N>(odd, up2, membrane_weight(l)) : joined<N>(odd, up2));
    }
}

constexpr int kCollapseShared = (kTileWidth / 2 + 2) * kTileHeight * 7; // floats, for four lanes

// Queues the pyramids from level 1 to the coarsest and the results back to level 1. tasks lie on the device; rows[l]
// is the row of level l.
template <typename T>
void launch_pyramids(const PyramidTask* tasks, const TileRow* rows, int levels, bool membrane,
                     std::uintptr_t stream);

extern template void launch_pyramids<float>(const PyramidTask*, const TileRow*, int, bool, std::uintptr_t);
extern template void launch_pyramids<Half>(const PyramidTask*, const TileRow*, int, bool, std::uintptr_t);

} // namespace trtswap
