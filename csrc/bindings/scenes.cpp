#include <pybind11/stl.h>

#include <algorithm>
#include <array>

#include "bindings/arrays.hpp"
#include "bindings/numbers.hpp"
#include "scenes/likeness.hpp"

namespace trtswap::bindings {

namespace {

using Floats = Given<float>;

constexpr int kLookPlanes = 3; // luma, mean, variance

Size size_of(const Floats& picture, const char* message) {
    const py::ssize_t axes = picture.ndim();
    const Size size{static_cast<int>(picture.shape(axes - 1)), static_cast<int>(picture.shape(axes - 2))};
    require(std::min(size.width, size.height) > kWindow / 2, message);
    return size;
}

LookView look_of(const Floats& planes, Size size) {
    expect_shape(planes, {kLookPlanes, size.height, size.width}, "looks: expected [3, h, w] of one size");
    const float* luma = planes.data();
    return {luma, luma + size.pixels(), luma + 2 * size.pixels()};
}

void expect_smoothing(int radius, double sigma_px, Size size) {
    require(radius > 0 && radius < std::min(size.width, size.height),
            "radius: expected less than the picture, and more than 0");
    require(sigma_px > 0, "sigma_px: expected more than 0");
}

// Writes luma, mean and variance; returns the contrast.
double look_at(const float* luma, Size size, int radius, double sigma_px, float* planes) {
    smooth(luma, size, radius, sigma_px, planes);
    return statistics_of(planes, size, planes + size.pixels(), planes + 2 * size.pixels());
}

Floats scene_halve(const Floats& pictures) {
    expect_shape(pictures, {-1, -1, -1, -1}, "pictures: expected [N, C, 2 h, 2 w]");
    const int planes = static_cast<int>(pictures.shape(0) * pictures.shape(1));
    const Size size{static_cast<int>(pictures.shape(3) / 2), static_cast<int>(pictures.shape(2) / 2)};
    require(pictures.shape(3) == 2 * size.width && pictures.shape(2) == 2 * size.height,
            "pictures: expected an even width and height");
    Floats small({pictures.shape(0), pictures.shape(1), pictures.shape(2) / 2, pictures.shape(3) / 2});
    const float* from = pictures.data();
    float* to = small.mutable_data();
    {
        const py::gil_scoped_release unlocked;
        for (int n = 0; n < planes; ++n) {
            halve(from + 4 * n * size.pixels(), size, to + n * size.pixels());
        }
    }
    return small;
}

// Of several thumbnails at once: lumas, their means, largest values of rows and of columns, looks, contrasts.
py::tuple scene_pictures(const Floats& thumbnails, int radius, double sigma_px) {
    expect_shape(thumbnails, {-1, 3, -1, -1}, "thumbnails: expected [N, 3, h, w]");
    const Size size = size_of(thumbnails, "thumbnails: expected at least 4 x 4 pixels");
    expect_smoothing(radius, sigma_px, size);
    const py::ssize_t count = thumbnails.shape(0), height = size.height, width = size.width;
    Floats lumas({count, height, width}), rows({count, height}), columns({count, width});
    Floats looks({count, static_cast<py::ssize_t>(kLookPlanes), height, width});
    Numbers means(count), contrasts(count);
    const float* from = thumbnails.data();
    float *luma = lumas.mutable_data(), *look = looks.mutable_data();
    float *highest_rows = rows.mutable_data(), *highest_columns = columns.mutable_data();
    double *mean = means.mutable_data(), *contrast = contrasts.mutable_data();
    {
        const py::gil_scoped_release unlocked;
        for (py::ssize_t n = 0; n < count; ++n) {
            float* own = luma + n * size.pixels();
            mean[n] = luma_of(from + n * 3 * size.pixels(), size, own, highest_rows + n * height,
                              highest_columns + n * width);
            contrast[n] = look_at(own, size, radius, sigma_px, look + n * kLookPlanes * size.pixels());
        }
    }
    return py::make_tuple(lumas, means, rows, columns, looks, contrasts);
}

py::tuple scene_look(const Floats& luma, int radius, double sigma_px) {
    expect_shape(luma, {-1, -1}, "luma: expected [h, w]");
    const Size size = size_of(luma, "luma: expected at least 4 x 4 pixels");
    expect_smoothing(radius, sigma_px, size);
    Floats planes({kLookPlanes, size.height, size.width});
    const double contrast = look_at(luma.data(), size, radius, sigma_px, planes.mutable_data());
    return py::make_tuple(planes, contrast);
}

// Of struct Likeness, as Python hands them over.
using Numbers4 = std::array<double, 4>;

Likeness likeness_of(const Numbers4& numbers) { return {numbers[0], numbers[1], numbers[2], numbers[3]}; }

// Weights of pixels, [h, w], or None for 1 all over.
struct Inside {
    Inside(const py::object& given, Size size) {
        if (!given.is_none()) {
            array = py::cast<Floats>(given);
            expect_shape(array, {size.height, size.width}, "inside: expected [h, w]");
            weights = array.data();
        }
    }

    Floats array;
    const float* weights = nullptr;
};

Size size_of_look(const Floats& look) {
    expect_shape(look, {kLookPlanes, -1, -1}, "looks: expected [3, h, w] of one size");
    return size_of(look, "looks: expected at least 4 x 4 pixels");
}

py::tuple scene_score(const Floats& x, const Floats& y, const Numbers4& likeness, const py::object& inside,
                      double burnt) {
    const Size size = size_of_look(y);
    const Inside within(inside, size);
    const Score score = score_of(look_of(x, size), look_of(y, size), size, likeness_of(likeness),
                                 within.weights, static_cast<float>(burnt));
    return py::make_tuple(score.weight, score.left, score.found);
}

Given<std::uint8_t> scene_even(const Floats& look, double error) {
    const Size size = size_of_look(look);
    Given<std::uint8_t> even({size.height, size.width});
    even_out(look_of(look, size), size, static_cast<float>(error), even.mutable_data());
    return even;
}

py::tuple scene_moved(const Floats& luma, const Floats& y, const Floats& flow, std::array<int, 2> shift,
                      double stray_px, const Numbers4& likeness, const py::object& inside, double burnt,
                      py::array_t<float, py::array::c_style>& best,
                      py::array_t<float, py::array::c_style>& seen) {
    const Size size = size_of_look(y);
    const Shape shape{size.height, size.width};
    expect_shape(luma, shape, "luma: expected [h, w]");
    expect_shape(best, shape, "best: expected [h, w]");
    expect_shape(seen, shape, "seen: expected [h, w]");
    expect_shape(flow, {size.height, size.width, 2}, "flow: expected [h, w, 2]");
    const Inside within(inside, size);
    const Motion motion{flow.data(), shift[0], shift[1], static_cast<float>(stray_px)};
    const Score score =
        score_moved(luma.data(), look_of(y, size), size, likeness_of(likeness), motion, within.weights,
                    static_cast<float>(burnt), best.mutable_data(), seen.mutable_data());
    return py::make_tuple(score.left, score.found);
}

} // namespace

// What takes microseconds keeps the GIL, which costs more to get back where threads want it; what is done for a whole
// batch lets go of it.
void register_scenes(py::module_& module) {
    module.attr("scene_window_px") = kWindow;
    module.def("scene_halve", &scene_halve, py::arg("pictures"));
    module.def("scene_pictures", &scene_pictures, py::arg("thumbnails"), py::arg("radius"),
               py::arg("sigma_px"));
    module.def("scene_look", &scene_look, py::arg("luma"), py::arg("radius"), py::arg("sigma_px"));
    module.def("scene_even", &scene_even, py::arg("look"), py::arg("error"));
    module.def("scene_score", &scene_score, py::arg("x"), py::arg("y"), py::arg("likeness"),
               py::arg("inside"), py::arg("burnt"));
    module.def("scene_moved", &scene_moved, py::arg("luma"), py::arg("y"), py::arg("flow"), py::arg("shift"),
               py::arg("stray_px"), py::arg("likeness"), py::arg("inside"), py::arg("burnt"),
               py::arg("best").noconvert(), py::arg("seen").noconvert());
}

} // namespace trtswap::bindings
