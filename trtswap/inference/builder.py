"""The only place where a TensorRT network is parsed, configured and built; in a process of its own (build_worker.py).

8.6: the float32 graph, the FP16 flag, and float32 as a constraint on the layers that must keep it.
10 and 11: a strongly typed network; the graph states every precision itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trtswap.errors import EngineError
from trtswap.inference.tensorrt_library import TensorRT, make_logger


@dataclass(frozen=True)
class BuildRequest:
    """onnx: the prepared graph. half: whether float16 may be used where the network is not strongly typed; there, keep
    and halve name the nodes that must run in float32 and in float16, and TensorRT chooses for the others. tf32: whether
    float32 convolutions may round their factors to TF32. profiles: (min, opt, max) batch of each; None for a network
    with a fixed batch. timing_cache: file, or None.
    """

    onnx: str
    keep: tuple[str, ...] = ()
    halve: tuple[str, ...] = ()
    half: bool = True
    tf32: bool = True
    profiles: tuple[tuple[int, int, int], ...] | None = None
    workspace_mib: int = 4096
    optimization_level: int = 3
    tactic_sources: tuple[str, ...] = ()
    hardware_compatible: bool = False
    version_compatible: bool = False
    timing_cache: str | None = None


Progress = Callable[[str, int, int], None]
"""phase, steps done, steps in all."""


def build(library: TensorRT, request: BuildRequest, on_progress: Progress) -> tuple[bytes, bytes | None]:
    """The serialised engine, and the timing cache as it stands afterwards. Raises EngineError."""
    trt = library.module
    complaints: list[str] = []

    def tell(severity: str, text: str) -> None:
        if severity == "error":
            complaints.append(text)

    logger = make_logger(trt, tell)
    builder = trt.Builder(logger)
    network = builder.create_network(_network_flags(library))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(request.onnx):
        raise EngineError(_parser_message(parser, request.onnx))
    config = builder.create_builder_config()
    _configure(library, config, request)
    _add_profiles(builder, config, network, request)
    if not library.strongly_typed and request.half:
        _constrain(trt, network, config, request)
    timing = _timing_cache(config, request.timing_cache)
    monitor = _monitor(trt, on_progress)
    if monitor is not None:
        config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(f"TensorRT {library.version} could not build the engine: {_first(complaints)}")
    if timing is None or request.timing_cache is None:
        return bytes(plan), None
    others = config.create_timing_cache(_read(request.timing_cache))
    if others is not None:
        timing.combine(others, False)  # what other builds have learned meanwhile
    return bytes(plan), bytes(timing.serialize())


def _network_flags(library: TensorRT) -> int:
    flags = library.module.NetworkDefinitionCreationFlag
    if library.strongly_typed:
        return 1 << int(flags.STRONGLY_TYPED)
    return 1 << int(flags.EXPLICIT_BATCH)


def _configure(library: TensorRT, config: Any, request: BuildRequest) -> None:
    trt = library.module
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, request.workspace_mib << 20)
    config.builder_optimization_level = request.optimization_level
    if not request.tf32:
        config.clear_flag(trt.BuilderFlag.TF32)
    if not library.strongly_typed and request.half:
        config.set_flag(trt.BuilderFlag.FP16)
    if request.hardware_compatible:
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS
    if request.version_compatible:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    if library.major == 8:
        # Without it every execution context needs a profile of its own.
        config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)
    if request.tactic_sources:
        config.set_tactic_sources(_tactics(trt, request.tactic_sources))


def _tactics(trt: Any, names: Collection[str]) -> int:
    mask = 0
    for name in names:
        source = getattr(trt.TacticSource, name, None)
        if source is None:
            raise EngineError(
                f"this TensorRT has no tactic source named {name!r}",
                hint="Known to all versions: EDGE_MASK_CONVOLUTIONS, JIT_CONVOLUTIONS.",
            )
        mask |= 1 << int(source)
    return mask


def _add_profiles(builder: Any, config: Any, network: Any, request: BuildRequest) -> None:
    for low, best, high in request.profiles or ():
        profile = builder.create_optimization_profile()
        for index in range(network.num_inputs):
            tensor = network.get_input(index)
            shape = [int(length) for length in tuple(tensor.shape)[1:]]
            if any(length < 1 for length in shape):
                raise EngineError(
                    f"{request.onnx}: input {tensor.name} varies in more than the batch: {list(tensor.shape)}"
                )
            profile.set_shape(tensor.name, [low, *shape], [best, *shape], [high, *shape])
        config.add_optimization_profile(profile)


def _constrain(trt: Any, network: Any, config: Any, request: BuildRequest) -> None:
    """8.6: the precision of layers. TensorRT names a node's layers after it, or notes it as their origin."""
    keep, halve = set(request.keep), set(request.halve)
    if not keep and not halve:
        return
    config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        outputs = [layer.get_output(number) for number in range(layer.num_outputs)]
        if not outputs or any(output.dtype not in (trt.float32, trt.float16) for output in outputs):
            continue
        if _belongs(layer, keep):
            layer.precision = trt.float32
            for number in range(layer.num_outputs):
                layer.set_output_type(number, trt.float32)
        elif layer.name in halve:
            layer.precision = trt.float16  # spares the search among float32 kernels, most of a build's time


def _belongs(layer: Any, kept: Collection[str]) -> bool:
    """Whether a layer was made for one of the nodes: by its own name, or by what the parser notes as its origin."""
    if layer.name in kept:
        return True
    origin = str(layer.metadata).partition("[ONNX Layer: ")[2].partition("]")[0]
    return origin in kept


def _timing_cache(config: Any, path: str | None) -> Any:
    """The timing cache in use, filled from the file where that can be read and TensorRT takes it."""
    if path is None:
        return None
    content = _read(path)
    kept = config.create_timing_cache(content) if content else None
    if kept is None or not config.set_timing_cache(kept, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)
    return config.get_timing_cache()


def _read(path: str) -> bytes:
    """What is in a file; nothing where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _monitor(trt: Any, on_progress: Progress) -> Any:
    """TensorRT 10 and 11 tell how far a build is."""
    if not hasattr(trt, "IProgressMonitor"):
        return None

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._steps[phase_name] = num_steps
            if parent_phase is None:
                on_progress(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            on_progress(phase_name, step + 1, self._steps.get(phase_name, 0))
            return True

        def phase_finish(self, phase_name: str) -> None:
            steps = self._steps.pop(phase_name, 0)
            on_progress(phase_name, steps, steps)

    return Monitor()


def _parser_message(parser: Any, path: str) -> str:
    errors = [str(parser.get_error(index).desc()) for index in range(parser.num_errors)]
    return f"TensorRT cannot read {path}: {_first(errors)}"


def _first(texts: list[str]) -> str:
    return texts[0].strip().partition("\n")[0] if texts else "it gave no reason"
