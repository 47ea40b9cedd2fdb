"""Rendered clips through the whole pipeline, on both sessions, against their true swaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trtswap.demo.builtin import builtin_options
from trtswap.demo.clips import plan_clip
from trtswap.options import ClipKind, EncodeOptions, SwapOptions
from trtswap.trial import Files, Measured, draw_files, measure_files, swap_files

SIZE = (480, 270)
DEVICES = [
    pytest.param("cpu"),
    pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.timeout(1200)]),  # five engines are built first
]


def tried(folder: Path, kind: ClipKind, device: str, seed: int, frames: int = 10) -> Measured:
    clip, files = plan_clip(kind, seed, frames, SIZE), Files.in_folder(folder, "result.mkv")
    draw_files(clip, files)
    options = replace(builtin_options(SwapOptions(device=device)), encode=EncodeOptions("lossless"))
    report = swap_files(clip, files, options)
    assert report.frames == frames
    assert report.faces_swapped >= frames - 1
    return measure_files(clip, files)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", ["talking", "two people", "scene cut"])
def test_a_rendered_clip_comes_nearer_to_its_true_swap(tmp_path: Path, kind: ClipKind, device: str) -> None:
    seed = 7_000  # a rendered clip is a fixed thing; other people are tried in tests/demo/test_builtin.py
    measured = tried(tmp_path, kind, device, seed)
    figures = measured.figures
    assert figures["psnr_face_db"] > figures["psnr_face_unswapped_db"] - 0.5, f"seed {seed}"
    assert figures["psnr_outside_db"] > 34, f"seed {seed}"  # what the clip's encoding took, and no more
    assert figures["identity_source"] > figures["identity_target"] - 0.2, f"seed {seed}"
    assert figures["landmark_error"] < 0.12, f"seed {seed}"
    assert len(measured.moments) == 3


def test_figures_tell_a_swap_from_none(tmp_path: Path) -> None:
    """The clip taken for its own result scores as unswapped."""
    clip, files = plan_clip("talking", 11, 6, SIZE), Files.in_folder(tmp_path)
    draw_files(clip, files)
    swap_files(clip, files, builtin_options())
    swapped = measure_files(clip, files).figures
    unswapped = measure_files(clip, replace(files, result=files.target)).figures
    assert abs(unswapped["psnr_face_db"] - unswapped["psnr_face_unswapped_db"]) < 0.1
    assert swapped["identity_source"] > unswapped["identity_source"]
    assert swapped["identity_target"] < unswapped["identity_target"]
