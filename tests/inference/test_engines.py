"""Engines without a GPU: the whole way from file to session, under the names of each TensorRT version there is."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fake_gpu import NAMES, VERSIONS, forget, pretend
from support.graph import Graph
from support.networks import random_arcface, random_hyperswap, random_inswapper, random_yunet
from support.overflowing import overflowing_swapper
from support.patience import FOREVER_S, PATIENCE_S, until

from trtswap import device
from trtswap.engine_options import EngineOptions
from trtswap.errors import (
    DeviceError,
    EngineError,
    NetworkContractError,
    NetworkError,
    OptionError,
    QualityError,
)
from trtswap.inference import engine as engines
from trtswap.inference import plan
from trtswap.inference.build_process import kept_builders
from trtswap.inference.engine import Recipe, ensure, key_of, open_session
from trtswap.inference.ort import OrtSession
from trtswap.inference.precision import Decision
from trtswap.inference.spec import load_specs, shipped_folder
from trtswap.inference.tensorrt_library import load_tensorrt
from trtswap.inference.trt import TrtSession
from trtswap.networks.calibration import calibration_of
from trtswap.networks.sessions import build_together
from trtswap.networks.sessions import open_session as choose_session

pytestmark = pytest.mark.usefixtures("version")

SPECS = load_specs()
PACKAGE = Path(engines.__file__).parent
MAKERS: dict[str, Callable[[Path], Path]] = {
    "inswapper_128": lambda path: random_inswapper(path, seed=1),
    "hyperswap_1a_256": lambda path: random_hyperswap(path, seed=2),
    "arcface_w600k_r50": lambda path: random_arcface(path, seed=3),
    "yunet": lambda path: random_yunet(path, seed=4),
}


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.steps: list[str] = []
        self.phases: list[tuple[str, int, int]] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def progress(self, phase: str, done: int, total: int) -> None:
        self.phases.append((phase, done, total))

    def step(self, text: str) -> None:
        self.steps.append(text)


@pytest.fixture(params=["8.6.1"])
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    pretend(monkeypatch, request.param, tmp_path / "cache")
    yield request.param
    forget()


every_version = pytest.mark.parametrize("version", VERSIONS, indirect=True)


def recipe_of(name: str, path: Path, **options: object) -> Recipe:
    spec = SPECS[name]
    settings = EngineOptions(**{"max_batch": 4, **options})  # type: ignore[arg-type]
    return Recipe(load_tensorrt(), spec, path, settings, 0, lambda: calibration_of(spec, path))


@pytest.mark.parametrize(
    ("version", "name"),
    [
        *((version, "inswapper_128") for version in VERSIONS),
        *((version, name) for version in (VERSIONS[0], VERSIONS[-1]) for name in list(MAKERS)[1:]),
    ],
    indirect=["version"],
)
def test_from_file_to_session(name: str, version: str, tmp_path: Path) -> None:
    recipe, told = recipe_of(name, MAKERS[name](tmp_path / "x.onnx")), Told()
    samples = recipe.calibration().samples
    with open_session(recipe, told) as session, OrtSession(recipe.path, recipe.spec, "cpu") as reference:
        assert session.max_batch == 4
        assert recipe.library.version == version
        host = session.run(samples)
        on_device = session.run({key: device.to_device(array) for key, array in samples.items()})
        for output, array, truth in zip(host, on_device, reference.run(samples), strict=True):
            assert output.dtype == np.float32
            np.testing.assert_array_equal(device.to_host(array), output)
            np.testing.assert_allclose(output, truth, atol=0.02 * max(1, float(np.abs(truth).max())))
    assert len(told.steps) == 1
    assert "passed" in told.steps[0]
    assert bool(told.phases) == (recipe.library.major >= 10), "8.6 has no progress monitor"
    again = Told()
    assert not ensure(recipe, again).built
    assert again.stages == again.steps == []


@every_version
def test_an_overflow_is_foreseen_and_each_form_keeps_the_island(tmp_path: Path) -> None:
    recipe, told = recipe_of("inswapper_128", overflowing_swapper(tmp_path / "x.onnx", seed=1)), Told()
    record = ensure(recipe, told).record
    assert record.precision == "fp16"
    assert 0 < len(record.kept) < 8
    assert all("reaches" in reason for reason in record.kept.values())


@every_version
def test_an_overflow_that_the_decision_missed_is_caught_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "decide", _blind(engines.decide, 1))
    recipe, told = recipe_of("inswapper_128", overflowing_swapper(tmp_path / "x.onnx", seed=1)), Told()
    record = ensure(recipe, told).record
    assert "missed, the outputs are not finite" in told.steps[0]
    assert "passed" in told.steps[1]
    assert record.precision == "fp16, float32 widened 1x"
    assert plan.read_record(plan.plan_path(record.key).with_suffix(".json")).steps == tuple(told.steps)


def test_the_last_resort_is_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "decide", _blind(engines.decide, 3))
    path = overflowing_swapper(tmp_path / "x.onnx", seed=1)
    assert ensure(recipe_of("inswapper_128", path), Told()).record.precision == "tf32"
    with pytest.raises(QualityError, match="came close enough"):
        ensure(recipe_of("inswapper_128", path, precision="fp16"), Told())
    assert ensure(recipe_of("inswapper_128", path, precision="fp32"), Told()).record.precision == "fp32"


def _blind(real: Callable[..., Decision], widths: int) -> Callable[..., Decision]:
    """A decision that lets everything be half for the first `widths` widths; each differs, so that none is skipped."""

    def decide(model: object, ranges: object, *, width: int = 0) -> Decision:
        decision = real(model, ranges, width=width)
        if width >= widths:
            return decision
        return Decision({f"none_{width}": "blind"}, decision.total, width)

    return decide


@every_version
def test_a_network_that_takes_no_batch_runs_item_by_item(tmp_path: Path) -> None:
    graph = Graph()
    target, source = graph.input("target", [1, 3, 128, 128]), graph.input("source", [1, 512])
    scale = graph.node("Reshape", graph.node("ReduceMean", source, axes=[1], keepdims=1), [1, 1, 1, 1])
    centred = graph.node("Sub", target, graph.node("ReduceMean", target, keepdims=1))
    graph.output(graph.node("Sigmoid", graph.node("Add", centred, scale)), "output", [1, 3, 128, 128])
    graph.constant(np.eye(512, dtype=np.float32), "buff2fs")
    recipe, told = recipe_of("inswapper_128", graph.save(tmp_path / "x.onnx")), Told()
    samples = recipe.calibration().samples
    with open_session(recipe, told) as session, OrtSession(recipe.path, recipe.spec, "cpu") as reference:
        assert session.max_batch == 1
        assert "one item at a time" in told.steps[0]
        np.testing.assert_allclose(session.run(samples)[0], reference.run(samples)[0], atol=0.01)
        arrays = {key: device.to_device(array) for key, array in samples.items()}
        np.testing.assert_array_equal(device.to_host(session.run(arrays)[0]), session.run(samples)[0])


def test_options_reach_the_builder(tmp_path: Path) -> None:
    path = random_arcface(tmp_path / "x.onnx", seed=3)
    one = ensure(recipe_of("arcface_w600k_r50", path, tactic_sources=("JIT_CONVOLUTIONS",)), Told()).record
    assert one.key.tactic_sources == ("JIT_CONVOLUTIONS",)
    other = ensure(recipe_of("arcface_w600k_r50", path, version_compatible=True), Told())
    assert other.built
    assert b"VERSION_COMPATIBLE" in other.content
    with pytest.raises(EngineError, match="no tactic source named 'MAGIC'"):
        ensure(recipe_of("arcface_w600k_r50", path, tactic_sources=("MAGIC",)), Told())
    assert list(plan.folder().glob("timing-*.cache"))
    assert not list(plan.folder().glob(".*")), "nothing is left behind"


def test_tactic_sources_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTSWAP_TACTIC_SOURCES", "EDGE_MASK_CONVOLUTIONS, JIT_CONVOLUTIONS")
    record = ensure(
        recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3)), Told()
    ).record
    assert record.key.tactic_sources == ("EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: content[: len(content) // 2], "truncated"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "damaged"),
        (lambda _: b"", "truncated"),
    ],
)
def test_a_damaged_plan_is_built_again(damage: Callable[[bytes], bytes], told: str, tmp_path: Path) -> None:
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3))
    first = ensure(recipe, Told())
    first.path.write_bytes(damage(first.content))
    heard = Told()
    assert ensure(recipe, heard).built
    assert told in heard.steps[0]
    assert not ensure(recipe, Told()).built


def test_a_plan_that_the_runtime_refuses_is_built_again(tmp_path: Path) -> None:
    """Whole by its record, but of another installation: only the runtime can tell."""
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3))
    engine = ensure(recipe, Told())
    foreign = b"of another build" + engine.content
    from dataclasses import replace
    from hashlib import sha256

    record = replace(engine.record, plan_sha256=sha256(foreign).hexdigest(), plan_bytes=len(foreign))
    plan.store(foreign, record)
    told = Told()
    with open_session(recipe, told) as session:
        assert session.max_batch == 4
    assert "does not load" in told.steps[0]


def test_a_changed_network_has_another_plan(tmp_path: Path) -> None:
    path = random_arcface(tmp_path / "x.onnx", seed=3)
    first = ensure(recipe_of("arcface_w600k_r50", path), Told())
    random_arcface(path, seed=4)
    second = ensure(recipe_of("arcface_w600k_r50", path), Told())
    assert second.built
    assert second.path != first.path


@pytest.mark.parametrize("version", ["8.6.1", "11.4.0.106"], indirect=True)
def test_a_builder_that_crashes_takes_nobody_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_TENSORRT_CRASH", "1")
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3))
    with pytest.raises(EngineError, match="the builder was ended by SIGSEGV"):
        ensure(recipe, Told())
    monkeypatch.delenv("FAKE_TENSORRT_CRASH")
    assert ensure(recipe, Told()).built


def test_a_builders_process_serves_one_engine_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_TENSORRT_BUILDS", str(tmp_path / "builds"))

    def build(seed: int) -> int:
        """The number of the process that did it."""
        path = random_arcface(tmp_path / f"{seed}.onnx", seed=seed)
        assert ensure(recipe_of("arcface_w600k_r50", path), Told()).built
        return int((tmp_path / "builds").read_text().split()[-1])

    with kept_builders():
        first = build(1)
        with kept_builders():
            assert build(2) == first
        assert build(3) == first
        elsewhere: list[int] = []
        thread = threading.Thread(target=lambda: elsewhere.append(build(4)))
        thread.start()
        thread.join(PATIENCE_S)
        assert elsewhere != [first]  # a builder ends with the thread that started it
    for number in (first, *elsewhere):
        until(lambda: not _alive(number), "the builder's end")  # noqa: B023
    assert build(5) != first


def test_two_builders_build_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_TENSORRT_BUILDS", str(tmp_path / "builds"))
    monkeypatch.setenv("FAKE_TENSORRT_UNTIL", str(tmp_path / "go on"))
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3))
    told = [Told(), Told()]
    workers = [threading.Thread(target=ensure, args=(recipe, each)) for each in told]

    def waiting() -> bool:
        return any("another process is building it" in step for each in told for step in each.steps)

    for worker in workers:
        worker.start()
    try:
        until(waiting, "one waits for the other", lambda: all(worker.is_alive() for worker in workers))
    finally:
        (tmp_path / "go on").touch()
    for worker in workers:
        worker.join(PATIENCE_S)
        assert not worker.is_alive()
    assert len((tmp_path / "builds").read_text().split()) == 1


SCRIPT = """
import sys
from pathlib import Path
from trtswap.inference.engine import Quiet, Recipe, ensure
from trtswap.inference.spec import load_specs, shipped_folder
from trtswap.inference.tensorrt_library import load_tensorrt
from trtswap.networks.calibration import calibration_of
from trtswap.engine_options import EngineOptions
path, spec = Path(sys.argv[1]), load_specs()["arcface_w600k_r50"]
ensure(Recipe(load_tensorrt(), spec, path, EngineOptions(max_batch=4), 0, lambda: calibration_of(spec, path)), Quiet())
print("built", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_kill_in_the_middle_leaves_nothing_broken(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "builds"
    monkeypatch.setenv("FAKE_TENSORRT_BUILDS", str(mark))
    monkeypatch.setenv("FAKE_TENSORRT_SECONDS", str(FOREVER_S))
    path = random_arcface(tmp_path / "x.onnx", seed=3)
    command = [sys.executable, "-c", SCRIPT, str(path)]  # in the sources it would import them unbuilt
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: mark.exists() and mark.read_text() != "", "a build", lambda: process.poll() is None)
            process.send_signal(number)
            assert process.wait(PATIENCE_S) != 0
        finally:
            process.kill()
    builder = int(mark.read_text().split()[0])
    until(lambda: not _alive(builder), "the builder's end with its parent")
    monkeypatch.setenv("FAKE_TENSORRT_SECONDS", "0")
    told = Told()
    engine = ensure(recipe_of("arcface_w600k_r50", path), told)
    assert engine.built
    assert len(list(plan.entries())) == 1
    if number == signal.SIGKILL:
        return
    assert not list(plan.folder().glob(".*")), "Ctrl-C cleans up"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text("ascii")


def test_an_operator_that_tensorrt_lacks_is_named(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.input("input", ["N", 3, 112, 112])
    flat = graph.node("Flatten", graph.node("AveragePool", x, kernel_shape=[14, 14], strides=[14, 14]))
    gelu = graph.node("Gelu", graph.node("MatMul", flat, np.eye(192, 512, dtype=np.float32)))
    graph.output(graph.node("Identity", gelu), "e", ["N", 512])
    graph._nodes[-3].domain = "com.microsoft"
    import onnx

    model = onnx.helper.make_model(
        onnx.helper.make_graph(graph._nodes, "g", graph._inputs, graph._outputs, graph._initializers),
        opset_imports=[onnx.helper.make_opsetid("", 13), onnx.helper.make_opsetid("com.microsoft", 1)],
        ir_version=8,
    )
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(EngineError, match=r"TensorRT cannot read .*No importer registered for op: Gelu"):
        ensure(recipe_of("arcface_w600k_r50", tmp_path / "x.onnx"), Told())


def test_what_is_no_network_or_another(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"hello")
    with pytest.raises(NetworkError, match=r"cannot be read as an ONNX file|is not an ONNX network"):
        ensure(recipe_of("inswapper_128", tmp_path / "bad.onnx"), Told())
    with pytest.raises(NetworkContractError, match="not those of the network inswapper_128"):
        ensure(recipe_of("inswapper_128", random_hyperswap(tmp_path / "x.onnx", seed=1)), Told())


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3))
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("TRTSWAP_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(EngineError, match="cannot be written") as caught:
        ensure(recipe, Told())
    assert "TRTSWAP_CACHE" in str(caught.value.hint)


# --- the session ---------------------------------------------------------------------------------------------------


def session_of(tmp_path: Path, **options: object) -> TrtSession:
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3), **options)
    return open_session(recipe, Told())


def crops(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 3, 112, 112), np.float32)


def test_any_count_runs_in_pieces(tmp_path: Path) -> None:
    with session_of(tmp_path) as session:
        x = crops(11)
        whole = session.run({"input": x})[0]
        for item in range(11):
            np.testing.assert_allclose(
                session.run({"input": x[item : item + 1]})[0][0], whole[item], atol=1e-5
            )
        np.testing.assert_array_equal(device.to_host(session.run({"input": device.to_device(x)})[0]), whole)


@every_version
def test_batches_have_the_narrowest_profile_and_share_what_they_work_in(version: str, tmp_path: Path) -> None:
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3), max_batch=8)
    content, x = ensure(recipe, Told()).content, crops(8)
    with (
        TrtSession(recipe.library, content, recipe.path, recipe.spec, contexts=1) as session,
        OrtSession(recipe.path, recipe.spec, "cpu") as reference,
    ):
        truth = reference.run({"input": x})[0]
        for batch in (2, 8, 1, 7, 8, 5, 1):
            given = device.to_device(x[:batch])
            found = device.to_host(session.run({"input": given})[0])
            np.testing.assert_allclose(found, truth[:batch], atol=0.02 * float(np.abs(truth).max()))
        (lane,) = session._lanes
        assert recipe.library.version == version
        chosen = {batch: lane._ready(batch).context._profile for batch in range(1, 9)}
        assert chosen == {1: 0, **dict.fromkeys(range(2, 8), 2), 8: 1}
        assert len({ready.context._workspace for ready in lane._contexts.values()}) == 1


def test_outputs_of_the_callers_own(tmp_path: Path) -> None:
    with session_of(tmp_path) as session:
        x = crops(3)
        target = device.to_device(np.full((3, 512), 7, np.float32))
        given = session.enqueue({"input": device.to_device(x)}, [target])
        assert given[0] is target
        np.testing.assert_array_equal(device.to_host(target), session.run({"input": x})[0])


def test_outputs_of_a_replayed_batch_come_in_one_copy(tmp_path: Path) -> None:
    recipe, told = recipe_of("yunet", MAKERS["yunet"](tmp_path / "x.onnx")), Told()
    driver, rng = device.driver(), np.random.default_rng()
    with open_session(recipe, told) as session, device.use():
        ((name, sample),) = recipe.calibration().samples.items()
        for number in range(6):
            x = rng.random((3, *sample.shape[1:]), np.float32)
            given = {name: device.to_device(x)}
            before = len(driver.copies)
            found = session.run(given)
            copied = [kind for kind, *_ in driver.copies[before:] if kind == "dtod"]
            assert number < 3 or len(copied) == 2  # the input, and twelve outputs
            own = [device.to_device(np.zeros(array.shape, array.dtype)) for array in found]
            session.enqueue(given, own)
            for array, mine, expected in zip(found, own, session.run({name: x}), strict=True):
                np.testing.assert_array_equal(device.to_host(array), expected)
                np.testing.assert_array_equal(device.to_host(mine), expected)


class Foreign:
    """A device array of another library."""

    def __init__(self, array: Any, **changes: object) -> None:
        self.shape = array.shape
        self.__cuda_array_interface__ = {**array.__cuda_array_interface__, **changes}


@pytest.mark.parametrize("own", [True, False])
def test_device_arrays_are_dense_and_of_the_engines_type(tmp_path: Path, own: bool) -> None:
    with session_of(tmp_path) as session, device.use():
        x = crops(3)
        whole = device.to_device(x)
        expected = session.run({"input": x})[0]
        wrap = (lambda array: array) if own else Foreign
        strides = (x.strides, (x.strides[0] * 2, *x.strides[1:]))
        dense, apart = (
            wrap(device.GpuArray(x.shape, x.dtype, whole.ptr, whole.block, strides=item)) for item in strides
        )
        for given in (wrap(whole), dense):
            np.testing.assert_array_equal(device.to_host(session.run({"input": given})[0]), expected)
        for wrong in (apart, wrap(device.GpuArray(x.shape, np.int32, whole.ptr, whole.block))):
            with pytest.raises(OptionError, match="dense and float32"):
                session.run({"input": wrong})


def test_memory_that_a_run_reads_or_writes_knows_its_streams(tmp_path: Path) -> None:
    with session_of(tmp_path) as session:
        given = device.to_device(crops(2))
        target = device.empty((2, 512), np.float32)
        with device.use() as stream:
            session.enqueue({"input": given}, [target])
            made = session.run({"input": given})[0]
        for array in (given, target, made):
            assert array.block is not None
            assert stream in array.block.streams


def test_batches_of_the_host_and_of_a_gpu_keep_out_of_each_others_way(tmp_path: Path) -> None:
    """One place to run in, replayed as a graph from its own buffers: what is queued on a stream is not yet done when
    another batch comes from the host."""
    with session_of(tmp_path, contexts=1) as session:
        one, other = crops(3, 1), crops(3, 2)
        expected = [session.run({"input": x})[0] for x in (one, other)]
        for _ in range(4):
            with device.use():
                queued = session.run({"input": device.to_device(one)})[0]
                np.testing.assert_array_equal(session.run({"input": other})[0], expected[1])
                np.testing.assert_array_equal(device.to_host(queued), expected[0])


def test_buffers_are_taken_only_when_their_last_work_is_done(tmp_path: Path) -> None:
    """The buffers of a session are first written on its own stream: not while this thread's still reads them."""
    with session_of(tmp_path, contexts=1) as session, device.use():
        sent = device.to_device(crops(4, 1))
        device.current().synchronize()
        copied = sent.copy()
        del sent
        session.run({"input": crops(4, 2)})
        np.testing.assert_array_equal(device.to_host(copied), crops(4, 1))


def test_closing_in_any_thread_while_others_run(tmp_path: Path) -> None:
    session = session_of(tmp_path, contexts=2)
    runs: list[int] = []
    errors: list[str] = []

    def work(seed: int) -> None:
        try:
            while True:
                session.run({"input": crops(2, seed)})
                runs.append(seed)
        except NetworkError as error:
            errors.append(str(error))

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    until(lambda: set(runs) == set(range(4)), "a run of each thread", lambda: errors == [])
    closer = threading.Thread(target=session.close)
    closer.start()
    for worker in (*workers, closer):
        worker.join(PATIENCE_S)
        assert not worker.is_alive()
    assert len(errors) == 4
    assert all("is closed" in error for error in errors)
    session.close()


def test_sessions_of_the_past_leave_no_streams(tmp_path: Path) -> None:
    """Though an array that they read lives on, and remembers whose work touched it."""
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3))
    content = ensure(recipe, Told()).content
    inputs = {"input": device.to_device(np.zeros((2, 3, 112, 112), np.float32))}
    made = device.driver().Stream._all
    before = len(made)
    for _ in range(5):
        with TrtSession(recipe.library, content, recipe.path, recipe.spec, contexts=2) as session:
            session.run(inputs)
    assert len(made) - before <= 2


def test_closed_sessions_give_all_memory_back(tmp_path: Path) -> None:
    recipe = recipe_of("arcface_w600k_r50", random_arcface(tmp_path / "x.onnx", seed=3))
    content = ensure(recipe, Told()).content
    driver = device.driver()
    device.release_unused()
    before = driver.allocated
    for _ in range(20):
        with TrtSession(recipe.library, content, recipe.path, recipe.spec) as session:
            session.run({"input": crops(2)})
    assert device.memory_waiting() > 0
    device.release_unused()
    assert driver.allocated == before


# --- what runs a network -------------------------------------------------------------------------------------------


def test_auto_takes_an_engine_and_announces_its_build(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, spec = random_arcface(tmp_path / "x.onnx", seed=3), SPECS["arcface_w600k_r50"]
    with choose_session(spec, path) as session:
        assert isinstance(session, TrtSession)
    announced = [
        record.message for record in caplog.records if "building the TensorRT engine" in record.message
    ]
    assert len(announced) == 1
    caplog.clear()
    with choose_session(spec, path, device_name="cuda:0") as session:
        assert isinstance(session, TrtSession)
    assert not caplog.records
    with choose_session(spec, path, device_name="cpu") as session:
        assert isinstance(session, OrtSession)


def test_missing_engines_are_built_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be built keeps no other from it; what each learned of kernels is kept."""
    monkeypatch.setenv("FAKE_TENSORRT_SECONDS", "0.5")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    networks = [(SPECS[name], MAKERS[name](tmp_path / f"{name}.onnx")) for name in list(MAKERS)[:3]]
    networks.insert(1, (SPECS["arcface_w600k_r50"], broken))
    calls, both, real = count(), threading.Barrier(2), engines._Making.make

    def met(self: Any) -> Any:
        if next(calls) < 2:
            both.wait(PATIENCE_S)
        return real(self)

    monkeypatch.setattr(engines._Making, "make", met)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    build_together(networks, device_name="cpu")
    assert next(calls) == 0
    calls = count()
    build_together(networks)
    assert next(calls) == len(networks)
    sound = [pair for pair in networks if pair[1] != broken]
    (learned,) = plan.folder().glob("timing-*.cache")
    assert len(learned.read_bytes().split()) == len(sound)
    recipes = [recipe_of(spec.name, path, max_batch=None) for spec, path in sound]
    assert not [found for recipe in recipes if isinstance(found := plan.find(key_of(recipe)), str)]
    monkeypatch.setattr(engines._Making, "make", lambda _: pytest.fail("they are there"))
    build_together(sound)


def test_without_tensorrt_auto_takes_onnx_runtime_and_cuda_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget()
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    path, spec = random_arcface(tmp_path / "x.onnx", seed=3), SPECS["arcface_w600k_r50"]
    with choose_session(spec, path, provider="cpu") as session:
        assert isinstance(session, OrtSession)
    with pytest.raises(EngineError, match="TensorRT is") as caught:
        choose_session(spec, path, device_name="cuda")
    assert "trtswap doctor" in str(caught.value.hint)


@pytest.mark.parametrize("version", ["11.4.0.106"], indirect=True)
def test_without_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    path, spec = random_arcface(tmp_path / "x.onnx", seed=3), SPECS["arcface_w600k_r50"]
    with choose_session(spec, path, provider="cpu") as session:
        assert isinstance(session, OrtSession)
    with pytest.raises(DeviceError, match="pycuda"):
        choose_session(spec, path, device_name="cuda:0")


def test_an_engine_that_cannot_be_built_is_told_and_onnx_runtime_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FAKE_TENSORRT_CRASH", "1")
    path, spec = random_arcface(tmp_path / "x.onnx", seed=3), SPECS["arcface_w600k_r50"]
    with choose_session(spec, path, provider="cpu") as session:
        assert isinstance(session, OrtSession)
    assert "the builder was ended by SIGSEGV" in caplog.text


# --- names ---------------------------------------------------------------------------------------------------------

ONLY_SOME = {
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH",
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED",
    "BuilderFlag.FP16",
    "BuilderFlag.OBEY_PRECISION_CONSTRAINTS",
    "PreviewFeature.PROFILE_SHARING_0806",
    "IProgressMonitor",
    "ExecutionContextAllocationStrategy",
    "ExecutionContextAllocationStrategy.USER_MANAGED",
}
"""Used for one version only; which one is what the tests above run through."""


def names_used() -> set[str]:
    """Every dotted name that the code takes from TensorRT's module, under the names `trt` and `module`."""
    found = set()
    for path in sorted(PACKAGE.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and not node.attr.startswith("__"):
                dotted = ast.unparse(node)
                for prefix in ("trt.", "library.module.", "flags."):
                    if dotted.startswith(prefix):
                        owner = "NetworkDefinitionCreationFlag." if prefix == "flags." else ""
                        found.add(owner + dotted[len(prefix) :])
    return {name for name in found if name.split(".")[0] in {n for v in NAMES.values() for n in v["module"]}}


def has(version: str, name: str) -> bool:
    head, _, member = name.partition(".")
    content = NAMES[version]
    return head in content["module"] and (not member or member in content["classes"].get(head, [member]))


def test_every_name_exists_in_the_versions_it_is_used_for() -> None:
    used = names_used()
    assert {"Builder", "OnnxParser", "Runtime", "BuilderFlag.TF32", "MemoryPoolType.WORKSPACE"} <= used
    for name in used - ONLY_SOME:
        for version in VERSIONS:
            assert has(version, name), f"TensorRT {version} has no {name}"
    for name in ONLY_SOME:
        assert name in used
        assert any(has(version, name) for version in VERSIONS)


def test_the_fakes_refuse_what_a_version_lacks() -> None:
    """Or the tests above would prove nothing."""
    trt = load_tensorrt().module
    with pytest.raises(AttributeError, match="no attribute 'progress_monitor'"):
        trt.Builder.create_builder_config(None).progress_monitor = None
    assert not hasattr(trt, "IProgressMonitor")
    assert not hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.built_in])
def test_built_in_networks_pass_their_proofs(name: str) -> None:
    """The detector computes the shape of its outputs, which the engine does not declare; the landmarker's engine has
    its outputs in another order than the file."""
    path = Path(str(shipped_folder())) / "weights" / f"{name}.onnx"
    told = Told()
    recipe = recipe_of(name, path)
    with open_session(recipe, told) as session:
        assert session.max_batch == 4
    assert "passed" in told.steps[-1]
    assert plan.find(key_of(recipe))[1].key.optimization_level == 0, "they are small"  # type: ignore[union-attr]
    assert plan.find(key_of(recipe_of(name, path, optimization_level=2))) == "there is none yet"
