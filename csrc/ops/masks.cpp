#include "ops/masks.hpp"

#include <vector>

namespace trtswap {

namespace {

constexpr std::size_t kPiece = 1024;           // pixels that are worked on together
constexpr std::size_t kWorthThreads = 1 << 15; // pixels

TRTSWAP_WIDE void mix_rows(const float* upper, const float* lower, float share, int width, float* out) {
    for (int x = 0; x < width; ++x) {
        out[x] = mixed(upper[x], lower[x], share);
    }
}

void resize_row(const float* row, const std::vector<Between>& places, float* out) {
    for (std::size_t x = 0; x < places.size(); ++x) {
        out[x] = mixed(row[places[x].first], row[places[x].second], places[x].share);
    }
}

TRTSWAP_WIDE void least_piece(const float* mask, bool first, std::size_t size, float* out) {
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = first ? mask[i] : min_of(out[i], mask[i]);
    }
}

TRTSWAP_WIDE void scale_piece(float scale, std::size_t size, float* out) {
    for (std::size_t i = 0; i < size; ++i) {
        out[i] *= scale;
    }
}

TRTSWAP_WIDE void hold_piece(const float* const* masks, int others, std::size_t first, std::size_t size,
                             float unlike, float* out) {
    float totals[kPiece], weights[kPiece];
    const float* own = masks[0] + first;
    for (std::size_t i = 0; i < size; ++i) {
        const Held alone = held_alone(own[i]);
        totals[i] = alone.total;
        weights[i] = alone.weight;
    }
    for (int k = 1; k <= others; ++k) {
        if (masks[k] == nullptr) {
            continue;
        }
        const float* other = masks[k] + first;
        for (std::size_t i = 0; i < size; ++i) {
            const Held more = held_with({own[i], totals[i], weights[i]}, other[i], unlike);
            totals[i] = more.total;
            weights[i] = more.weight;
        }
    }
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = held({own[i], totals[i], weights[i]});
    }
}

// Calls work(mask, first pixel, how many) for pieces of all masks.
template <typename Work> void in_pieces(int count, std::size_t area, const Work& work) {
    const auto pieces = static_cast<std::ptrdiff_t>((area + kPiece - 1) / kPiece);
    const std::ptrdiff_t jobs = count * pieces;
#pragma omp parallel for schedule(static) if (count * area >= kWorthThreads)
    for (std::ptrdiff_t job = 0; job < jobs; ++job) {
        const std::size_t first = static_cast<std::size_t>(job % pieces) * kPiece;
        work(static_cast<std::size_t>(job / pieces), first, min_of(kPiece, area - first));
    }
}

} // namespace

void resize_masks_host(const ResizeInput& in, float* out) {
    const std::ptrdiff_t rows = static_cast<std::ptrdiff_t>(in.count) * in.to_height;
    const bool as_wide = in.to_width == in.width;
    std::vector<Between> places;
    for (int x = 0; x < in.to_width; ++x) {
        places.push_back(between(x, in.width, in.to_width));
    }
#pragma omp parallel if (static_cast<std::size_t>(rows * in.to_width) >= kWorthThreads)
    {
        std::vector<float> mix(static_cast<std::size_t>(in.width));
#pragma omp for schedule(static)
        for (std::ptrdiff_t row = 0; row < rows; ++row) {
            const float* mask = in.masks + row / in.to_height * in.width * in.height;
            const Between y = between(static_cast<int>(row % in.to_height), in.height, in.to_height);
            float* target = out + row * in.to_width;
            mix_rows(mask + static_cast<std::size_t>(y.first) * in.width,
                     mask + static_cast<std::size_t>(y.second) * in.width, y.share, in.width,
                     as_wide ? target : mix.data());
            if (!as_wide) {
                resize_row(mix.data(), places, target);
            }
        }
    }
}

void least_host(const LeastInput& in, float* out) {
    in_pieces(in.count, in.area, [&](std::size_t n, std::size_t first, std::size_t size) {
        float* target = out + n * in.area + first;
        for (int k = 0; k < in.sets; ++k) {
            least_piece(in.masks[k] + (in.single[k] ? 0 : n * in.area) + first, k == 0, size, target);
        }
        if (in.scale != 1.0f) {
            scale_piece(in.scale, size, target);
        }
    });
}

void hold_host(const HoldInput& in, float* out) {
    in_pieces(in.count, in.area, [&](std::size_t n, std::size_t first, std::size_t size) {
        hold_piece(in.masks + n * (in.others + 1), in.others, first, size, in.unlike,
                   out + n * in.area + first);
    });
}

} // namespace trtswap
