#include <algorithm>

#include "bindings/arrays.hpp"
#include "bindings/numbers.hpp"
#include "tracking/assign.hpp"
#include "tracking/motion.hpp"

namespace trtswap::bindings {

namespace {

int rows_of(const Numbers& table, int columns, const char* message) {
    expect_shape(table, {-1, columns}, message);
    return static_cast<int>(table.shape(0));
}

int tracks_in(const Numbers& tracks) { return rows_of(tracks, kTrackColumns, "tracks: expected [T, 19]"); }

int faces_in(const Numbers& seen) { return rows_of(seen, kSeenColumns, "seen: expected [N, 13]"); }

const Seen* seen_of(const Numbers& table) { return reinterpret_cast<const Seen*>(table.data()); }

Numbers observe_faces(const Numbers& boxes, const Numbers& landmarks) {
    const int count = rows_of(boxes, 4, "boxes: expected [N, 4]");
    expect_shape(landmarks, {count, 5, 2}, "landmarks: expected [N, 5, 2]");
    Numbers seen({count, kSeenColumns});
    Seen* rows = reinterpret_cast<Seen*>(seen.mutable_data());
    for (int n = 0; n < count; ++n) {
        rows[n] = observe(boxes.data() + 4 * n, landmarks.data() + 10 * n);
    }
    return seen;
}

Numbers begin_tracks(const Numbers& tracks, const Numbers& seen) {
    const int old = tracks_in(tracks), count = faces_in(seen);
    Numbers all({old + count, kTrackColumns});
    std::copy_n(tracks.data(), tracks.size(), all.mutable_data());
    std::transform(seen_of(seen), seen_of(seen) + count, reinterpret_cast<Track*>(all.mutable_data()) + old,
                   begin);
    return all;
}

// What each pair is worth, not below 0. likeness: added, [T, N] or None. weights: of the tracks, [T] or None.
std::vector<double> benefits_of(const Track* tracks, int count, const Seen* seen, int faces,
                                const py::object& likeness, const py::object& weights) {
    Numbers more, shares;
    if (!likeness.is_none()) {
        more = py::cast<Numbers>(likeness);
        expect_shape(more, {count, faces}, "likeness: expected [T, N]");
    }
    if (!weights.is_none()) {
        shares = py::cast<Numbers>(weights);
        expect_shape(shares, {count}, "weights: expected [T]");
    }
    std::vector<double> benefits;
    benefits.reserve(static_cast<std::size_t>(count) * static_cast<std::size_t>(faces));
    for (int row = 0; row < count; ++row) {
        for (int column = 0; column < faces; ++column) {
            double benefit = affinity(tracks[row], seen[column]);
            if (!likeness.is_none()) {
                benefit += more.data()[benefits.size()];
            }
            if (!weights.is_none()) {
                benefit *= shares.data()[row];
            }
            benefits.push_back(benefit > 0 ? benefit : 0);
        }
    }
    return benefits;
}

py::list follow_tracks(py::array_t<double, py::array::c_style>& tracks, const Numbers& seen, double elapsed_s,
                       const py::object& likeness, const py::object& weights) {
    const int count = tracks_in(tracks), faces = faces_in(seen);
    Track* rows = reinterpret_cast<Track*>(tracks.mutable_data());
    predict(rows, count, elapsed_s);
    const std::vector<double> benefits = benefits_of(rows, count, seen_of(seen), faces, likeness, weights);
    const std::vector<int> columns = assign(benefits.data(), count, faces);
    std::vector<int> owners(static_cast<std::size_t>(faces), -1);
    for (int row = 0; row < count; ++row) {
        if (columns[row] >= 0) {
            update(rows[row], seen_of(seen)[columns[row]]);
            owners[columns[row]] = row;
        }
    }
    py::list result;
    for (const int owner : owners) {
        result.append(owner);
    }
    return result;
}

py::list assign_rows(const Numbers& benefits) {
    const int rows = rows_of(benefits, -1, "benefits: expected [R, C]");
    py::list columns;
    for (const int column : assign(benefits.data(), rows, static_cast<int>(benefits.shape(1)))) {
        columns.append(column);
    }
    return columns;
}

} // namespace

// These take microseconds on one thread: the GIL is kept.
void register_tracking(py::module_& module) {
    module.attr("track_columns") = kTrackColumns;
    module.def("observe_faces", &observe_faces, py::arg("boxes"), py::arg("landmarks"));
    module.def("begin_tracks", &begin_tracks, py::arg("tracks"), py::arg("seen"));
    module.def("follow_tracks", &follow_tracks, py::arg("tracks").noconvert(), py::arg("seen"),
               py::arg("elapsed_s"), py::arg("likeness"), py::arg("weights"));
    module.def("assign", &assign_rows, py::arg("benefits"));
}

} // namespace trtswap::bindings
