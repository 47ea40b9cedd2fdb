// Masks of faces on the grids of their patches, [N, H, W] float32.
//
// resize_masks: clamped to 0..1, at another size: bilinear between the centres of pixels, edges replicated.
// least: the least of several at every pixel, times a factor; those of one mask count for all.
// hold: each averaged with others of the same face; one counts the less the more it differs from the mask itself, pixel by
//   pixel: 1 / (1 + (difference / alike)^2), the mask itself 1.
//
// The host forms run to the end before they return; the CUDA forms queue on `stream`, and allocate nothing.
#pragma once

#include "core/portable.h"

namespace trtswap {

struct ResizeInput {
    const float* masks;
    int count, width, height; // of the masks
    int to_width, to_height;
};

void resize_masks_host(const ResizeInput& input, float* out);
void resize_masks_cuda(const ResizeInput& input, float* out, std::uintptr_t stream);

constexpr int kMostMasks = 8; // in one call of `least`

struct LeastInput {
    const float* masks[kMostMasks];
    bool single[kMostMasks]; // one for all
    int sets, count;
    std::size_t area;
    float scale;
};

void least_host(const LeastInput& input, float* out);
void least_cuda(const LeastInput& input, float* out, std::uintptr_t stream);

// masks: [count, others + 1], the mask itself, then its others; null where there is none.
struct HoldInput {
    const float* const* masks;
    int count, others;
    std::size_t area;
    float unlike; // 1 / alike
};

void hold_host(const HoldInput& input, float* out);
// memory: device memory of count * (others + 1) pointers, where the table is sent to.
void hold_cuda(const HoldInput& input, void* memory, float* out, std::uintptr_t stream);

// Shared by both targets: where between two samples of `size` the centre of pixel `at` of `to` lies.
struct Between {
    int first, second;
    float share; // of the second
};

TRTSWAP_HD Between between(int at, int size, int to) {
    const float scale = static_cast<float>(size) / static_cast<float>(to);
    const float place = (static_cast<float>(at) + 0.5f) * scale - 0.5f;
    const int first = floor_to_int(place);
    return {clamp_to(first, 0, size - 1), clamp_to(first + 1, 0, size - 1),
            place - static_cast<float>(first)};
}

// A share of the way from one sample, within 0..1, to another.
TRTSWAP_HD float mixed(float first, float second, float share) {
    const float from = clamp_to(first, 0.0f, 1.0f), to = clamp_to(second, 0.0f, 1.0f);
    return from + share * (to - from);
}

// What is added up of a pixel.
struct Held {
    float own, total, weight;
};

TRTSWAP_HD Held held_alone(float own) { return {own, own, 1.0f}; }
TRTSWAP_HD Held held_with(const Held& h, float other, float unlike) {
    const float apart = (other - h.own) * unlike, weight = 1.0f / (1.0f + apart * apart);
    return {h.own, h.total + weight * other, h.weight + weight};
}
TRTSWAP_HD float held(const Held& h) { return h.total / h.weight; }

} // namespace trtswap
