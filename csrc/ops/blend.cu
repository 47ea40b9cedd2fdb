#include <vector>

#include "core/upload.cuh"
#include "ops/blend_groups.cuh"
#include "ops/pyramid.cuh"

namespace trtswap {

namespace {

template <typename In>
__device__ Rgb colour_at(const PrepareItem& item, const CompositeSource& source, int x, int y) {
    const int u = clamp_to(x - kRing, 0, source.width - 1), v = clamp_to(y - kRing, 0, source.height - 1);
    const std::size_t area = static_cast<std::size_t>(source.width) * source.height;
    const In* in = static_cast<const In*>(item.patch) + static_cast<std::size_t>(v) * source.width + u;
    return patch_pixel(in, area, source.scale, source.offset);
}

template <typename T>
__global__ void prepare_kernel(const PrepareItem* items, CompositeSource source, const ColourMap* maps) {
    const PrepareItem& item = items[blockIdx.y];
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), stride = item.target.stride();
    if (i >= static_cast<int>(item.target.elements())) {
        return;
    }
    const int x = i % stride, y = i / stride;
    Rgb c = source.half ? colour_at<Half>(item, source, x, y) : colour_at<float>(item, source, x, y);
    if (maps != nullptr) {
        c = mapped(maps[item.map], c);
    }
    store_prepared<T>(item, x, y, c, prepared_mask(item, x, y));
}

template <PlaneKind Kind, typename Code, typename T>
__device__ void difference_tile(const BlendPlane& plane, const PyramidTask& task, const Tile& tile) {
    constexpr int N = Kind == PlaneKind::luma ? 2 : 4;
    const LevelView<N, T> level = level_of<N, T>(task, task.d, 0);
    for (int i = static_cast<int>(threadIdx.x); i < kTileWidth * kTileHeight; i += kTileThreads) {
        const int x = tile.x + i % kTileWidth, y = tile.y + i / kTileWidth;
        if (x < level.width && y < level.height) {
            Lanes<N> e{};
            e.v[N - 1] = difference_at<Kind, Code, T>(plane, x, y, e.v);
            level.store(x, y, e);
        }
    }
}

template <PlaneKind Kind, typename Code, typename T>
__device__ void finish_tile(const BlendPlane& plane, const PyramidTask& task, const Tile& tile,
                            float* shared) {
    constexpr int N = Kind == PlaneKind::luma ? 2 : 4;
    const auto shown = [](const Lanes<N>& e) { return window_of(e.v[N - 1]) > 0.0f; };
    collapse_tile<N, T, false>(task, 0, tile, shared, shown,
                               [&](int x, int y, const Lanes<N>& e, const Lanes<N>& r) {
                                   write_result<Kind, Code>(plane, x, y, window_of(e.v[N - 1]), r.v);
                               });
}

template <PlaneKind Kind, typename Code, typename T>
__device__ void line_tile(const BlendPlane& plane, const PyramidTask& task, const Tile& tile) {
    constexpr int N = Kind == PlaneKind::luma ? 2 : 4;
    const LevelView<N, T> level = level_of<N, T>(task, task.d, 0);
    for (int i = static_cast<int>(threadIdx.x); i < kTileWidth * kTileHeight; i += kTileThreads) {
        const int x = tile.x + i % kTileWidth, y = tile.y + i / kTileWidth;
        if (x < level.width && y < level.height) {
            Lanes<N> e{};
            e.v[N - 1] = line_at<Kind, Code, T>(plane, x, y, e.v);
            level.store(x, y, e);
        }
    }
}

template <PlaneKind Kind, typename Code, typename T>
__device__ void membrane_tile(const BlendPlane& plane, const PyramidTask& task, const Tile& tile,
                              float* shared) {
    constexpr int N = Kind == PlaneKind::luma ? 2 : 4;
    collapse_tile<N, T, true>(
        task, 0, tile, shared, [](const Lanes<N>&) { return true; },
        [&](int x, int y, const Lanes<N>&, const Lanes<N>& r) {
            write_membrane<Kind, Code, T>(plane, x, y, r.v, r.v[N - 1]);
        });
}

// Calls work with the plane's kind and code type; the same for all threads of a block.
template <typename T, template <PlaneKind, typename, typename> class Work, typename... Rest>
__device__ void by_kind(const BlendPlane& plane, Rest&&... rest) {
    if (plane.kind == PlaneKind::luma) {
        if (plane.wide) {
            Work<PlaneKind::luma, std::uint16_t, T>::run(plane, rest...);
        } else {
            Work<PlaneKind::luma, std::uint8_t, T>::run(plane, rest...);
        }
    } else if (plane.kind == PlaneKind::chroma) {
        if (plane.wide) {
            Work<PlaneKind::chroma, std::uint16_t, T>::run(plane, rest...);
        } else {
            Work<PlaneKind::chroma, std::uint8_t, T>::run(plane, rest...);
        }
    } else {
        Work<PlaneKind::rgb, std::uint8_t, T>::run(plane, rest...);
    }
}

template <PlaneKind Kind, typename Code, typename T> struct DifferenceWork {
    static __device__ void run(const BlendPlane& plane, const PyramidTask& task, const Tile& tile) {
        difference_tile<Kind, Code, T>(plane, task, tile);
    }
};

template <PlaneKind Kind, typename Code, typename T> struct FinishWork {
    static __device__ void run(const BlendPlane& plane, const PyramidTask& task, const Tile& tile,
                               float* shared) {
        finish_tile<Kind, Code, T>(plane, task, tile, shared);
    }
};

template <PlaneKind Kind, typename Code, typename T> struct LineWork {
    static __device__ void run(const BlendPlane& plane, const PyramidTask& task, const Tile& tile) {
        line_tile<Kind, Code, T>(plane, task, tile);
    }
};

template <PlaneKind Kind, typename Code, typename T> struct MembraneWork {
    static __device__ void run(const BlendPlane& plane, const PyramidTask& task, const Tile& tile,
                               float* shared) {
        membrane_tile<Kind, Code, T>(plane, task, tile, shared);
    }
};

__global__ void __launch_bounds__(kTileThreads)
    line_kernel(const BlendPlane* planes, const PyramidTask* tasks, const __grid_constant__ TileRow row) {
    const Tile tile = find_tile(row);
    by_kind<float, LineWork>(planes[tile.task], tasks[tile.task], tile);
}

__global__ void __launch_bounds__(kTileThreads)
    membrane_kernel(const BlendPlane* planes, const PyramidTask* tasks, const __grid_constant__ TileRow row) {
    __shared__ float shared[kCollapseShared];
    const Tile tile = find_tile(row);
    by_kind<float, MembraneWork>(planes[tile.task], tasks[tile.task], tile, &shared[0]);
}

template <typename T>
__global__ void __launch_bounds__(kTileThreads, sizeof(T) == 2 ? 5 : 4)
    difference_kernel(const BlendPlane* planes, const PyramidTask* tasks,
                      const __grid_constant__ TileRow row) {
    const Tile tile = find_tile(row);
    by_kind<T, DifferenceWork>(planes[tile.task], tasks[tile.task], tile);
}

template <typename T>
__global__ void __launch_bounds__(kTileThreads, sizeof(T) == 2 ? 5 : 4)
    finish_kernel(const BlendPlane* planes, const PyramidTask* tasks, const __grid_constant__ TileRow row) {
    __shared__ float shared[kCollapseShared];
    const Tile tile = find_tile(row);
    by_kind<T, FinishWork>(planes[tile.task], tasks[tile.task], tile, &shared[0]);
}

template <typename Item> char* put(char* at, const std::vector<Item>& items) {
    std::memcpy(at, items.data(), items.size() * sizeof(Item));
    return at + items.size() * sizeof(Item);
}

template <typename T>
void launch(Group& group, const BlendInput& input, char* workspace, std::uintptr_t stream) {
    const std::size_t table_bytes = group.table_bytes();
    place(group, workspace + table_bytes);
    const int levels = input.poisson ? kMostLevels : input.levels;
    TileRow rows[kMostLevels];
    for (int l = 0; l < levels; ++l) {
        rows[l] = tile_row(group.tasks.data(), static_cast<int>(group.tasks.size()), l);
    }
    std::vector<char> host(table_bytes);
    char* at = put(host.data(), group.patches);
    const auto planes_at = static_cast<std::size_t>(at - host.data());
    at = put(at, group.planes);
    const auto tasks_at = static_cast<std::size_t>(at - host.data());
    at = put(at, group.tasks);
    upload(workspace, host.data(), static_cast<std::size_t>(at - host.data()), stream);
    const auto* items = reinterpret_cast<const PrepareItem*>(workspace);
    const auto* planes = reinterpret_cast<const BlendPlane*>(workspace + planes_at);
    const auto* tasks = reinterpret_cast<const PyramidTask*>(workspace + tasks_at);

    const auto elements = static_cast<int>(group.patches[0].target.elements());
    const dim3 grid(blocks_for(elements, 128), static_cast<unsigned>(group.patches.size()));
    prepare_kernel<T><<<grid, 128, 0, as_stream(stream)>>>(items, input.source, input.maps);
    check_cuda(cudaGetLastError(), "launching blend");
    const auto finest = static_cast<unsigned>(rows[0].tiles);
    if (input.poisson) {
        line_kernel<<<finest, kTileThreads, 0, as_stream(stream)>>>(planes, tasks, rows[0]);
        check_cuda(cudaGetLastError(), "launching blend");
        launch_pyramids<float>(tasks, rows, levels, true, stream);
        membrane_kernel<<<finest, kTileThreads, 0, as_stream(stream)>>>(planes, tasks, rows[0]);
    } else {
        difference_kernel<T><<<finest, kTileThreads, 0, as_stream(stream)>>>(planes, tasks, rows[0]);
        check_cuda(cudaGetLastError(), "launching blend");
        launch_pyramids<T>(tasks, rows, levels, false, stream);
        finish_kernel<T><<<finest, kTileThreads, 0, as_stream(stream)>>>(planes, tasks, rows[0]);
    }
    check_cuda(cudaGetLastError(), "launching blend");
}

} // namespace

std::size_t blend_bytes_cuda(const BlendFace* faces, int count, const int* layers, const BlendInput& input) {
    std::size_t most = 0;
    int layer_count = 0;
    for (int i = 0; i < count; ++i) {
        layer_count = max_of(layer_count, layers[i] + 1);
    }
    for (int layer = 0; layer < layer_count; ++layer) {
        in_groups(faces, count, layers, layer, input,
                  [&](const Group& group) { most = max_of(most, group.table_bytes() + group.bytes); });
    }
    return most;
}

void blend_cuda(const BlendFace* faces, int count, const int* layers, int layer_count,
                const BlendInput& input, void* workspace, std::uintptr_t stream) {
    for (int layer = 0; layer < layer_count; ++layer) {
        in_groups(faces, count, layers, layer, input, [&](Group& group) {
            if (input.half) {
                launch<Half>(group, input, static_cast<char*>(workspace), stream);
            } else {
                launch<float>(group, input, static_cast<char*>(workspace), stream);
            }
        });
    }
}

} // namespace trtswap
