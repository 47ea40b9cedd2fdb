// Python arrays as views: NumPy arrays on the host, __cuda_array_interface__ (version 2 or 3) on a device.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "core/views.h"

namespace trtswap::bindings {

namespace py = pybind11;

struct ArrayRef {
    std::string name; // for messages
    std::uint8_t* data;
    std::vector<std::ptrdiff_t> shape;
    std::vector<std::ptrdiff_t> strides; // bytes
    std::string type;                    // "u1", "u2", "i4", "f2", "f4", "f8"
    std::size_t item_bytes;
    bool writable;
    bool on_device;
    int device;    // -1 on the host
    bool produced; // names a stream that produces it
    py::object owner;

    bool contiguous() const;
    std::string describe() const; // "float32 [2, 3]"
};

// Waits, on `stream`, for the stream the array names as its producer.
ArrayRef array_ref(const py::handle& object, const std::string& name, std::uintptr_t stream);

// Throws InvalidArgument, naming expected and actual, unless type and shape match; -1 in `shape` matches any length.
void expect(const ArrayRef& array, const std::vector<std::string>& types,
            const std::vector<std::ptrdiff_t>& shape);
void expect_contiguous(const ArrayRef& array);
void expect_writable(const ArrayRef& array);
// All on the host or all on one device; returns the device or -1.
int common_device(const std::vector<const ArrayRef*>& arrays);

// A surface as Python hands it over: (format, planes, matrix, full range, siting x, siting y), or, read before, as
// ParsedSurface.
struct SurfaceRef {
    SurfaceView view;
    std::vector<ArrayRef> planes;
};
void register_surfaces(py::module_& module);
SurfaceRef surface_ref(const py::handle& object, bool writable, std::uintptr_t stream);

void register_errors(py::module_& module);
void register_ops(py::module_& module);
void register_pictures(py::module_& module);
void register_rasterise(py::module_& module);
void register_scenes(py::module_& module);
void register_smoothing(py::module_& module);
void register_tracking(py::module_& module);
void register_device(py::module_& module);

} // namespace trtswap::bindings
