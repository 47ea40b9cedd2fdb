// The temporal smoothers. Calls take microseconds, so they keep the interpreter's lock.
#include <cmath>
#include <cstdlib>

#include "bindings/arrays.hpp"
#include "bindings/numbers.hpp"
#include "smoothing/carry.hpp"
#include "smoothing/faces.hpp"
#include "smoothing/signal.hpp"

namespace trtswap::bindings {

namespace {

using namespace smoothing;

using Ids = Given<std::int64_t>;
using Flags = Given<std::uint8_t>;
using Made = py::array_t<double>;

Made made(const Shape& shape, const std::vector<double>& values) { return Made(shape, values.data()); }

int count_of(const Ids& ids, const Numbers& weights) {
    require(ids.ndim() == 1, "ids are [N]");
    expect_shape(weights, {ids.shape(0)}, "weights are [N], one for each id");
    return static_cast<int>(ids.shape(0));
}

void expect_lag(int lag_frames, double frame_rate) {
    require(lag_frames >= 2 && lag_frames <= 10000, "the lag is 2 to 10000 frames");
    require(frame_rate > 0, "the frame rate is above 0");
}

py::tuple placed(const PlacedFaces& faces) {
    const auto count = static_cast<py::ssize_t>(faces.boxes.size() / 4);
    return py::make_tuple(made({count, kFive, 2}, faces.points), made({count, 4}, faces.boxes));
}

Made values_of(const SignalSmoother& smoother, const std::vector<double>& values) {
    const py::ssize_t width = smoother.dimensions();
    return made({static_cast<py::ssize_t>(values.size()) / width, width}, values);
}

// The fits of a window whose frames follow evenly. weights: [2 lag + 1].
Fits even_fit(const Numbers& weights) {
    require(weights.ndim() == 1 && weights.shape(0) % 2 == 1 && weights.shape(0) >= 5,
            "weights are [2 lag + 1]");
    const int lag_frames = static_cast<int>(weights.shape(0) / 2);
    std::vector<double> distances, offsets;
    for (int frame = -lag_frames; frame <= lag_frames; ++frame) {
        distances.push_back(std::abs(frame));
        offsets.push_back(frame / (lag_frames + 1.0));
    }
    return fit(Ladder(lag_frames, kLeaning), distances, offsets, weights.data());
}

Made fit_rows(const Numbers& weights) {
    const Fits fits = even_fit(weights);
    return made({kLevels, fits.length}, fits.rows);
}

py::tuple fit_residuals(const Numbers& weights, const Numbers& values) {
    const Fits fits = even_fit(weights);
    expect_shape(values, {fits.length, -1}, "values are [2 lag + 1, D]");
    const auto dimensions = static_cast<int>(values.shape(1));
    std::vector<double> squares(static_cast<std::size_t>(kWider) * dimensions), widest(dimensions),
        smooth(dimensions);
    for (int level = 0; level < kWider; ++level) {
        fits.mean_squares(level, values.data(), dimensions,
                          squares.data() + static_cast<std::ptrdiff_t>(level) * dimensions);
    }
    fits.widest(values.data(), dimensions, widest.data(), smooth.data());
    return py::make_tuple(made({kWider, dimensions}, squares), made({dimensions}, smooth));
}

Made midway_of(const Numbers& points, const Flags& present, const Numbers& times_s) {
    expect_shape(points, {kNeeded, -1, -1}, "points are [5, Q, D]");
    expect_shape(present, {kNeeded}, "present is [5]");
    expect_shape(times_s, {kNeeded}, "times_s is [5]");
    const auto count = static_cast<int>(points.shape(1)), width = static_cast<int>(points.shape(2));
    const Recent recent{points.data(),  count * width, count, width, present.data(),
                        times_s.data(), true,          0,     0};
    return made({2, count}, midway(recent));
}

py::array_t<float> carried(const Given<float>& points, const Numbers& before, const Numbers& after) {
    expect_shape(points, {-1, -1, 2}, "points are [N, M, 2]");
    const py::ssize_t faces = points.shape(0), count = points.shape(1);
    expect_shape(before, {faces, kFive, 2}, "before is [N, 5, 2]");
    expect_shape(after, {faces, kFive, 2}, "after is [N, 5, 2]");
    py::array_t<float> moved(Shape{faces, count, 2});
    for (py::ssize_t row = 0; row < faces; ++row) {
        carry(before.data(row), after.data(row), points.data(row), static_cast<int>(count),
              moved.mutable_data(row));
    }
    return moved;
}

void register_faces(py::module_& module) {
    module.def("carried", &carried, py::arg("points"), py::arg("before"), py::arg("after"));
    py::class_<FaceTemplate>(module, "FaceTemplate")
        .def(py::init([](const Numbers& points, const Numbers& warp) {
                 expect_shape(points, {kFive, 2}, "points are [5, 2]");
                 expect_shape(warp, {kFive}, "warp is [5]");
                 return FaceTemplate(points.data(), warp.data());
             }),
             py::arg("points"), py::arg("warp"))
        .def_property_readonly("eyes", &FaceTemplate::eyes)
        .def(
            "decompose",
            [](const FaceTemplate& face, const Numbers& points, const Numbers& boxes) {
                expect_shape(points, {-1, kFive, 2}, "points are [N, 5, 2]");
                const py::ssize_t count = points.shape(0);
                expect_shape(boxes, {count, 4}, "boxes are [N, 4]");
                Made parameters(Shape{count, kParameters});
                for (py::ssize_t row = 0; row < count; ++row) {
                    face.decompose(points.data(row), boxes.data(row), parameters.mutable_data(row));
                }
                return parameters;
            },
            py::arg("points"), py::arg("boxes"))
        .def(
            "recompose",
            [](const FaceTemplate& face, const Numbers& parameters) {
                expect_shape(parameters, {-1, kParameters}, "parameters are [N, 18]");
                const py::ssize_t count = parameters.shape(0);
                Made points(Shape{count, kFive, 2}), boxes(Shape{count, 4});
                for (py::ssize_t row = 0; row < count; ++row) {
                    face.recompose(parameters.data(row), points.mutable_data(row), boxes.mutable_data(row));
                }
                return py::make_tuple(points, boxes);
            },
            py::arg("parameters"))
        .def(
            "repair",
            [](const FaceTemplate& face, const Numbers& points, const Flags& trusted, const Numbers& shape) {
                expect_shape(points, {kFive, 2}, "points are [5, 2]");
                expect_shape(trusted, {kFive}, "trusted is [5]");
                expect_shape(shape, {2 * kFive}, "shape is [10]");
                std::vector<double> repaired(points.data(), points.data() + points.size());
                face.repair(repaired.data(), trusted.data(), shape.data());
                return made({kFive, 2}, repaired);
            },
            py::arg("points"), py::arg("trusted"), py::arg("shape"));

    py::class_<FaceSmoother>(module, "FaceSmoother")
        .def(py::init([](const FaceTemplate& face, int lag_frames, double frame_rate) {
                 expect_lag(lag_frames, frame_rate);
                 return std::make_unique<FaceSmoother>(face, lag_frames, frame_rate);
             }),
             py::arg("face"), py::arg("lag_frames"), py::arg("frame_rate"))
        .def(
            "push",
            [](FaceSmoother& smoother, const Ids& ids, const Numbers& points, const Numbers& boxes,
               const Numbers& weights, double time_s) -> py::object {
                const int count = count_of(ids, weights);
                expect_shape(points, {count, kFive, 2}, "points are [N, 5, 2]");
                expect_shape(boxes, {count, 4}, "boxes are [N, 4]");
                const auto done =
                    smoother.push(ids.data(), count, points.data(), boxes.data(), weights.data(), time_s);
                return done ? py::object(placed(*done)) : py::none();
            },
            py::arg("ids"), py::arg("points"), py::arg("boxes"), py::arg("weights"), py::arg("time_s"))
        .def("flush", [](FaceSmoother& smoother) {
            py::list done;
            for (const PlacedFaces& faces : smoother.flush()) {
                done.append(placed(faces));
            }
            return done;
        });

    py::class_<Rest>(module, "Rest")
        .def(py::init([](int lag_frames) {
                 expect_lag(lag_frames, 1.0);
                 return Rest(lag_frames);
             }),
             py::arg("lag_frames"))
        .def(
            "hold",
            [](Rest& rest, const Ids& ids, const Numbers& estimates, const Numbers& drift,
               const Numbers& noise) {
                require(ids.ndim() == 1, "ids are [N]");
                const py::ssize_t count = ids.shape(0);
                expect_shape(estimates, {count, kParameters}, "estimates are [N, 18]");
                expect_shape(drift, {count, kParameters}, "drift is [N, 18]");
                expect_shape(noise, {count, kFaceGroups}, "noise is [N, 5]");
                std::vector<double> held(estimates.data(), estimates.data() + estimates.size());
                rest.hold(ids.data(), static_cast<int>(count), held.data(), drift.data(), noise.data());
                return made({count, kParameters}, held);
            },
            py::arg("ids"), py::arg("estimates"), py::arg("drift"), py::arg("noise"));
}

void register_noise(py::module_& module) {
    py::class_<PointNoise>(module, "PointNoise")
        .def(py::init<const FaceTemplate&>(), py::arg("face"))
        .def(
            "squares",
            [](const PointNoise& noise, const Numbers& differences, const Numbers& samples) {
                expect_shape(differences, {-1, kParameters}, "differences are [N, 18]");
                const py::ssize_t count = differences.shape(0);
                expect_shape(samples, {count, kParameters}, "samples are [N, 18]");
                Made squares(Shape{count, noise.kinds()});
                for (py::ssize_t row = 0; row < count; ++row) {
                    noise.squares(differences.data(row), samples.data(row), squares.mutable_data(row));
                }
                return squares;
            },
            py::arg("differences"), py::arg("samples"))
        .def(
            "tolerances",
            [](const PointNoise& noise, const Numbers& medians, int count) {
                expect_shape(medians, {noise.kinds()}, "medians are [6]");
                const Tolerances told = noise.tolerances(medians.data(), count);
                return py::make_tuple(made({kFaceGroups}, told.white), made({kWider, kFaceGroups}, told.slow),
                                      made({kFaceGroups}, told.share));
            },
            py::arg("medians"), py::arg("count"))
        .def(
            "strain",
            [](const PointNoise& noise, const Numbers& excess) {
                expect_shape(excess, {kWider, kFaceGroups}, "excess is [3, 5]");
                std::vector<double> strained(excess.data(), excess.data() + excess.size());
                noise.strain(strained);
                return made({kWider, kFaceGroups}, strained);
            },
            py::arg("excess"));
    module.def(
        "surely_calm",
        [](const Numbers& variances, double third, double warp, double eyes) {
            expect_shape(variances, {kFaceGroups}, "variances are [5]");
            return surely_calm(variances.data(), third, warp, eyes * eyes);
        },
        py::arg("variances"), py::arg("third"), py::arg("warp"), py::arg("eyes"));
}

void register_signal(py::module_& module) {
    py::class_<SignalSmoother>(module, "SignalSmoother")
        .def(py::init([](int dimensions, int lag_frames, double frame_rate) {
                 require(dimensions >= 1, "a signal has at least one dimension");
                 expect_lag(lag_frames, frame_rate);
                 return std::make_unique<SignalSmoother>(dimensions, lag_frames, frame_rate);
             }),
             py::arg("dimensions"), py::arg("lag_frames"), py::arg("frame_rate"))
        .def(
            "push",
            [](SignalSmoother& smoother, const Ids& ids, const Numbers& values, const Numbers& weights,
               double time_s) -> py::object {
                const int count = count_of(ids, weights);
                expect_shape(values, {count, smoother.dimensions()}, "values are [N, dimensions]");
                const auto done = smoother.push(ids.data(), count, values.data(), weights.data(), time_s);
                return done ? py::object(values_of(smoother, *done)) : py::none();
            },
            py::arg("ids"), py::arg("values"), py::arg("weights"), py::arg("time_s"))
        .def("flush", [](SignalSmoother& smoother) {
            py::list done;
            for (const std::vector<double>& values : smoother.flush()) {
                done.append(values_of(smoother, values));
            }
            return done;
        });
}

} // namespace

void register_smoothing(py::module_& module) {
    register_faces(module);
    register_noise(module);
    register_signal(module);
    module.def("fit_rows", &fit_rows, py::arg("weights"));
    module.def("fit_residuals", &fit_residuals, py::arg("weights"), py::arg("values"));
    module.def("midway", &midway_of, py::arg("points"), py::arg("present"), py::arg("times_s"));
}

} // namespace trtswap::bindings
