// The exceptions of native code and the checks that throw them. bindings/errors.cpp gives each its Python class.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace trtswap {

// A caller broke a contract; becomes ValueError.
struct InvalidArgument : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

// A CUDA call failed; becomes DeviceError, or DeviceMemoryError when `out_of_memory`.
struct CudaFailure : std::runtime_error {
    CudaFailure(const std::string& what, std::string name, bool out_of_memory)
        : std::runtime_error(what), name(std::move(name)), out_of_memory(out_of_memory) {}
    std::string name;
    bool out_of_memory;
};

inline void require(bool condition, const char* message) {
    if (!condition) {
        throw InvalidArgument(message);
    }
}

} // namespace trtswap
