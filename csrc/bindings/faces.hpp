// What the operations on faces take from Python: surfaces, which one each face lies in, and where.
#pragma once

#include <pybind11/numpy.h>

#include "bindings/arrays.hpp"

namespace trtswap::bindings {

using Placements = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Integers = py::array_t<int, py::array::c_style | py::array::forcecast>;

std::vector<SurfaceRef> surface_refs(const py::sequence& surfaces, bool writable, std::uintptr_t stream);
Affine affine_at(const Placements& placements, int n);
const SurfaceView& surface_at(const std::vector<SurfaceRef>& surfaces, const Integers& indices, int n);
void append_planes(std::vector<const ArrayRef*>& arrays, const std::vector<SurfaceRef>& surfaces);
// The number of faces; throws unless indices and placements fit.
int items_of(const Integers& indices, const Placements& placements);
// Memory for one call from `allocate(bytes, on device)`; empty where none is needed.
ArrayRef workspace_of(const py::object& allocate, std::size_t bytes, int device, std::uintptr_t stream);

} // namespace trtswap::bindings
