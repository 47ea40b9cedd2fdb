"""Signing that cannot be done: told clearly, before any work where it can be, and the finished file is never lost."""

from __future__ import annotations

import datetime
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.patience import PATIENCE_S
from support.signed import frames_in, kept, swap
from support.stamping import authority

from trtswap.errors import SigningError
from trtswap.provenance.seal import Seal
from trtswap.provenance.verify import verify

pytest.importorskip("c2pa")


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from support.signed import swap
from trtswap.errors import SigningError
world, output, limit = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    swap(world, world / "clip.mp4", output)
except SigningError as error:
    print(error)
    sys.exit(3)
"""


def test_a_disk_that_is_full_while_signing(world: Path, work: Path) -> None:
    """A file may grow to what the video needs and a little more, which the signed one does not fit in."""
    swap(world, world / "clip.mp4", work / "plain.mp4", unsigned_reason="to know its size")
    size = (work / "plain.mp4").stat().st_size
    (work / "plain.mp4").unlink()
    tests = str(Path(__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tests, str(world), str(work / "out.mp4"), str(size + 500)],
        cwd=work,  # not the sources, which are unbuilt
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert result.returncode == 3, result.stderr
    assert "cannot be signed" in result.stdout
    assert "kept as out.unsigned.mp4" in result.stdout
    assert frames_in(kept(work)) == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_file_system_that_is_full_while_signing(world: Path, tmp_path: Path, ending: str) -> None:
    """A real one, of a few hundred kilobytes, with room for one copy of the video but not for two."""
    disk = tmp_path / "disk"
    disk.mkdir()
    swap(world, world / "clip.mp4", tmp_path / f"size.{ending}", unsigned_reason="to know its size")
    pages = 1 + -(-(tmp_path / f"size.{ending}").stat().st_size // 4096)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={(pages + 1) * 4096}", "full", str(disk)], check=False
    ).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        with pytest.raises(SigningError, match=rf"kept as out\.unsigned\.{ending}"):
            swap(world, world / "clip.mp4", disk / f"out.{ending}")
        assert frames_in(kept(disk, f"out.unsigned.{ending}")) == 4
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_nothing_that_goes_wrong_while_signing_loses_the_file(
    world: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what nobody thought of."""

    def odd(*_: Any, **__: Any) -> Any:
        raise RuntimeError("odd")

    monkeypatch.setattr(Seal, "_sign", odd)
    with pytest.raises(
        SigningError, match=r"RuntimeError: odd; the finished file was kept as out\.unsigned\.mp4"
    ):
        swap(world, world / "clip.mp4", work / "out.mp4")
    assert frames_in(kept(work)) == 4


def test_an_interrupted_run_leaves_nothing(world: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Seal, "_sign", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swap(world, world / "clip.mp4", work / "out.mp4")
    assert list(work.iterdir()) == []


def test_the_kept_file_takes_no_other_s_name(
    world: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Seal, "_sign", full)
    for _ in range(3):
        with pytest.raises(SigningError, match="No space left"):
            swap(world, world / "clip.mp4", work / "out.mp4")
    names = sorted(path.name for path in work.iterdir())
    assert names == ["out.unsigned-2.mp4", "out.unsigned-3.mp4", "out.unsigned.mp4"]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("refuses", "500"), ("garbage", "decode error"), ("another", "mismatch"), ("absent", "error sending")],
)
def test_a_time_stamp_authority_that_does_not_serve(
    world: Path, work: Path, tmp_path: Path, mode: str, reason: str
) -> None:
    (tmp_path / "tsa").mkdir()
    with authority(tmp_path / "tsa", mode) as clock:
        url = clock.url
        if mode == "absent":
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with pytest.raises(SigningError, match=r"no valid time stamp came from http.*unsigned") as caught:
            swap(world, world / "clip.mp4", work / "out.mp4", timestamp_url=url)
    assert reason in str(caught.value)
    assert "--timestamp-authority" in (caught.value.hint or "")
    assert frames_in(kept(work)) == 4


def test_a_time_stamp_is_in_the_manifest(world: Path, work: Path, tmp_path: Path) -> None:
    (tmp_path / "tsa").mkdir()
    with authority(tmp_path / "tsa") as clock:
        swap(world, world / "clip.mp4", work / "out.mp4", timestamp_url=clock.url)
        assert clock.asked == 1
    verdict = verify(work / "out.mp4")
    assert verdict.state == "trusted"
    when = datetime.datetime.fromisoformat(verdict.chain[0].when or "")
    assert abs(datetime.datetime.now(datetime.timezone.utc) - when) < datetime.timedelta(minutes=2)


def test_a_note_of_consent_that_is_missing_is_told(world: Path, work: Path, tmp_path: Path) -> None:
    with pytest.raises(SigningError, match=r"note of consent .*missing\.txt cannot be read: No such file"):
        swap(world, world / "clip.mp4", work / "out.mp4", consent=str(tmp_path / "missing.txt"))
    assert list(work.iterdir()) == []


def test_a_folder_that_keys_cannot_be_made_in_is_told(
    world: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TRTSWAP_SIGNING", str(tmp_path / "file" / "signing"))
    with pytest.raises(SigningError, match="no signing identity can be made") as caught:
        swap(world, world / "clip.mp4", work / "out.mp4")
    assert "--no-provenance" in (caught.value.hint or "")
    assert list(work.iterdir()) == []


def test_a_library_that_cannot_be_loaded_is_told_before_any_frame(
    world: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c2pa.py").write_text("raise OSError('undefined symbol: sign')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "c2pa"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("trtswap.outputs.Outputs.write", lambda *_: pytest.fail("a frame was written"))
    with pytest.raises(SigningError, match="cannot be loaded: undefined symbol: sign") as caught:
        swap(world, world / "clip.mp4", work / "out.mp4")
    assert "c2pa-python" in (caught.value.hint or "")
    assert list(work.iterdir()) == []


def test_a_package_that_is_not_there_leaves_a_note(
    world: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    report = swap(world, world / "clip.mp4", work / "out.mp4")
    assert any("there is no c2pa; pip install c2pa-python" in note for note in report.notes)
    assert frames_in(work / "out.mp4") == 4
