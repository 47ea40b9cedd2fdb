#include "ops/hulls.hpp"

#include <algorithm>
#include <cmath>

namespace trtswap {

namespace {

constexpr int kStrip = 128;        // pixels of a row that are worked on together
constexpr int kWorthThreads = 512; // rows
constexpr double kFar = 1e6;       // pixels; nothing of a face lies there

struct Point {
    double x, y;
};

double turn(const Point& o, const Point& a, const Point& b) {
    return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

// Andrew's monotone chain: the corners in order, none on a line between others. Fewer than three: no area.
void corners_of(std::vector<Point>& points, std::vector<Point>& corners) {
    corners.clear();
    if (points.size() < 3) {
        return;
    }
    for (const Point& p : points) {
        if (!(std::abs(p.x) < kFar && std::abs(p.y) < kFar)) {
            return;
        }
    }
    std::sort(points.begin(), points.end(),
              [](const Point& a, const Point& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
    const auto add = [&](const Point& p, std::size_t kept) {
        while (corners.size() >= kept + 2 && turn(corners[corners.size() - 2], corners.back(), p) <= 0) {
            corners.pop_back();
        }
        corners.push_back(p);
    };
    for (const Point& p : points) {
        add(p, 0);
    }
    const std::size_t lower = corners.size() - 1;
    for (auto p = points.rbegin() + 1; p < points.rend(); ++p) {
        add(*p, lower);
    }
    corners.pop_back(); // the first one again
}

// Where what is grown by `grow`, and half a pixel, ends: its corners lie on the bisectors of those of the hull.
HullBox box_of(const std::vector<Point>& corners, const HullEdge* edges, double grow) {
    double low[2] = {kFar, kFar}, high[2] = {-kFar, -kFar};
    const std::size_t count = corners.size();
    for (std::size_t k = 0; k < count; ++k) {
        const HullEdge &before = edges[(k + count - 1) % count], &after = edges[k];
        const double across =
            1.0 + static_cast<double>(before.a) * after.a + static_cast<double>(before.b) * after.b;
        const double reach = across > 1e-6 ? (grow + 0.5) / across : kFar;
        const double x = corners[k].x + reach * (static_cast<double>(before.a) + after.a);
        const double y = corners[k].y + reach * (static_cast<double>(before.b) + after.b);
        low[0] = std::min(low[0], x), low[1] = std::min(low[1], y);
        high[0] = std::max(high[0], x), high[1] = std::max(high[1], y);
    }
    const auto within = [&](double value) { return static_cast<int>(clamp_to(value, -kFar, kFar)); };
    return {within(low[0]) - 1, within(low[1]) - 1, within(high[0]) + 1, within(high[1]) + 1};
}

// How far each pixel of a strip lies beyond a hull.
TRTSWAP_WIDE void beyond(const HullEdge* first, const HullEdge* last, int x, int y, int width, float* out) {
    std::fill(out, out + width, -kFarBeyond);
    for (; first < last; ++first) {
        const HullEdge edge = *first;
        for (int i = 0; i < width; ++i) {
            out[i] = max_of(out[i], beyond_edge(edge, static_cast<float>(x + i), static_cast<float>(y)));
        }
    }
}

void line_of(const HullTable& table, const HullsInput& in, int face, int y, float* out) {
    float distances[kStrip];
    std::fill(out, out + in.width, 0.0f);
    for (int g = 0; g < in.hulls; ++g) {
        const std::size_t at = static_cast<std::size_t>(face) * in.hulls + g;
        const HullEdge *first = table.edges.data() + table.starts[at],
                       *last = table.edges.data() + table.starts[at + 1];
        const HullBox& box = table.boxes[at];
        if (first == last || y < box.top || y > box.bottom) {
            continue;
        }
        for (int x = max_of(0, box.left), end = min_of(in.width, box.right + 1); x < end; x += kStrip) {
            const int width = min_of(kStrip, end - x);
            beyond(first, last, x, y, width, distances);
            for (int i = 0; i < width; ++i) {
                const float cover = covered(distances[i]);
                out[x + i] = g == 0 ? cover : min_of(out[x + i], 1.0f - cover);
            }
        }
    }
}

} // namespace

HullTable make_hull_table(const double* points, int faces, const std::vector<int>& sizes, double grow) {
    HullTable table;
    table.starts.push_back(0);
    std::vector<Point> some, corners;
    for (int f = 0; f < faces; ++f) {
        for (std::size_t g = 0; g < sizes.size(); ++g) {
            some.clear();
            for (int k = 0; k < sizes[g]; ++k, points += 2) {
                some.push_back({points[0], points[1]});
            }
            corners_of(some, corners);
            for (std::size_t k = 0; corners.size() >= 3 && k < corners.size(); ++k) {
                const Point &p = corners[k], &q = corners[(k + 1) % corners.size()];
                const double length = std::hypot(q.x - p.x, q.y - p.y);
                const double a = (q.y - p.y) / length, b = (p.x - q.x) / length;
                const double c = -(a * p.x + b * p.y) - (g > 0 ? grow : 0.0);
                table.edges.push_back({static_cast<float>(a), static_cast<float>(b), static_cast<float>(c)});
            }
            const HullEdge* own = table.edges.data() + table.starts.back();
            table.boxes.push_back(corners.size() < 3 ? HullBox{} : box_of(corners, own, g > 0 ? grow : 0.0));
            table.starts.push_back(static_cast<int>(table.edges.size()));
        }
    }
    return table;
}

void hulls_host(const HullTable& table, const HullsInput& input, float* out) {
    const std::ptrdiff_t rows = static_cast<std::ptrdiff_t>(input.faces) * input.height;
#pragma omp parallel for schedule(static) if (rows >= kWorthThreads)
    for (std::ptrdiff_t row = 0; row < rows; ++row) {
        line_of(table, input, static_cast<int>(row / input.height), static_cast<int>(row % input.height),
                out + row * input.width);
    }
}

std::size_t hulls_bytes(const HullTable& table) {
    return table.edges.size() * sizeof(HullEdge) + table.starts.size() * sizeof(int);
}

} // namespace trtswap
