// The CUDA entry points of a build without CUDA.
#include "core/check.h"
#include "core/device.hpp"
#include "ops/composite.hpp"
#include "ops/resample.hpp"

namespace trtswap {

namespace {

[[noreturn]] void refuse() {
    throw CudaFailure("this build of trtswap has no CUDA kernels; rebuild where a CUDA toolkit is installed",
                      "cudaErrorNotSupported", false);
}

} // namespace

bool cuda_built() { return false; }
int cuda_driver_version() { return 0; }
int cuda_runtime_version() { return 0; }
int cuda_device_count() { return 0; }
std::string cuda_status() { return "cudaErrorNotSupported"; }
std::vector<DeviceInfo> cuda_devices() { return {}; }
int device_of(const void*) { refuse(); }
void wait_for_stream(std::uintptr_t, std::uintptr_t) { refuse(); }
DeviceGuard::DeviceGuard(int) : former_(0) { refuse(); }
DeviceGuard::~DeviceGuard() = default;

void resample_cuda(const ResampleItem*, int, const ResampleTarget&, std::uintptr_t) { refuse(); }
void composite_cuda(const CompositeItem*, int, const int*, int, const CompositeSource&, std::uintptr_t) {
    refuse();
}

} // namespace trtswap
