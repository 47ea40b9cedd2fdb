"""Engines on a real GPU with a real TensorRT: built, proven, cached, run, closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.networks import random_arcface, random_hyperswap, random_inswapper, random_yunet
from support.overflowing import overflowing_swapper
from support.patience import PATIENCE_S, until
from support.targets import gpu_package

from trtswap import device
from trtswap.engine_options import EngineOptions
from trtswap.errors import NetworkError, OptionError
from trtswap.inference import engine as engines
from trtswap.inference.build_process import kept_builders
from trtswap.inference.engine import Recipe, ensure, open_session
from trtswap.inference.ort import OrtSession
from trtswap.inference.precision import Decision
from trtswap.inference.spec import load_specs
from trtswap.inference.tensorrt_library import load_tensorrt
from trtswap.inference.trt import TrtSession
from trtswap.networks.calibration import calibration_of

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(280)]

SPECS = load_specs()
HALF_ERROR = 0.02
"""Largest difference of half precision on outputs of about 1: a few sums of 500 products."""


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def stage(self, text: str) -> None: ...
    def progress(self, phase: str, done: int, total: int) -> None: ...
    def step(self, text: str) -> None:
        self.steps.append(text)


SEED = int(np.random.default_rng().integers(1 << 31))
"""Of every network here: fresh in each run, shown by a failure."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Networks and engines are made once for all tests: starting TensorRT's builder takes longer than building."""
    with kept_builders():
        yield tmp_path_factory.mktemp(f"seed-{SEED}")


@pytest.fixture(autouse=True)
def _own_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu_package("tensorrt")
    monkeypatch.setenv("TRTSWAP_CACHE", str(folder / "cache"))


def recipe_of(name: str, path: Path, **options: object) -> Recipe:
    settings = EngineOptions(  # type: ignore[arg-type]
        **{"optimization_level": 0, "workspace_mib": 1024, "max_batch": 4, **options}
    )
    spec = SPECS[name]
    return Recipe(load_tensorrt(), spec, path, settings, 0, lambda: calibration_of(spec, path))


def crops(recipe: Recipe, count: int, seed: int) -> dict[str, np.ndarray]:
    """Real crops, shuffled and dimmed at random."""
    rng = np.random.default_rng(seed)
    samples = recipe.calibration().samples
    rows = rng.integers(0, len(next(iter(samples.values()))), count)
    return {name: (array[rows] * rng.uniform(0.5, 1.0)).astype(np.float32) for name, array in samples.items()}


MAKERS = {
    "inswapper_128": random_inswapper,
    "hyperswap_1a_256": random_hyperswap,
    "arcface_w600k_r50": random_arcface,
    "yunet": random_yunet,
}


def made(name: str, folder: Path, **options: object) -> Recipe:
    """The recipe of the network `name`, the same in every test."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        MAKERS[name](path, seed=SEED)
    return recipe_of(name, path, **options)


@pytest.mark.parametrize("name", MAKERS)
def test_an_engine_gives_what_onnx_runtime_gives(name: str, folder: Path) -> None:
    recipe = made(name, folder)
    told = Told()
    with open_session(recipe, told) as session, OrtSession(recipe.path, recipe.spec, "cpu") as reference:
        assert session.max_batch == 4
        for count in (1, 3, 4, 11):
            inputs = crops(recipe, count, SEED + count)
            expected, outputs = reference.run(inputs), session.run(inputs)
            on_device = session.run({key: device.to_device(value) for key, value in inputs.items()})
            for truth, host, array in zip(expected, outputs, on_device, strict=True):
                assert host.dtype == truth.dtype
                np.testing.assert_allclose(host, truth, atol=HALF_ERROR * max(1, np.abs(truth).max()))
                np.testing.assert_allclose(device.to_host(array), host, atol=1e-6)
    assert ensure(recipe, told).built is False


def test_graphs_and_streams_change_nothing(folder: Path) -> None:
    recipe = made("inswapper_128", folder)
    content = ensure(recipe, Told()).content
    inputs = crops(recipe, 3, 1)
    on_device = {key: device.to_device(value) for key, value in inputs.items()}
    with TrtSession(recipe.library, content, recipe.path, recipe.spec, graphs=False) as plain:
        expected = plain.run(inputs)[0]
    with TrtSession(recipe.library, content, recipe.path, recipe.spec, graphs=True) as session:
        with device.activate():
            other = device.driver().Stream()
        for index in range(12):
            changed = {key: device.to_device(value * (0.5 + index / 11)) for key, value in inputs.items()}
            session.run(changed)
            stream = int(other.handle) if index % 2 else None
            output = session.enqueue(on_device, stream=stream)[0]
            with device.activate():
                other.synchronize()
            np.testing.assert_allclose(device.to_host(output), expected, atol=1e-6)


def test_an_overflow_is_foreseen(folder: Path) -> None:
    recipe = recipe_of("inswapper_128", overflowing_swapper(folder / "one.onnx", seed=SEED), max_batch=2)
    told = Told()
    record = ensure(recipe, told).record
    assert record.precision == "fp16", told.steps
    assert any("reaches" in reason for reason in record.kept.values())
    assert 0 < len(record.kept) < 8


def test_an_overflow_is_caught_by_the_proof_and_mended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first decision is blinded: everything in half. The proof must see that, the next build mends it."""
    real = engines.decide

    def blind(model, ranges, *, width=0):  # type: ignore[no-untyped-def]
        decision = real(model, ranges, width=width)
        return Decision({}, decision.total, 0) if width == 0 else decision

    monkeypatch.setattr(engines, "decide", blind)
    recipe = recipe_of("inswapper_128", overflowing_swapper(folder / "two.onnx", seed=SEED + 1), max_batch=2)
    told = Told()
    record = ensure(recipe, told).record
    assert "missed" in told.steps[0], told.steps
    assert record.precision.startswith("fp16, float32 widened"), told.steps
    assert record.steps == tuple(told.steps)


def test_a_truncated_plan_is_built_again(folder: Path) -> None:
    recipe = made("arcface_w600k_r50", folder)
    first = ensure(recipe, Told())
    first.path.write_bytes(first.content[: len(first.content) // 2])
    told = Told()
    assert ensure(recipe, told).built
    assert "truncated" in told.steps[0]


def test_threads_share_a_session_and_closing_waits_for_them(folder: Path) -> None:
    recipe = made("inswapper_128", folder)
    session = open_session(recipe, Told())
    batches = [crops(recipe, 3, seed) for seed in range(4)]
    expected = [session.run(batch)[0] for batch in batches]
    wrong, runs, closed = [], [], threading.Event()

    def work(index: int) -> None:
        try:
            while True:
                output = session.run(batches[index])[0]
                runs.append(index)
                if not np.allclose(output, expected[index], atol=1e-6):
                    wrong.append(index)
        except NetworkError as error:
            if "is closed" in str(error):
                closed.set()

    workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for worker in workers:
        worker.start()
    until(lambda: len(runs) > 400, "runs of all threads", lambda: not closed.is_set())
    closer = threading.Thread(target=session.close)
    closer.start()
    for worker in (*workers, closer):
        worker.join(PATIENCE_S)
        assert not worker.is_alive()
    assert not wrong
    assert closed.is_set()
    session.close()


def test_wrong_device_arrays_are_refused(folder: Path) -> None:
    recipe = made("arcface_w600k_r50", folder)
    with open_session(recipe, Told()) as session:
        with pytest.raises(OptionError, match="dense and float32"):
            session.run({"input": device.to_device(np.zeros((1, 3, 112, 112), np.float64))})
        with pytest.raises(OptionError, match="expected input"):
            session.run({"input": device.to_device(np.zeros((1, 3, 111, 112), np.float32))})


def test_a_thousand_opens_leak_nothing(folder: Path) -> None:
    recipe = made("arcface_w600k_r50", folder)
    content = ensure(recipe, Told()).content
    inputs = {"input": device.to_device(crops(recipe, 2, 0)["input"])}

    def cycle(times: int) -> int:
        for _ in range(times):
            session = TrtSession(recipe.library, content, recipe.path, recipe.spec)
            session.run(inputs)
            session.close()
        device.release_unused()
        with device.activate():
            device.driver().Context.synchronize()
            return int(device.driver().mem_get_info()[0])

    free = [cycle(50), *(cycle(250) for _ in range(4))]
    taken = [before - after for before, after in pairwise(free)]
    # The driver's pages. Others may take some of that GPU meanwhile, a leak does every time.
    assert min(taken) < 2 << 20, taken


def test_a_call_costs_little_python(folder: Path) -> None:
    recipe = made("arcface_w600k_r50", folder)
    inputs = {"input": device.to_device(crops(recipe, 4, 0)["input"])}
    with open_session(recipe, Told()) as session, device.use():
        times = []
        for _ in range(300):
            before = time.perf_counter()
            session.run(inputs)
            times.append(time.perf_counter() - before)
            with device.activate():
                device.driver().Context.synchronize()
    typical = min(np.median(group) for group in np.split(np.array(times[50:]), 5))  # others may be busy
    print(f"{typical * 1e6:.1f} us")
    assert typical < 50e-6
