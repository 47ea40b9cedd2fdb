#include "scenes/likeness.hpp"

#include "bindings/arrays.hpp"
#include "bindings/numbers.hpp"

namespace trtswap::bindings {

namespace {

using Floats = Given<float>;

constexpr int kLookPlanes = 3; // luma, mean, variance

Size size_of(const Floats& picture, const char* message) {
    const py::ssize_t axes = picture.ndim();
    const Size size{static_cast<int>(picture.shape(axes - 1)), static_cast<int>(picture.shape(axes - 2))};
    require(std::min(size.width, size.height) > kLikenessRadius, message);
    return size;
}

LookView look_of(const Floats& planes, Size size) {
    expect_shape(planes, {kLookPlanes, size.height, size.width}, "looks: expected [3, h, w] of one size");
    const float* luma = planes.data();
    return {luma, luma + size.pixels(), luma + 2 * size.pixels()};
}

py::tuple scene_luma(const Floats& thumbnail) {
    expect_shape(thumbnail, {3, -1, -1}, "thumbnail: expected [3, h, w]");
    const Size size = size_of(thumbnail, "thumbnail: expected at least 4 x 4 pixels");
    Floats luma({size.height, size.width}), rows(size.height), columns(size.width);
    const double mean = luma_of(thumbnail.data(), size, luma.mutable_data(), rows.mutable_data(),
                                columns.mutable_data());
    return py::make_tuple(luma, mean, rows, columns);
}

py::tuple scene_look(const Floats& luma, int radius, double sigma_px) {
    expect_shape(luma, {-1, -1}, "luma: expected [h, w]");
    const Size size = size_of(luma, "luma: expected at least 4 x 4 pixels");
    require(radius >= 0 && radius < std::min(size.width, size.height), "radius: expected less than the picture");
    require(radius == 0 || sigma_px > 0, "sigma_px: expected more than 0");
    Floats planes({kLookPlanes, size.height, size.width});
    float* const out = planes.mutable_data();
    smooth(luma.data(), size, radius, sigma_px, out);
    const double contrast = statistics_of(out, size, out + size.pixels(), out + 2 * size.pixels());
    return py::make_tuple(planes, contrast);
}

Floats scene_found(const Floats& x, const Floats& y, double error, double lost, double found) {
    expect_shape(y, {kLookPlanes, -1, -1}, "looks: expected [3, h, w] of one size");
    const Size size = size_of(y, "looks: expected at least 4 x 4 pixels");
    Floats map({size.height, size.width});
    found_again(look_of(x, size), look_of(y, size), size, {error, 0, lost, found}, map.mutable_data());
    return map;
}

py::tuple scene_score(const Floats& x, const Floats& y, double error, double texture, double lost, double found,
                      const py::object& inside, double burnt) {
    expect_shape(y, {kLookPlanes, -1, -1}, "looks: expected [3, h, w] of one size");
    const Size size = size_of(y, "looks: expected at least 4 x 4 pixels");
    Floats within;
    if (!inside.is_none()) {
        within = py::cast<Floats>(inside);
        expect_shape(within, {size.height, size.width}, "inside: expected [h, w]");
    }
    const Score score =
        score_of(look_of(x, size), look_of(y, size), size, {error, texture, lost, found},
                 inside.is_none() ? nullptr : within.data(), static_cast<float>(burnt));
    return py::make_tuple(score.weight, score.left, score.found);
}

} // namespace

// These take microseconds for a thumbnail: the GIL is kept, which costs more to get back where threads want it.
void register_scenes(py::module_& module) {
    module.def("scene_luma", &scene_luma, py::arg("thumbnail"));
    module.def("scene_look", &scene_look, py::arg("luma"), py::arg("radius"), py::arg("sigma_px"));
    module.def("scene_found", &scene_found, py::arg("x"), py::arg("y"), py::arg("error"), py::arg("lost"),
               py::arg("found"));
    module.def("scene_score", &scene_score, py::arg("x"), py::arg("y"), py::arg("error"), py::arg("texture"),
               py::arg("lost"), py::arg("found"), py::arg("inside"), py::arg("burnt"));
}

} // namespace trtswap::bindings
