#include "tracking/assign.hpp"

#include <algorithm>
#include <limits>

namespace trtswap {

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

// The Hungarian method on costs, rows added one by one.
//
// Every row has a column of its own, after the real ones, in which it stays alone at cost 0.
class ShortestPaths {
public:
    ShortestPaths(const double* benefits, const std::vector<int>& rows, int columns)
        : rows_(static_cast<int>(rows.size())), real_(columns), width_(columns + rows_),
          costs_(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(width_)),
          potentials_(static_cast<std::size_t>(rows_)), prices_(static_cast<std::size_t>(width_)),
          owners_(static_cast<std::size_t>(width_), -1) {
        for (int row = 0; row < rows_; ++row) {
            const double* line = benefits + static_cast<std::ptrdiff_t>(rows[row]) * columns;
            std::transform(line, line + columns, &cost(row, 0),
                           [](double benefit) { return benefit > 0 ? -benefit : 0.0; });
        }
    }

    // The column of each of the rows, -1 for none.
    std::vector<int> solve() {
        std::vector<int> waiting;
        for (int row = 0; row < rows_; ++row) {
            const double* line = &cost(row, 0);
            const double* least = std::min_element(line, line + width_);
            potentials_[row] = *least;
            int& owner = owners_[least - line];
            if (owner < 0) {
                owner = row;
            } else {
                waiting.push_back(row);
            }
        }
        for (const int row : waiting) {
            augment(row);
        }
        std::vector<int> chosen(static_cast<std::size_t>(rows_), -1);
        for (int column = 0; column < real_; ++column) {
            const int owner = owners_[column];
            if (owner >= 0 && cost(owner, column) < 0) {
                chosen[owner] = column;
            }
        }
        return chosen;
    }

private:
    double& cost(int row, int column) {
        return costs_[static_cast<std::size_t>(row) * static_cast<std::size_t>(width_) + column];
    }

    // Gives row `start` a column along the cheapest path of exchanges; keeps all reduced costs at 0 or above.
    void augment(int start) {
        std::vector<double> distance(static_cast<std::size_t>(width_), kInfinite);
        std::vector<int> came_from(static_cast<std::size_t>(width_),
                                   -1); // whose owner reaches it; -1: `start`
        std::vector<char> done(static_cast<std::size_t>(width_), 0);
        int row = start, column = -1;
        double reached = 0;
        while (true) {
            const double base = reached - potentials_[row];
            const int previous = column;
            double nearest = kInfinite;
            for (int other = 0; other < width_; ++other) {
                if (done[other]) {
                    continue;
                }
                const double length = base + cost(row, other) - prices_[other];
                if (length < distance[other]) {
                    distance[other] = length;
                    came_from[other] = previous;
                }
                if (distance[other] < nearest) {
                    nearest = distance[other];
                    column = other;
                }
            }
            reached = nearest;
            done[column] = 1;
            if (owners_[column] < 0) {
                break;
            }
            row = owners_[column];
        }
        potentials_[start] += reached;
        for (int other = 0; other < width_; ++other) {
            if (done[other] && other != column) {
                potentials_[owners_[other]] += reached - distance[other];
                prices_[other] -= reached - distance[other];
            }
        }
        while (column >= 0) {
            const int previous = came_from[column];
            owners_[column] = previous >= 0 ? owners_[previous] : start;
            column = previous;
        }
    }

    int rows_, real_, width_;
    std::vector<double> costs_, potentials_, prices_;
    std::vector<int> owners_;
};

} // namespace

std::vector<int> assign(const double* benefits, int rows, int columns) {
    std::vector<int> chosen(static_cast<std::size_t>(rows), -1);
    std::vector<char> taken(static_cast<std::size_t>(columns), 0);
    std::vector<int> useful;
    bool contested = false;
    for (int row = 0; row < rows && columns > 0; ++row) {
        const double* line = benefits + static_cast<std::ptrdiff_t>(row) * columns;
        const double* best = std::max_element(line, line + columns);
        if (*best > 0) {
            useful.push_back(row);
            chosen[row] = static_cast<int>(best - line);
            contested = contested || taken[chosen[row]];
            taken[chosen[row]] = 1;
        }
    }
    if (!contested) {
        return chosen; // every row has its best column: no matching is better
    }
    const std::vector<int> found = ShortestPaths(benefits, useful, columns).solve();
    for (std::size_t k = 0; k < useful.size(); ++k) {
        chosen[useful[k]] = found[k];
    }
    return chosen;
}

} // namespace trtswap
