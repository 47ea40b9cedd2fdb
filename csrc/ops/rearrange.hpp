// rearrange: the axes of an array in another order. What turns planes into pixels, and a crop into interleaved tiles.
//
//   in   [...]  float32 or float16, contiguous, read as up to six axes
//   out         the same elements with those axes permuted, contiguous; must not overlap `in`
//
// The host form runs to the end before it returns; the CUDA form queues on `stream`. Neither allocates.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/portable.h"

namespace trtswap {

constexpr int kMostAxes = 6;

struct RearrangeInput {
    std::size_t elements;
    int axes;
    std::uint32_t lengths[kMostAxes]; // of the axes of `out`, the fastest last
    std::size_t strides[kMostAxes];   // of the same axes in `in`, in elements
};

// lengths: of the axes of `in`; order: which of them each axis of `out` is. Throws InvalidArgument.
RearrangeInput make_rearrange_input(const int* lengths, const int* order, int axes);

void rearrange_host(const RearrangeInput& input, const void* in, void* out, std::size_t item_bytes);
void rearrange_cuda(const RearrangeInput& input, const void* in, void* out, std::size_t item_bytes,
                    std::uintptr_t stream);

// Shared by both targets: where the element `i` of `out` comes from.
TRTSWAP_HD std::size_t rearranged_from(const RearrangeInput& input, std::size_t i) {
    std::size_t from = 0;
    for (int axis = input.axes; axis-- > 0;) {
        const std::size_t next = i / input.lengths[axis];
        from += (i - next * input.lengths[axis]) * input.strides[axis];
        i = next;
    }
    return from;
}

} // namespace trtswap
