"""Every swapper against the tables of its description, read plainly; boost; weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import plain, stand_ins
from support.tolerance import CROP_SHARE

from trtswap.errors import InputError, OptionError, SpecError
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.networks.boost import explode, implode
from trtswap.networks.converter import CrossFace
from trtswap.networks.registry import create_swapper
from trtswap.types import Array, Identity, PixelFormat, Surface

SPECS = load_specs()
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF, PLAIN = ((0.5,) * 3, (0.5,) * 3), ((0.0,) * 3, (1.0,) * 3)
TABLE: dict[str, tuple[str, int, tuple[Any, Any], tuple[float, float]]] = {
    "inswapper_128": ("arcface_128", 128, PLAIN, (0, 1)),
    "inswapper_128_fp16": ("arcface_128", 128, PLAIN, (0, 1)),
    "hyperswap_1a_256": ("arcface_128", 256, HALF, (-1, 1)),
    "hyperswap_1b_256": ("arcface_128", 256, HALF, (-1, 1)),
    "hyperswap_1c_256": ("arcface_128", 256, HALF, (-1, 1)),
    "ghost_1_256": ("arcface_112_v1", 256, HALF, (-1, 1)),
    "ghost_2_256": ("arcface_112_v1", 256, HALF, (-1, 1)),
    "ghost_3_256": ("arcface_112_v1", 256, HALF, (-1, 1)),
    "hififace_unofficial_256": ("mtcnn_512", 256, HALF, (-1, 1)),
    "simswap_256": ("arcface_112_v1", 256, IMAGENET, (0, 1)),
    "simswap_unofficial_512": ("arcface_112_v1", 512, PLAIN, (0, 1)),
    "uniface_256": ("ffhq_512", 256, HALF, (-1, 1)),
    "blendswap_256": ("ffhq_512", 256, PLAIN, (0, 1)),
}
SOURCES = {"uniface_256": ("ffhq_512", 256), "blendswap_256": ("arcface_112_v2", 112)}
CONVERTED = ("ghost", "simswap", "hififace")


def test_the_table_is_complete() -> None:
    assert {spec.name for spec in SPECS.values() if spec.role == "swapper" and not spec.built_in} == set(
        TABLE
    )


def landmarks(rng: np.random.Generator) -> Array:
    """A face somewhere in a picture of 600 x 500."""
    size, angle = rng.uniform(150, 300), rng.uniform(-0.6, 0.6)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centred = np.array(plain.TEMPLATES["arcface_128"]) - 0.5 + rng.normal(0, 0.01, (5, 2))
    return centred @ turn.T + [300, 250]


def person(rng: np.random.Generator) -> Identity:
    raw = rng.standard_normal(512) * rng.uniform(0.5, 2)
    picture = Surface(PixelFormat.RGB8, (plain.smooth_picture(rng, 600, 500),))
    unit = (raw / np.linalg.norm(raw)).astype(np.float32)
    return Identity(raw.astype(np.float32), unit, 1, picture, landmarks(rng).astype(np.float32))


def source_plainly(name: str, identity: Identity, path: Path, converter: OrtSession | None) -> Array:
    raw = identity.embedding.astype(np.float64)
    if name in SOURCES:
        assert identity.picture is not None
        crop = plain.aligned(identity.picture.planes[0], identity.landmarks_px, *SOURCES[name])
        return np.moveaxis(crop, -1, 0)
    if converter is not None:
        converted = converter.run({"input": identity.embedding[None]})[0][0].astype(np.float64)
        return converted if name.startswith("ghost") else converted / np.sqrt((converted**2).sum())
    if name.startswith("hyperswap"):
        return raw / np.sqrt((raw**2).sum())
    import onnx

    last = onnx.load(path).graph.initializer[-1]
    return raw @ onnx.numpy_helper.to_array(last).astype(np.float64) / np.sqrt((raw**2).sum())


@pytest.mark.parametrize("name", sorted(TABLE))
def test_swappers_agree_with_the_plain_description(name: str, tmp_path: Path) -> None:
    seed = int(np.random.default_rng().integers(1 << 31))
    rng = np.random.default_rng(seed)
    template, size, (mean, std), (low, high) = TABLE[name]
    path = stand_ins.make(name, tmp_path / "x.onnx", seed)
    converter = None
    if name.startswith(CONVERTED):
        kind = name.partition("_")[0]
        spec = SPECS[f"crossface_{kind}"]
        assert SPECS[name].swap.converter == spec.name  # type: ignore[union-attr]
        converter = OrtSession(stand_ins.crossface(tmp_path / "c.onnx", seed), spec, "cpu")
    pictures = [plain.smooth_picture(rng, 600, 500) for _ in range(2)]
    points = np.stack([landmarks(rng) for _ in range(3)])
    indices, identity = np.array([1, 0, 1]), person(rng)
    with OrtSession(path, SPECS[name], "cpu") as session:
        swapper = create_swapper(session, converter and CrossFace(converter))
        source = swapper.source_vector(identity)
        surfaces = [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]
        placements = swapper.placements(points)
        patches = swapper.swap(surfaces, indices, placements, np.repeat(source[None], 3, axis=0))
        wanted = source_plainly(name, identity, path, converter)
        np.testing.assert_allclose(source, wanted, atol=1e-5 if source.ndim == 1 else CROP_SHARE)
        for face, index in enumerate(indices):
            np.testing.assert_allclose(
                placements[face], plain.matrix(points[face], template, size), atol=1e-3
            )
            crop = plain.aligned(pictures[index], points[face], template, size)
            tensor = np.moveaxis((crop - mean) / std, -1, 0)[None].astype(np.float32)
            raw = session.run({"target": tensor, "source": source[None]})[0][0]
            expected = (raw.astype(np.float64) - low) / (high - low)
            got = patches.pixels[face] * patches.scale + patches.offset
            error = np.abs(got - expected)
            assert error.mean() < CROP_SHARE, f"seed {seed}"
            assert error.max() < 12 * CROP_SHARE, f"seed {seed}"
    assert swapper.size == size


def test_a_picture_swapper_needs_a_picture(tmp_path: Path) -> None:
    path = stand_ins.make("uniface_256", tmp_path / "x.onnx", 1)
    with OrtSession(path, SPECS["uniface_256"], "cpu") as session:
        swapper = create_swapper(session)
    unit = np.eye(512, dtype=np.float32)[0]
    assert not swapper.balances
    with pytest.raises(InputError, match="shows a source picture"):
        swapper.source_vector(Identity(unit, unit))


def test_a_converted_swapper_needs_its_converter(tmp_path: Path) -> None:
    path = stand_ins.make("ghost_1_256", tmp_path / "x.onnx", 1)
    with (
        OrtSession(path, SPECS["ghost_1_256"], "cpu") as session,
        pytest.raises(SpecError, match="converter"),
    ):
        create_swapper(session)


@pytest.mark.parametrize("name", ["inswapper_128", "hyperswap_1a_256", "simswap_256", "ghost_2_256"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_the_weight_mixes_the_targets_own_identity(name: str, weight: float, tmp_path: Path) -> None:
    rng = np.random.default_rng()
    path = stand_ins.make(name, tmp_path / "x.onnx", 1)
    with OrtSession(path, SPECS[name], "cpu") as session:
        swapper = create_swapper(session, object())  # type: ignore[arg-type]
    sources = rng.standard_normal((3, 512)).astype(np.float32)
    own = (rng.standard_normal((3, 512)) * 3).astype(np.float32)
    own[1] = 0  # a face without embedding
    k = 0.35 - 0.70 * weight
    t = (
        own
        if name.startswith("ghost")
        else own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9)
    )
    expected = (1 - k) * sources + k * t
    expected[1] = sources[1]
    np.testing.assert_allclose(swapper.balanced(sources, own, weight), expected, atol=1e-5)


@pytest.mark.parametrize("tiles", [1, 2, 3])
def test_tiles_are_interleaved(tiles: int) -> None:
    rng = np.random.default_rng()
    crops = rng.random((2, 3, 4 * tiles, 4 * tiles)).astype(np.float32)
    split = implode(crops, tiles)
    assert split.shape == (2 * tiles**2, 3, 4, 4)
    for face in range(2):
        for a in range(tiles):
            for b in range(tiles):
                tile = split[face * tiles**2 + a * tiles + b]
                for i in range(4):
                    for j in range(4):
                        np.testing.assert_array_equal(
                            tile[:, i, j], crops[face, :, i * tiles + a, j * tiles + b]
                        )
    np.testing.assert_array_equal(explode(split, tiles), crops)


def test_a_boosted_crop_goes_through_in_one_run(tmp_path: Path) -> None:
    rng = np.random.default_rng()
    path = stand_ins.swapper(tmp_path / "x.onnx", 5, size=256, batch="N")
    picture = plain.smooth_picture(rng, 600, 500)
    points = np.stack([landmarks(rng) for _ in range(2)])
    sources = rng.standard_normal((2, 512)).astype(np.float32)
    with OrtSession(path, SPECS["hyperswap_1a_256"], "cpu") as session:
        runs: list[int] = []
        run = session.run

        def counted(feed: Any) -> Any:
            runs.append(len(feed["target"]))
            return run(feed)

        session.run = counted  # type: ignore[method-assign]
        swapper = create_swapper(session, None, 512)
        placements = swapper.placements(points)
        patches = swapper.swap([Surface(PixelFormat.RGB8, (picture,))], np.zeros(2, int), placements, sources)
        assert runs == [8]
        assert patches.pixels.shape == (2, 3, 512, 512)
        for face in range(2):
            np.testing.assert_allclose(
                placements[face], plain.matrix(points[face], "arcface_128", 512), atol=1e-3
            )
            crop = plain.aligned(picture, points[face], "arcface_128", 512)
            for a in range(2):
                for b in range(2):
                    tile = np.moveaxis((crop[a::2, b::2] - 0.5) / 0.5, -1, 0)[None].astype(np.float32)
                    expected = run({"target": tile, "source": sources[face : face + 1]})[0][0]
                    error = np.abs(patches.pixels[face][:, a::2, b::2] - expected)
                    assert error.mean() < 2 * CROP_SHARE


def test_a_boost_that_is_not_offered(tmp_path: Path) -> None:
    path = stand_ins.make("simswap_unofficial_512", tmp_path / "x.onnx", 1)
    message = "works at 512, 1024 pixels, not 768"
    with (
        OrtSession(path, SPECS["simswap_unofficial_512"], "cpu") as session,
        pytest.raises(OptionError, match=message),
    ):
        create_swapper(session, object(), 768)  # type: ignore[arg-type]
