#include "ops/pyramid.hpp"

#include <cstring>
#include <vector>

#include "ops/pyramid_rows.hpp"

namespace trtswap {

namespace {

constexpr int kWorthThreads = 1 << 14; // pixels
constexpr int kBand = 8;               // rows one thread takes at a time

// Five rows to one: `out` has `width` values.
TRTSWAP_WIDE void down_rows(const float* a, const float* b, const float* c, const float* d, const float* e,
                            float* __restrict__ out, int width) {
    for (int x = 0; x < width; ++x) {
        out[x] = down_filter(a[x], b[x], c[x], d[x], e[x]);
    }
}

// One row to half its width. `row` has two reflected values before its first and three after its last.
TRTSWAP_WIDE void down_across(const float* row, float* __restrict__ out, int width) {
    for (int x = 0; x < width; ++x) {
        out[x] = down_filter(row[2 * x - 2], row[2 * x - 1], row[2 * x], row[2 * x + 1], row[2 * x + 2]);
    }
}

void down_level(const float* fine, int width, int height, float* coarse) {
    const int coarse_width = (width + 1) / 2, coarse_height = (height + 1) / 2;
#pragma omp parallel for schedule(static) if (width * height >= kWorthThreads)
    for (int band = 0; band < coarse_height; band += kBand) {
        thread_local std::vector<float> buffer;
        buffer.resize(static_cast<std::size_t>(width) + 8);
        float* row = buffer.data() + 4;
        for (int y = band; y < min_of(band + kBand, coarse_height); ++y) {
            const float* rows[5];
            for (int k = 0; k < 5; ++k) {
                rows[k] = fine + static_cast<std::ptrdiff_t>(reflected(2 * y + k - 2, height)) * width;
            }
            down_rows(rows[0], rows[1], rows[2], rows[3], rows[4], row, width);
            for (int x : {-2, -1}) {
                row[x] = row[reflected(x, width)];
            }
            for (int x : {width, width + 1, width + 2}) {
                row[x] = row[reflected(x, width)];
            }
            down_across(row, coarse + static_cast<std::ptrdiff_t>(y) * coarse_width, coarse_width);
        }
    }
}

TRTSWAP_WIDE void up_rows_even(const float* before, const float* here, const float* after,
                               float* __restrict__ out, int width) {
    for (int x = 0; x < width; ++x) {
        out[x] = up_even(before[x], here[x], after[x]);
    }
}

TRTSWAP_WIDE void up_rows_odd(const float* here, const float* after, float* __restrict__ out, int width) {
    for (int x = 0; x < width; ++x) {
        out[x] = up_odd(here[x], after[x]);
    }
}

// One coarse row, with a value before its first and one after its last, to `pairs` pairs of fine values.
TRTSWAP_WIDE void up_across(const float* row, float* __restrict__ out, int pairs) {
    for (int x = 0; x < pairs; ++x) {
        out[2 * x] = up_even(row[x - 1], row[x], row[x + 1]);
        out[2 * x + 1] = up_odd(row[x], row[x + 1]);
    }
}

// Row y of level l, filtered up from the coarser level. `scratch` holds a coarse row and its borders.
void up_row(const PyramidShape& s, const float* plane, int l, int y, float* out, float* scratch) {
    const int width = s.width[l + 1], height = s.height[l + 1], k = y / 2;
    const float* coarse = plane + s.offset[l + 1];
    const auto at = [&](int row) { return coarse + static_cast<std::ptrdiff_t>(row) * width; };
    float* row = scratch + 4;
    const float* after = at(up_after(k, height));
    if (y % 2 == 0) {
        up_rows_even(at(up_before(k, height)), at(k), after, row, width);
    } else {
        up_rows_odd(at(k), after, row, width);
    }
    row[-1] = row[up_before(0, width)];
    row[width] = row[width - 1];
    const int pairs = s.width[l] / 2;
    up_across(row, out, pairs);
    if (s.width[l] % 2) {
        out[2 * pairs] = up_even(row[pairs - 1], row[pairs], row[pairs + 1]);
    }
}

// r = m (d - up d) + up r, given the rows of up d and, in `result`, of up r.
TRTSWAP_WIDE void join_row(const float* d, const float* m, const float* up_d, float* __restrict__ result,
                           int width) {
    for (int x = 0; x < width; ++x) {
        result[x] = m[x] * (d[x] - up_d[x]) + result[x];
    }
}

TRTSWAP_WIDE void join_coarsest(const float* d, const float* m, float* __restrict__ result, int width) {
    for (int x = 0; x < width; ++x) {
        result[x] = m[x] * d[x];
    }
}

TRTSWAP_WIDE void add_impurity(const float* m, float* __restrict__ impurity, int width) {
    for (int x = 0; x < width; ++x) {
        impurity[x] = (1.0f - m[x]) + impurity[x];
    }
}

TRTSWAP_WIDE void add_scaled(const float* values, float scale, float* __restrict__ result, int width) {
    for (int x = 0; x < width; ++x) {
        result[x] = scale * values[x] + result[x];
    }
}

// Row y of level l of a membrane's sums.
void collapse_membrane(const BlendPlanes& p, int l, int y, float* const* results, float* scratch) {
    const PyramidShape& s = p.shape;
    const int width = s.width[l];
    const std::size_t at = s.offset[l] + static_cast<std::size_t>(y) * width;
    for (int k = 0; k <= p.channels; ++k) {
        if (l + 1 == s.levels) {
            std::memset(results[k], 0, static_cast<std::size_t>(width) * sizeof(float));
        } else {
            up_row(s, p.result(k), l, y, results[k], scratch);
        }
        add_scaled(p.difference(k) + at, membrane_weight(l), results[k], width);
    }
}

// Row y of level l of every result and of the impurity.
void collapse(const BlendPlanes& p, int l, int y, float* const* results, float* scratch) {
    if (p.membrane) {
        collapse_membrane(p, l, y, results, scratch);
        return;
    }
    const PyramidShape& s = p.shape;
    const int width = s.width[l];
    const std::size_t at = s.offset[l] + static_cast<std::size_t>(y) * width;
    const float* m = p.mask() + at;
    float* up_d = scratch + width + 8;
    for (int k = 0; k < p.channels; ++k) {
        const float* d = p.difference(k) + at;
        if (l + 1 == s.levels) {
            join_coarsest(d, m, results[k], width);
        } else {
            up_row(s, p.difference(k), l, y, up_d, scratch);
            up_row(s, p.result(k), l, y, results[k], scratch);
            join_row(d, m, up_d, results[k], width);
        }
    }
    float* impurity = results[p.channels];
    if (l + 1 == s.levels) {
        std::memset(impurity, 0, static_cast<std::size_t>(width) * sizeof(float));
    } else {
        up_row(s, p.impurity(), l, y, impurity, scratch);
    }
    add_impurity(m, impurity, width);
}

TRTSWAP_WIDE void subtract(const float* a, const float* b, float* __restrict__ out, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = a[i] - b[i];
    }
}

TRTSWAP_WIDE void finish_row(const float* a, const float* b, const float* result, const float* impurity,
                             float* __restrict__ out, int width) {
    for (int x = 0; x < width; ++x) {
        out[x] = impurity[x] == 0.0f ? a[x] : b[x] + result[x];
    }
}

} // namespace

void collapse_to_level_1(const BlendPlanes& p) {
    const PyramidShape& s = p.shape;
    for (int k = 0; k <= p.channels; ++k) {
        float* plane = p.difference(k);
        for (int l = 0; l + 1 < s.levels; ++l) {
            down_level(plane + s.offset[l], s.width[l], s.height[l], plane + s.offset[l + 1]);
        }
    }
    for (int l = s.levels - 1; l > 0; --l) {
#pragma omp parallel for schedule(static) if (s.width[l] * s.height[l] >= kWorthThreads)
        for (int y = 0; y < s.height[l]; ++y) {
            thread_local std::vector<float> scratch;
            scratch.resize(2 * static_cast<std::size_t>(s.width[l]) + 16);
            float* rows[kMostRowChannels];
            for (int k = 0; k <= p.channels; ++k) {
                rows[k] = p.result(k) + s.offset[l] + static_cast<std::size_t>(y) * s.width[l];
            }
            collapse(p, l, y, rows, scratch.data());
        }
    }
}

void collapse_row(const BlendPlanes& planes, int y, float* const* results, float* scratch) {
    collapse(planes, 0, y, results, scratch);
}

std::size_t pyramid_blend_bytes_host(const PyramidBlendInput& in) {
    return BlendPlanes::floats(pyramid_shape(in.width, in.height, in.levels), 3) * sizeof(float);
}

void pyramid_blend_host(const PyramidBlendInput& in, float* out, void* workspace) {
    const PyramidShape shape = pyramid_shape(in.width, in.height, in.levels);
    const BlendPlanes planes{shape, 3, static_cast<float*>(workspace), false};
    const std::size_t area = in.area();
    for (int n = 0; n < in.count; ++n) {
        const std::size_t at = static_cast<std::size_t>(n) * 3 * area;
        for (int k = 0; k < 3; ++k) {
            subtract(in.a + at + k * area, in.b + at + k * area, planes.difference(k), area);
        }
        std::memcpy(planes.mask(), in.masks + (in.one_mask ? 0 : n * area), area * sizeof(float));
        collapse_to_level_1(planes);
#pragma omp parallel for schedule(static) if (in.width * in.height >= kWorthThreads)
        for (int y = 0; y < in.height; ++y) {
            const std::size_t width = static_cast<std::size_t>(in.width);
            thread_local std::vector<float> buffer;
            buffer.resize(6 * width + 16);
            float* rows[4];
            for (std::size_t k = 0; k < 4; ++k) {
                rows[k] = buffer.data() + k * width;
            }
            collapse_row(planes, y, rows, buffer.data() + 4 * width);
            for (std::size_t k = 0; k < 3; ++k) {
                const std::size_t row = at + k * area + y * width;
                finish_row(in.a + row, in.b + row, rows[k], rows[3], out + row, in.width);
            }
        }
    }
}

} // namespace trtswap
