"""The visible disclosure: where it is, that it can be read, and that it leaves everything else alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from support import fake_gpu, reference, tolerance
from support.targets import Target

from trtswap import device, ops
from trtswap.errors import OptionError
from trtswap.options import DiscloseOptions
from trtswap.provenance_options import Place
from trtswap.stages import lettering as letters
from trtswap.stages.batch import Batch
from trtswap.stages.disclose import SAFE, Disclosure, cover, disclose, disclosure
from trtswap.types import Frame, PixelFormat, Surface, VideoInfo

TEXT = "AI-altered"
ARABIC_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def info_of(surface: Surface, **more: Any) -> VideoInfo:
    return VideoInfo(
        "clip",
        surface.width_px,
        surface.height_px,
        surface.format,
        surface.colour,
        "h264",
        "yuv420p",
        rotation_deg=surface.rotation_deg,
        **more,
    )


def written(surface: Surface, target: Target | None = None, text: str = TEXT, **options: Any) -> Surface:
    """A copy of `surface` with the text in it."""
    planned = planned_for(surface, text, **options)
    put = target.put_surface(surface) if target else surface.copy()
    list(disclose([Batch((Frame(put, 0, 0, Fraction(1, 25)),))], planned))
    return target.get_surface(put) if target else put


def planned_for(surface: Surface, text: str = TEXT, **options: Any) -> Disclosure:
    more = {name: options.pop(name) for name in ("sample_aspect_ratio", "transfer") if name in options}
    planned = disclosure(DiscloseOptions(text=text, **options), info_of(surface, **more))
    assert planned is not None
    return planned


def flat(format: PixelFormat, width: int, height: int, code: int, rotation_deg: int = 0) -> Surface:
    surface = Surface.allocate(format, width, height, rotation_deg=rotation_deg)
    for plane, value in zip(surface.planes, (code, 128), strict=False):
        plane[...] = value << 8 if format is PixelFormat.P010 else value
    return surface


def changed_box(before: Surface, after: Surface) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2 of the luma samples that differ, as stored."""
    differs = before.planes[0] != after.planes[0]
    if differs.ndim == 3:
        differs = differs.any(axis=-1)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("format", list(PixelFormat))
def test_nothing_outside_the_rectangle_changes(target: Target, format: PixelFormat, rotation: int) -> None:
    rng = np.random.default_rng()
    width, height = (int(size) for size in rng.integers(180, 420, 2))
    before = reference.random_surface(rng, format, width, height)
    before = Surface(format, before.planes, before.colour, rotation)
    place = str(rng.choice(get_args(Place)))
    planned = planned_for(before, place=place)
    after = written(before, target, place=place)
    x, y = planned.corner
    rows, columns = planned.mask.shape[1:]
    for number, (old, new) in enumerate(zip(before.planes, after.planes, strict=True)):
        share = 2 if number else 1
        inside = np.zeros(old.shape[:2], bool)
        inside[y // share : (y + rows) // share, x // share : (x + columns) // share] = True
        assert np.array_equal(new[~inside], old[~inside]), (width, height, place)
        assert (new[inside] != old[inside]).mean() > 0.5


@pytest.mark.parametrize("format", list(PixelFormat))
def test_every_sample_is_what_the_formula_says(target: Target, format: PixelFormat) -> None:
    rng = np.random.default_rng()
    before = reference.random_surface(rng, format, 301, 203)
    planned = planned_for(before)
    after = written(before, target)
    expected = reference.composite(before, planned.placement[0], planned.patch[0], planned.mask[0])
    top = 2**format.bit_depth - 1
    for got, want in zip(reference.codes(after), expected, strict=True):
        assert np.abs(got - np.clip(want, 0, top)).max() <= tolerance.COMPOSITE_CODES


@pytest.mark.parametrize("place", get_args(Place))
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_it_stands_upright_where_asked_within_the_title_safe_area(rotation: int, place: Place) -> None:
    """The letters, cut out of the picture as seen, are those of a picture that is stored upright."""
    rng = np.random.default_rng()
    seen = tuple(int(size) for size in rng.integers(200, 700, 2))
    stored = seen[::-1] if rotation in (90, 270) else seen
    before = flat(PixelFormat.NV12, *stored, 16, rotation)
    after = written(before, place=place)
    looked = np.rot90(after.planes[0], rotation // 90)
    upright = flat(PixelFormat.NV12, *seen, 16)
    assert np.array_equal(cut(looked), cut(written(upright, place=place).planes[0]))
    box = changed_box(
        flat(PixelFormat.NV12, *seen, 16), Surface(PixelFormat.NV12, (looked.copy(), upright_chroma(seen)))
    )
    border = (1 - SAFE) / 2
    assert box[0] >= border * seen[0] - 2
    assert box[1] >= border * seen[1] - 2
    assert box[2] <= (1 - border) * seen[0] + 2
    assert box[3] <= (1 - border) * seen[1] + 2
    middle_x, middle_y = (box[0] + box[2]) / 2 / seen[0], (box[1] + box[3]) / 2 / seen[1]
    assert (middle_y > 0.5) == place.startswith("bottom")
    if place in ("top", "bottom"):
        assert abs(middle_x - 0.5) < 0.03
    elif box[2] - box[0] < 0.6 * seen[0]:
        assert (middle_x > 0.5) == place.endswith("right")


def upright_chroma(seen: tuple[int, ...]) -> np.ndarray:
    return np.full(PixelFormat.NV12.plane_shapes(*seen)[1], 128, np.uint8)


def cut(picture: np.ndarray) -> np.ndarray:
    """What is brighter than the background, and no more."""
    bright = picture > 100
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@pytest.mark.parametrize("size", [(640, 360), (1920, 1080), (1080, 1920)])
@pytest.mark.parametrize("ground", ["black", "white", "grey", "noise"])
def test_letters_stand_out_from_any_ground(ground: str, size: tuple[int, int]) -> None:
    """By the contrast ratio of WCAG 2: 7 to 1, its stricter level, between the letters and all around them."""
    rng = np.random.default_rng()
    before = flat(PixelFormat.RGB8, *size, {"black": 0, "white": 255, "grey": 128, "noise": 0}[ground])
    if ground == "noise":
        before.planes[0][...] = rng.integers(0, 256, before.planes[0].shape)
    planned = planned_for(before)
    after = written(before).planes[0]
    x, y = planned.corner
    rows, columns = planned.mask.shape[1:]
    light = luminance(after[y : y + rows, x : x + columns])
    ink = planned.patch[0, 0] * planned.mask[0]
    letters_, plate = light[ink > 0.99], light[(ink == 0) & (planned.mask[0] > 0.69)]
    assert len(letters_) > 50
    assert (letters_.min() + 0.05) / (plate.max() + 0.05) >= 7
    height = np.flatnonzero((ink > 0.5).any(axis=1))
    assert height[-1] - height[0] >= 10, "letters of ten pixels at least"


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB as WCAG 2 defines it."""
    value = rgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize(("transfer", "share"), [(16, 0.5807), (18, 0.75), (1, 1.0)])
def test_white_is_no_brighter_than_paper_in_hdr(transfer: int, share: float) -> None:
    """203 cd/m2 in PQ (by its formula 0.5807) and 75 % in HLG, not the brightest that the screen can do."""
    before = flat(PixelFormat.P010, 640, 360, 16)
    after = written(before, transfer=transfer)
    top = (after.planes[0].max() >> 6) - 64
    assert top == pytest.approx(share * 876, abs=1)


def test_letters_keep_their_shape_where_pixels_are_not_square() -> None:
    """Anamorphic video is stretched when it is shown."""
    square = planned_for(flat(PixelFormat.NV12, 720, 576, 16))
    wide = planned_for(flat(PixelFormat.NV12, 720, 576, 16), sample_aspect_ratio=Fraction(64, 45))
    assert wide.mask.shape[2] * 64 / 45 == pytest.approx(square.mask.shape[2], abs=4)
    assert wide.mask.shape[1] == square.mask.shape[1]


@pytest.mark.parametrize("size", [2.5, 4.5, 9.0])
def test_size_follows_the_height(size: float) -> None:
    for height in (540, 1080, 2160):
        planned = planned_for(flat(PixelFormat.NV12, 2 * height, height, 16), "H", size=size)
        ink = planned.patch[0, 0] * planned.mask[0]
        tall = np.ptp(np.flatnonzero((ink > 0.5).any(axis=1))) + 1
        expected = max(height * size / 100, letters.SMALLEST_PX)
        assert tall / expected == pytest.approx(0.7, abs=0.08), "a capital is about 70 % of the size"


def test_long_texts_are_wrapped_then_made_smaller_then_refused() -> None:
    surface = flat(PixelFormat.NV12, 640, 360, 16)
    one = planned_for(surface, "Faces were replaced")
    two = planned_for(
        surface, "Faces were replaced by a trained model, with the consent of everybody shown here"
    )
    assert 1.5 < two.mask.shape[1] / one.mask.shape[1] < 3
    assert two.mask.shape[2] <= SAFE * 640
    broken = planned_for(surface, "Faces were\nreplaced")
    assert broken.mask.shape[1] > 1.5 * one.mask.shape[1]
    big = planned_for(surface, "Unbreakable" * 3, size=10)
    assert big.mask.shape[2] <= SAFE * 640
    for words in ("x" * 200, "Faces were replaced. " * 40):
        with pytest.raises(OptionError, match=r"too long to be legible.*576|too long to be legible.*568"):
            planned_for(surface, words)
    with pytest.raises(OptionError, match="too long"):
        planned_for(flat(PixelFormat.NV12, 80, 60, 16))


def test_characters_that_the_font_lacks_are_named() -> None:
    with pytest.raises(OptionError, match=r"no letters for ö \(U\+00F6\), 变 \(U\+53D8\)$") as caught:
        planned_for(flat(PixelFormat.NV12, 640, 360, 16), "AI: geöndert 变")
    assert "--disclose-font" in (caught.value.hint or "")


@pytest.mark.parametrize("content", [None, b"no font at all"])
def test_a_font_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None) -> None:
    font = tmp_path / "some.ttf"
    if content is not None:
        font.write_bytes(content)
    with pytest.raises(OptionError, match=r"some\.ttf cannot be used"):
        planned_for(flat(PixelFormat.NV12, 640, 360, 16), font=str(font))


def test_scripts_that_join_need_their_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import features

    monkeypatch.setattr(features, "check", lambda _: False)
    monkeypatch.setattr(letters, "_picture_of", lambda _, character: character)
    with pytest.raises(OptionError, match="FriBiDi"):
        planned_for(flat(PixelFormat.NV12, 640, 360, 16), "معدل")


@pytest.mark.skipif(not ARABIC_FONT.exists(), reason="DejaVu Sans is not installed")
def test_arabic_joins_and_runs_from_the_right() -> None:
    from PIL import features

    if not features.check("raqm"):
        pytest.skip("Pillow finds no Raqm here")

    def drawn(text: str) -> np.ndarray:
        return letters.lettering(text, str(ARABIC_FONT), 60, (1200, 600), "left") > 0.5

    lone, pair = drawn("ب").any(axis=0).sum(), drawn("بب").any(axis=0)
    inked = np.flatnonzero(pair)
    assert pair[inked[0] : inked[-1] + 1].all(), "joined: no gap between the two"
    assert len(inked) < 1.9 * lone
    alef_first = np.flatnonzero(drawn("ا ب").any(axis=0))
    gap = int(np.argmax(np.diff(alef_first)))
    assert gap > len(alef_first) / 2, "the alef, narrow and first, stands on the right"


def test_a_text_on_a_device_is_uploaded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the stage hands to the compositor lies where the frames lie, and is the same as on the host."""
    fake_gpu.pretend(monkeypatch, fake_gpu.VERSIONS[0], tmp_path)
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(ops, "composite", lambda *arguments: seen.append(arguments))
    on_host = flat(PixelFormat.NV12, 320, 240, 16)
    planned = planned_for(on_host)
    frames = tuple(Frame(device.upload(on_host), index, index, Fraction(1, 25)) for index in range(3))
    list(disclose([Batch(frames[:2]), Batch(frames[2:])], planned))
    assert [len(arguments[0]) for arguments in seen] == [1, 1, 1]
    assert len({id(arguments[3]) for arguments in seen}) == 1
    _, _, placement, patch, mask = seen[0]
    assert np.array_equal(device.to_host(patch), planned.patch)
    assert np.array_equal(device.to_host(mask), planned.mask)
    assert placement.shape == (1, 2, 3)
    fake_gpu.forget()


def test_transparent_pictures_become_opaque_under_it() -> None:
    surface = flat(PixelFormat.RGB8, 320, 240, 90)
    planned = planned_for(surface)
    rng = np.random.default_rng()
    alpha = rng.integers(0, 256, (240, 320)).astype(np.uint8)
    before = alpha.copy()
    cover(alpha, planned)
    x, y = planned.corner
    rows, columns = planned.mask.shape[1:]
    inside = np.zeros(alpha.shape, bool)
    inside[y : y + rows, x : x + columns] = True
    assert np.array_equal(alpha[~inside], before[~inside])
    part = alpha[y : y + rows, x : x + columns]
    assert (part[planned.mask[0] > 0.99] >= 252).all()
    assert (part >= before[y : y + rows, x : x + columns]).all()


def test_without_a_text_frames_pass_untouched() -> None:
    surface = flat(PixelFormat.NV12, 64, 48, 77)
    assert disclosure(DiscloseOptions(), info_of(surface)) is None
    batch = Batch((Frame(surface, 0, 0, Fraction(1, 25)),))
    assert list(disclose([batch], None)) == [batch]
    assert (surface.planes[0] == 77).all()


@pytest.mark.parametrize(
    "wrong", [{"text": "  "}, {"text": "a\tb"}, {"text": "a\x00"}, {"size": 1.9}, {"size": 21}]
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        DiscloseOptions(**wrong)
