"""`trtswap doctor` on this machine, and on ones that lack something."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from trtswap import __version__
from trtswap.cli import machine
from trtswap.cli.app import main
from trtswap.cli.encoders import ENCODERS
from trtswap.inference.spec import load_specs
from trtswap.stages import carry

pytestmark = pytest.mark.usefixtures("only_given_folders")

GPU = {
    "index": 0,
    "name": "NVIDIA [Test] GPU",
    "compute_capability": "9.0",
    "total_memory_bytes": 16 * 2**30,
    "free_memory_bytes": 12 * 2**30,
}


def core(**attributes: Any) -> Any:
    """A stand-in for trtswap._core on a machine with one GPU."""
    usual = {
        "cuda_built": True,
        "cuda_architectures": "90",
        "host_threads": 4,
        "cuda_device_count": lambda: 1,
        "cuda_driver_version": lambda: 13010,
        "cuda_runtime_version": lambda: 13000,
        "cuda_devices": lambda: [GPU],
    }
    return SimpleNamespace(**{**usual, **attributes})


@pytest.fixture(autouse=True)
def _core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trtswap._core", core())


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a file for each known network."""
    folder = tmp_path / "models"
    folder.mkdir()
    for spec in load_specs().values():
        for name in spec.file_names:
            (folder / name).write_bytes(f"stands for {name}".encode())
    return folder


def doctor(capsys: pytest.CaptureFixture[str], *extra: str) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json", *extra])
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    report: dict[str, Any] = json.loads(out)
    assert report["event"] == "doctor"
    assert report["exit_code"] == code
    assert report["ready"] is (code == 0)
    return code, report


def kinds(value: Any) -> Any:
    """The shape of JSON: types in place of values."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [kinds(value[0])] if value else []
    return type(value).__name__


def test_schema_on_a_machine_that_is_ready(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = doctor(capsys, "-m", str(models))
    assert code == 0, report["missing"]
    network = report["networks"][0]
    assert kinds(network) == {
        "name": "str", "role": "str", "kind": "str", "summary": "str", "licence": "str",
        "licence_note": "str", "commercial_use": "bool", "files": ["str"], "published": ["str"],
        "path": "str", "verified": "NoneType", "problem": "NoneType",
    }  # fmt: skip
    assert kinds(report["native"]) == {
        "problem": "NoneType", "cuda_built": "bool", "cuda_architectures": "str", "host_threads": "int",
        "cuda_driver": "int", "cuda_runtime": "int",
        "devices": [{"index": "int", "name": "str", "compute_capability": "str", "total_memory_bytes": "int",
                     "free_memory_bytes": "int"}],
    }  # fmt: skip
    assert kinds(report["system"]) == {
        "trtswap": "str", "python": "str", "os": "str", "machine": "str", "memory_total_bytes": "int",
        "memory_free_bytes": "int", "temporary_folder": "str", "disk_free_bytes": "int",
    }  # fmt: skip
    assert kinds(report["engines"]) == {
        "folder": "str",
        "count": "int",
        "bytes": "int",
        "problem": "NoneType",
    }
    assert set(report["frames"]) == {"place", "reason"}
    assert list(report["encoders"]) == list(ENCODERS)
    assert set(report["libraries"]) == {"numpy", "av", "onnxruntime", "onnx", "cv2"}
    assert all(set(library) == {"version", "problem"} for library in report["libraries"].values())
    assert set(report["extras"]) == {"tensorrt", "pycuda", "PyNvVideoCodec"}
    assert report["model_folders"] == [str(models)]
    assert report["own_model_folder"].endswith("models")
    assert all(set(thing) == {"what", "hint", "required"} for thing in report["missing"])
    assert not any(thing["required"] for thing in report["missing"])


def test_facts_agree_with_the_libraries(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import av
    import onnxruntime

    _, report = doctor(capsys, "-m", str(models))
    assert report["libraries"]["av"]["version"] == av.__version__
    assert report["libraries"]["onnxruntime"]["version"] == onnxruntime.__version__
    assert report["providers"] == onnxruntime.get_available_providers()
    assert report["ffmpeg"] == av.ffmpeg_version_info
    assert report["encoders"]["libx264"] is None, "the wheel of PyAV brings x264"
    assert report["system"]["trtswap"] == __version__
    assert report["system"]["python"] == sys.version.split()[0]
    assert 0 < report["system"]["memory_free_bytes"] <= report["system"]["memory_total_bytes"]


@pytest.mark.parametrize("reason", [None, "TensorRT is not installed"])
def test_it_says_where_frames_lie(
    reason: str | None, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(carry, "why_on_host", lambda: reason)
    place = "host" if reason else "gpu"
    assert doctor(capsys, "-m", str(models))[1]["frames"] == {"place": place, "reason": reason}
    main(["doctor", "-m", str(models)])
    assert (reason or "stay on the GPU") in " ".join(capsys.readouterr().out.split())


def test_no_networks(capsys: pytest.CaptureFixture[str]) -> None:
    code, report = doctor(capsys)
    assert code == 4
    required = [thing["what"] for thing in report["missing"] if thing["required"]]
    assert [what.split()[1].rstrip(",") for what in required] == ["detector", "recogniser", "swapper"]


def test_verify_compares_digests(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, report = doctor(capsys, "-m", str(models), "--verify")
    for network in report["networks"]:
        digest = hashlib.sha256(Path(network["path"]).read_bytes()).hexdigest()
        known = {file.sha256 for file in load_specs()[network["name"]].files}
        assert digest not in known
        assert network["verified"] == "unknown"


@pytest.mark.parametrize("module", ["av", "onnxruntime", "onnx", "cv2"])
def test_a_library_that_cannot_be_imported(
    module: str, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    code, report = doctor(capsys, "-m", str(models))
    assert code == 1
    assert report["libraries"][module]["problem"] is not None
    required = [thing for thing in report["missing"] if thing["required"]]
    assert [module in thing["what"] for thing in required] == [True]
    assert "pip install" in required[0]["hint"]


def test_an_extension_that_cannot_be_imported(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "trtswap._core", None)
    code, report = doctor(capsys, "-m", str(models))
    assert code == 1
    assert "_core" in report["native"]["problem"]
    assert "native extension" in report["missing"][0]["what"]
    assert main(["doctor", "-m", str(models)]) == 1
    out = capsys.readouterr().out
    assert "missing: trtswap's native extension" in out
    assert "not ready" in out


def test_a_package_whose_import_fails_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "PyNvVideoCodec":
                raise RuntimeError("Failed to load NVENC library\na page of advice")

    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "PyNvVideoCodec", raising=False)
    component = machine.look_at_extras()["PyNvVideoCodec"]
    assert component.problem == "RuntimeError: Failed to load NVENC library"


def test_a_gpu_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise RuntimeError("CUDA is in a bad mood")

    monkeypatch.setitem(sys.modules, "trtswap._core", core(cuda_device_count=fail))
    native = machine.look_at_native()
    assert (native.problem, native.devices) == (None, [])


def test_encoders_that_do_not_open_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(name: str, _mode: str) -> Any:
        if name == "h264_nvenc":
            raise PermissionError(1, "Operation not permitted")
        raise ValueError(f"no codec {name}")

    fake = ModuleType("av")
    fake.CodecContext = SimpleNamespace(create=create)  # type: ignore[attr-defined]
    fake.ffmpeg_version_info = "1.2"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "av", fake)
    codecs = machine.look_at_codecs()
    assert codecs.ffmpeg == "1.2"
    assert codecs.encoders["libx264"] == "ValueError: no codec libx264"
    assert str(codecs.encoders["h264_nvenc"]).startswith("Operation not permitted (needs an NVIDIA GPU")


def test_table(models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["doctor", "-m", str(models), "--verify"]) == 0
    out = capsys.readouterr().out
    assert "NVIDIA [Test] GPU, compute capability 9.0, 12.0 GiB free of 16.0 GiB" in out
    assert "driver 13.1, runtime 13.0" in out
    for spec in load_specs().values():
        assert f"{models / spec.file_names[0]} (digest not among those published)" in out
    assert out.endswith("ready: `trtswap process` can run here\n")


def test_probing_writes_nothing_past_python(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "-m", str(models)]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert json.loads(out)["event"] == "doctor"
