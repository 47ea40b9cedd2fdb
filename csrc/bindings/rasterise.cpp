#include "ops/rasterise.hpp"

#include <algorithm>
#include <limits>

#include "bindings/arrays.hpp"
#include "core/check.h"

namespace trtswap::bindings {

namespace {

ArrayRef host_array(const py::object& object, const char* name, const char* type,
                    const std::vector<std::ptrdiff_t>& shape) {
    ArrayRef array = array_ref(object, name, 0);
    require(!array.on_device, "rasterise works on host arrays");
    expect(array, {type}, shape);
    expect_contiguous(array);
    return array;
}

int rows_of(const ArrayRef& array) {
    require(array.shape[0] <= std::numeric_limits<int>::max(), "an array is too long");
    return static_cast<int>(array.shape[0]);
}

Mesh mesh_of(const ArrayRef& vertices, const ArrayRef& triangles) {
    return {reinterpret_cast<const float*>(vertices.data),
            reinterpret_cast<const std::int32_t*>(triangles.data), rows_of(vertices), rows_of(triangles)};
}

void rasterise(const py::object& vertices, const py::object& triangles, const py::object& attributes,
               bool perspective, const py::object& depth, const py::object& image) {
    const ArrayRef corners = host_array(vertices, "vertices", "f4", {-1, 3});
    const ArrayRef faces = host_array(triangles, "triangles", "i4", {-1, 3});
    const ArrayRef values = host_array(attributes, "attributes", "f4", {corners.shape[0], -1});
    const ArrayRef near = host_array(depth, "depth", "f4", {-1, -1});
    const ArrayRef picture =
        host_array(image, "image", "f4", {near.shape[0], near.shape[1], values.shape[1]});
    expect_writable(near);
    expect_writable(picture);
    require(near.shape[0] <= 1 << 15 && near.shape[1] <= 1 << 15,
            "a picture has at most 32768 rows and columns");
    const Mesh mesh = mesh_of(corners, faces);
    const RasterTarget target{reinterpret_cast<float*>(near.data), reinterpret_cast<float*>(picture.data),
                              static_cast<int>(near.shape[1]), static_cast<int>(near.shape[0]),
                              static_cast<int>(values.shape[1])};
    const py::gil_scoped_release unlocked;
    rasterise_host(mesh, reinterpret_cast<const float*>(values.data), perspective, target);
}

void vertex_normals(const py::object& vertices, const py::object& triangles, const py::object& normals) {
    const ArrayRef corners = host_array(vertices, "vertices", "f4", {-1, 3});
    const ArrayRef faces = host_array(triangles, "triangles", "i4", {-1, 3});
    const ArrayRef out = host_array(normals, "normals", "f4", {corners.shape[0], 3});
    expect_writable(out);
    const Mesh mesh = mesh_of(corners, faces);
    const auto in_range = [&](std::int32_t index) { return index >= 0 && index < mesh.vertex_count; };
    const std::size_t indices = 3 * static_cast<std::size_t>(mesh.triangle_count);
    require(std::all_of(mesh.triangles, mesh.triangles + indices, in_range), "a triangle names no vertex");
    const py::gil_scoped_release unlocked;
    vertex_normals_host(mesh, reinterpret_cast<float*>(out.data));
}

} // namespace

void register_rasterise(py::module_& module) {
    module.def("rasterise", &rasterise, py::arg("vertices"), py::arg("triangles"), py::arg("attributes"),
               py::kw_only(), py::arg("perspective"), py::arg("depth"), py::arg("image"));
    module.def("vertex_normals", &vertex_normals, py::arg("vertices"), py::arg("triangles"),
               py::arg("normals"));
}

} // namespace trtswap::bindings
