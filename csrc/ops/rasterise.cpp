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
    std::int64_t x, y;
};

// One triangle, turned so that its area is positive. weight[i] is 1/distance under perspective, else 1.
struct Facet {
    Corner at[3];
    int vertex[3];
    double area; // twice, in squared subpixels
    float distance[3];
    int left, right, top, bottom; // pixels it may cover, inclusive
};

bool usable(const Mesh& mesh, int vertex, bool perspective) {
    if (vertex < 0 || vertex >= mesh.vertex_count) {
        return false;
    }
    const float* v = mesh.vertices + 3 * static_cast<std::size_t>(vertex);
    const bool in_reach = std::fabs(v[0]) <= kReach && std::fabs(v[1]) <= kReach && std::isfinite(v[2]);
    return in_reach && (!perspective || v[2] > 0.0f);
}

std::int64_t edge(const Corner& a, const Corner& b, std::int64_t x, std::int64_t y) {
    return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
}

// A pixel on an edge belongs to the triangle whose top or left edge it is.
bool owns(const Corner& a, const Corner& b) { return b.y < a.y || (a.y == b.y && b.x > a.x); }

int first_pixel(std::int64_t subpixel) { return static_cast<int>((subpixel + kOne - 1) >> kSubpixelBits); }
int last_pixel(std::int64_t subpixel) { return static_cast<int>(subpixel >> kSubpixelBits); }

bool make_facet(const Mesh& mesh, int triangle, bool perspective, const RasterTarget& target, Facet& facet) {
    const std::int32_t* corners = mesh.triangles + 3 * static_cast<std::size_t>(triangle);
    for (int i = 0; i < 3; ++i) {
        if (!usable(mesh, corners[i], perspective)) {
            return false;
        }
        const float* v = mesh.vertices + 3 * static_cast<std::size_t>(corners[i]);
        facet.vertex[i] = corners[i];
        facet.at[i] = {std::llrint(static_cast<double>(v[0]) * kOne), std::llrint(static_cast<double>(v[1]) * kOne)};
        facet.distance[i] = v[2];
    }
    std::int64_t area = edge(facet.at[0], facet.at[1], facet.at[2].x, facet.at[2].y);
    if (area == 0) {
        return false;
    }
    if (area < 0) {
        std::swap(facet.at[1], facet.at[2]);
        std::swap(facet.vertex[1], facet.vertex[2]);
        std::swap(facet.distance[1], facet.distance[2]);
        area = -area;
    }
    facet.area = static_cast<double>(area);
    const auto [x_low, x_high] = std::minmax({facet.at[0].x, facet.at[1].x, facet.at[2].x});
    const auto [y_low, y_high] = std::minmax({facet.at[0].y, facet.at[1].y, facet.at[2].y});
    facet.left = std::max(first_pixel(x_low), 0);
    facet.right = std::min(last_pixel(x_high), target.width - 1);
    facet.top = std::max(first_pixel(y_low), 0);
    facet.bottom = std::min(last_pixel(y_high), target.height - 1);
    return facet.left <= facet.right && facet.top <= facet.bottom;
}

float distance_at(const Facet& facet, const double* share, bool perspective) {
    if (!perspective) {
        return static_cast<float>(share[0] * facet.distance[0] + share[1] * facet.distance[1] +
                                  share[2] * facet.distance[2]);
    }
    return static_cast<float>(1.0 / (share[0] / facet.distance[0] + share[1] / facet.distance[1] +
                                     share[2] / facet.distance[2]));
}

void cover(const Facet& facet, int number, bool perspective, int top, int bottom, const RasterTarget& target,
           int* nearest) {
    const Corner* c = facet.at;
    const std::int64_t bias[3] = {owns(c[1], c[2]) ? 0 : -1, owns(c[2], c[0]) ? 0 : -1, owns(c[0], c[1]) ? 0 : -1};
    for (int y = std::max(top, facet.top); y <= std::min(bottom, facet.bottom); ++y) {
        for (int x = facet.left; x <= facet.right; ++x) {
            const std::int64_t sx = x * kOne, sy = y * kOne;
            const std::int64_t e[3] = {edge(c[1], c[2], sx, sy), edge(c[2], c[0], sx, sy), edge(c[0], c[1], sx, sy)};
            if (e[0] + bias[0] < 0 || e[1] + bias[1] < 0 || e[2] + bias[2] < 0) {
                continue;
            }
            const double share[3] = {e[0] / facet.area, e[1] / facet.area, e[2] / facet.area};
            const float distance = distance_at(facet, share, perspective);
            const std::size_t at = static_cast<std::size_t>(y) * target.width + x;
            if (distance < target.depth[at]) {
                target.depth[at] = distance;
                nearest[at] = number;
            }
        }
    }
}

void fill(const Facet& facet, const float* attributes, bool perspective, int x, int y, int channels, float* out) {
    const Corner* c = facet.at;
    const std::int64_t sx = x * kOne, sy = y * kOne;
    double share[3] = {edge(c[1], c[2], sx, sy) / facet.area, edge(c[2], c[0], sx, sy) / facet.area,
                       edge(c[0], c[1], sx, sy) / facet.area};
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
    std::vector<Facet> facets;
    facets.reserve(static_cast<std::size_t>(mesh.triangle_count));
    Facet facet;
    for (int t = 0; t < mesh.triangle_count; ++t) {
        if (make_facet(mesh, t, perspective, target, facet)) {
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
        const float u[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]}, v[3] = {c[0] - a[0], c[1] - a[1], c[2] - a[2]};
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
