#include "bindings/arrays.hpp"

#include <pybind11/numpy.h>

#include <algorithm>

#include "core/check.h"
#include "core/device.hpp"

namespace trtswap::bindings {

namespace {

std::string shape_text(const std::vector<std::ptrdiff_t>& shape) {
    std::string text = "[";
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        text += (axis ? ", " : "") + (shape[axis] < 0 ? std::string("any") : std::to_string(shape[axis]));
    }
    return text + "]";
}

std::string type_name(const std::string& type) {
    const std::string kind = type[0] == 'u'   ? "uint"
                             : type[0] == 'i' ? "int"
                             : type[0] == 'f' ? "float"
                                              : type;
    return type.size() > 1 && kind != type ? kind + std::to_string(8 * std::stoi(type.substr(1))) : kind;
}

void dense_strides(ArrayRef& array) {
    std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(array.item_bytes);
    array.strides.assign(array.shape.size(), 0);
    for (std::size_t axis = array.shape.size(); axis-- > 0;) {
        array.strides[axis] = stride;
        stride *= array.shape[axis];
    }
}

ArrayRef device_array(const py::handle& object, const py::dict& fields, const std::string& name,
                      std::uintptr_t stream) {
    ArrayRef array{};
    array.name = name;
    array.owner = py::reinterpret_borrow<py::object>(object);
    array.on_device = true;
    const py::tuple data = fields["data"];
    array.data = reinterpret_cast<std::uint8_t*>(data[0].cast<std::uintptr_t>());
    array.writable = !data[1].cast<bool>();
    const std::string typestr = fields["typestr"].cast<std::string>();
    if (typestr.size() < 3 || typestr[0] == '>') {
        throw InvalidArgument(name + ": element type '" + typestr + "' is not supported");
    }
    array.type = typestr.substr(1);
    array.item_bytes = std::stoul(array.type.substr(1));
    for (const py::handle& length : fields["shape"].cast<py::tuple>()) {
        array.shape.push_back(length.cast<std::ptrdiff_t>());
    }
    dense_strides(array);
    if (fields.contains("strides") && !fields["strides"].is_none()) {
        array.strides.clear();
        for (const py::handle& stride : fields["strides"].cast<py::tuple>()) {
            array.strides.push_back(stride.cast<std::ptrdiff_t>());
        }
    }
    array.device = device_of(array.data);
    if (fields.contains("stream") && !fields["stream"].is_none()) {
        array.produced = true;
        const auto producer = fields["stream"].cast<std::uintptr_t>();
        if (producer != stream) {
            const DeviceGuard guard(array.device);
            wait_for_stream(producer, stream);
        }
    }
    return array;
}

ArrayRef host_array(const py::handle& object, const std::string& name) {
    if (!py::isinstance<py::array>(object)) {
        throw InvalidArgument(name +
                              ": expected a NumPy array or an object with __cuda_array_interface__, got " +
                              py::type::of(object).attr("__name__").cast<std::string>());
    }
    const auto source = py::reinterpret_borrow<py::array>(object);
    ArrayRef array{};
    array.name = name;
    array.owner = source;
    array.device = -1;
    array.data = const_cast<std::uint8_t*>(static_cast<const std::uint8_t*>(source.data()));
    array.writable = source.writeable();
    array.item_bytes = static_cast<std::size_t>(source.itemsize());
    array.type = std::string(1, source.dtype().kind()) + std::to_string(source.itemsize());
    array.shape.assign(source.shape(), source.shape() + source.ndim());
    array.strides.assign(source.strides(), source.strides() + source.ndim());
    return array;
}

} // namespace

bool ArrayRef::contiguous() const {
    for (std::ptrdiff_t length : shape) {
        if (length == 0) {
            return true;
        }
    }
    std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(item_bytes);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
        if (shape[axis] > 1 && strides[axis] != stride) {
            return false;
        }
        stride *= shape[axis];
    }
    return true;
}

std::string ArrayRef::describe() const { return type_name(type) + " " + shape_text(shape); }

ArrayRef array_ref(const py::handle& object, const std::string& name, std::uintptr_t stream) {
    if (!py::isinstance<py::array>(object)) { // the attribute may be work to make, so it is asked for once
        const py::object fields = py::getattr(object, "__cuda_array_interface__", py::none());
        if (!fields.is_none()) {
            return device_array(object, fields, name, stream);
        }
    }
    return host_array(object, name);
}

void expect(const ArrayRef& array, const std::vector<std::string>& types,
            const std::vector<std::ptrdiff_t>& shape) {
    bool fits = array.shape.size() == shape.size();
    for (std::size_t axis = 0; fits && axis < shape.size(); ++axis) {
        fits = shape[axis] < 0 || shape[axis] == array.shape[axis];
    }
    if (fits && std::find(types.begin(), types.end(), array.type) != types.end()) {
        return;
    }
    std::string names;
    for (const std::string& type : types) {
        names += (names.empty() ? "" : " or ") + type_name(type);
    }
    throw InvalidArgument(array.name + ": expected " + names + " " + shape_text(shape) + ", got " +
                          array.describe());
}

void expect_contiguous(const ArrayRef& array) {
    if (!array.contiguous()) {
        throw InvalidArgument(array.name + ": must be contiguous");
    }
}

void expect_writable(const ArrayRef& array) {
    if (!array.writable) {
        throw InvalidArgument(array.name + ": is read-only");
    }
}

int common_device(const std::vector<const ArrayRef*>& arrays) {
    const int device = arrays.empty() ? -1 : arrays.front()->device;
    for (const ArrayRef* array : arrays) {
        if (array->device != device) {
            throw InvalidArgument(array->name + " and " + arrays.front()->name +
                                  " must lie on the same device, or both on the host");
        }
    }
    return device;
}

namespace {

// A surface in device memory whose planes have been read; no producer has to be waited for.
struct ParsedSurface {
    SurfaceRef surface;
};

SurfaceRef parse_surface(const py::handle& object, bool writable, std::uintptr_t stream) {
    const auto fields = object.cast<py::tuple>();
    SurfaceRef surface{};
    SurfaceView& view = surface.view;
    view.format = static_cast<PixelFormat>(fields[0].cast<int>());
    const auto planes = fields[1].cast<py::tuple>();
    const bool wide = view.format == PixelFormat::p010;
    view.colour = make_colour_transform(static_cast<Matrix>(fields[2].cast<int>()), fields[3].cast<bool>(),
                                        wide ? 10 : 8);
    view.siting_x = fields[4].cast<float>();
    view.siting_y = fields[5].cast<float>();
    const std::vector<std::string> type{wide ? "u2" : "u1"};
    const bool packed = view.format == PixelFormat::rgb8;
    for (std::size_t i = 0; i < (packed ? 1u : 2u); ++i) {
        ArrayRef plane = array_ref(planes[i], "surface plane " + std::to_string(i), stream);
        const std::ptrdiff_t channels = packed ? 3 : i == 0 ? 1 : 2;
        const bool flat = channels == 1;
        expect(plane, type,
               flat ? std::vector<std::ptrdiff_t>{-1, -1} : std::vector<std::ptrdiff_t>{-1, -1, channels});
        const auto bytes = static_cast<std::ptrdiff_t>(plane.item_bytes);
        const bool dense = plane.strides[1] == bytes * channels && (flat || plane.strides[2] == bytes);
        if (!dense && plane.shape[1] > 1) {
            throw InvalidArgument(plane.name + ": only rows may be padded");
        }
        if (writable) {
            expect_writable(plane);
        }
        PlaneView& target = i == 0 ? view.luma : view.chroma;
        target = PlaneView{plane.data, plane.strides[0], static_cast<int>(plane.shape[1]),
                           static_cast<int>(plane.shape[0])};
        surface.planes.push_back(std::move(plane));
    }
    view.width = view.luma.width;
    view.height = view.luma.height;
    return surface;
}

} // namespace

SurfaceRef surface_ref(const py::handle& object, bool writable, std::uintptr_t stream) {
    if (!py::isinstance<ParsedSurface>(object)) {
        return parse_surface(object, writable, stream);
    }
    const SurfaceRef& surface = object.cast<const ParsedSurface&>().surface;
    for (const ArrayRef& plane : surface.planes) {
        if (writable) {
            expect_writable(plane);
        }
    }
    return surface;
}

void register_surfaces(py::module_& module) {
    py::class_<ParsedSurface>(module, "ParsedSurface");
    module.def("parse_surface", [](const py::handle& object) -> py::object {
        SurfaceRef surface = parse_surface(object, false, 0);
        for (const ArrayRef& plane : surface.planes) {
            if (plane.produced || !plane.on_device) {
                return py::none();
            }
        }
        return py::cast(ParsedSurface{std::move(surface)});
    });
}

} // namespace trtswap::bindings
