"""The marker `gpu`, and the fixture that runs one test body on the host and on the GPU."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from functools import cache

import pytest

# Before NumPy and the extension: threads that spin while they wait take the processor from those they wait for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from support.targets import REQUIRE_GPU, CudaTarget, HostTarget, Target


@cache
def gpu_missing() -> str | None:
    """Why the GPU tests cannot run here, or None."""
    try:
        from trtswap import _core
    except ImportError as error:
        return f"the extension cannot be imported: {error}"
    if not _core.cuda_built:
        return "trtswap was built without CUDA kernels"
    if _core.cuda_device_count() == 0:
        return f"no usable GPU ({_core.cuda_status()})"
    try:
        import pycuda.driver  # noqa: F401
    except ImportError as error:
        return f"pycuda cannot be imported: {error}"
    return None


def pytest_configure() -> None:
    """Started in the background, a shell leaves Ctrl-C ignored; tests that send it need it to arrive. And what GPUs
    there are is asked before a test hides them from the processes it starts.
    """
    gpu_missing()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _signing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Outputs of tests are signed with keys of their own, not with those of whoever runs them."""
    os.environ["TRTSWAP_SIGNING"] = str(tmp_path_factory.mktemp("keys") / "signing")
    os.environ["TRTSWAP_STATE"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def _on_the_host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where there is a GPU, tests that are not of it run networks on the CPU all the same, as elsewhere."""
    if request.node.get_closest_marker("gpu") or gpu_missing():
        yield
        return
    from trtswap.networks import sessions

    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    sessions._library.cache_clear()
    yield
    sessions._library.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("gpu")]
    reason = gpu_missing() if marked and not REQUIRE_GPU else None
    if reason:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(params=["host", pytest.param("cuda", marks=pytest.mark.gpu)])
def target(request: pytest.FixtureRequest) -> Target:
    """Where an operation runs."""
    return HostTarget() if request.param == "host" else CudaTarget()
