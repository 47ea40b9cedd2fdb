// Faces that are blended together: what they need and where in the workspace it lies.
#pragma once

#include <utility>
#include <vector>

#include "ops/blend.hpp"
#include "ops/pyramid.cuh"

namespace trtswap {

constexpr int kMostFaces = kMostTasks / 2;               // of one group
constexpr std::size_t kMostBytes = std::size_t{1} << 30; // of one group's workspace, if one face fits
constexpr std::size_t kAlign = 256;

inline std::size_t aligned(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// What one group of faces needs, and where in the workspace it lies.
struct Group {
    std::vector<PrepareItem> patches;
    std::vector<BlendPlane> planes;
    std::vector<PyramidTask> tasks;
    std::size_t bytes = 0; // patches and pyramids, without the tables

    std::size_t table_bytes() const {
        return aligned(patches.size() * sizeof(PrepareItem) + planes.size() * sizeof(BlendPlane) +
                       tasks.size() * sizeof(PyramidTask));
    }
};

// Adds a face; its memory is counted from the start of the group's, to be moved there by `place`.
inline void add_face(Group& group, const BlendFace& face, int n, const BlendInput& input) {
    const std::size_t value = input.half ? 2 : 4;
    const auto take = [&](std::size_t bytes) {
        char* at = reinterpret_cast<char*>(group.bytes);
        group.bytes += aligned(bytes);
        return at;
    };
    BlendPlane planes[2];
    const int count = make_planes(face, input.source, planes);
    PreparedPatch patch = planes[0].patch;
    patch.first = take(2 * value * patch.elements());
    patch.second = take(2 * value * patch.elements());
    group.patches.push_back(
        {face.patch, face.mask, patch, face.surface.colour, face.surface.subsampled(), n});
    for (int k = 0; k < count; ++k) {
        planes[k].patch = patch;
        PyramidTask task{};
        task.shape = pyramid_shape(planes[k].width, planes[k].height, plane_levels(planes[k], input));
        task.lanes = planes[k].kind == PlaneKind::luma ? 2 : 4;
        const std::size_t element = value * static_cast<std::size_t>(task.lanes);
        const std::size_t finest = static_cast<std::size_t>(planes[k].width) * planes[k].height;
        task.d = take(element * task.shape.elements);
        task.r = take(element * (task.shape.elements - finest)) - element * finest;
        group.planes.push_back(planes[k]);
        group.tasks.push_back(task);
    }
}

inline void* moved(void* offset, char* base) { return base + reinterpret_cast<std::ptrdiff_t>(offset); }

inline void place(Group& group, char* base) {
    for (PrepareItem& item : group.patches) {
        item.target.first = moved(item.target.first, base);
        item.target.second = moved(item.target.second, base);
    }
    for (BlendPlane& plane : group.planes) {
        plane.patch.first = moved(plane.patch.first, base);
        plane.patch.second = moved(plane.patch.second, base);
    }
    for (PyramidTask& task : group.tasks) {
        task.d = moved(task.d, base);
        task.r = moved(task.r, base);
    }
}

// Takes back what was added since the group had `patches` faces, `planes` planes and `bytes`.
inline void take_back(Group& group, std::size_t patches, std::size_t planes, std::size_t bytes) {
    group.patches.resize(patches);
    group.planes.resize(planes);
    group.tasks.resize(planes);
    group.bytes = bytes;
}

// Calls work(group) for the faces of a layer, in groups that fit.
template <typename Work>
void in_groups(const BlendFace* faces, int count, const int* layers, int layer, const BlendInput& input,
               const Work& work) {
    Group group;
    for (int i = 0; i < count; ++i) {
        if (layers[i] != layer || faces[i].region.empty()) {
            continue;
        }
        const std::size_t patches = group.patches.size(), planes = group.planes.size(), bytes = group.bytes;
        add_face(group, faces[i], i, input);
        if (patches > 0 && (group.bytes > kMostBytes || patches == static_cast<std::size_t>(kMostFaces))) {
            take_back(group, patches, planes, bytes);
            work(group);
            take_back(group, 0, 0, 0);
            add_face(group, faces[i], i, input);
        }
    }
    if (!group.patches.empty()) {
        work(group);
    }
}

} // namespace trtswap
