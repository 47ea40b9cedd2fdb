"""Wrote tensorrt_names.json: what the published Python bindings of TensorRT contain, class by class, without a GPU.

The bindings load against empty libraries of the names they want, because the functions in those are called only later:

    pip download --no-deps tensorrt-cu13-bindings==11.4.0.106 && unzip tensorrt_cu13_bindings-*.whl -d one
    for name in nvinfer nvinfer_plugin nvonnxparser; do g++ -shared -fPIC -o stubs/lib$name.so.11 stub.cpp; done
    LD_LIBRARY_PATH=stubs python make_tensorrt_names.py one >> names

stub.cpp defines, each as `extern "C" void* NAME() { return nullptr; }`, the symbols that `nm -D --undefined-only` shows
of one/tensorrt_bindings/tensorrt.so and that belong to TensorRT. Done on 24 November 2026 for 8.6.1
(tensorrt_bindings), 10.0.1 and 10.16.1.11 (tensorrt-cu12-bindings), 11.0.0.114 and 11.4.0.106 (tensorrt-cu13-bindings),
on Python 3.11. The file holds the classes that are used or that could be mistaken for one that is.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys

sys.path.insert(0, sys.argv[1])
bindings = importlib.import_module("tensorrt_bindings")
members = {name: getattr(bindings, name) for name in dir(bindings) if not name.startswith("_")}
classes = {
    name: sorted(member for member in dir(value) if not member.startswith("_"))
    for name, value in members.items()
    if inspect.isclass(value)
}
print(json.dumps({bindings.__version__: {"classes": classes, "module": sorted(members)}}))
