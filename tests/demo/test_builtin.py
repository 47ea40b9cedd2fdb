"""The built-in networks, on people they were not trained on, against the renderer's truth."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from trtswap.demo.builtin import NAMES, builtin_options
from trtswap.demo.clips import plan_clip
from trtswap.demo.landmarks import five_points
from trtswap.demo.render import Rendered, render
from trtswap.inference.spec import load_specs
from trtswap.inference.store import Store
from trtswap.networks.loader import NetworkSet
from trtswap.quality.full_reference import psnr_db
from trtswap.stages.identity import identity_of
from trtswap.trial import portrait
from trtswap.types import Array, PixelFormat, Surface

SIZE = (640, 360)
MOST_BYTES = 8_000_000
KINDS = ("talking", "coloured light", "two people", "small")
ONE = np.zeros(1, int)


@pytest.fixture(scope="module")
def networks() -> Iterator[NetworkSet]:
    with NetworkSet(builtin_options()) as opened:
        yield opened


def seeds() -> list[int]:
    """A few clips that nobody has seen: the figures of one alone scatter."""
    return [int(seed) for seed in np.random.default_rng().integers(2_000, 900_000, 4)]


@cache
def frames_of(kind: str) -> tuple[tuple[Rendered, Array], ...]:
    """Frames from the middle of clips, each with a portrait of the person swapped in; others in every run."""
    clips = [plan_clip(kind, seed, 12, SIZE) for seed in seeds()]  # type: ignore[arg-type]
    return tuple(
        (render(clip.people, clip.states[6], clip.sources), portrait(clip.sources[0])) for clip in clips
    )


def surface(picture: Array) -> Surface:
    return Surface(PixelFormat.RGB8, (np.ascontiguousarray(picture),))


def codes(crop: Array) -> Array:
    picture: Array = np.rint(np.clip(crop, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return picture


def test_they_are_as_their_specs_say_and_small() -> None:
    specs, store = load_specs(), Store()
    paths = [store.find(specs[name]) for name in NAMES.values()]
    assert all(
        Store.verify(path, specs[name]) == "known" for path, name in zip(paths, NAMES.values(), strict=True)
    )
    assert sum(Path(path).stat().st_size for path in paths) <= MOST_BYTES
    assert all(specs[name].licence.label == "Apache-2.0" for name in NAMES.values())


def test_nobody_gets_them_by_accident(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They know rendered people only: "auto" rather finds nothing."""
    from trtswap.errors import NetworkNotFoundError
    from trtswap.options import SwapOptions

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name in ("TRTSWAP_MODELS", "FACEFUSION_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetworkNotFoundError):
        NetworkSet(SwapOptions())


@pytest.mark.parametrize("kind", KINDS)
def test_faces_and_points_are_found(networks: NetworkSet, kind: str) -> None:
    assert networks.landmarker is not None
    heads, found, errors = 0, 0, []
    for frame, _ in frames_of(kind):
        faces = networks.detector.detect([surface(frame.picture)], builtin_options().detect)[0]
        points, _ = networks.landmarker.locate([surface(frame.picture)], [faces])
        five = np.stack([five_points(found) for found in points]) if len(points) else np.zeros((0, 5, 2))
        heads, found = heads + len(frame.heads), found + len(faces)
        for head in frame.heads:
            eyes = float(np.hypot(*(head.five_px[1] - head.five_px[0])))
            scale = max(eyes, 0.28 * float(np.ptp(head.landmarks_px[:, 1])))
            off = np.hypot(*(five - head.five_px).transpose(2, 0, 1)).mean(axis=1)
            errors.append(off.min(initial=scale) / scale)
    assert abs(found - heads) <= 1
    assert np.median(errors) < 0.06, errors


@pytest.mark.parametrize("kind", KINDS)
def test_the_swap_is_nearer_to_the_truth_than_the_target(networks: NetworkSet, kind: str) -> None:
    gains = []
    for frame, source in frames_of(kind):
        assert frame.swap is not None
        head = frame.heads[0]
        known = networks.detector.detect([surface(source)], builtin_options().detect)[0]
        identity = identity_of(networks.recogniser.embed([surface(source)], ONE, known.landmarks_px[:1]))
        placement = networks.swapper.placements(head.five_px[None])
        vector = networks.swapper.source_vector(identity)[None]
        made = networks.swapper.swap([surface(frame.picture)], ONE, placement, vector).pixels[0]
        cover = np.rint(head.face * 255).astype(np.uint8)[..., None].repeat(3, 2)
        before, true, face = (
            networks.swapper.inputs([surface(picture)], ONE, placement)[0]
            for picture in (frame.picture, frame.swap, cover)
        )
        weight = face[0]
        swapped, unswapped = (psnr_db(codes(crop), codes(true), weight) for crop in (made, before))
        gains.append(swapped - unswapped)
        assert np.abs(made - before)[:, weight < 0.01].mean() < 0.05, "beyond the face the crop stays"
    assert np.mean(gains) > 0.5, gains


def test_what_covers_a_face_is_told_from_it(networks: NetworkSet) -> None:
    overlaps = []
    for frame, _ in frames_of("occluded"):
        head = frame.heads[0]
        placement = networks.swapper.placements(head.five_px[None])
        found = networks.occluders[0].masks([surface(frame.picture)], ONE, placement, 128)[0] > 0.5
        cover = np.rint(head.face * 255).astype(np.uint8)[..., None].repeat(3, 2)
        true = networks.swapper.inputs([surface(cover)], ONE, placement)[0, 0] > 0.5
        overlaps.append((found & true).sum() / (found | true).sum())
    assert np.mean(overlaps) > 0.75, overlaps  # 0.95 in the mean of many; these are four frames of anybody
