// Operations on whole pictures and masks, without surfaces or placements.
#include <pybind11/stl.h>

#include <limits>

#include "bindings/faces.hpp"
#include "bindings/numbers.hpp"
#include "bindings/where.hpp"
#include "core/check.h"
#include "ops/feather.hpp"
#include "ops/hulls.hpp"
#include "ops/lab.hpp"
#include "ops/masks.hpp"
#include "ops/maxima.hpp"
#include "ops/pyramid.hpp"
#include "ops/rearrange.hpp"
#include "ops/statistics.hpp"

namespace trtswap::bindings {

namespace {

ArrayRef dense(const py::object& object, const char* name, const std::vector<std::string>& types,
               const std::vector<std::ptrdiff_t>& shape, bool writable, std::uintptr_t stream) {
    const ArrayRef array = array_ref(object, name, stream);
    expect(array, types, shape);
    expect_contiguous(array);
    if (writable) {
        expect_writable(array);
    }
    return array;
}

int count_of(const ArrayRef& pictures) {
    constexpr std::ptrdiff_t kMost = 65535; // of a grid's second axis
    require(pictures.shape[0] <= kMost, "at most 65535 pictures in one call");
    return static_cast<int>(pictures.shape[0]);
}

void lab(const py::object& in, const py::object& out, bool to_lab, std::uintptr_t stream) {
    const ArrayRef from = dense(in, "pictures", {"f4"}, {-1, 3, -1, -1}, false, stream);
    const ArrayRef to = dense(out, "out", {"f4"}, from.shape, true, stream);
    const int device = common_device({&from, &to}), count = count_of(from);
    const auto area = static_cast<std::size_t>(from.shape[2]) * from.shape[3];
    const auto* source = reinterpret_cast<const float*>(from.data);
    auto* target = reinterpret_cast<float*>(to.data);
    run_where(
        device, [&] { lab_host(source, target, count, area, to_lab); },
        [&] { lab_cuda(source, target, count, area, to_lab, stream); });
}

void statistics(const py::object& pictures, const py::object& masks, const py::object& moments,
                const py::object& allocate, std::uintptr_t stream) {
    const ArrayRef values = dense(pictures, "pictures", {"f4"}, {-1, 3, -1, -1}, false, stream);
    const ArrayRef mask =
        dense(masks, "masks", {"f4"}, {-1, values.shape[2], values.shape[3]}, false, stream);
    const ArrayRef result = dense(moments, "moments", {"f8"}, {values.shape[0], 10}, true, stream);
    require(mask.shape[0] == 1 || mask.shape[0] == values.shape[0],
            "masks: expected one, or one for each picture");
    const int device = common_device({&values, &mask, &result}), count = count_of(values);
    const StatisticsInput input{reinterpret_cast<const float*>(values.data),
                                reinterpret_cast<const float*>(mask.data), count, mask.shape[0] == 1,
                                static_cast<std::size_t>(values.shape[2]) * values.shape[3]};
    const std::size_t bytes = sizeof(double) * kSums * kPartials * static_cast<std::size_t>(count);
    const ArrayRef memory = workspace_of(allocate, bytes, device, stream);
    auto* partial = reinterpret_cast<double*>(memory.data);
    auto* target = reinterpret_cast<Moments*>(result.data);
    run_where(
        device, [&] { statistics_host(input, partial, target); },
        [&] { statistics_cuda(input, partial, target, stream); });
}

void transfer_maps(const py::array_t<double, py::array::c_style | py::array::forcecast>& moments, int method,
                   double strength, py::array_t<float, py::array::c_style>& maps) {
    require(moments.ndim() == 3 && moments.shape(1) == 3 && moments.shape(2) == 10,
            "moments: expected [F, 3, 10]");
    require(maps.ndim() == 2 && maps.shape(0) == moments.shape(0) && maps.shape(1) == 12,
            "maps: expected [F, 12]");
    const auto* from = reinterpret_cast<const Moments*>(moments.data());
    auto* to = reinterpret_cast<ColourMap*>(maps.mutable_data());
    for (py::ssize_t n = 0; n < moments.shape(0); ++n) {
        to[n] = transfer_map(from[3 * n], from[3 * n + 1], from[3 * n + 2],
                             static_cast<TransferMethod>(method), strength);
    }
}

void colour_transfer(const py::object& patches, const py::object& maps, const py::object& out, float scale,
                     float offset, std::uintptr_t stream) {
    const ArrayRef patch = dense(patches, "patches", {"f4", "f2"}, {-1, 3, -1, -1}, false, stream);
    const ArrayRef map = dense(maps, "maps", {"f4"}, {patch.shape[0], 12}, false, stream);
    const ArrayRef result = dense(out, "out", {patch.type}, patch.shape, true, stream);
    const int device = common_device({&patch, &map, &result});
    const PatchBatch batch{patch.data,
                           patch.type == "f2",
                           count_of(patch),
                           static_cast<int>(patch.shape[3]),
                           static_cast<int>(patch.shape[2]),
                           scale * 255.0f,
                           offset * 255.0f};
    const auto* colour = reinterpret_cast<const ColourMap*>(map.data);
    run_where(
        device, [&] { colour_transfer_host(batch, colour, result.data); },
        [&] { colour_transfer_cuda(batch, colour, result.data, stream); });
}

void pyramid_blend(const py::object& a, const py::object& b, const py::object& masks, const py::object& out,
                   int levels, const py::object& allocate, std::uintptr_t stream) {
    const ArrayRef over = dense(a, "a", {"f4"}, {-1, 3, -1, -1}, false, stream);
    const ArrayRef under = dense(b, "b", {"f4"}, over.shape, false, stream);
    const ArrayRef mask = dense(masks, "masks", {"f4"}, {-1, over.shape[2], over.shape[3]}, false, stream);
    const ArrayRef result = dense(out, "out", {"f4"}, over.shape, true, stream);
    require(mask.shape[0] == 1 || mask.shape[0] == over.shape[0],
            "masks: expected one, or one for each picture");
    require(levels >= 1 && levels <= kMostLevels, "levels: expected 1 to 8");
    require(over.shape[2] * over.shape[3] < std::ptrdiff_t{1} << 26, "a picture has fewer than 2^26 pixels");
    const int device = common_device({&over, &under, &mask, &result});
    if (result.shape[0] == 0 || result.shape[2] == 0 || result.shape[3] == 0) {
        return;
    }
    const PyramidBlendInput input{reinterpret_cast<const float*>(over.data),
                                  reinterpret_cast<const float*>(under.data),
                                  reinterpret_cast<const float*>(mask.data),
                                  count_of(over),
                                  mask.shape[0] == 1,
                                  static_cast<int>(over.shape[3]),
                                  static_cast<int>(over.shape[2]),
                                  levels};
    const ArrayRef memory =
        workspace_of(allocate, device < 0 ? pyramid_blend_bytes_host(input) : pyramid_blend_bytes_cuda(input),
                     device, stream);
    auto* target = reinterpret_cast<float*>(result.data);
    run_where(
        device, [&] { pyramid_blend_host(input, target, memory.data); },
        [&] { pyramid_blend_cuda(input, target, memory.data, stream); });
}

void feather(const py::object& masks, const py::object& out, double sigma, bool soften,
             const py::object& allocate, std::uintptr_t stream) {
    const ArrayRef mask = dense(masks, "masks", {"f4"}, {-1, -1, -1}, false, stream);
    const ArrayRef result = dense(out, "out", {"f4"}, mask.shape, true, stream);
    require(sigma >= 0 && sigma <= kMostReach / (soften ? 4.0 : 3.0),
            "sigma: expected 0 to 128, to soften to 96");
    const int device = common_device({&mask, &result});
    const FeatherInput input =
        make_feather_input(reinterpret_cast<const float*>(mask.data), count_of(mask),
                           static_cast<int>(mask.shape[2]), static_cast<int>(mask.shape[1]), sigma, soften);
    const std::size_t bytes =
        sizeof(float) * static_cast<std::size_t>(mask.shape[0]) * mask.shape[1] * mask.shape[2];
    const ArrayRef memory = workspace_of(allocate, bytes, device, stream);
    auto* passing = reinterpret_cast<float*>(memory.data);
    auto* target = reinterpret_cast<float*>(result.data);
    run_where(
        device, [&] { feather_host(input, target, passing); },
        [&] { feather_cuda(input, target, passing, stream); });
}

// Where masks are to go, [N, H, W].
ArrayRef masks_out(const py::object& out, std::ptrdiff_t count, std::uintptr_t stream) {
    const ArrayRef result = dense(out, "out", {"f4"}, {count, -1, -1}, true, stream);
    require(result.shape[1] * result.shape[2] < std::ptrdiff_t{1} << 26, "a mask has fewer than 2^26 pixels");
    return result;
}

std::size_t area_of(const ArrayRef& masks) {
    return static_cast<std::size_t>(masks.shape[1]) * static_cast<std::size_t>(masks.shape[2]);
}

// Several arrays of masks, [any, H, W] of the size of others.
std::vector<ArrayRef> masks_like(const py::sequence& masks, const ArrayRef& other, std::uintptr_t stream) {
    std::vector<ArrayRef> refs;
    for (const py::handle item : masks) {
        refs.push_back(dense(py::reinterpret_borrow<py::object>(item), "masks", {"f4"},
                             {-1, other.shape[1], other.shape[2]}, false, stream));
    }
    return refs;
}

int device_of_all(const ArrayRef& one, const std::vector<ArrayRef>& others) {
    std::vector<const ArrayRef*> arrays{&one};
    for (const ArrayRef& other : others) {
        arrays.push_back(&other);
    }
    return common_device(arrays);
}

void hulls(const Numbers& points, const std::vector<int>& sizes, const py::object& out, double grow,
           const py::object& allocate, std::uintptr_t stream) {
    const ArrayRef result = masks_out(out, -1, stream);
    const int faces = count_of(result);
    std::ptrdiff_t most = 0;
    for (const int size : sizes) {
        require(size >= 0, "sizes: expected no negative number of points");
        most += size;
    }
    require(!sizes.empty(), "sizes: expected one hull or more");
    expect_shape(points, {faces, most, 2}, "points: expected [F, P, 2], F masks and P the sum of sizes");
    const HullTable table = make_hull_table(points.data(), faces, sizes, grow);
    const HullsInput input{faces, static_cast<int>(sizes.size()), static_cast<int>(result.shape[2]),
                           static_cast<int>(result.shape[1])};
    const int device = common_device({&result});
    const ArrayRef memory = workspace_of(allocate, device < 0 ? 0 : hulls_bytes(table), device, stream);
    auto* target = reinterpret_cast<float*>(result.data);
    run_where(
        device, [&] { hulls_host(table, input, target); },
        [&] { hulls_cuda(table, input, memory.data, target, stream); });
}

void resize_masks(const py::object& masks, const py::object& out, std::uintptr_t stream) {
    const ArrayRef from = dense(masks, "masks", {"f4"}, {-1, -1, -1}, false, stream);
    const ArrayRef to = masks_out(out, from.shape[0], stream);
    require(from.shape[1] > 0 && from.shape[2] > 0, "masks: expected one pixel or more");
    const ResizeInput input{reinterpret_cast<const float*>(from.data),
                            count_of(from),
                            static_cast<int>(from.shape[2]),
                            static_cast<int>(from.shape[1]),
                            static_cast<int>(to.shape[2]),
                            static_cast<int>(to.shape[1])};
    auto* target = reinterpret_cast<float*>(to.data);
    run_where(
        common_device({&from, &to}), [&] { resize_masks_host(input, target); },
        [&] { resize_masks_cuda(input, target, stream); });
}

void least(const py::sequence& masks, const py::object& out, float scale, std::uintptr_t stream) {
    const ArrayRef result = masks_out(out, -1, stream);
    const std::vector<ArrayRef> refs = masks_like(masks, result, stream);
    require(!refs.empty() && refs.size() <= kMostMasks, "masks: expected 1 to 8");
    LeastInput input{};
    input.sets = static_cast<int>(refs.size());
    input.count = count_of(result);
    input.area = area_of(result);
    input.scale = scale;
    for (std::size_t k = 0; k < refs.size(); ++k) {
        require(refs[k].shape[0] == 1 || refs[k].shape[0] == result.shape[0],
                "masks: expected one, or one for each of out");
        input.masks[k] = reinterpret_cast<const float*>(refs[k].data);
        input.single[k] = refs[k].shape[0] == 1;
    }
    auto* target = reinterpret_cast<float*>(result.data);
    run_where(
        device_of_all(result, refs), [&] { least_host(input, target); },
        [&] { least_cuda(input, target, stream); });
}

void hold(const py::sequence& masks, const Integers& table, const py::object& out, float alike,
          const py::object& allocate, std::uintptr_t stream) {
    const ArrayRef result = masks_out(out, -1, stream);
    const int count = count_of(result);
    require(table.ndim() == 3 && table.shape(0) == count && table.shape(1) >= 1 && table.shape(2) == 2,
            "table: expected [N, K, 2], an array and a row in it for each mask and its others");
    require(alike > 0, "alike: expected more than 0");
    const std::size_t area = area_of(result);
    const std::vector<ArrayRef> refs = masks_like(masks, result, stream);
    const auto width = static_cast<int>(table.shape(1));
    std::vector<const float*> pointers(static_cast<std::size_t>(count) * width);
    for (std::size_t k = 0; k < pointers.size(); ++k) {
        const int array = table.data()[2 * k], row = table.data()[2 * k + 1];
        require(array < static_cast<int>(refs.size()) && (array >= 0 || k % width != 0),
                "table: expected the number of an array, or below 0 for none of the others");
        if (array >= 0) {
            const ArrayRef& ref = refs[static_cast<std::size_t>(array)];
            require(row >= 0 && row < ref.shape[0], "table: expected a row of the array");
            pointers[k] = reinterpret_cast<const float*>(ref.data) + static_cast<std::size_t>(row) * area;
        }
    }
    const HoldInput input{pointers.data(), count, width - 1, area, 1.0f / alike};
    const int device = device_of_all(result, refs);
    const ArrayRef memory =
        workspace_of(allocate, device < 0 ? 0 : pointers.size() * sizeof(float*), device, stream);
    auto* target = reinterpret_cast<float*>(result.data);
    run_where(
        device, [&] { hold_host(input, target); }, [&] { hold_cuda(input, memory.data, target, stream); });
}

void maxima(const py::object& in, const py::object& out, std::uintptr_t stream) {
    const ArrayRef rows = dense(in, "rows", {"f4", "f2"}, {-1, -1}, false, stream);
    const ArrayRef result = dense(out, "out", {"f4"}, {rows.shape[0]}, true, stream);
    const MaximaInput input{rows.data, rows.type == "f2", static_cast<int>(rows.shape[0]),
                            static_cast<std::size_t>(rows.shape[1])};
    auto* target = reinterpret_cast<float*>(result.data);
    run_where(
        common_device({&rows, &result}), [&] { maxima_host(input, target); },
        [&] { maxima_cuda(input, target, stream); });
}

void rearrange(const py::object& in, const py::object& out, const std::vector<int>& lengths,
               const std::vector<int>& order, std::uintptr_t stream) {
    const ArrayRef from = array_ref(in, "array", stream), to = array_ref(out, "out", stream);
    expect(from, {"f4", "f2"}, std::vector<std::ptrdiff_t>(from.shape.size(), -1));
    expect(to, {from.type}, std::vector<std::ptrdiff_t>(to.shape.size(), -1));
    expect_contiguous(from);
    expect_contiguous(to);
    expect_writable(to);
    require(lengths.size() == order.size(), "rearrange: as many lengths as axes in the order");
    const RearrangeInput input =
        make_rearrange_input(lengths.data(), order.data(), static_cast<int>(lengths.size()));
    std::size_t elements[2] = {1, 1};
    for (const std::ptrdiff_t length : from.shape) {
        elements[0] *= static_cast<std::size_t>(length);
    }
    for (const std::ptrdiff_t length : to.shape) {
        elements[1] *= static_cast<std::size_t>(length);
    }
    require(elements[0] == input.elements && elements[1] == input.elements,
            "rearrange: the arrays hold as many elements as the lengths say");
    const std::size_t item_bytes = from.item_bytes;
    run_where(
        common_device({&from, &to}), [&] { rearrange_host(input, from.data, to.data, item_bytes); },
        [&] { rearrange_cuda(input, from.data, to.data, item_bytes, stream); });
}

} // namespace

void register_pictures(py::module_& module) {
    module.def("lab", &lab, py::arg("pictures"), py::arg("out"), py::kw_only(), py::arg("to_lab"),
               py::arg("stream"));
    module.def("statistics", &statistics, py::arg("pictures"), py::arg("masks"), py::arg("moments"),
               py::kw_only(), py::arg("allocate"), py::arg("stream"));
    module.def("transfer_maps", &transfer_maps, py::arg("moments"), py::arg("method"), py::arg("strength"),
               py::arg("maps"));
    module.def("colour_transfer", &colour_transfer, py::arg("patches"), py::arg("maps"), py::arg("out"),
               py::kw_only(), py::arg("scale"), py::arg("offset"), py::arg("stream"));
    module.def("pyramid_blend", &pyramid_blend, py::arg("a"), py::arg("b"), py::arg("masks"), py::arg("out"),
               py::kw_only(), py::arg("levels"), py::arg("allocate"), py::arg("stream"));
    module.def("hulls", &hulls, py::arg("points"), py::arg("sizes"), py::arg("out"), py::kw_only(),
               py::arg("grow"), py::arg("allocate"), py::arg("stream"));
    module.def("maxima", &maxima, py::arg("rows"), py::arg("out"), py::kw_only(), py::arg("stream"));
    module.def("rearrange", &rearrange, py::arg("array"), py::arg("out"), py::kw_only(), py::arg("lengths"),
               py::arg("order"), py::arg("stream"));
    module.def("feather", &feather, py::arg("masks"), py::arg("out"), py::kw_only(), py::arg("sigma"),
               py::arg("soften"), py::arg("allocate"), py::arg("stream"));
    module.def("resize_masks", &resize_masks, py::arg("masks"), py::arg("out"), py::kw_only(),
               py::arg("stream"));
    module.def("least", &least, py::arg("masks"), py::arg("out"), py::kw_only(), py::arg("scale"),
               py::arg("stream"));
    module.def("hold", &hold, py::arg("masks"), py::arg("table"), py::arg("out"), py::kw_only(),
               py::arg("alike"), py::arg("allocate"), py::arg("stream"));
}

} // namespace trtswap::bindings
