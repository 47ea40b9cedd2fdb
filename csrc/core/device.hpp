// CUDA devices as seen from code that must also build and run without CUDA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace trtswap {

struct DeviceInfo {
    int index;
    std::string name;
    int major, minor;
    std::size_t total_bytes, free_bytes;
    int multiprocessors;
};

bool cuda_built();
int cuda_driver_version();  // 0 without a driver; 12040 for 12.4
int cuda_runtime_version(); // the one linked in; 0 in a build without CUDA
int cuda_device_count();    // 0 where there is none, or no usable driver
std::string cuda_status();  // "cudaSuccess", or the driver's name of what is wrong
std::vector<DeviceInfo> cuda_devices();

// The device that holds `pointer`; throws InvalidArgument for memory that is not a device's.
int device_of(const void* pointer);

// Queues a wait on `consumer` for all work queued so far on `producer`.
void wait_for_stream(std::uintptr_t producer, std::uintptr_t consumer);

// Makes a device current and restores the former one.
class DeviceGuard {
public:
    explicit DeviceGuard(int device);
    ~DeviceGuard();
    DeviceGuard(const DeviceGuard&) = delete;
    DeviceGuard& operator=(const DeviceGuard&) = delete;

private:
    int former_;
};

} // namespace trtswap
