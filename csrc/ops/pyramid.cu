#include "core/upload.cuh"
#include "ops/pyramid.cuh"

namespace trtswap {

namespace {

constexpr int kDownWidth = 2 * kTileWidth + 3; // columns that a tile's filter reads
constexpr int kGroup = 4;                      // rows of one column that one thread filters

// A tile of level l + 1 from level l: down first, each thread along a column, then across.
template <int N, typename T>
__device__ void down_tile(const PyramidTask& task, int l, const Tile& tile, float* shared) {
    const LevelView<N, T> fine = level_of<N, T>(task, task.d, l),
                          coarse = level_of<N, T>(task, task.d, l + 1);
    const int tid = static_cast<int>(threadIdx.x);
    if (tid < kDownWidth * (kTileHeight / kGroup)) {
        const int column = tid % kDownWidth, group = tid / kDownWidth;
        const int x = reflected(2 * tile.x - 2 + column, fine.width);
        const int y = 2 * (tile.y + group * kGroup) - 2;
        Lanes<N> rows[2 * kGroup + 3];
        if (y >= 0 && y + 2 * kGroup + 3 <= fine.height) {
            const T* p = fine.data + N * (y * fine.width + x);
#pragma unroll
            for (int k = 0; k < 2 * kGroup + 3; ++k) {
                rows[k] = load_lanes<N>(p + N * (k * fine.width));
            }
        } else {
#pragma unroll
            for (int k = 0; k < 2 * kGroup + 3; ++k) {
                rows[k] = fine.load(x, reflected(y + k, fine.height));
            }
        }
#pragma unroll
        for (int k = 0; k < 2 * kGroup + 3; ++k) {
            rows[k].v[N - 1] = max_of(rows[k].v[N - 1], 0.0f);
        }
#pragma unroll
        for (int j = 0; j < kGroup; ++j) {
#pragma unroll
            for (int c = 0; c < N; ++c) {
                shared[(c * kTileHeight + group * kGroup + j) * kDownWidth + column] =
                    down_filter(rows[2 * j].v[c], rows[2 * j + 1].v[c], rows[2 * j + 2].v[c],
                                rows[2 * j + 3].v[c], rows[2 * j + 4].v[c]);
            }
        }
    }
    __syncthreads();
    for (int i = tid; i < kTileWidth * kTileHeight; i += kDownThreads) {
        const int u = i % kTileWidth, v = i / kTileWidth, x = tile.x + u, y = tile.y + v;
        if (x >= coarse.width || y >= coarse.height) {
            continue;
        }
        Lanes<N> out;
#pragma unroll
        for (int c = 0; c < N; ++c) {
            const float* row = shared + (c * kTileHeight + v) * kDownWidth + 2 * u;
            out.v[c] = down_filter(row[0], row[1], row[2], row[3], row[4]);
        }
        coarse.store(x, y, out);
    }
}

template <typename T>
__global__ void __launch_bounds__(kDownThreads)
    down_kernel(const PyramidTask* tasks, const __grid_constant__ TileRow row, int l) {
    __shared__ float shared[4 * kTileHeight * kDownWidth];
    const Tile tile = find_tile(row);
    const PyramidTask& task = tasks[tile.task];
    if (task.lanes == 2) {
        down_tile<2, T>(task, l, tile, shared);
    } else {
        down_tile<4, T>(task, l, tile, shared);
    }
}

template <int N, typename T, bool Membrane>
__device__ void collapse_level(const PyramidTask& task, int l, const Tile& tile, float* shared) {
    const LevelView<N, T> out = level_of<N, T>(task, task.r, l);
    collapse_tile<N, T, Membrane>(
        task, l, tile, shared, [](const Lanes<N>&) { return true; },
        [&](int x, int y, const Lanes<N>&, const Lanes<N>& r) { out.store(x, y, r); });
}

template <typename T, bool Membrane>
__global__ void __launch_bounds__(kTileThreads)
    collapse_kernel(const PyramidTask* tasks, const __grid_constant__ TileRow row, int l) {
    __shared__ float shared[kCollapseShared];
    const Tile tile = find_tile(row);
    const PyramidTask& task = tasks[tile.task];
    if (task.lanes == 2) {
        collapse_level<2, T, Membrane>(task, l, tile, shared);
    } else {
        collapse_level<4, T, Membrane>(task, l, tile, shared);
    }
}

// --- pyramid_blend: pictures of three channels, one task each ---

constexpr std::size_t kMostBytes = std::size_t{512} << 20; // of workspace, if one picture fits

struct Layout {
    int group; // pictures worked on together
    PyramidShape shape;
    std::size_t d_bytes, r_bytes, table_bytes, bytes;
};

Layout layout_of(const PyramidBlendInput& in) {
    Layout l{};
    l.shape = pyramid_shape(in.width, in.height, in.levels);
    l.d_bytes = 16 * static_cast<std::size_t>(l.shape.elements);
    l.r_bytes = 16 * (static_cast<std::size_t>(l.shape.elements) - in.area());
    const std::size_t each = l.d_bytes + l.r_bytes + sizeof(PyramidTask);
    const auto fit = static_cast<int>(kMostBytes / each < 1 ? 1 : kMostBytes / each);
    l.group = max_of(1, min_of(min_of(in.count, fit), kMostTasks));
    l.table_bytes = (static_cast<std::size_t>(l.group) * sizeof(PyramidTask) + 255) & ~std::size_t{255};
    l.bytes = l.table_bytes + static_cast<std::size_t>(l.group) * (l.d_bytes + l.r_bytes);
    return l;
}

__global__ void difference_kernel(PyramidBlendInput in, const PyramidTask* tasks, int first) {
    const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kTileThreads + threadIdx.x, area = in.area();
    if (i >= area) {
        return;
    }
    const std::size_t n = static_cast<std::size_t>(first) + blockIdx.y, at = n * 3 * area + i;
    const Lanes<4> e{in.a[at] - in.b[at], in.a[at + area] - in.b[at + area],
                     in.a[at + 2 * area] - in.b[at + 2 * area], in.masks[(in.one_mask ? 0 : n * area) + i]};
    store_lanes<4>(static_cast<float*>(tasks[blockIdx.y].d) + 4 * i, e);
}

__global__ void __launch_bounds__(kTileThreads)
    finish_kernel(PyramidBlendInput in, const PyramidTask* tasks, const __grid_constant__ TileRow row,
                  int first, float* out) {
    __shared__ float shared[kCollapseShared];
    const Tile tile = find_tile(row);
    const std::size_t area = in.area(), base = (static_cast<std::size_t>(first) + tile.task) * 3 * area;
    collapse_tile<4, float, false>(
        tasks[tile.task], 0, tile, shared, [](const Lanes<4>&) { return true; },
        [&](int x, int y, const Lanes<4>&, const Lanes<4>& r) {
            const std::size_t at = base + static_cast<std::size_t>(y) * in.width + x;
#pragma unroll
            for (int c = 0; c < 3; ++c) {
                const std::size_t i = at + c * area;
                out[i] = r.v[3] == 0.0f ? in.a[i] : in.b[i] + r.v[c];
            }
        });
}

void blend_group(const PyramidBlendInput& in, const Layout& layout, int first, int count, float* out,
                 char* workspace, std::uintptr_t stream) {
    PyramidTask host[kMostTasks];
    char* memory = workspace + layout.table_bytes;
    for (int t = 0; t < count; ++t) {
        char* d = memory + static_cast<std::size_t>(t) * (layout.d_bytes + layout.r_bytes);
        host[t] = {layout.shape, d, d + layout.d_bytes - 16 * in.area(), 4};
    }
    TileRow rows[kMostLevels];
    for (int l = 0; l < in.levels; ++l) {
        rows[l] = tile_row(host, count, l);
    }
    const auto* tasks = reinterpret_cast<PyramidTask*>(workspace);
    upload(workspace, host, static_cast<std::size_t>(count) * sizeof(PyramidTask), stream);
    const dim3 grid(static_cast<unsigned>((in.area() + kTileThreads - 1) / kTileThreads),
                    static_cast<unsigned>(count));
    difference_kernel<<<grid, kTileThreads, 0, as_stream(stream)>>>(in, tasks, first);
    check_cuda(cudaGetLastError(), "launching pyramid_blend");
    launch_pyramids<float>(tasks, rows, in.levels, false, stream);
    finish_kernel<<<static_cast<unsigned>(rows[0].tiles), kTileThreads, 0, as_stream(stream)>>>(
        in, tasks, rows[0], first, out);
    check_cuda(cudaGetLastError(), "launching pyramid_blend");
}

} // namespace

template <typename T>
void launch_pyramids(const PyramidTask* tasks, const TileRow* rows, int levels, bool membrane,
                     std::uintptr_t stream) {
    for (int l = 0; l + 1 < levels; ++l) {
        if (rows[l + 1].tiles > 0) {
            const auto tiles = static_cast<unsigned>(rows[l + 1].tiles);
            down_kernel<T><<<tiles, kDownThreads, 0, as_stream(stream)>>>(tasks, rows[l + 1], l);
            check_cuda(cudaGetLastError(), "launching a pyramid");
        }
    }
    for (int l = levels - 1; l > 0; --l) {
        if (rows[l].tiles > 0) {
            const auto tiles = static_cast<unsigned>(rows[l].tiles);
            if (membrane) {
                collapse_kernel<T, true><<<tiles, kTileThreads, 0, as_stream(stream)>>>(tasks, rows[l], l);
            } else {
                collapse_kernel<T, false><<<tiles, kTileThreads, 0, as_stream(stream)>>>(tasks, rows[l], l);
            }
            check_cuda(cudaGetLastError(), "launching a pyramid");
        }
    }
}

template void launch_pyramids<float>(const PyramidTask*, const TileRow*, int, bool, std::uintptr_t);
template void launch_pyramids<Half>(const PyramidTask*, const TileRow*, int, bool, std::uintptr_t);

std::size_t pyramid_blend_bytes_cuda(const PyramidBlendInput& input) { return layout_of(input).bytes; }

void pyramid_blend_cuda(const PyramidBlendInput& input, float* out, void* workspace, std::uintptr_t stream) {
    const Layout layout = layout_of(input);
    for (int first = 0; first < input.count; first += layout.group) {
        blend_group(input, layout, first, min_of(layout.group, input.count - first), out,
                    static_cast<char*>(workspace), stream);
    }
}

} // namespace trtswap
