#include "core/device.hpp"
#include "core/launch.cuh"

namespace trtswap {

bool cuda_built() { return true; }

int cuda_driver_version() {
    int version = 0;
    return cudaDriverGetVersion(&version) == cudaSuccess ? version : 0;
}

int cuda_runtime_version() {
    int version = 0;
    return cudaRuntimeGetVersion(&version) == cudaSuccess ? version : 0;
}

int cuda_device_count() {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        cudaGetLastError(); // not an error of whatever comes next
        return 0;
    }
    return count;
}

std::string cuda_status() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess) {
        cudaGetLastError();
    }
    return cudaGetErrorName(status);
}

std::vector<DeviceInfo> cuda_devices() {
    std::vector<DeviceInfo> devices;
    for (int index = 0; index < cuda_device_count(); ++index) {
        const DeviceGuard guard(index);
        cudaDeviceProp properties{};
        check_cuda(cudaGetDeviceProperties(&properties, index), "reading device properties");
        std::size_t free_bytes = 0, total_bytes = 0;
        check_cuda(cudaMemGetInfo(&free_bytes, &total_bytes), "reading device memory");
        devices.push_back({index, properties.name, properties.major, properties.minor, total_bytes,
                           free_bytes, properties.multiProcessorCount});
    }
    return devices;
}

int device_of(const void* pointer) {
    cudaPointerAttributes attributes{};
    check_cuda(cudaPointerGetAttributes(&attributes, pointer), "looking up device memory");
    require(attributes.type == cudaMemoryTypeDevice || attributes.type == cudaMemoryTypeManaged,
            "an array with __cuda_array_interface__ does not lie in device memory");
    return attributes.device;
}

void wait_for_stream(std::uintptr_t producer, std::uintptr_t consumer) {
    cudaEvent_t event = nullptr;
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "creating an event");
    cudaError_t status = cudaEventRecord(event, as_stream(producer));
    if (status == cudaSuccess) {
        status = cudaStreamWaitEvent(as_stream(consumer), event, 0);
    }
    cudaEventDestroy(event); // freed by the driver once the wait is over
    check_cuda(status, "waiting for another stream");
}

DeviceGuard::DeviceGuard(int device) : former_(0) {
    check_cuda(cudaGetDevice(&former_), "reading the current device");
    if (former_ != device) {
        check_cuda(cudaSetDevice(device), "selecting a device");
    }
}

DeviceGuard::~DeviceGuard() { cudaSetDevice(former_); }

} // namespace trtswap
