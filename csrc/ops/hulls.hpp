// hulls: masks inside the convex hull of some points and outside those of others, edges antialiased.
//
//   points  [F, P, 2]  x, y in pixels of the mask, (0, 0) the centre of its first
//   sizes   [G]        how many points each hull of a face is of, in order
//   out     [F, H, W]  float32: what the first hull covers, less what the others cover, grown by `grow` pixels
//
// A pixel is covered as far as it lies within: half on an edge, wholly half a pixel inside. Points that are not
// finite, lie a million pixels off, or span no area cover nothing.
//
// The table of the hulls' edges is made on the host. The host form runs to the end before it returns; the CUDA form queues
// on `stream`. Neither allocates.
#pragma once

#include <vector>

#include "core/portable.h"

namespace trtswap {

// a x + b y + c: pixels that (x, y) lies beyond the edge.
struct HullEdge {
    float a, b, c;
};

// Beyond it a hull covers nothing.
struct HullBox {
    int left, top, right, bottom; // the last two inclusive
};

struct HullTable {
    std::vector<HullEdge> edges;
    std::vector<int> starts; // of the edges of hull g of face f at f * G + g; one more at the end
    std::vector<HullBox> boxes;
};

HullTable make_hull_table(const double* points, int faces, const std::vector<int>& sizes, double grow);

struct HullsInput {
    int faces, hulls, width, height;
};

void hulls_host(const HullTable& table, const HullsInput& input, float* out);
// memory: of `hulls_bytes` on the device, where the table is sent to.
std::size_t hulls_bytes(const HullTable& table);
void hulls_cuda(const HullTable& table, const HullsInput& input, void* memory, float* out,
                std::uintptr_t stream);

// Shared by both targets.
constexpr float kFarBeyond = 1e9f; // of a hull that covers nothing

TRTSWAP_HD float beyond_edge(const HullEdge& edge, float x, float y) {
    return edge.a * x + (edge.b * y + edge.c);
}
TRTSWAP_HD float covered(float beyond) { return clamp_to(0.5f - beyond, 0.0f, 1.0f); }

} // namespace trtswap
