// trtswap._core: the native operations. Python calls them through trtswap.ops, which checks and documents them.
#include "bindings/arrays.hpp"

PYBIND11_MODULE(_core, module) {
    module.doc() = "Native operations of trtswap; use trtswap.ops.";
    trtswap::bindings::register_errors(module);
    trtswap::bindings::register_device(module);
    trtswap::bindings::register_surfaces(module);
    trtswap::bindings::register_ops(module);
    trtswap::bindings::register_pictures(module);
    trtswap::bindings::register_rasterise(module);
    trtswap::bindings::register_scenes(module);
    trtswap::bindings::register_smoothing(module);
    trtswap::bindings::register_tracking(module);
}
