"""The marker `gpu`, and the fixture that runs one test body on the host and on the GPU."""

from __future__ import annotations

import os
import signal

import pytest

# Before NumPy and the extension: threads that spin while they wait take the processor from those they wait for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from support.targets import REQUIRE_GPU, CudaTarget, HostTarget, Target


def gpu_missing() -> str | None:
    """Why the GPU tests cannot run here, or None."""
    from trtswap import _core

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
    """Started in the background, a shell leaves Ctrl-C ignored; tests that send it need it to arrive."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _signing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Outputs of tests are signed with keys of their own, not with those of whoever runs them."""
    os.environ["TRTSWAP_SIGNING"] = str(tmp_path_factory.mktemp("keys") / "signing")
    os.environ["TRTSWAP_STATE"] = str(tmp_path_factory.mktemp("state"))


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
