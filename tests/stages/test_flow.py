"""Gaps bridged by optical flow over rendered faces, and where the pictures do not help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support import fake_gpu
from support.gaps import EYES, FPS, NONE, fill, shown, tracked
from support.walks import FACE, Walker

from trtswap import device
from trtswap.geometry import TEMPLATES
from trtswap.stages.flow import cut_out
from trtswap.stages.gaps import GapFiller
from trtswap.types import Faces, PixelFormat, Surface


def swinging(rng: np.random.Generator, eyes: float) -> Walker:
    """A head that moves, nods and turns: up to 50 sizes/s^2."""
    phase = rng.uniform(0, 2 * np.pi, 4)
    return Walker(
        lambda t: np.array(
            [320 + 1.2 * eyes * np.sin(9 * t + phase[0]), 180 + 0.6 * eyes * np.sin(7 * t + phase[1])]
        ),
        lambda t: eyes * (1 + 0.15 * np.sin(6 * t + phase[2])),
        lambda t: 0.3 * np.sin(8 * t + phase[3]),
    )


def rendered(walker: Walker, frame: int, texture: Any, format: PixelFormat, size: tuple[int, int]) -> Surface:
    """A face of texture moved over another texture, with noise."""
    base = walker.shape * 40 + 100
    landmarks = walker.landmarks(frame / FPS)
    matrix, _ = cv2.estimateAffinePartial2D(base, landmarks)
    rng = np.random.default_rng(frame)
    ground = cv2.resize(texture[1], size)
    face = cv2.warpAffine(texture[0], matrix, size)
    mask = np.zeros((200, 200), np.float32)
    cv2.ellipse(mask, (100, 100), (48, 60), 0, 0, 360, 1.0, -1)
    mask = cv2.warpAffine(mask, matrix, size)
    luma = mask * face + (1 - mask) * ground + rng.normal(0, 2, face.shape)
    luma = np.clip(luma, 0, 255)
    planes = tuple(np.zeros(shape, format.dtype) for shape in format.plane_shapes(*size))
    if format is PixelFormat.RGB8:
        planes[0][:] = luma[..., None].astype(np.uint8)
    else:
        planes[0][:] = luma * 256 if format is PixelFormat.P010 else luma
    return Surface(format, planes)


def texture_of(rng: np.random.Generator) -> tuple[Any, Any]:
    """A face and a background, as smooth as skin and walls: float32 [200, 200], 0..255."""

    def one(sigma: float) -> Any:
        noise = cv2.GaussianBlur(rng.standard_normal((200, 200)).astype(np.float32), (0, 0), sigma)
        return 128 + 40 * noise / noise.std()

    return one(4), one(3)


def errors(result: Sequence[Faces], walker: Walker, eyes: float) -> Any:
    """Mean landmark distance to the truth of each filled face, in eye distances."""
    return np.array(
        [
            np.linalg.norm(faces.landmarks_px[0] - walker.landmarks(n / FPS), axis=1).mean() / eyes
            for n, faces in enumerate(result)
            if faces.filled is not None and faces.filled.any()
        ]
    )


@pytest.mark.parametrize(
    ("format", "scale"),
    [(PixelFormat.NV12, 1), (PixelFormat.P010, 1), (PixelFormat.RGB8, 1), (PixelFormat.NV12, 3)],
)
def test_flow_finds_the_face_where_interpolation_guesses(format: PixelFormat, scale: int) -> None:
    """1 % of noise in the landmarks, gaps of five frames at the strongest accelerations."""
    size, eyes = (640 * scale, 360 * scale), EYES * scale
    plain, followed = [], []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        walker, texture = swinging(rng, eyes), texture_of(rng)
        frames = [NONE if n % 8 in range(3, 8) else tracked([walker], n, [0], 0.01) for n in range(27)]
        surfaces = [rendered(walker, n, texture, format, size) for n in range(27)]
        plain += list(errors(fill(GapFiller(5), frames), walker, eyes))
        followed += list(errors(fill(GapFiller(5), frames, surfaces=surfaces), walker, eyes))
    assert len(plain) == len(followed) == 30
    print(
        f"mean {np.mean(plain):.3f} -> {np.mean(followed):.3f}, worst {max(plain):.3f} -> {max(followed):.3f}"
    )
    assert np.mean(plain) < 0.35
    assert max(followed) < 0.10
    assert np.mean(followed) < 0.03
    assert np.mean(followed) < 0.3 * np.mean(plain)


def hidden(surface: Surface, _: int) -> Surface:
    """Something plain in front of everything."""
    surface.planes[0][:] = 90
    return surface


def noise(surface: Surface, frame: int) -> Surface:
    surface.planes[0][:] = np.random.default_rng(frame).integers(0, 256, surface.planes[0].shape)
    return surface


@pytest.mark.parametrize("spoil", [hidden, noise])
def test_flow_that_finds_nothing_changes_nothing(spoil: Callable[[Surface, int], Surface]) -> None:
    rng = np.random.default_rng(5)
    walker, texture = swinging(rng, EYES), texture_of(rng)
    frames = [NONE if n in range(4, 8) else tracked([walker], n, [0]) for n in range(10)]
    surfaces = [rendered(walker, n, texture, PixelFormat.NV12, (640, 360)) for n in range(10)]
    surfaces = [spoil(s, n) if n in range(4, 8) else s for n, s in enumerate(surfaces)]
    for got, expected in zip(
        fill(GapFiller(4), frames, surfaces=surfaces), fill(GapFiller(4), frames), strict=True
    ):
        np.testing.assert_array_equal(got.landmarks_px, expected.landmarks_px)


def test_a_surface_is_not_needed_once_its_frame_is_given_back() -> None:
    """The compositor writes into frames that have been given back: the result must not depend on it."""
    rng = np.random.default_rng(6)
    walker, texture = swinging(rng, EYES), texture_of(rng)
    frames = [NONE if n in range(4, 8) else tracked([walker], n, [0]) for n in range(12)]

    def surfaces() -> list[Surface]:
        return [rendered(walker, n, texture, PixelFormat.NV12, (640, 360)) for n in range(12)]

    expected = fill(GapFiller(4), frames, surfaces=surfaces())
    filler, spoilt, result = GapFiller(4), surfaces(), []
    for number, faces in enumerate(frames):
        done = filler.push(faces, cut=False, surface=spoilt[number])
        for place in range(len(result), len(result) + len(done)):
            noise(spoilt[place], place)
        result += done
    for got, want in zip(result + filler.flush(), expected, strict=True):
        np.testing.assert_array_equal(got.landmarks_px, want.landmarks_px)
    followed, plain = (
        errors(result, walker, EYES).mean() for result in (expected, fill(GapFiller(4), frames))
    )
    assert followed < 0.5 * plain, "without its first picture the gap would only be interpolated"


@pytest.mark.parametrize("where", ["pretended", pytest.param("real", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("format", PixelFormat)
def test_surfaces_on_a_gpu_give_the_same_patches(
    format: PixelFormat, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if where == "pretended":
        fake_gpu.pretend(monkeypatch, "8.6.1", tmp_path)
    rng = np.random.default_rng()
    surface = rendered(swinging(rng, EYES), 0, texture_of(rng), format, (640, 360))
    sent = device.upload(surface)
    for _ in range(20):
        turn = rng.uniform(4, 200) * np.exp(1j * rng.uniform(0, 6.3))
        points = (
            turn * ((TEMPLATES["arcface_112_v2"] - 0.5) @ (1, 1j))
            + rng.uniform(0, 640)
            + 1j * rng.uniform(0, 360)
        )
        landmarks = np.stack([points.real, points.imag], axis=1)
        host, found = cut_out(surface, landmarks), cut_out(sent, landmarks)
        assert (host is None) == (found is None)
        if host is not None and found is not None:
            np.testing.assert_array_equal(found.pixels, host.pixels)
    if where == "pretended":
        fake_gpu.forget()


@pytest.mark.parametrize(
    "place", [(-60.0, 100.0), (0.0, 0.0), (639.0, 359.0), (-5000.0, 0.0), (320.0, 700.0)]
)
@pytest.mark.parametrize("eyes", [0.0, 1.0, 40.0, 900.0])
def test_faces_at_and_beyond_the_border(place: tuple[float, float], eyes: float) -> None:
    texture = texture_of(np.random.default_rng(1))
    surface = rendered(swinging(np.random.default_rng(0), EYES), 0, texture, PixelFormat.NV12, (640, 360))
    walker = Walker(lambda _: np.array(place), lambda _: eyes)
    frames = [tracked([walker], n, [0]) if n in (0, 1, 4) else NONE for n in range(5)]
    result = fill(GapFiller(2), frames, surfaces=[surface] * 5)
    assert shown(result) == "xxoox"
    for n in (2, 3):
        assert (
            np.linalg.norm(result[n].landmarks_px[0] - walker.landmarks(0), axis=1).max() <= 0.1 * eyes + 1e-3
        )


@pytest.mark.parametrize("eyes", [15.0, 40.0, 77.0, 130.0, 400.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, 2.5])
def test_a_patch_shows_what_is_at_its_place(eyes: float, angle: float) -> None:
    """In a ramp of luma every pixel tells where it came from, also where large faces are thinned out. Two ramps, up and
    down: rounding shifts both alike, a wrong place does not."""
    landmarks = 1000 + 600j + eyes * np.exp(1j * angle) * (FACE @ (1, 1j))
    points = np.stack([landmarks.real, landmarks.imag], axis=1)
    u, v = np.meshgrid(np.arange(80.0), np.arange(80.0))
    shifts = []
    for slope in (40 / eyes, -40 / eyes):
        line = np.clip(np.rint(128 + slope * (np.arange(2000.0) - 1000)), 0, 255)
        ramp = np.broadcast_to(line.astype(np.uint8), (1200, 2000))
        patch = cut_out(Surface(PixelFormat.NV12, (ramp, np.zeros((600, 1000, 2), np.uint8))), points)
        assert patch is not None
        expected = 128 + slope * (((u + 1j * v - patch.shift) / patch.turn).real - 1000)
        inside = (np.abs(expected - 128) < 110) & (np.abs(u - 40) < 38) & (np.abs(v - 40) < 38)
        assert inside.sum() > 3000
        off = (patch.pixels - expected)[inside]
        assert np.abs(off).max() < 1.6, "rounded three times"
        shifts.append(off.mean())
    assert abs(shifts[0] - shifts[1]) / 2 < 0.05, "half a sample of a thinned face is 0.26 and more"
