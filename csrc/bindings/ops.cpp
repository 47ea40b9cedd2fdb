#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <array>

#include "bindings/arrays.hpp"
#include "core/check.h"
#include "core/device.hpp"
#include "ops/composite.hpp"
#include "ops/resample.hpp"

namespace trtswap::bindings {

namespace {

using Placements = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Integers = py::array_t<int, py::array::c_style | py::array::forcecast>;

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

void resample(const py::sequence& surfaces, const Integers& indices, const Placements& placements,
              const Integers& extents, bool area, bool bgr, std::array<float, 3> scale,
              std::array<float, 3> offset, const py::object& out, std::uintptr_t stream) {
    const int count = items_of(indices, placements);
    const std::vector<SurfaceRef> refs = surface_refs(surfaces, false, stream);
    const ArrayRef tensor = array_ref(out, "out", stream);
    expect(tensor, {"f4", "f2"}, {count, 3, -1, -1});
    expect_contiguous(tensor);
    expect_writable(tensor);
    require(extents.ndim() == 2 && extents.shape(0) == count && extents.shape(1) == 2,
            "extents: expected a width and a height for each index");
    std::vector<const ArrayRef*> arrays{&tensor};
    append_planes(arrays, refs);
    const int device = common_device(arrays);

    ResampleTarget target{};
    target.data = tensor.data;
    target.half = tensor.type == "f2";
    target.height = static_cast<int>(tensor.shape[2]);
    target.width = static_cast<int>(tensor.shape[3]);
    target.bgr = bgr;
    std::copy(scale.begin(), scale.end(), target.scale);
    std::copy(offset.begin(), offset.end(), target.offset);
    std::vector<ResampleItem> items;
    for (int n = 0; n < count; ++n) {
        const int* extent = extents.data() + 2 * n;
        items.push_back(make_resample_item(surface_at(refs, indices, n), affine_at(placements, n), area,
                                           clamp_to(extent[0], 0, target.width),
                                           clamp_to(extent[1], 0, target.height)));
    }
    const py::gil_scoped_release unlocked;
    if (device < 0) {
        resample_host(items.data(), count, target);
    } else {
        const DeviceGuard guard(device);
        resample_cuda(items.data(), count, target, stream);
    }
}

void composite(const py::sequence& surfaces, const Integers& indices, const Placements& placements,
               const py::object& patches, const py::object& masks, float scale, float offset,
               std::uintptr_t stream) {
    const int count = items_of(indices, placements);
    const std::vector<SurfaceRef> refs = surface_refs(surfaces, true, stream);
    const ArrayRef patch = array_ref(patches, "patches", stream);
    expect(patch, {"f4", "f2"}, {count, 3, -1, -1});
    expect_contiguous(patch);
    const ArrayRef mask = array_ref(masks, "masks", stream);
    expect(mask, {"f4"}, {-1, patch.shape[2], patch.shape[3]});
    expect_contiguous(mask);
    require(mask.shape[0] == 1 || mask.shape[0] == count, "masks: expected one, or one for each patch");
    std::vector<const ArrayRef*> arrays{&patch, &mask};
    append_planes(arrays, refs);
    const int device = common_device(arrays);

    const CompositeSource source{patch.type == "f2", static_cast<int>(patch.shape[3]),
                                 static_cast<int>(patch.shape[2]), scale * 255.0f, offset * 255.0f};
    const std::size_t area = static_cast<std::size_t>(source.width) * source.height;
    const std::size_t patch_bytes = 3 * area * patch.item_bytes;
    const auto* mask_data = reinterpret_cast<const float*>(mask.data);
    std::vector<CompositeItem> items;
    for (int n = 0; n < count; ++n) {
        const auto at = static_cast<std::size_t>(n);
        items.push_back(make_composite_item(surface_at(refs, indices, n), affine_at(placements, n), source,
                                            patch.data + at * patch_bytes,
                                            mask_data + (mask.shape[0] == 1 ? 0 : at * area)));
    }
    const py::gil_scoped_release unlocked;
    if (device < 0) {
        composite_host(items.data(), count, source);
    } else {
        const DeviceGuard guard(device);
        std::vector<int> layers(static_cast<std::size_t>(count));
        const int layer_count = assign_layers(items.data(), count, layers.data());
        composite_cuda(items.data(), count, layers.data(), layer_count, source, stream);
    }
}

} // namespace

void register_ops(py::module_& module) {
    module.def("resample", &resample, py::arg("surfaces"), py::arg("indices"), py::arg("placements"),
               py::arg("extents"), py::kw_only(), py::arg("area"), py::arg("bgr"), py::arg("scale"),
               py::arg("offset"), py::arg("out"), py::arg("stream"));
    module.def("composite", &composite, py::arg("surfaces"), py::arg("indices"), py::arg("placements"),
               py::arg("patches"), py::arg("masks"), py::kw_only(), py::arg("scale"), py::arg("offset"),
               py::arg("stream"));
}

} // namespace trtswap::bindings
