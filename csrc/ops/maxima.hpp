// maxima: the largest value of each row; a heat map's peak.
//
//   in   [N, A]  float32 or float16, contiguous
//   out  [N]     float32; minus infinity for a row without numbers, NaN counts for nothing
//
// The host form runs to the end before it returns; the CUDA form queues on `stream`. Neither allocates.
#pragma once

#include <cstdint>

#include "core/half.h"

namespace trtswap {

struct MaximaInput {
    const void* rows;
    bool half;
    int count;
    std::size_t length;
};

void maxima_host(const MaximaInput& input, float* out);
void maxima_cuda(const MaximaInput& input, float* out, std::uintptr_t stream);

// Shared by both targets: the larger one of what is known and a value.
TRTSWAP_HD float larger(float known, float value) { return value > known ? value : known; }

} // namespace trtswap
