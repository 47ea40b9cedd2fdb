"""What counts as missing, and which exit code it leads to."""

from __future__ import annotations

import pytest

from trtswap.cli.diagnosis import Missing, cuda_version, diagnose, gpu_problem, verdict
from trtswap.cli.inventory import NEEDED, Inventory, NetworkStatus
from trtswap.cli.machine import Codecs, Component, Engines, Native
from trtswap.inference.spec import load_specs

GPU = {
    "index": 0,
    "name": "a GPU",
    "compute_capability": "9.0",
    "total_memory_bytes": 2**34,
    "free_memory_bytes": 2**33,
}
GOOD = Component("1.0", None)
ABSENT = Component(None, "not installed")


def native(driver: int = 13000, runtime: int = 13000, *, built: bool = True, devices: int = 1) -> Native:
    return Native(
        cuda_built=built,
        cuda_architectures="90",
        host_threads=2,
        cuda_driver=driver if built else None,
        cuda_runtime=runtime if built else None,
        devices=[GPU] * devices,
    )


def inventory(*roles: str, problem: str | None = None) -> Inventory:
    """Every known network; those of `roles` have a file."""
    networks = tuple(
        NetworkStatus(spec, f"/models/{spec.name}", problem=problem)
        if spec.role in roles
        else NetworkStatus(spec, None)
        for spec in load_specs().values()
    )
    return Inventory(networks, ("/models",), "/own")


def diagnosis(
    *,
    core: Native | None = None,
    av: Component = GOOD,
    tensorrt: Component = Component("10.0.1", None),  # noqa: B008  frozen
    pycuda: Component = GOOD,
    engines: Engines | None = None,
    encoders: dict[str, str | None] | None = None,
    networks: Inventory | None = None,
) -> list[Missing]:
    return diagnose(
        core or native(),
        {"av": av},
        {"tensorrt": tensorrt, "pycuda": pycuda},
        Codecs("8.1", {"libx264": None} if encoders is None else encoders),
        networks or inventory(*NEEDED),
        engines,
    )


def test_nothing_missing() -> None:
    assert diagnosis() == []
    assert verdict([]) == 0


@pytest.mark.parametrize("role", NEEDED)
def test_a_role_without_a_network(role: str) -> None:
    missing = diagnosis(networks=inventory(*(set(NEEDED) - {role})))
    assert len(missing) == 1
    assert role in missing[0].what
    assert verdict(missing) == 4
    for spec in load_specs().values():
        mentioned = spec.role == role and not spec.built_in
        assert all((name in missing[0].hint) is mentioned for name in spec.file_names)
        if mentioned:
            assert all(place.release in missing[0].hint for place in spec.published)
    assert "/own" in missing[0].hint


def test_built_in_networks_do_not_make_a_machine_ready() -> None:
    networks = tuple(
        NetworkStatus(spec, "/weights/x.onnx" if spec.built_in else None) for spec in load_specs().values()
    )
    missing = diagnosis(networks=Inventory(networks, ("/models",), "/own"))
    assert len(missing) == len(NEEDED)
    assert verdict(missing) == 4


def test_a_network_that_cannot_be_read_is_missing() -> None:
    missing = diagnosis(networks=inventory(*NEEDED, problem="cannot be read"))
    assert len(missing) == len(NEEDED)
    assert verdict(missing) == 4


def test_one_encoder_is_enough() -> None:
    assert diagnosis(encoders={"libx264": None, "h264_nvenc": "no driver"}) == []
    missing = diagnosis(encoders={"libx264": "broken", "h264_nvenc": "no driver"})
    assert ["encoder" in thing.what for thing in missing] == [True]
    assert verdict(missing) == 1


def test_an_incomplete_installation_comes_before_a_missing_network() -> None:
    missing = diagnosis(av=ABSENT, core=Native(problem="ImportError: no"), networks=inventory())
    assert [thing.code for thing in missing] == [1, 1, 4, 4, 4]
    assert verdict(missing) == 1


@pytest.mark.parametrize(
    ("core", "said"),
    [
        (native(built=False, devices=0), "built for the CPU only"),
        (native(driver=0, devices=0), "none is installed"),
        (native(driver=12080, devices=0), "supports CUDA 12.8, trtswap was built for 13.0"),
        (native(driver=13000, devices=0), "shows no device"),
        (native(driver=13000, runtime=13020, devices=0), "shows no device"),
    ],
)
def test_no_gpu_is_told_apart_and_does_not_stop_a_swap(core: Native, said: str) -> None:
    missing = diagnosis(core=core, tensorrt=ABSENT)
    assert len(missing) == 1, "TensorRT is of no use without a GPU"
    assert said in missing[0].what
    assert not missing[0].required
    assert verdict(missing) == 0


@pytest.mark.parametrize("core", [native(), native(driver=13000, runtime=13020), native(driver=14000)])
def test_gpu_that_works(core: Native) -> None:
    assert gpu_problem(core) is None


def test_tensorrt_is_worth_having_with_a_gpu() -> None:
    missing = diagnosis(tensorrt=ABSENT)
    assert len(missing) == 1
    assert missing[0].hint == "pip install tensorrt-cu13"
    assert verdict(missing) == 0


@pytest.mark.parametrize(
    ("driver", "version", "problem", "command"),
    [
        (13000, None, "not installed", "pip install tensorrt-cu13"),
        (12080, None, "not installed", "pip install tensorrt-cu12"),
        (12080, "10.13.3", "ImportError: libnvinfer.so.10", "pip install --force-reinstall tensorrt-cu12"),
        (12080, "8.5.3", None, "pip install --upgrade tensorrt-cu12"),
    ],
)
def test_a_half_installed_tensorrt_gets_the_command_that_fixes_it(
    driver: int, version: str | None, problem: str | None, command: str
) -> None:
    (missing,) = diagnosis(core=native(driver, driver), tensorrt=Component(version, problem))
    assert missing.hint.endswith(command)


@pytest.mark.parametrize(
    ("version", "problem", "words"),
    [
        (None, "not installed", "pip install pycuda (it is built on this machine"),
        ("2026.1", "ImportError: libcuda.so.1: cannot open", "install the NVIDIA driver"),
        ("2026.1", "ImportError: libcurand.so.10", "--force-reinstall --no-binary pycuda pycuda"),
    ],
)
def test_a_half_installed_pycuda(version: str | None, problem: str, words: str) -> None:
    (missing,) = diagnosis(pycuda=Component(version, problem))
    assert words in missing.hint


def test_a_folder_for_engines_that_cannot_be_written() -> None:
    (missing,) = diagnosis(engines=Engines("/x", 0, 0, "/x cannot be written to"))
    assert "TRTSWAP_CACHE" in missing.hint
    assert not missing.required


@pytest.mark.parametrize(("code", "text"), [(13000, "13.0"), (12080, "12.8"), (11010, "11.1")])
def test_cuda_version(code: int, text: str) -> None:
    assert cuda_version(code) == text
