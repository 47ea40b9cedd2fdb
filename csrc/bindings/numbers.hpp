// Small host arrays of Python, converted where they are of another type: for operations of microseconds.
#pragma once

#include <pybind11/numpy.h>

#include <limits>
#include <vector>

#include "core/check.h"

namespace trtswap::bindings {

namespace py = pybind11;

template <class T> using Given = py::array_t<T, py::array::c_style | py::array::forcecast>;
using Numbers = Given<double>;
using Shape = std::vector<py::ssize_t>;

// Throws InvalidArgument unless the array has this shape; -1 matches any length.
inline void expect_shape(const py::array& array, const Shape& shape, const char* message) {
    require(array.ndim() == static_cast<py::ssize_t>(shape.size()), message);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        const py::ssize_t length = array.shape(static_cast<py::ssize_t>(axis));
        require(length <= std::numeric_limits<int>::max() && (shape[axis] < 0 || length == shape[axis]),
                message);
    }
}

} // namespace trtswap::bindings
