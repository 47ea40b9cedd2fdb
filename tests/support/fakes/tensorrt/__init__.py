"""TensorRT on ONNX Runtime's CPU, with the names of one published version and no others."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import time
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx

_ALL = json.loads((Path(__file__).parents[3] / "data" / "tensorrt_names.json").read_text("utf-8"))
__version__ = os.environ.get("FAKE_TENSORRT", "8.6.1")
_MAJOR = int(__version__.partition(".")[0])
_NAMES: dict[str, list[str]] = _ALL[__version__]["classes"]
_WORKSPACE = 4096
_MAGIC = f"fake {__version__} ".encode()


class _Strict:
    """Only what the version's class has can be read or set."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            _check(type(self), name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            _check(type(self), name)
        object.__setattr__(self, name, value)


def _check(kind: type, name: str) -> None:
    known = [_NAMES[base.__name__] for base in kind.__mro__ if base.__name__ in _NAMES]
    if known and not any(name in names for names in known):
        raise AttributeError(f"TensorRT {__version__}: {kind.__name__} has no attribute {name!r}")


def _enum(name: str) -> Any:
    members = [member for member in _NAMES[name] if member not in ("name", "value", "itemsize")]
    return IntEnum(name, {member: index for index, member in enumerate(members)})  # type: ignore[misc]


BuilderFlag = _enum("BuilderFlag")
NetworkDefinitionCreationFlag = _enum("NetworkDefinitionCreationFlag")
TacticSource = _enum("TacticSource")
MemoryPoolType = _enum("MemoryPoolType")
HardwareCompatibilityLevel = _enum("HardwareCompatibilityLevel")
TensorIOMode = _enum("TensorIOMode")
PreviewFeature = _enum("PreviewFeature")
DataType = _enum("DataType")
if "ExecutionContextAllocationStrategy" in _NAMES:
    ExecutionContextAllocationStrategy = _enum("ExecutionContextAllocationStrategy")
float32, float16 = DataType.FLOAT, DataType.HALF
_DTYPES = {1: DataType.FLOAT, 10: DataType.HALF, 6: DataType.INT32, 7: DataType.INT32, 9: DataType.BOOL}


def nptype(kind: Any) -> type:
    return {DataType.FLOAT: np.float32, DataType.HALF: np.float16, DataType.INT32: np.int32}[kind]


class ILogger(_Strict):
    class Severity(IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class IHostMemory(bytes):
    """Reads as a buffer."""


class ITensor(_Strict):
    def __init__(self, info: onnx.ValueInfoProto | None, name: str, kind: int) -> None:
        self.name = name
        self.dtype = _DTYPES.get(kind, DataType.FLOAT)
        dims = info.type.tensor_type.shape.dim if info is not None else ()
        self.shape = tuple(dim.dim_value if dim.dim_value > 0 else -1 for dim in dims)


class ILayer(_Strict):
    def __init__(self, node: onnx.NodeProto, kinds: dict[str, int]) -> None:
        self._node = node
        self._float = False
        self.name = node.name
        self.metadata = f"[ONNX Layer: {node.name}]"
        self.num_outputs = len(node.output)
        self._outputs = [ITensor(None, name, kinds.get(name, 1)) for name in node.output]

    def get_output(self, index: int) -> ITensor:
        return self._outputs[index]

    def set_output_type(self, index: int, kind: Any) -> None:
        assert kind == float32
        self._outputs[index].dtype = kind


class INetworkDefinition(_Strict):
    def __init__(self, flags: int) -> None:
        named = {flag.name for flag in NetworkDefinitionCreationFlag if flags >> int(flag) & 1}
        self._strong = "STRONGLY_TYPED" in named or _MAJOR >= 11
        assert _MAJOR != 8 or "EXPLICIT_BATCH" in named
        self._model: onnx.ModelProto | None = None
        self._layers: list[ILayer] = []
        self._inputs: list[ITensor] = []

    def _fill(self, model: onnx.ModelProto) -> None:
        self._model = model
        inferred = onnx.shape_inference.infer_shapes(model)
        kinds = {info.name: info.type.tensor_type.elem_type for info in inferred.graph.value_info}
        kinds.update({info.name: info.type.tensor_type.elem_type for info in model.graph.output})
        self._layers = [ILayer(node, kinds) for node in model.graph.node]
        self._inputs = [
            ITensor(info, info.name, info.type.tensor_type.elem_type) for info in model.graph.input
        ]
        self.num_layers, self.num_inputs = len(self._layers), len(self._inputs)

    def get_layer(self, index: int) -> ILayer:
        return self._layers[index]

    def get_input(self, index: int) -> ITensor:
        return self._inputs[index]


class ParserError(_Strict):
    def __init__(self, text: str) -> None:
        self._text = text

    def desc(self) -> str:
        return self._text


class OnnxParser(_Strict):
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        self._network = network
        self._errors: list[str] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        return ParserError(self._errors[index])

    def parse_from_file(self, path: str) -> bool:
        try:
            model = onnx.load(path)
        except Exception as error:
            self._errors.append(str(error))
            return False
        known = {"", "ai.onnx"}
        for node in model.graph.node:
            if node.domain not in known:
                self._errors.append(f"No importer registered for op: {node.op_type}")
                return False
        self._network._fill(model)
        return True


class IOptimizationProfile(_Strict):
    def __init__(self) -> None:
        self._shapes: dict[str, tuple[Any, ...]] = {}

    def set_shape(self, name: str, low: Any, best: Any, high: Any) -> None:
        self._shapes[name] = (tuple(low), tuple(best), tuple(high))


class ITimingCache(_Strict):
    """A line for every network that was built with it."""

    def __init__(self, content: bytes) -> None:
        self._known = set(content.split())

    def combine(self, input_cache: ITimingCache, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        self._known |= input_cache._known
        return True

    def serialize(self) -> IHostMemory:
        return IHostMemory(b"\n".join(sorted(self._known)))


class IBuilderConfig(_Strict):
    def __init__(self) -> None:
        self._flags: set[Any] = {BuilderFlag.TF32}
        self._profiles: list[IOptimizationProfile] = []
        self._timing: ITimingCache | None = None
        self._tactics: int | None = None

    def set_flag(self, flag: Any) -> None:
        self._flags.add(BuilderFlag(flag))

    def clear_flag(self, flag: Any) -> None:
        self._flags.discard(flag)

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        assert pool in MemoryPoolType
        assert size > 0

    def set_tactic_sources(self, mask: int) -> None:
        self._tactics = mask

    def set_preview_feature(self, feature: Any, on: bool) -> None:
        assert feature in PreviewFeature

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        self._profiles.append(profile)
        return len(self._profiles) - 1

    def create_timing_cache(self, content: bytes) -> ITimingCache:
        return ITimingCache(content)

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        self._timing = cache
        return True

    def get_timing_cache(self) -> ITimingCache | None:
        return self._timing


class Builder(_Strict):
    def __init__(self, logger: ILogger) -> None:
        from pycuda import driver

        driver._need_context()
        self._logger = logger

    def create_network(self, flags: int = 0) -> INetworkDefinition:
        return INetworkDefinition(flags)

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig()

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> IHostMemory | None:
        _obey_the_test()
        monitor = config.__dict__.get("progress_monitor")
        if monitor is not None:
            monitor.phase_start("Building", None, 2)
            for step in range(2):
                if not monitor.step_complete("Building", step):
                    return None
            monitor.phase_finish("Building")
        model = network._model
        assert model is not None
        if config._timing is not None:
            config._timing._known.add(hashlib.sha256(model.SerializeToString()).hexdigest().encode())
        half = _MAJOR < 11 and hasattr(BuilderFlag, "FP16") and BuilderFlag.FP16 in config._flags
        assert not (half and network._strong), "flags contradict strong typing"
        kept = [layer.name for layer in network._layers if layer.__dict__.get("precision") == float32]
        if kept:
            assert BuilderFlag.OBEY_PRECISION_CONSTRAINTS in config._flags
        if half:
            model = _halved(model, kept)
        content = {
            "onnx": model.SerializeToString(),
            "profiles": [profile._shapes for profile in config._profiles],
            "flags": sorted(flag.name for flag in config._flags),
            "kept": kept,
        }
        return IHostMemory(_MAGIC + pickle.dumps(content))


def _obey_the_test() -> None:
    """What a test asks of a build: to leave a mark, take its time, wait for a file, or die."""
    if mark := os.environ.get("FAKE_TENSORRT_BUILDS"):
        with Path(mark).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    if os.environ.get("FAKE_TENSORRT_CRASH"):
        os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(float(os.environ.get("FAKE_TENSORRT_SECONDS", "0")))
    while (awaited := os.environ.get("FAKE_TENSORRT_UNTIL")) and not Path(awaited).exists():
        time.sleep(0.005)


def _halved(model: onnx.ModelProto, kept: list[str]) -> onnx.ModelProto:
    from trtswap.inference.half import to_half
    from trtswap.inference.precision import Decision

    return to_half(model, Decision(dict.fromkeys(kept, ""), len(model.graph.node) + 1))


class Runtime(_Strict):
    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, plan: bytes) -> ICudaEngine | None:
        return ICudaEngine(plan) if plan.startswith(_MAGIC) else None


class ICudaEngine(_Strict):
    def __init__(self, plan: bytes) -> None:
        from trtswap.inference.host_run import HostNetwork

        content = pickle.loads(plan[len(_MAGIC) :])
        self._model = onnx.ModelProto.FromString(content["onnx"])
        self._network = HostNetwork(self._model, every=True)
        self._results: dict[tuple[Any, ...], dict[str, tuple[int, ...]]] = {}
        self._profiles = content["profiles"]
        self.num_optimization_profiles = max(1, len(self._profiles))
        self._tensors = [(info, TensorIOMode.INPUT) for info in self._model.graph.input]
        # As the real one: an output that another needs comes before it, whatever the file's order.
        made = {name: number for number, node in enumerate(self._model.graph.node) for name in node.output}
        outputs = sorted(self._model.graph.output, key=lambda info: made.get(info.name, -1))
        self._tensors += [(info, TensorIOMode.OUTPUT) for info in outputs]
        self.num_io_tensors = len(self._tensors)
        for name in ("device_memory_size", "device_memory_size_v2"):
            if name in _NAMES["ICudaEngine"]:
                setattr(self, name, _WORKSPACE)
        inferred = onnx.shape_inference.infer_shapes(self._model)
        self._infos = {info.name: info for info in (*inferred.graph.input, *inferred.graph.output)}

    def get_tensor_name(self, index: int) -> str:
        return self._tensors[index][0].name

    def get_tensor_mode(self, name: str) -> Any:
        return next(mode for info, mode in self._tensors if info.name == name)

    def get_tensor_dtype(self, name: str) -> Any:
        return _DTYPES[self._infos[name].type.tensor_type.elem_type]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        dims = self._infos[name].type.tensor_type.shape.dim
        return tuple(dim.dim_value if dim.dim_value > 0 else -1 for dim in dims)

    def get_tensor_profile_shape(self, name: str, index: int) -> Any:
        return self._profiles[index][name]

    def _result_shapes(self, given: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Of every output, for inputs of such shapes."""
        key = tuple(sorted(given.items()))
        if key not in self._results:
            zeros = {
                name: np.zeros(shape, nptype(self.get_tensor_dtype(name))) for name, shape in given.items()
            }
            results = zip(self._network.outputs, self._network.run(zeros), strict=True)
            self._results[key] = {name: tuple(result.shape) for name, result in results}
        return self._results[key]

    def create_execution_context(self, strategy: Any = None) -> IExecutionContext:
        return IExecutionContext(self, own_memory=strategy is None)

    def create_execution_context_without_device_memory(self) -> IExecutionContext:
        return IExecutionContext(self, own_memory=False)


class IExecutionContext(_Strict):
    def __init__(self, engine: ICudaEngine, *, own_memory: bool) -> None:
        self._engine = engine
        self._workspace: int | None = 0 if own_memory else None
        self._profile = 0
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_device_memory(self, memory: int, size: int) -> None:
        assert size >= _WORKSPACE
        self._workspace = memory

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "device_memory":
            self._workspace = value

    def set_optimization_profile_async(self, index: int, stream: int) -> bool:
        self._profile = index
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        if self._engine._profiles:
            low, _, high = self._engine._profiles[self._profile][name]
            assert all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)), (low, shape, high)
        self._shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self._shapes:
            return self._shapes[name]
        return self._engine._result_shapes(self._shapes)[name]

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        from pycuda import driver

        shapes, addresses = dict(self._shapes), dict(self._addresses)
        driver.launched.append(("engine", stream))
        driver.enqueue(stream, lambda: self._execute(shapes, addresses))
        return True

    def _execute(self, shapes: dict[str, tuple[int, ...]], addresses: dict[str, int]) -> None:
        engine = self._engine
        assert self._workspace is not None, "a context that works nowhere"
        if self._workspace:
            _view(self._workspace, (_WORKSPACE,), np.dtype(np.uint8))[...] = 255
        inputs = {}
        for name, shape in shapes.items():
            dtype = np.dtype(nptype(engine.get_tensor_dtype(name)))
            inputs[name] = _view(addresses[name], shape, dtype).copy()
        tensors = engine._network.run_all(inputs)
        overflown = any(array.dtype == np.float16 and _overflown(array) for array in tensors.values())
        for info in engine._model.graph.output:
            result = tensors[info.name]
            dtype = np.dtype(nptype(engine.get_tensor_dtype(info.name)))
            target = _view(addresses[info.name], result.shape, dtype)
            target[...] = np.nan if overflown else result


def _overflown(halves: np.ndarray) -> bool:
    """Whether one of them is infinite or no number: all bits of the exponent. numpy's own test is slow."""
    return bool(((halves.view(np.uint16) & 0x7C00) == 0x7C00).any())


def _view(address: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    from pycuda import driver

    return driver.memory(address, int(np.prod(shape)) * dtype.itemsize).view(dtype).reshape(shape)


if _MAJOR >= 10:

    class IProgressMonitor(_Strict):
        """Told about a build."""


_MADE_HERE = [name for name, value in globals().items() if getattr(value, "__module__", "") == __name__]
for _name in _MADE_HERE:
    if _name[0] != "_" and _name not in _ALL[__version__]["module"]:
        del globals()[_name]
