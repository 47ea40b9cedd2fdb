#include <pybind11/stl.h>

#include <array>

#include "bindings/faces.hpp"
#include "bindings/where.hpp"
#include "core/check.h"
#include "ops/blend.hpp"
#include "ops/composite.hpp"
#include "ops/measure.hpp"
#include "ops/resample.hpp"

namespace trtswap::bindings {

namespace {

void resample(const py::sequence& surfaces, const Integers& indices, const Placements& placements,
              const Integers& extents, bool area, bool bgr, bool black, std::array<float, 3> scale,
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
    target.black = black;
    std::copy(scale.begin(), scale.end(), target.scale);
    std::copy(offset.begin(), offset.end(), target.offset);
    std::vector<ResampleItem> items;
    for (int n = 0; n < count; ++n) {
        const int* extent = extents.data() + 2 * n;
        items.push_back(make_resample_item(surface_at(refs, indices, n), affine_at(placements, n), area,
                                           clamp_to(extent[0], 0, target.width),
                                           clamp_to(extent[1], 0, target.height)));
    }
    run_where(
        device, [&] { resample_host(items.data(), count, target); },
        [&] { resample_cuda(items.data(), count, target, stream); });
}

// Patches and masks of `count` faces as composite and blend take them.
struct FaceArrays {
    ArrayRef patch, mask;
    CompositeSource source;

    FaceArrays(const py::object& patches, const py::object& masks, int count, float scale, float offset,
               std::uintptr_t stream)
        : patch(array_ref(patches, "patches", stream)), mask(array_ref(masks, "masks", stream)) {
        expect(patch, {"f4", "f2"}, {count, 3, -1, -1});
        expect_contiguous(patch);
        expect(mask, {"f4"}, {-1, patch.shape[2], patch.shape[3]});
        expect_contiguous(mask);
        require(mask.shape[0] == 1 || mask.shape[0] == count, "masks: expected one, or one for each patch");
        source = {patch.type == "f2", static_cast<int>(patch.shape[3]), static_cast<int>(patch.shape[2]),
                  scale * 255.0f, offset * 255.0f};
    }

    std::size_t area() const { return static_cast<std::size_t>(source.width) * source.height; }
    const void* patch_at(int n) const {
        return patch.data + static_cast<std::size_t>(n) * 3 * area() * patch.item_bytes;
    }
    const float* mask_at(int n) const {
        return reinterpret_cast<const float*>(mask.data) +
               (mask.shape[0] == 1 ? 0 : static_cast<std::size_t>(n) * area());
    }
};

void composite(const py::sequence& surfaces, const Integers& indices, const Placements& placements,
               const py::object& patches, const py::object& masks, float scale, float offset,
               std::uintptr_t stream) {
    const int count = items_of(indices, placements);
    const std::vector<SurfaceRef> refs = surface_refs(surfaces, true, stream);
    const FaceArrays faces(patches, masks, count, scale, offset, stream);
    std::vector<const ArrayRef*> arrays{&faces.patch, &faces.mask};
    append_planes(arrays, refs);
    const int device = common_device(arrays);

    std::vector<CompositeItem> items;
    for (int n = 0; n < count; ++n) {
        items.push_back(make_composite_item(surface_at(refs, indices, n), affine_at(placements, n),
                                            faces.source, faces.patch_at(n), faces.mask_at(n)));
    }
    run_where(
        device, [&] { composite_host(items.data(), count, faces.source); },
        [&] {
            std::vector<int> layers(static_cast<std::size_t>(count));
            const int layer_count = assign_layers(items.data(), count, layers.data());
            composite_cuda(items.data(), count, layers.data(), layer_count, faces.source, stream);
        });
}

void blend(const py::sequence& surfaces, const Integers& indices, const Placements& placements,
           const py::object& patches, const py::object& masks, const py::object& maps, float scale,
           float offset, int levels, bool poisson, bool half, const py::object& allocate,
           std::uintptr_t stream) {
    const int count = items_of(indices, placements);
    require(levels >= 1 && levels <= kMostLevels, "levels: expected 1 to 8");
    const std::vector<SurfaceRef> refs = surface_refs(surfaces, true, stream);
    const FaceArrays arrays_of(patches, masks, count, scale, offset, stream);
    std::vector<const ArrayRef*> arrays{&arrays_of.patch, &arrays_of.mask};
    append_planes(arrays, refs);
    BlendInput input{arrays_of.source, levels, poisson, half && !poisson, nullptr};
    ArrayRef map;
    if (!maps.is_none()) {
        map = array_ref(maps, "maps", stream);
        expect(map, {"f4"}, {count, 12});
        expect_contiguous(map);
        input.maps = reinterpret_cast<const ColourMap*>(map.data);
        arrays.push_back(&map);
    }
    const int device = common_device(arrays);

    std::vector<BlendFace> faces;
    std::vector<CompositeItem> items;
    for (int n = 0; n < count; ++n) {
        const SurfaceView& surface = surface_at(refs, indices, n);
        const Affine to_patch = affine_at(placements, n);
        items.push_back(make_composite_item(surface, to_patch, input.source, arrays_of.patch_at(n),
                                            arrays_of.mask_at(n)));
        faces.push_back({surface, to_patch, items.back().patch, items.back().mask, items.back().region});
    }
    std::vector<int> layers(static_cast<std::size_t>(count));
    const int layer_count = assign_layers(items.data(), count, layers.data());
    const std::size_t bytes = device < 0 ? blend_bytes_host(faces.data(), count, input)
                                         : blend_bytes_cuda(faces.data(), count, layers.data(), input);
    const ArrayRef memory = workspace_of(allocate, bytes, device, stream);
    run_where(
        device, [&] { blend_host(faces.data(), count, input, memory.data); },
        [&] { blend_cuda(faces.data(), count, layers.data(), layer_count, input, memory.data, stream); });
}

void measure_colour(const py::sequence& surfaces, const Integers& indices, const Placements& placements,
                    const py::object& patches, const py::object& weights, const py::object& moments,
                    const py::object& maps, float scale, float offset, int method, float strength,
                    const py::object& allocate, std::uintptr_t stream) {
    const int count = items_of(indices, placements);
    const std::vector<SurfaceRef> refs = surface_refs(surfaces, false, stream);
    const FaceArrays faces(patches, weights, count, scale, offset, stream);
    const ArrayRef result = array_ref(moments, "moments", stream);
    expect(result, {"f8"}, {count, 3, 10});
    expect_contiguous(result);
    expect_writable(result);
    std::vector<const ArrayRef*> arrays{&faces.patch, &faces.mask, &result};
    append_planes(arrays, refs);
    MeasureInput input = make_measure_input(faces.source);
    ArrayRef map;
    if (!maps.is_none()) {
        map = array_ref(maps, "maps", stream);
        expect(map, {"f4"}, {count, 12});
        expect_contiguous(map);
        expect_writable(map);
        arrays.push_back(&map);
        input.solve = true;
        input.method = static_cast<TransferMethod>(method);
        input.strength = strength;
    }
    const int device = common_device(arrays);
    std::vector<MeasureItem> items;
    for (int n = 0; n < count; ++n) {
        items.push_back(make_measure_item(surface_at(refs, indices, n), affine_at(placements, n),
                                          faces.source, faces.patch_at(n), faces.mask_at(n)));
    }
    const ArrayRef memory =
        workspace_of(allocate, measure_workspace_bytes(count, device >= 0), device, stream);
    auto* moments_out = reinterpret_cast<Moments*>(result.data);
    auto* maps_out = reinterpret_cast<ColourMap*>(map.data);
    run_where(
        device, [&] { measure_host(items.data(), count, input, memory.data, moments_out, maps_out); },
        [&] { measure_cuda(items.data(), count, input, memory.data, moments_out, maps_out, stream); });
}

} // namespace

void register_ops(py::module_& module) {
    module.def("resample", &resample, py::arg("surfaces"), py::arg("indices"), py::arg("placements"),
               py::arg("extents"), py::kw_only(), py::arg("area"), py::arg("bgr"), py::arg("black"),
               py::arg("scale"), py::arg("offset"), py::arg("out"), py::arg("stream"));
    module.def("composite", &composite, py::arg("surfaces"), py::arg("indices"), py::arg("placements"),
               py::arg("patches"), py::arg("masks"), py::kw_only(), py::arg("scale"), py::arg("offset"),
               py::arg("stream"));
    module.def("blend", &blend, py::arg("surfaces"), py::arg("indices"), py::arg("placements"),
               py::arg("patches"), py::arg("masks"), py::arg("maps"), py::kw_only(), py::arg("scale"),
               py::arg("offset"), py::arg("levels"), py::arg("poisson"), py::arg("half"), py::arg("allocate"),
               py::arg("stream"));
    module.def("measure_colour", &measure_colour, py::arg("surfaces"), py::arg("indices"),
               py::arg("placements"), py::arg("patches"), py::arg("weights"), py::arg("moments"),
               py::arg("maps"), py::kw_only(), py::arg("scale"), py::arg("offset"), py::arg("method"),
               py::arg("strength"), py::arg("allocate"), py::arg("stream"));
}

} // namespace trtswap::bindings
