#include "ops/rearrange.hpp"

#include "core/check.h"

namespace trtswap {

namespace {

constexpr std::int64_t kWorthThreads = 1 << 16; // elements

// Row by row along the last axis of `out`: only its first element is looked up.
template <typename T> void run(const RearrangeInput& input, const T* in, T* out) {
    const std::size_t row = input.lengths[input.axes - 1], step = input.strides[input.axes - 1];
    const auto rows = static_cast<std::int64_t>(row ? input.elements / row : 0);
#pragma omp parallel for schedule(static) if (static_cast<std::int64_t>(input.elements) >= kWorthThreads)
    for (std::int64_t r = 0; r < rows; ++r) {
        const std::size_t start = static_cast<std::size_t>(r) * row;
        const T* from = in + rearranged_from(input, start);
        for (std::size_t i = 0; i < row; ++i) {
            out[start + i] = from[i * step];
        }
    }
}

} // namespace

RearrangeInput make_rearrange_input(const int* lengths, const int* order, int axes) {
    require(axes >= 1 && axes <= kMostAxes, "rearrange: expected one to six axes");
    std::size_t strides[kMostAxes];
    std::size_t elements = 1;
    for (int axis = axes; axis-- > 0;) {
        require(lengths[axis] >= 0, "rearrange: a length is not negative");
        strides[axis] = elements;
        elements *= static_cast<std::size_t>(lengths[axis]);
    }
    RearrangeInput input{elements, axes, {}, {}};
    unsigned seen = 0;
    for (int axis = 0; axis < axes; ++axis) {
        require(order[axis] >= 0 && order[axis] < axes, "rearrange: the order names each axis once");
        seen |= 1u << order[axis];
        input.lengths[axis] = static_cast<std::uint32_t>(lengths[order[axis]]);
        input.strides[axis] = strides[order[axis]];
    }
    require(seen == (1u << axes) - 1, "rearrange: the order names each axis once");
    return input;
}

void rearrange_host(const RearrangeInput& input, const void* in, void* out, std::size_t item_bytes) {
    if (item_bytes == 2) {
        run(input, static_cast<const std::uint16_t*>(in), static_cast<std::uint16_t*>(out));
    } else {
        run(input, static_cast<const std::uint32_t*>(in), static_cast<std::uint32_t*>(out));
    }
}

} // namespace trtswap
