// The CUDA entry points of a build without CUDA.
#include "core/check.h"
#include "core/device.hpp"
#include "ops/blend.hpp"
#include "ops/composite.hpp"
#include "ops/feather.hpp"
#include "ops/hulls.hpp"
#include "ops/lab.hpp"
#include "ops/masks.hpp"
#include "ops/maxima.hpp"
#include "ops/measure.hpp"
#include "ops/pyramid.hpp"
#include "ops/rearrange.hpp"
#include "ops/resample.hpp"
#include "ops/statistics.hpp"

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
void lab_cuda(const float*, float*, int, std::size_t, bool, std::uintptr_t) { refuse(); }
void colour_transfer_cuda(const PatchBatch&, const ColourMap*, void*, std::uintptr_t) { refuse(); }
void statistics_cuda(const StatisticsInput&, double*, Moments*, std::uintptr_t) { refuse(); }
void measure_cuda(const MeasureItem*, int, const MeasureInput&, void*, Moments*, ColourMap*, std::uintptr_t) {
    refuse();
}
void feather_cuda(const FeatherInput&, float*, float*, std::uintptr_t) { refuse(); }
void hulls_cuda(const HullTable&, const HullsInput&, void*, float*, std::uintptr_t) { refuse(); }
std::size_t pyramid_blend_bytes_cuda(const PyramidBlendInput&) { refuse(); }
void pyramid_blend_cuda(const PyramidBlendInput&, float*, void*, std::uintptr_t) { refuse(); }
void resize_masks_cuda(const ResizeInput&, float*, std::uintptr_t) { refuse(); }
void least_cuda(const LeastInput&, float*, std::uintptr_t) { refuse(); }
void hold_cuda(const HoldInput&, void*, float*, std::uintptr_t) { refuse(); }
void maxima_cuda(const MaximaInput&, float*, std::uintptr_t) { refuse(); }
void rearrange_cuda(const RearrangeInput&, const void*, void*, std::size_t, std::uintptr_t) { refuse(); }
std::size_t blend_bytes_cuda(const BlendFace*, int, const int*, const BlendInput&) { refuse(); }
void blend_cuda(const BlendFace*, int, const int*, int, const BlendInput&, void*, std::uintptr_t) {
    refuse();
}

} // namespace trtswap
