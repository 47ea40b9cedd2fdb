#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "core/device.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace trtswap::bindings {

namespace {

py::list device_list() {
    py::list devices;
    for (const DeviceInfo& info : cuda_devices()) {
        py::dict fields;
        fields["index"] = info.index;
        fields["name"] = info.name;
        fields["compute_capability"] = std::to_string(info.major) + "." + std::to_string(info.minor);
        fields["total_memory_bytes"] = info.total_bytes;
        fields["free_memory_bytes"] = info.free_bytes;
        fields["multiprocessors"] = info.multiprocessors;
        devices.append(fields);
    }
    return devices;
}

int host_threads() {
#if defined(_OPENMP)
    return omp_get_max_threads();
#else
    return 1;
#endif
}

} // namespace

void register_device(py::module_& module) {
    module.attr("cuda_built") = cuda_built();
    module.attr("cuda_architectures") = TRTSWAP_CUDA_ARCHITECTURES;
    module.attr("host_threads") = host_threads();
    module.def("cuda_driver_version", &cuda_driver_version);
    module.def("cuda_runtime_version", &cuda_runtime_version);
    module.def("cuda_device_count", &cuda_device_count);
    module.def("cuda_status", &cuda_status);
    module.def("cuda_devices", &device_list);
}

} // namespace trtswap::bindings
