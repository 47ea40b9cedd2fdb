from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.networks import EMBEDDING_MAP, analytic_hyperswap, analytic_inswapper, random_inswapper, swapped
from support.pictures import face_placement, scene
from support.tolerance import RESAMPLE_CODES

from trtswap.errors import InputError, NoFaceError, SpecError
from trtswap.geometry import estimate_similarity, template_points
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.registry import create_swapper
from trtswap.networks.swapper import Inswapper, Swapper
from trtswap.types import Array, Identity, PixelFormat, Surface

SPECS = load_specs()
MAKERS: dict[str, Callable[..., Path]] = {
    "inswapper_128": analytic_inswapper,
    "hyperswap_1a_256": analytic_hyperswap,
}


def identity(seed: int) -> Identity:
    """One of two pictures, with raw vectors of different lengths, as stages make it."""
    raw = np.random.default_rng(seed).standard_normal((2, 512)) * [[0.7], [1.4]]
    unit = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).mean(axis=0)
    return Identity(
        raw.mean(axis=0).astype(np.float32), (unit / np.linalg.norm(unit)).astype(np.float32), pictures=2
    )


def faces() -> tuple[list[Surface], Array, Array]:
    one, first = scene(700, 500, [face_placement((350, 250), 300, 17)], seed=3)
    two, second = scene(640, 480, [face_placement((300, 230), 200, -8)], seed=4)
    return (
        [Surface(PixelFormat.RGB8, (p,)) for p in (one, two)],
        np.array([1, 0]),
        np.concatenate([second, first]),
    )


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("name", MAKERS)
def test_patches_are_what_the_network_makes_of_the_crops(name: str, batch: int | str, tmp_path: Path) -> None:
    surfaces, indices, landmarks = faces()
    with OrtSession(MAKERS[name](tmp_path / "x.onnx", batch=batch), SPECS[name], "cpu") as session:
        swapper = create_swapper(session)
        placements = swapper.placements(landmarks)
        vectors = np.stack([swapper.source_vector(identity(1)), swapper.source_vector(identity(2))])
        patches = swapper.swap(surfaces, indices, placements, vectors)
    size = swapper.size
    truth = estimate_similarity(landmarks, template_points("arcface_128", (size, size)))
    np.testing.assert_allclose(placements, truth)
    crops = [
        cv2.warpAffine(
            surfaces[index].planes[0].astype(np.float32),
            matrix,
            (size, size),
            borderMode=cv2.BORDER_REPLICATE,
        )
        for index, matrix in zip(indices, truth, strict=True)
    ]
    expected = swapped(np.stack(crops).transpose(0, 3, 1, 2) / 255, vectors)
    assert patches.pixels.shape == (2, 3, size, size)
    assert patches.pixels.dtype == np.float32
    assert len(patches) == 2
    rgb01 = patches.pixels.astype(np.float64) * patches.scale + patches.offset
    np.testing.assert_allclose(rgb01, expected, atol=RESAMPLE_CODES / 255)


@pytest.mark.parametrize(
    ("name", "scale", "offset"), [("inswapper_128", 1.0, 0.0), ("hyperswap_1a_256", 0.5, 0.5)]
)
def test_ranges(name: str, scale: float, offset: float, tmp_path: Path) -> None:
    with OrtSession(MAKERS[name](tmp_path / "x.onnx"), SPECS[name], "cpu") as session:
        swapper = create_swapper(session)
        none = swapper.swap([], np.zeros(0, int), np.zeros((0, 2, 3)), np.zeros((0, 512)))
    assert (none.scale, none.offset) == (scale, offset)
    assert none.pixels.shape == (0, 3, swapper.size, swapper.size)
    assert swapper.template == "arcface_128"


def swapper_of(name: str, tmp_path: Path) -> Swapper:
    with OrtSession(MAKERS[name](tmp_path / "x.onnx"), SPECS[name], "cpu") as session:
        return create_swapper(session)


def test_inswapper_maps_the_raw_embedding_over_its_length(tmp_path: Path) -> None:
    person = identity(5)
    vector = swapper_of("inswapper_128", tmp_path).source_vector(person)
    expected = [
        sum(float(person.embedding[i]) * float(EMBEDDING_MAP[i, j]) for i in range(512))
        / float(np.sqrt((person.embedding.astype(np.float64) ** 2).sum()))
        for j in range(512)
    ]
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_inswapper_does_not_bring_the_vector_to_length_one(tmp_path: Path) -> None:
    path = random_inswapper(tmp_path / "x.onnx", seed=8)  # its map does not keep lengths
    with OrtSession(path, SPECS["inswapper_128"], "cpu") as session:
        vectors = [Inswapper(session).source_vector(identity(seed)) for seed in range(8)]
    assert np.ptp(np.linalg.norm(vectors, axis=1)) > 1e-3


def test_hyperswap_takes_the_unit_embedding(tmp_path: Path) -> None:
    person = identity(6)
    vector = swapper_of("hyperswap_1a_256", tmp_path).source_vector(person)
    np.testing.assert_array_equal(vector, person.unit)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_identity_without_length_is_refused(name: str, value: float, tmp_path: Path) -> None:
    nobody = np.full(512, value, np.float32)
    with pytest.raises(InputError, match="the identity's embedding has the length"):
        swapper_of(name, tmp_path).source_vector(Identity(nobody, nobody))


def test_landmarks_that_cannot_be_aligned(tmp_path: Path) -> None:
    with pytest.raises(NoFaceError, match="face 0 cannot be aligned"):
        swapper_of("inswapper_128", tmp_path).placements(np.full((1, 5, 2), 3.0))


@pytest.mark.parametrize("change", ["template", "swap"])
def test_a_spec_that_does_not_describe_a_swapper(change: str, tmp_path: Path) -> None:
    spec = SPECS["inswapper_128"]
    broken = {
        "template": replace(spec, picture=replace(spec.picture, template="arcface_129")),
        "swap": replace(spec, swap=None),
    }[change]
    with (
        OrtSession(analytic_inswapper(tmp_path / "x.onnx"), broken, "cpu") as session,
        pytest.raises(SpecError),
    ):
        create_swapper(session)
