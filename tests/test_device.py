"""Memory, streams and copies of a GPU: on the pretended one, whose work waits to be asked for, and on a real one."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import fake_gpu
from support.fake_core import pretend_operations
from support.patience import PATIENCE_S
from support.tracing import Kept

from trtswap import device, ops, tracing
from trtswap.device import pool
from trtswap.types import PixelFormat, Surface


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The pretended GPU's driver."""
    fake_gpu.pretend(monkeypatch, "8.6.1", tmp_path)
    pretend_operations(monkeypatch)
    from pycuda import driver

    yield driver
    fake_gpu.forget()


@pytest.fixture(params=["pretended", pytest.param("real", marks=pytest.mark.gpu)])
def _gpu(request: pytest.FixtureRequest) -> None:
    if request.param == "pretended":
        request.getfixturevalue("driver")


either = pytest.mark.usefixtures("_gpu")


def noise(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    rng = np.random.default_rng()
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def surface(format: PixelFormat, width: int, height: int) -> Surface:
    shapes = format.plane_shapes(width, height)
    return Surface(format, tuple(noise(*shape, dtype=format.dtype) for shape in shapes))


def pitched(plane: np.ndarray, pad: int) -> device.GpuArray:
    """A plane whose rows are `pad` samples longer than it shows."""
    height = plane.shape[0]
    flat = plane.reshape(height, -1)
    wide = np.zeros((height, flat.shape[1] + pad), plane.dtype)
    wide[:, : flat.shape[1]] = flat
    whole = device.to_device(wide)
    item = plane.dtype.itemsize
    strides = (wide.shape[1] * item, *([item] if plane.ndim == 2 else [plane.shape[2] * item, item]))
    return device.GpuArray(plane.shape, plane.dtype, whole.ptr, whole.block, strides=strides)


@either
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7,), (3, 5, 2), (0, 4), (1, 1)])
def test_there_and_back(dtype: Any, shape: tuple[int, ...]) -> None:
    truth = noise(*shape, dtype=dtype)
    sent = device.to_device(truth)
    assert (sent.shape, sent.dtype, sent.nbytes) == (truth.shape, truth.dtype, truth.nbytes)
    np.testing.assert_array_equal(device.to_host(sent), truth)


@either
def test_the_host_array_may_change_at_once() -> None:
    truth = noise(1000, 300)
    source = truth.copy()
    with device.use():
        sent = device.to_device(source)
        source[:] = 0
        np.testing.assert_array_equal(device.to_host(sent), truth)


@either
@pytest.mark.parametrize("format", PixelFormat)
@pytest.mark.parametrize("size", [(64, 48), (63, 47), (1, 1)])
def test_surfaces_there_and_back(format: PixelFormat, size: tuple[int, int]) -> None:
    truth = surface(format, *size)
    with device.use():
        sent = device.upload(truth)
        assert sent.on_device
        copied = sent.copy()
        padded = Surface(format, tuple(pitched(plane, 13) for plane in truth.planes), truth.colour)
        together = [device.duplicates(planes) for planes in (sent.planes, padded.planes, sent.planes[::-1])]
        arrived, event = device.download_later(padded)
        event.wait()
        for found in (
            device.download(sent),
            device.download(copied),
            arrived,
            device.download(padded.copy()),
        ):
            for got, want in zip(found.planes, truth.planes, strict=True):
                np.testing.assert_array_equal(got, want)
        for planes, wanted in zip(together, (truth.planes, truth.planes, truth.planes[::-1]), strict=True):
            for got, want in zip(planes, wanted, strict=True):
                np.testing.assert_array_equal(device.to_host(got), want)


@either
def test_what_is_lent_stays_as_long_as_it_is_held() -> None:
    truths = [noise(3, 40, 50, dtype=np.float32) for _ in range(12)]
    with device.use():
        lent = [device.fetch([device.to_device(truth)]).lent()[0] for truth in truths]
        part = lent.pop(0)[1]
        for found, truth in zip(lent, truths[1:], strict=True):
            np.testing.assert_array_equal(found, truth)
        np.testing.assert_array_equal(part, truths[0][1])
        first, again = device.fetch([device.to_device(truths[0])]), device.fetch(truths[:1])
        assert again.lent()[0] is truths[0]
        (copy,), (own,) = first.get(), first.lent()
        own[:] = 0
        np.testing.assert_array_equal(copy, truths[0])


@either
def test_a_surface_in_page_locked_memory_keeps_it() -> None:
    truth = surface(PixelFormat.NV12, 320, 180)
    with device.use():
        planes = device.download(device.upload(truth)).planes
        for _ in range(4):
            device.download(device.upload(surface(PixelFormat.NV12, 320, 180)))
    np.testing.assert_array_equal(planes[0], truth.planes[0])
    np.testing.assert_array_equal(planes[1], truth.planes[1])


@either
@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("kind", ["dense", "padded", "host"])
def test_rectangles(kind: str, step: int) -> None:
    for truth in (
        noise(40, 50, dtype=np.uint8),
        noise(40, 50, dtype=np.uint16),
        noise(40, 50, 3, dtype=np.uint8),
    ):
        plane = {"dense": device.to_device, "padded": lambda p: pitched(p, 5), "host": lambda p: p}[kind](
            truth
        )
        rows, columns = slice(7, 31, step), slice(12, 45)
        np.testing.assert_array_equal(device.rectangle(plane, rows, columns), truth[rows, columns])


@either
def test_rows_and_shapes_are_views() -> None:
    truth = noise(6, 4, 3)
    sent = device.to_device(truth)
    np.testing.assert_array_equal(device.to_host(sent[2:5]), truth[2:5])
    np.testing.assert_array_equal(device.to_host(sent[-1]), truth[-1])
    np.testing.assert_array_equal(device.to_host(sent.reshape(-1, 6)), truth.reshape(-1, 6))
    device.place(sent[1:3], np.zeros((2, 4, 3), np.float32))
    device.place(sent[4:], sent[:2])
    expected = truth.copy()
    expected[1:3] = 0
    expected[4:] = expected[:2]
    np.testing.assert_array_equal(device.to_host(sent), expected)
    with pytest.raises(IndexError):
        sent[6]
    with pytest.raises(ValueError, match="do not fit"):
        sent.reshape(5, 5)


@either
def test_nothing_reads_a_device_array_by_accident() -> None:
    sent = device.to_device(noise(3, 4))
    for read in (np.asarray, np.array, np.sum, lambda array: np.concatenate([array, array])):
        with pytest.raises(TypeError, match="to_host"):
            read(sent)


@either
def test_another_stream_waits_for_an_event() -> None:
    truth = noise(1, 3, 512, 512)
    with device.use() as first:
        sent = device.to_device(truth)
        for _ in range(20):
            sent = ops.rearrange(sent, sent.shape, (0, 1, 3, 2))
        ready = first.record()
        with device.use() as second:
            assert second.handle != first.handle
            second.wait(ready)
            turned = ops.rearrange(sent, sent.shape, (0, 1, 3, 2))
            np.testing.assert_array_equal(device.to_host(turned), truth.swapaxes(2, 3))
        assert device.handle() == first.handle
    assert device.handle() == 0


@either
def test_each_thread_has_a_stream_of_its_own() -> None:
    handles: list[int] = []
    barrier = threading.Barrier(3)

    def work() -> None:
        assert device.handle() == 0
        with device.use():
            handles.append(device.handle())
            barrier.wait(PATIENCE_S)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(handles)) == 3
    assert 0 not in handles


@either
def test_memory_is_used_again_only_behind_its_work() -> None:
    """A block that another stream still reads when it is let go: what the next owner writes must not be seen there."""
    truth = noise(4, 3, 256, 256)
    for _ in range(5):
        with device.use() as first, device.borrowed() as second:
            sent = device.to_device(truth)
            second.wait(first.record())
            with device.on(second):
                turned = sent
                for _ in range(4):
                    turned = ops.rearrange(turned, turned.shape, (0, 1, 3, 2))
                del sent
            other = device.to_device(np.zeros_like(truth))  # on the first stream, of the same size
            first.synchronize()  # what was written there is there, whether or not it was to be read before
            with device.on(second):
                np.testing.assert_array_equal(device.to_host(turned), truth)
            assert not device.to_host(other).any()


@pytest.mark.usefixtures("driver")
def test_that_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail."""
    monkeypatch.setattr(pool._Waiting, "fits", lambda *_: True)
    with pytest.raises(AssertionError):
        test_memory_is_used_again_only_behind_its_work()


@pytest.mark.usefixtures("driver")
def test_the_default_stream_takes_no_memory_that_others_still_use() -> None:
    """Work on it would wait; a copy or an engine queued elsewhere for a thread without a stream would not."""
    with device.use() as first, device.borrowed() as second:
        sent = device.to_device(noise(1000))
        with device.on(second):
            second.wait(first.record())
            copied = sent.copy()
        address = sent.ptr
        del sent
    other = device.empty((1000,), np.float32)
    assert other.ptr != address
    with device.on(second):
        device.to_host(copied)
    first.synchronize()
    del other
    assert device.empty((1000,), np.float32).ptr


def test_a_steady_stream_of_batches_allocates_nothing(driver: Any) -> None:
    allocated = []
    with device.use() as stream:
        for _ in range(50):
            crops = device.to_device(noise(4, 3, 32, 32))
            device.to_host(ops.rearrange(crops, crops.shape, (0, 2, 3, 1)))
            allocated.append(driver.allocated)
        stream.synchronize()
    assert allocated[-1] == allocated[2]


def test_copies_of_small_results_are_one(driver: Any) -> None:
    arrays = device.empty_many([((4, 100), np.float32), ((4, 50, 2), np.float32), ((4,), np.float16)])
    driver.copies.clear()
    found = device.fetch(arrays).get()
    assert [array.shape for array in found] == [(4, 100), (4, 50, 2), (4,)]
    assert [kind for kind, _, _ in driver.copies] == ["dtoh"]


def test_everything_goes_back_to_the_driver(driver: Any) -> None:
    device.release_unused()
    before = driver.allocated
    with device.use():
        arrays = [device.to_device(noise(1000)) for _ in range(10)]
        assert driver.allocated > before
        del arrays
    gc.collect()
    assert device.memory_waiting() > 0
    device.release_unused()
    assert driver.allocated == before
    assert device.memory_waiting() == 0


def test_memory_that_is_short_is_made_from_what_waits(driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    device.release_unused()
    real, limit = driver.mem_alloc, driver.allocated + (1 << 20)

    def limited(size: int) -> Any:
        if driver.allocated + size > limit:
            raise driver.MemoryError
        return real(size)

    monkeypatch.setattr(driver, "mem_alloc", limited)
    device.empty((700 << 10,), np.uint8)
    assert device.empty((900 << 10,), np.uint8).nbytes == 900 << 10


@either
def test_the_time_of_work_is_told_when_it_is_over() -> None:
    kept = Kept()
    small, large = noise(8), noise(64, 3, 256, 256)
    before_ns = time.perf_counter_ns()
    with tracing.recording(kept), device.use() as stream:
        for _ in range(2):  # the first is for warming up
            for array, name in ((small, "small"), (large, "large"), (small, "small")):
                with device.timed(name, items=len(array)):
                    sent = device.to_device(array)
                    for _ in range(4):
                        sent = sent.copy()
        assert len(kept.spans) < 6 or stream.idle
    told = [span for span in kept.spans if span.category == "gpu"]
    assert [span.name for span in told] == ["small", "large", "small"] * 2
    assert {(span.row, span.thread) for span in told} == {(told[0].row, "GPU 0 stream 1")}
    assert [span.facts["items"] for span in told[:2]] == [8, 64]
    assert before_ns - 1e6 < told[0].start_ns
    assert told[-1].end_ns < time.perf_counter_ns() + 1e6
    for one, next_one in pairwise(told):
        assert one.start_ns <= one.end_ns <= next_one.start_ns
    assert told[4].end_ns - told[4].start_ns > 2 * (told[5].end_ns - told[5].start_ns)


@pytest.mark.usefixtures("driver")
def test_timing_waits_for_nothing() -> None:
    kept = Kept()
    with tracing.recording(kept), device.use() as stream:
        for _ in range(3):
            with device.timed("copy"):
                device.to_device(noise(100))
            assert not kept.spans
        assert not stream.idle
    assert len(kept.spans) == 3
    with device.use(), device.timed("copy"):
        device.to_device(noise(100))
    assert len(kept.spans) == 3


@pytest.mark.usefixtures("driver")
def test_a_thread_without_a_stream_is_not_timed() -> None:
    kept = Kept()
    with tracing.recording(kept), device.timed("copy"):
        device.to_device(noise(100))
    assert not kept.spans
