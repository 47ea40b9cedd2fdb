#include "scenes/likeness.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace trtswap {

namespace {

int mirrored(int index, int length) {
    if (index < 0) {
        return -index;
    }
    return index < length ? index : 2 * length - 2 - index;
}

// Writes `radius` mirrored values before and behind `length` values, which begin at row[radius].
template <class T> void mirror_ends(T* row, int length, int radius) {
    for (int step = 1; step <= radius; ++step) {
        row[radius - step] = row[radius + step];
        row[radius + length - 1 + step] = row[radius + length - 1 - step];
    }
}

// Means in windows, summed in double: variances are small differences of large squares. A sum of rows becomes the next
// one by the row that enters and the one that leaves, which in double costs no digit of a float.
void mean_in_windows(const float* picture, Size size, float* mean) {
    static_assert(kWindow == 7);
    constexpr int kRadius = kWindow / 2;
    std::vector<double> padded(static_cast<std::size_t>(size.width + 2 * kRadius));
    double* const columns = padded.data() + kRadius;
    const auto row_at = [&](int y) { return picture + mirrored(y, size.height) * size.width; };
    for (int step = -kRadius; step <= kRadius; ++step) {
        const float* row = row_at(step);
        for (int x = 0; x < size.width; ++x) {
            columns[x] += row[x];
        }
    }
    for (int y = 0; y < size.height; ++y) {
        if (y > 0) {
            const float *entering = row_at(y + kRadius), *leaving = row_at(y - kRadius - 1);
            for (int x = 0; x < size.width; ++x) {
                columns[x] += static_cast<double>(entering[x]) - static_cast<double>(leaving[x]);
            }
        }
        mirror_ends(padded.data(), size.width, kRadius);
        const double* from = padded.data();
        float* out = mean + y * size.width;
        for (int x = 0; x < size.width; ++x) {
            const double sum =
                from[x] + from[x + 1] + from[x + 2] + from[x + 3] + from[x + 4] + from[x + 5] + from[x + 6];
            out[x] = static_cast<float>(sum * (1.0 / (kWindow * kWindow)));
        }
    }
}

} // namespace

void halve(const float* plane, Size size, float* small) {
    for (int y = 0; y < size.height; ++y) {
        const float* above = plane + 4 * y * size.width;
        const float* below = above + 2 * size.width;
        float* row = small + y * size.width;
        for (int x = 0; x < size.width; ++x) {
            row[x] = 0.25f * ((above[2 * x] + below[2 * x]) + (above[2 * x + 1] + below[2 * x + 1]));
        }
    }
}

double luma_of(const float* planes, Size size, float* luma, float* row_maxima, float* column_maxima) {
    const float* red = planes;
    const float* green = red + size.pixels();
    const float* blue = green + size.pixels();
    for (int n = 0; n < size.pixels(); ++n) {
        luma[n] = 0.299f * red[n] + 0.587f * green[n] + 0.114f * blue[n];
    }
    double sum = 0;
    std::copy_n(luma, size.width, column_maxima);
    for (int y = 0; y < size.height; ++y) {
        const float* row = luma + y * size.width;
        row_maxima[y] = *std::max_element(row, row + size.width);
        for (int x = 0; x < size.width; ++x) {
            column_maxima[x] = std::max(column_maxima[x], row[x]);
            sum += row[x];
        }
    }
    return sum / size.pixels();
}

void smooth(const float* picture, Size size, int radius, double sigma, float* smoothed) {
    std::vector<double> exact;
    double sum = 0;
    for (int step = -radius; step <= radius; ++step) {
        exact.push_back(std::exp(-step * step / (2 * sigma * sigma)));
        sum += exact.back();
    }
    std::vector<float> weights;
    for (const double weight : exact) {
        weights.push_back(static_cast<float>(weight / sum));
    }
    std::vector<float> padded(static_cast<std::size_t>(size.width + 2 * radius));
    for (int y = 0; y < size.height; ++y) {
        float* const columns = padded.data() + radius;
        std::fill_n(columns, size.width, 0.0f);
        for (int step = -radius; step <= radius; ++step) {
            const float* row = picture + mirrored(y + step, size.height) * size.width;
            const float weight = weights[static_cast<std::size_t>(step + radius)];
            for (int x = 0; x < size.width; ++x) {
                columns[x] += weight * row[x];
            }
        }
        mirror_ends(padded.data(), size.width, radius);
        float* out = smoothed + y * size.width;
        std::fill_n(out, size.width, 0.0f);
        for (int step = 0; step <= 2 * radius; ++step) {
            const float weight = weights[static_cast<std::size_t>(step)];
            for (int x = 0; x < size.width; ++x) {
                out[x] += weight * padded[static_cast<std::size_t>(x + step)];
            }
        }
    }
}

double statistics_of(const float* luma, Size size, float* mean, float* variance) {
    std::vector<float> squares(static_cast<std::size_t>(size.pixels()));
    for (int n = 0; n < size.pixels(); ++n) {
        squares[static_cast<std::size_t>(n)] = luma[n] * luma[n];
    }
    mean_in_windows(luma, size, mean);
    mean_in_windows(squares.data(), size, variance);
    double sum = 0;
    for (int n = 0; n < size.pixels(); ++n) {
        variance[n] = std::max(variance[n] - mean[n] * mean[n], 0.0f);
        sum += std::sqrt(variance[n]);
    }
    return sum / size.pixels();
}

namespace {

// Per pixel 0, at a correlation of `lost` and below, to 1, at `found` and above.
void found_again(const LookView& x, const LookView& y, Size size, const Likeness& likeness, float* found) {
    std::vector<float> products(static_cast<std::size_t>(size.pixels()));
    for (int n = 0; n < size.pixels(); ++n) {
        products[static_cast<std::size_t>(n)] = x.luma[n] * y.luma[n];
    }
    mean_in_windows(products.data(), size, found);
    const float error = static_cast<float>(likeness.error), lost = static_cast<float>(likeness.lost);
    const float range = static_cast<float>(likeness.found - likeness.lost);
    for (int n = 0; n < size.pixels(); ++n) {
        const float covariance = found[n] - x.mean[n] * y.mean[n];
        const float scale = std::sqrt((x.variance[n] + error) * (y.variance[n] + error));
        found[n] = std::min(std::max((covariance / scale - lost) / range, 0.0f), 1.0f);
    }
}

// Sums over the pixels of what was found. variances, lumas: of both pictures. seen: weights too, or null.
Score summed(const float* variance, const float* luma, const LookView& y, Size size, const Likeness& likeness,
             const float* inside, const float* seen, float burnt, const float* found) {
    const float texture = static_cast<float>(likeness.texture);
    Score score{};
    for (int n = 0; n < size.pixels(); ++n) {
        float weight = std::max(variance[n], y.variance[n]);
        weight /= weight + texture;
        weight *= inside == nullptr ? 1.0f : inside[n];
        weight *= seen == nullptr ? 1.0f : seen[n];
        score.weight += weight;
        if (std::max(luma[n], y.luma[n]) < burnt) {
            score.left += weight;
            score.found += weight * found[n];
        }
    }
    return score;
}

// Bilinear, edges replicated.
float sampled(const float* picture, Size size, float x, float y) {
    x = std::min(std::max(x, 0.0f), static_cast<float>(size.width - 1));
    y = std::min(std::max(y, 0.0f), static_cast<float>(size.height - 1));
    const int left = std::min(static_cast<int>(x), size.width - 2);
    const int top = std::min(static_cast<int>(y), size.height - 2);
    const float right = x - static_cast<float>(left), down = y - static_cast<float>(top);
    const float* above = picture + top * size.width + left;
    const float* below = above + size.width;
    const float upper = above[0] + right * (above[1] - above[0]);
    return upper + down * (below[0] + right * (below[1] - below[0]) - upper);
}

} // namespace

Score score_of(const LookView& x, const LookView& y, Size size, const Likeness& likeness, const float* inside,
               float burnt) {
    std::vector<float> found(static_cast<std::size_t>(size.pixels()));
    found_again(x, y, size, likeness, found.data());
    return summed(x.variance, x.luma, y, size, likeness, inside, nullptr, burnt, found.data());
}

void even_out(const LookView& look, Size size, float error, std::uint8_t* even) {
    for (int n = 0; n < size.pixels(); ++n) {
        const float detail = (look.luma[n] - look.mean[n]) / std::sqrt(look.variance[n] + error);
        even[n] = static_cast<std::uint8_t>(std::min(std::max(128.0f + 48.0f * detail, 0.0f), 255.0f));
    }
}

Score score_moved(const float* luma, const LookView& y, Size size, const Likeness& likeness,
                  const Motion& motion, const float* inside, float burnt, float* found, float* seen) {
    const std::size_t pixels = static_cast<std::size_t>(size.pixels());
    std::vector<float> moved(pixels), mean(pixels), variance(pixels), now(pixels);
    const float width = static_cast<float>(size.width), height = static_cast<float>(size.height);
    std::vector<bool> lies(pixels), straight(pixels);
    std::size_t n = 0;
    for (int row = 0; row < size.height; ++row) {
        for (int column = 0; column < size.width; ++column, ++n) {
            const float stray_x = motion.flow[2 * n], stray_y = motion.flow[2 * n + 1];
            const float at_x = stray_x + static_cast<float>(column + motion.x);
            const float at_y = stray_y + static_cast<float>(row + motion.y);
            moved[n] = sampled(luma, size, at_x, at_y);
            lies[n] = at_x >= -1 && at_x <= width && at_y >= -1 && at_y <= height;
            straight[n] = std::fabs(stray_x) < motion.stray && std::fabs(stray_y) < motion.stray;
        }
    }
    statistics_of(moved.data(), size, mean.data(), variance.data());
    found_again({moved.data(), mean.data(), variance.data()}, y, size, likeness, now.data());
    for (n = 0; n < pixels; ++n) {
        found[n] = std::max(found[n], lies[n] && straight[n] ? now[n] : 0.0f);
        seen[n] = std::max(seen[n], lies[n] ? 1.0f : 0.0f);
    }
    return summed(variance.data(), moved.data(), y, size, likeness, inside, seen, burnt, found);
}

} // namespace trtswap
