#include "bindings/faces.hpp"

#include "core/check.h"

namespace trtswap::bindings {

std::vector<SurfaceRef> surface_refs(const py::sequence& surfaces, bool writable, std::uintptr_t stream) {
    std::vector<SurfaceRef> refs;
    for (const py::handle& surface : surfaces) {
        refs.push_back(surface_ref(surface, writable, stream));
    }
    return refs;
}

Affine affine_at(const Placements& placements, int n) {
    Affine map{};
    std::copy_n(placements.data() + 6 * static_cast<std::size_t>(n), 6, map.m);
    return map;
}

const SurfaceView& surface_at(const std::vector<SurfaceRef>& surfaces, const Integers& indices, int n) {
    const int index = indices.data()[n];
    require(index >= 0 && index < static_cast<int>(surfaces.size()), "a surface index is out of range");
    return surfaces[static_cast<std::size_t>(index)].view;
}

void append_planes(std::vector<const ArrayRef*>& arrays, const std::vector<SurfaceRef>& surfaces) {
    for (const SurfaceRef& surface : surfaces) {
        for (const ArrayRef& plane : surface.planes) {
            arrays.push_back(&plane);
        }
    }
}

int items_of(const Integers& indices, const Placements& placements) {
    require(indices.ndim() == 1, "indices: expected one axis");
    const py::ssize_t count = indices.size();
    require(placements.ndim() == 3 && placements.shape(0) == count && placements.shape(1) == 2 &&
                placements.shape(2) == 3,
            "placements: expected one 2x3 map for each index");
    return static_cast<int>(count);
}

ArrayRef workspace_of(const py::object& allocate, std::size_t bytes, int device, std::uintptr_t stream) {
    const ArrayRef memory = array_ref(allocate(bytes, device), "workspace", stream);
    expect(memory, {"u1"}, {-1});
    expect_contiguous(memory);
    expect_writable(memory);
    require(static_cast<std::size_t>(memory.shape[0]) >= bytes && memory.device == device,
            "workspace: too small, or not where the pictures are");
    return memory;
}

} // namespace trtswap::bindings
