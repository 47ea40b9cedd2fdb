"""Figures against a full reference: other implementations, published pairs, closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import tolerance

from trtswap.demo.clips import make_clip
from trtswap.quality import full_reference as fr
from trtswap.quality.colour import ciede2000_lab, rgb_to_lab
from trtswap.quality.running import Histogram, Running

SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
"""The pairs published with Sharma, Wu and Dalal (2005), table 1: L a b, L a b, difference to four places."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def smooth(rng: np.random.Generator, height: int, width: int) -> Any:
    """A picture with large and small structure."""
    y, x = np.mgrid[:height, :width]
    base = 128 + 60 * np.sin(x[..., None] / rng.uniform(3, 20, 3) + y[..., None] / rng.uniform(3, 20, 3))
    return np.clip(np.rint(base + rng.normal(0, 12, (height, width, 3))), 0, 255).astype(np.uint8)


def test_ciede2000_of_the_published_pairs() -> None:
    rows = np.array([[float(word) for word in line.split()] for line in SHARMA.split("\n") if line])
    assert len(rows) == 34
    got = ciede2000_lab(rows[:, :3], rows[:, 3:6])
    assert np.abs(got - rows[:, 6]).max() <= 5.1e-5
    assert np.allclose(ciede2000_lab(rows[:, 3:6], rows[:, :3]), got, atol=1e-9)


def test_lab_of_known_colours() -> None:
    """White, black, grey by definition; red, green, blue of sRGB as tabulated for the D65 white (Lindbloom)."""
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    known = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86]]
    assert np.abs(rgb_to_lab(colours) - known).max() < 0.02
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    assert np.abs(rgb_to_lab(greys)[:, 1:]).max() < tolerance.LAB_PUBLISHED
    assert np.allclose(rgb_to_lab(colours), rgb_to_lab(colours.astype(np.float32)), atol=1e-6)


def test_colours_agree_with_scikit_image(rng: np.random.Generator) -> None:
    color = pytest.importorskip("skimage.color")
    one, other = (rng.integers(0, 256, (40, 50, 3), np.uint8) for _ in range(2))
    assert np.abs(rgb_to_lab(one) - color.rgb2lab(one)).max() < tolerance.LAB_PUBLISHED
    theirs = color.deltaE_ciede2000(color.rgb2lab(one), color.rgb2lab(other))
    assert np.abs(fr.ciede2000(one, other) - theirs).max() < tolerance.LAB_PUBLISHED


@pytest.mark.parametrize("kind", ["noise", "shift", "other"])
def test_ssim_agrees_with_scikit_image(rng: np.random.Generator, kind: str) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    one = smooth(rng, 61, 74)
    other = {
        "noise": np.clip(one + rng.normal(0, 15, one.shape), 0, 255).astype(np.uint8),
        "shift": np.roll(one, 1, axis=1),
        "other": smooth(rng, 61, 74),
    }[kind]
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    theirs, full = metrics.structural_similarity(one, other, channel_axis=2, full=True, **how)
    assert abs(fr.ssim(one, other) - theirs) < tolerance.SSIM
    assert np.abs(fr.ssim_map(one, other) - full.mean(axis=2)).max() < tolerance.SSIM


def test_ssim_by_its_definition(rng: np.random.Generator) -> None:
    """One window, summed as the paper writes it."""
    one, other = smooth(rng, 11, 11), smooth(rng, 11, 11)
    bell = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    w = np.outer(bell, bell) / bell.sum() ** 2
    values = []
    for k in range(3):
        x, y = one[..., k].astype(float), other[..., k].astype(float)
        mx, my = (w * x).sum(), (w * y).sum()
        vx, vy = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum()
        cov = (w * (x - mx) * (y - my)).sum()
        c1, c2 = 2.55**2, 7.65**2
        values.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert abs(fr.ssim(one, other) - np.mean(values)) < tolerance.SSIM
    with pytest.raises(ValueError, match="11 x 11"):
        fr.ssim(one[:10], other[:10])


def test_weights_choose_pixels(rng: np.random.Generator) -> None:
    one, other = smooth(rng, 40, 40), smooth(rng, 40, 40)
    weight = np.zeros((40, 40))
    weight[10:25, 5:30] = 0.7
    part = (slice(10, 25), slice(5, 30))
    square = np.mean((one[part].astype(float) - other[part]) ** 2)
    assert fr.psnr_db(one, other, weight) == pytest.approx(10 * np.log10(255**2 / square), abs=1e-4)
    assert fr.ssim(one, other, weight) == pytest.approx(fr.ssim_map(one, other)[part].mean(), abs=1e-6)
    assert np.isnan(fr.psnr_db(one, other, np.zeros((40, 40))))


@pytest.mark.parametrize("step", [1, 2, 7, 100])
def test_psnr_of_a_known_step(step: int) -> None:
    one = np.full((20, 30, 3), 100, np.uint8)
    assert fr.psnr_db(one, one + np.uint8(step)) == pytest.approx(20 * np.log10(255 / step), abs=1e-5)
    assert fr.psnr_db(one, one) == fr.PSNR_CEILING_DB


def test_quantiles_against_repeated_values(rng: np.random.Generator) -> None:
    values, times = rng.normal(size=200), rng.integers(0, 5, 200)
    repeated = np.repeat(values, times)
    shares = [0.1, 0.5, 0.95, 1.0]
    expected = [float(np.quantile(repeated, share, method="inverted_cdf")) for share in shares]
    assert fr.weighted_quantiles(values, shares, times) == pytest.approx(expected)


def test_zones_of_a_disc() -> None:
    y, x = np.mgrid[:200, :220]
    radius = np.hypot(x - 110, y - 100)
    area = fr.zones((radius <= 60).astype(np.float32), 16)
    assert np.allclose(area.inside + area.ring + area.outside, 1, atol=1e-6)
    assert np.all(area.ring[np.abs(radius - 60) < 6.5] == 1)
    assert np.all(area.inside[radius < 50.5] == 1)
    assert np.all(area.outside[radius > 69.5] == 1)
    assert area.ring.sum() == pytest.approx(
        np.pi * (68**2 - 52**2), rel=0.05
    )  # slanted edges count half a pixel
    assert area.inside.sum() == pytest.approx(np.pi * 52**2, rel=0.02)
    nobody = fr.zones(np.zeros((9, 9), np.float32), 4)
    assert nobody.outside.all()
    everywhere = fr.zones(np.ones((9, 9), np.float32), 4)
    assert everywhere.inside.all()


def test_the_temporal_error_counts_only_what_moves_wrongly(rng: np.random.Generator) -> None:
    truths = [smooth(rng, 30, 30).astype(float) for _ in range(4)]
    still = rng.normal(0, 20, (30, 30, 3))
    assert fr.temporal_error([truth + still for truth in truths], truths) == pytest.approx(0, abs=1e-4)
    shaken = [truth + (-1) ** k * 3.0 for k, truth in enumerate(truths)]
    assert fr.temporal_error(shaken, truths) == pytest.approx(6.0, abs=1e-4)
    drifting = [truth + 0.5 * k for k, truth in enumerate(truths)]
    assert fr.temporal_error(drifting, truths) == pytest.approx(0.5, abs=1e-4)
    with pytest.raises(ValueError, match="two or more"):
        fr.temporal_error(truths[:1], truths[:1])


def test_the_gradient_error_of_an_edge() -> None:
    """An edge of 40 codes over two pixels, in an area four pixels wide: slopes 0, 20, 20, 0."""
    flat = np.full((10, 20, 3), 100.0)
    edge = flat.copy()
    edge[:, 10] += 20
    edge[:, 11:] += 40
    weight = np.zeros((10, 20))
    weight[3:7, 8:12] = 1
    assert fr.gradient_error(edge, flat, weight) == pytest.approx(
        np.sqrt((10**2 + 20**2 + 10**2) / 4), rel=1e-4
    )


def test_running_sums_against_numpy(rng: np.random.Generator) -> None:
    values = rng.normal(1e4, 3, 500)
    running, histogram = Running(), Histogram(100.0, 2000)
    for value in values:
        running.add(float(value))
        running.add(float("nan"))
    assert (running.mean, running.std) == pytest.approx((values.mean(), values.std()))
    assert (running.least, running.most) == (values.min(), values.max())
    assert running.rms == pytest.approx(np.sqrt((values**2).mean()))
    small = rng.uniform(0, 90, 3000)
    for part in np.split(small, 30):
        histogram.add(part)
    for share in (0.05, 0.5, 0.95):
        assert abs(histogram.quantile(share) - np.quantile(small, share)) < 0.2


@pytest.fixture(scope="module")
def drawn() -> list[Any]:
    return list(make_clip("talking", 5, 6, (256, 256)))


def measured(drawn: list[Any], outputs: list[Any], points: Any = None) -> dict[str, float]:
    judge = fr.FullReference()
    for k, (frame, output) in enumerate(zip(drawn, outputs, strict=True)):
        head = frame.heads[0]
        found = None if points is None else points[k]
        judge.add(
            output, frame.swap, frame.picture, head.face,
            landmarks_px=found, true_landmarks_px=head.landmarks_px,
        )  # fmt: skip
    return judge.figures()


def test_the_true_swap_is_perfect_and_nothing_done_is_not(drawn: list[Any]) -> None:
    points = [frame.heads[0].landmarks_px for frame in drawn]
    best = measured(drawn, [frame.swap for frame in drawn], points)
    assert best["frames"] == 6
    assert best["psnr_face_db"] == best["psnr_outside_db"] == fr.PSNR_CEILING_DB
    assert best["ssim_face"] == pytest.approx(1, abs=1e-5)
    for name in ("de00_face", "temporal_face", "seam", "colour_offset", "colour_pumping", "landmark_error"):
        assert best[name] == pytest.approx(0, abs=1e-6), name
    none = measured(drawn, [frame.picture for frame in drawn])
    assert none["psnr_face_db"] == pytest.approx(none["psnr_face_unswapped_db"])
    assert none["psnr_face_db"] < 35
    assert none["de00_face"] > 1
    assert none["outside_changed"] == 0
    assert np.isnan(none["landmark_error"])


def test_each_fault_moves_its_own_figure(drawn: list[Any]) -> None:
    """Errors of known size on top of the true swap, in the face alone."""
    rng = np.random.default_rng()
    face = [frame.heads[0].skin[..., None] for frame in drawn]
    swaps = [frame.swap.astype(np.float32) for frame in drawn]

    def made(errors: list[Any]) -> dict[str, float]:
        outputs = [
            np.clip(np.rint(swap + weight * error), 0, 255).astype(np.uint8)
            for swap, weight, error in zip(swaps, face, errors, strict=True)
        ]
        return measured(drawn, outputs)

    lasting = made([np.full(3, 8.0)] * 6)
    flicker = made([np.full(3, 8.0) * (-1) ** k for k in range(6)])
    still_noise = made([rng.normal(0, 8, swaps[0].shape)] * 6)
    fresh_noise = made([rng.normal(0, 8, swap.shape) for swap in swaps])
    for values in (lasting, flicker, still_noise, fresh_noise):
        assert values["psnr_face_db"] == pytest.approx(20 * np.log10(255 / 8), abs=1.0)
    assert lasting["temporal_face"] < 1.5 < 10 < flicker["temporal_face"]
    assert fresh_noise["temporal_face"] == pytest.approx(8 * np.sqrt(2), rel=0.1)
    assert flicker["colour_pumping"] > 10 * lasting["colour_pumping"]
    assert still_noise["ssim_face"] < lasting["ssim_face"] - 0.1
    assert lasting["colour_offset"] > 3 * still_noise["colour_offset"]


def test_landmark_errors_by_hand(drawn: list[Any]) -> None:
    points = [frame.heads[0].landmarks_px for frame in drawn]
    eyes = [np.hypot(*(p[42:48].mean(axis=0) - p[36:42].mean(axis=0))) for p in points]
    off = [p + np.array([0.03 * e * (-1) ** k, 0]) for k, (p, e) in enumerate(zip(points, eyes, strict=True))]
    values = measured(drawn, [frame.swap for frame in drawn], off)
    assert values["landmark_error"] == pytest.approx(0.03, rel=1e-3)
    assert values["landmark_jitter"] == pytest.approx(4 * 0.03, rel=1e-3)


def test_a_cut_ends_what_is_compared(drawn: list[Any]) -> None:
    """Only the last frame is wrong; after a cut there is nothing that it could differ from."""
    cut, joined = fr.FullReference(), fr.FullReference()
    for k in range(4):
        frame = drawn[k]
        output = frame.swap if k < 3 else frame.picture
        cut.add(output, frame.swap, frame.picture, frame.heads[0].face, cut=k == 3)
        joined.add(output, frame.swap, frame.picture, frame.heads[0].face)
    assert cut.figures()["temporal_face"] == 0
    assert joined.figures()["temporal_face"] > 5
    assert np.isfinite(joined.figures()["colour_pumping"])


def test_a_frame_without_a_face_counts_outside_only() -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    judge = fr.FullReference()
    judge.add(picture, picture, picture, np.zeros((32, 32), np.float32))
    values = judge.figures()
    assert values["frames"] == 1
    assert values["psnr_outside_db"] == fr.PSNR_CEILING_DB
    assert np.isnan(values["psnr_face_db"])
