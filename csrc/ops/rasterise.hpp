// rasterise: triangles with values at their corners -> a picture of those values, nearest surface first. Host only.
//
//   vertices    float32 [V, 3]      x and y in pixels (an integer is a pixel centre), distance from the camera
//   triangles   int32   [T, 3]      corners, seen from either side
//   attributes  float32 [V, C]      values to interpolate, C may be 0
//   depth       float32 [H, W]      distance of the nearest surface; infinity where there is none
//   image       float32 [H, W, C]   the attributes there; 0 where there is none
//
// Positions are snapped to 1/256 pixel and covered in whole numbers with the top-left rule, so that triangles which
// share an edge neither overlap nor leave a gap. At equal distance the earlier triangle stays. Under perspective the
// values are interpolated in space, else in the picture. A triangle is left out when a corner's index is out of range,
// when a corner is not finite or more than 2^20 pixels away, or, under perspective, when its distance is not positive.
//
// vertex_normals: the mean of the unit normals of a vertex's triangles weighted by their areas, at length 1; (0, 0, 0)
// where there is none.
#pragma once

#include <cstdint>

namespace trtswap {

struct Mesh {
    const float* vertices;
    const std::int32_t* triangles;
    int vertex_count, triangle_count;
};

struct RasterTarget {
    float* depth;
    float* image;
    int width, height, channels;
};

void rasterise_host(const Mesh& mesh, const float* attributes, bool perspective, const RasterTarget& target);
void vertex_normals_host(const Mesh& mesh, float* normals);

} // namespace trtswap
