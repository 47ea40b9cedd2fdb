#include "ops/rasterise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace trtswap {

namespace {

constexpr int kSubpixelBits = 8;
constexpr std::int64_t kOne = 1 << kSubpixelBits;
constexpr float kReach = 1 << 20;
constexpr int kRowsPerBand = 32;
constexpr std::size_t kWorthThreads = 1 << 19; // pixels; below, starting threads costs more than they save

struct Corner {
    std::int32_t x, y; // subpixels
    float distance;
    bool usable;
};

// One triangle, turned so that its area is positive.
struct Facet {
    std::int32_t x[3], y[3];
    std::int32_t vertex[3];
    float distance[3];
    double area;                           // twice, in squared subpixels
    std::int32_t left, right, top, bottom; // pixels it may cover, inclusive
};

std::vector<Corner> snapped(const Mesh& mesh, bool perspective) {
    std::vector<Corner> corners(static_cast<std::size_t>(mesh.vertex_count));
    for (std::size_t i = 0; i < corners.size(); ++i) {
        const float* v = mesh.vertices + 3 * i;
        const bool in_reach = std::fabs(v[0]) <= kReach && std::fabs(v[1]) <= kReach && std::isfinite(v[2]);
        if (!in_reach || (perspective && v[2] <= 0.0f)) {
            corners[i] = {0, 0, 0.0f, false};
            continue;
        }
        corners[i] = {static_cast<std::int32_t>(std::lrint(static_cast<double>(v[0]) * kOne)),
                      static_cast<std::int32_t>(std::lrint(static_cast<double>(v[1]) * kOne)), v[2], true};
    }
    return corners;
}

// Positive where the point lies to the inner side of the edge from corner i to corner j.
std::int64_t edge(const Facet& f, int i, int j, std::int64_t x, std::int64_t y) {
    return static_cast<std::int64_t>(f.x[j] - f.x[i]) * (y - f.y[i]) -
           static_cast<std::int64_t>(f.y[j] - f.y[i]) * (x - f.x[i]);
}

// A pixel on an edge belongs to the triangle whose top or left edge it is.
bool owns(const Facet& f, int i, int j) { return f.y[j] < f.y[i] || (f.y[i] == f.y[j] && f.x[j] > f.x[i]); }

std::int32_t first_pixel(std::int32_t subpixel) { return (subpixel + kOne - 1) >> kSubpixelBits; }
std::int32_t last_pixel(std::int32_t subpixel) { return subpixel >> kSubpixelBits; }

bool make_facet(const std::vector<Corner>& corners, const std::int32_t* triangle, const RasterTarget& target,
                Facet& f) {
    for (int i = 0; i < 3; ++i) {
        const auto vertex = static_cast<std::size_t>(triangle[i]); // a negative one becomes too large
        if (vertex >= corners.size() || !corners[vertex].usable) {
            return false;
        }
        f.x[i] = corners[vertex].x;
        f.y[i] = corners[vertex].y;
        f.distance[i] = corners[vertex].distance;
        f.vertex[i] = triangle[i];
    }
    f.left = std::max(first_pixel(std::min({f.x[0], f.x[1], f.x[2]})), 0);
    f.right = std::min(last_pixel(std::max({f.x[0], f.x[1], f.x[2]})), target.width - 1);
    f.top = std::max(first_pixel(std::min({f.y[0], f.y[1], f.y[2]})), 0);
    f.bottom = std::min(last_pixel(std::max({f.y[0], f.y[1], f.y[2]})), target.height - 1);
    if (f.left > f.right || f.top > f.bottom) {
        return false;
    }
    const std::int64_t area = edge(f, 0, 1, f.x[2], f.y[2]);
    if (area < 0) {
        std::swap(f.x[1], f.x[2]);
        std::swap(f.y[1], f.y[2]);
        std::swap(f.vertex[1], f.vertex[2]);
        std::swap(f.distance[1], f.distance[2]);
    }
    f.area = static_cast<double>(area < 0 ? -area : area);
    return area != 0;
}

void cover(const Facet& f, int number, bool perspective, int top, int bottom, const RasterTarget& target,
           int* nearest) {
    const std::int64_t bias[3] = {owns(f, 1, 2) ? 0 : -1, owns(f, 2, 0) ? 0 : -1, owns(f, 0, 1) ? 0 : -1};
    const std::int64_t step[3] = {(f.y[1] - f.y[2]) * kOne, (f.y[2] - f.y[0]) * kOne,
                                  (f.y[0] - f.y[1]) * kOne};
    double weight[3];
    for (int i = 0; i < 3; ++i) {
        weight[i] = (perspective ? 1.0 / f.distance[i] : f.distance[i]) / f.area;
    }
    for (int y = std::max(top, f.top); y <= std::min(bottom, f.bottom); ++y) {
        const std::int64_t sx = f.left * kOne, sy = y * kOne;
        std::int64_t e[3] = {edge(f, 1, 2, sx, sy), edge(f, 2, 0, sx, sy), edge(f, 0, 1, sx, sy)};
        std::size_t at = static_cast<std::size_t>(y) * target.width + f.left;
        for (int x = f.left; x <= f.right; ++x, ++at, e[0] += step[0], e[1] += step[1], e[2] += step[2]) {
            if (((e[0] + bias[0]) | (e[1] + bias[1]) | (e[2] + bias[2])) < 0) {
                continue;
            }
            const double sum = e[0] * weight[0] + e[1] * weight[1] + e[2] * weight[2];
            const float distance = static_cast<float>(perspective ? 1.0 / sum : sum);
            if (distance < target.depth[at]) {
                target.depth[at] = distance;
                nearest[at] = number;
            }
        }
    }
}

void fill(const Facet& facet, const float* attributes, bool perspective, int x, int y, int channels,
          float* out) {
    const std::int64_t sx = x * kOne, sy = y * kOne;
    double share[3] = {edge(facet, 1, 2, sx, sy) / facet.area, edge(facet, 2, 0, sx, sy) / facet.area,
                       edge(facet, 0, 1, sx, sy) / facet.area};
    if (perspective) {
        double sum = 0.0;
        for (int i = 0; i < 3; ++i) {
            share[i] /= facet.distance[i];
            sum += share[i];
        }
        for (double& value : share) {
            value /= sum;
        }
    }
    const float w0 = static_cast<float>(share[0]), w1 = static_cast<float>(share[1]),
                w2 = static_cast<float>(share[2]);
    const float* a = attributes + static_cast<std::size_t>(facet.vertex[0]) * channels;
    const float* b = attributes + static_cast<std::size_t>(facet.vertex[1]) * channels;
    const float* d = attributes + static_cast<std::size_t>(facet.vertex[2]) * channels;
    for (int k = 0; k < channels; ++k) {
        out[k] = w0 * a[k] + w1 * b[k] + w2 * d[k];
    }
}

} // namespace

void rasterise_host(const Mesh& mesh, const float* attributes, bool perspective, const RasterTarget& target) {
    const std::size_t pixels = static_cast<std::size_t>(target.width) * target.height;
    std::fill_n(target.depth, pixels, std::numeric_limits<float>::infinity());
    const std::vector<Corner> corners = snapped(mesh, perspective);
    std::vector<Facet> facets;
    facets.reserve(static_cast<std::size_t>(mesh.triangle_count));
    Facet facet;
    for (int t = 0; t < mesh.triangle_count; ++t) {
        if (make_facet(corners, mesh.triangles + 3 * static_cast<std::size_t>(t), target, facet)) {
            facets.push_back(facet);
        }
    }
    std::vector<int> nearest(pixels, -1);
    const int bands = (target.height + kRowsPerBand - 1) / kRowsPerBand;
    std::vector<std::vector<int>> members(static_cast<std::size_t>(bands));
    for (std::size_t n = 0; n < facets.size(); ++n) {
        for (int band = facets[n].top / kRowsPerBand; band <= facets[n].bottom / kRowsPerBand; ++band) {
            members[static_cast<std::size_t>(band)].push_back(static_cast<int>(n));
        }
    }
#pragma omp parallel for schedule(dynamic) if (pixels > kWorthThreads)
    for (int band = 0; band < bands; ++band) {
        const int top = band * kRowsPerBand, bottom = std::min(top + kRowsPerBand, target.height) - 1;
        for (const int n : members[static_cast<std::size_t>(band)]) {
            cover(facets[static_cast<std::size_t>(n)], n, perspective, top, bottom, target, nearest.data());
        }
        for (int y = top; y <= bottom; ++y) {
            for (int x = 0; x < target.width; ++x) {
                const std::size_t at = static_cast<std::size_t>(y) * target.width + x;
                float* out = target.image + at * target.channels;
                if (nearest[at] < 0) {
                    std::fill_n(out, target.channels, 0.0f);
                } else {
                    fill(facets[static_cast<std::size_t>(nearest[at])], attributes, perspective, x, y,
                         target.channels, out);
                }
            }
        }
    }
}

void vertex_normals_host(const Mesh& mesh, float* normals) {
    std::fill_n(normals, 3 * static_cast<std::size_t>(mesh.vertex_count), 0.0f);
    for (int t = 0; t < mesh.triangle_count; ++t) {
        const std::int32_t* corners = mesh.triangles + 3 * static_cast<std::size_t>(t);
        const float *a = mesh.vertices + 3 * static_cast<std::size_t>(corners[0]),
                    *b = mesh.vertices + 3 * static_cast<std::size_t>(corners[1]),
                    *c = mesh.vertices + 3 * static_cast<std::size_t>(corners[2]);
        const float u[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]},
                    v[3] = {c[0] - a[0], c[1] - a[1], c[2] - a[2]};
        const float n[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
        for (int i = 0; i < 3; ++i) {
            float* out = normals + 3 * static_cast<std::size_t>(corners[i]);
            out[0] += n[0];
            out[1] += n[1];
            out[2] += n[2];
        }
    }
    for (int i = 0; i < mesh.vertex_count; ++i) {
        float* n = normals + 3 * static_cast<std::size_t>(i);
        const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
        const float scale = length > 0.0f ? 1.0f / length : 0.0f;
        n[0] *= scale;
        n[1] *= scale;
        n[2] *= scale;
    }
}

} // namespace trtswap
