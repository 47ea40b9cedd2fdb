#include "bindings/arrays.hpp"
#include "core/check.h"

namespace trtswap::bindings {

namespace {

void raise(const char* class_name, const std::string& message, const py::dict& fields) {
    const py::object type = py::module_::import("trtswap.errors").attr(class_name);
    const py::object error = type(message, **fields);
    PyErr_SetObject(type.ptr(), error.ptr());
}

} // namespace

void register_errors(py::module_&) {
    py::register_exception_translator([](std::exception_ptr pointer) {
        try {
            std::rethrow_exception(pointer);
        } catch (const InvalidArgument& error) {
            PyErr_SetString(PyExc_ValueError, error.what());
        } catch (const CudaFailure& error) {
            py::dict fields;
            fields["cuda_name"] = error.name;
            raise(error.out_of_memory ? "DeviceMemoryError" : "DeviceError", error.what(), fields);
        }
    });
}

} // namespace trtswap::bindings
