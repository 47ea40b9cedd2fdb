// Runs an operation where its arrays are.
#pragma once

#include <pybind11/pybind11.h>

#include "core/device.hpp"

namespace trtswap::bindings {

// Calls `host` with the GIL released, or `cuda` with the device current and the GIL kept: that only queues work, and a
// thread that lets go of the GIL for microseconds waits far longer to get it back where other threads want it too.
template <typename Host, typename Cuda> void run_where(int device, const Host& host, const Cuda& cuda) {
    if (device < 0) {
        const pybind11::gil_scoped_release unlocked;
        host();
    } else {
        const DeviceGuard guard(device);
        cuda();
    }
}

} // namespace trtswap::bindings
