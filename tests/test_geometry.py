from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trtswap import geometry

SIMILARITY_PX = 1e-9
"""float64 closed form against float64 least squares, on coordinates of about a thousand."""

OPENCV_PX = 5e-3
"""OpenCV stops refining its estimate after ten iterations; seen: 1.6e-3 of a crop of 256."""

RESIZE_PX = 2e-3
"""cv2.resize interpolates ramps of up to 2000 in float32, with weights in float32."""

angles = st.floats(-180, 180)
seeds = st.integers(0, 2**32 - 1)


def faces(seed: int, count: int = 3, noise_px: float = 2.0) -> np.ndarray:
    """Templates under random similarities into a frame, with noise: float64 [count, 5, 2]."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        angle, scale = rng.uniform(-np.pi, np.pi), rng.uniform(20, 600)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        out.append(geometry.TEMPLATES["arcface_128"] @ turn.T + rng.uniform(0, 1500, 2))
    return np.array(out) + rng.standard_normal((count, 5, 2)) * noise_px


def test_templates_have_the_published_pixel_values() -> None:
    insightface = [
        (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)
    ]  # fmt: skip
    np.testing.assert_allclose(geometry.template_points("arcface_112_v2", (112, 112)), insightface, atol=1e-4)
    shifted = np.array(insightface) + np.array([8.0, 0.0])
    np.testing.assert_allclose(geometry.template_points("arcface_128", (128, 128)), shifted, atol=1e-4)
    ffhq = [
        (192.9814, 239.9471), (318.9028, 240.1936), (256.6342, 314.0193),
        (201.2612, 371.4104), (313.0890, 371.1512),
    ]  # fmt: skip
    np.testing.assert_allclose(geometry.template_points("ffhq_512", (512, 512)), ffhq, atol=1e-4)


@pytest.mark.parametrize("name", geometry.TEMPLATES)
def test_templates_are_faces_seen_from_the_front(name: str) -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = geometry.TEMPLATES[name]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


@given(seeds)
def test_similarity_is_the_least_squares_one(seed: int) -> None:
    points = faces(seed)
    template = geometry.template_points("arcface_112_v2", (112, 112))
    for face, matrix in zip(points, geometry.estimate_similarity(points, template), strict=True):
        x, y, one, zero = face[:, 0], face[:, 1], np.ones(5), np.zeros(5)
        design = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
        a, b, tx, ty = np.linalg.lstsq(design, template.T.ravel(), rcond=None)[0]
        np.testing.assert_allclose(matrix, [[a, -b, tx], [b, a, ty]], atol=SIMILARITY_PX, rtol=1e-7)


@given(seeds)
@settings(max_examples=25)
def test_similarity_agrees_with_opencv(seed: int) -> None:
    points = faces(seed, count=1)
    template = geometry.template_points("arcface_128", (256, 256))
    expected, _ = cv2.estimateAffinePartial2D(
        points[0], template, method=cv2.RANSAC, ransacReprojThreshold=100
    )
    matrix = geometry.estimate_similarity(points, template)[0]
    mapped = geometry.transform_points(matrix, points[0])
    np.testing.assert_allclose(mapped, geometry.transform_points(expected, points[0]), atol=OPENCV_PX)


def test_similarity_rejects_degenerate_faces_and_only_those() -> None:
    points = faces(1, count=4)
    points[1] = [640.1, 360.7]
    points[2, 3, 0] = np.inf
    matrices = geometry.estimate_similarity(points, geometry.TEMPLATES["arcface_128"])
    assert np.isnan(matrices[[1, 2]]).all()
    assert np.isnan(geometry.invert(matrices)[[1, 2]]).all()
    assert np.isfinite(matrices[[0, 3]]).all()
    assert geometry.estimate_similarity(points[:0], geometry.TEMPLATES["arcface_128"]).shape == (0, 2, 3)


@given(seeds)
def test_inverse_and_composition(seed: int) -> None:
    points = faces(seed)
    matrices = geometry.estimate_similarity(points, geometry.TEMPLATES["arcface_128"] * 256)
    there = geometry.transform_points(matrices, points)
    back = geometry.transform_points(geometry.invert(matrices), there)
    np.testing.assert_allclose(back, points, atol=1e-8)
    identity = geometry.compose(geometry.invert(matrices), matrices)
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(2, 3), matrices.shape), atol=1e-8)


def test_boxes_become_hulls_of_their_corners() -> None:
    quarter_turn = np.array([[0.0, -1.0, 10.0], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(geometry.transform_boxes(quarter_turn, [[1, 2, 3, 7]]), [[3, 1, 8, 3]])
    assert geometry.transform_boxes(quarter_turn, np.zeros((0, 4))).shape == (0, 4)


@given(st.integers(1, 2000), st.integers(1, 2000), st.sampled_from([0, 90, 180, 270]))
@settings(max_examples=60, deadline=None)
def test_letterbox_places_pixels_where_turning_and_resizing_puts_them(
    width: int, height: int, turn: int
) -> None:
    size = (640, 384)
    placement, extent = geometry.letterbox_placement(width, height, turn, size)
    ramps = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    upright = np.rot90(ramps, turn // 90)
    assert extent[0] <= size[0]
    assert extent[1] <= size[1]
    if upright.shape[1] <= size[0] and upright.shape[0] <= size[1]:
        assert extent == (upright.shape[1], upright.shape[0])
    else:
        assert extent[0] == size[0] or extent[1] == size[1]
    placed = cv2.resize(np.ascontiguousarray(upright), extent, interpolation=cv2.INTER_LINEAR)
    inner = np.s_[1:-1, 1:-1]  # the border replicates edges, so its ramps are flat
    columns, rows = np.meshgrid(np.arange(extent[0]), np.arange(extent[1]))
    canvas = np.stack([columns, rows], axis=-1)[inner].reshape(-1, 2)
    stored = geometry.transform_points(geometry.invert(placement), canvas)
    np.testing.assert_allclose(stored, placed[inner].reshape(-1, 2), atol=RESIZE_PX)


@pytest.mark.parametrize(
    ("frame", "extent"),
    [
        ((1920, 1080), (640, 360)),
        ((853, 479), (640, 359)),
        ((1080, 1920), (360, 640)),
        ((320, 200), (320, 200)),
    ],
)
def test_letterbox_truncates_and_never_enlarges(frame: tuple[int, int], extent: tuple[int, int]) -> None:
    assert geometry.letterbox_placement(*frame, 0, (640, 640))[1] == extent
    assert geometry.letterbox_placement(*frame, 90, (640, 640))[1] == extent[::-1]


boxes_of = hnp.arrays(np.float64, st.tuples(st.integers(0, 12), st.just(4)), elements=st.integers(0, 20))


def overlap_of(one: np.ndarray, other: np.ndarray) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    area = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both
    return both / area if area > 0 else 0.0


@given(boxes_of, st.data(), st.sampled_from([0.0, 0.1, 0.4, 1.0]))
def test_suppression_agrees_with_brute_force(
    corners: np.ndarray, data: st.DataObject, overlap: float
) -> None:
    low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
    boxes = np.concatenate([low, high], axis=1)
    scores = np.array(
        data.draw(st.lists(st.sampled_from([0.5, 0.6, 0.9]), min_size=len(boxes), max_size=len(boxes)))
    )
    expected: list[int] = []
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        if all(overlap_of(boxes[row], boxes[kept]) <= overlap for kept in expected):
            expected.append(row)
    assert geometry.non_max_suppression(boxes, scores, overlap).tolist() == expected


def test_groups_do_not_suppress_each_other() -> None:
    rng = np.random.default_rng(5)
    low = rng.uniform(0, 10, (60, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 10, (60, 2))], axis=1)
    scores, groups = np.round(rng.random(60), 1), np.sort(rng.integers(0, 5, 60))
    expected: list[int] = []
    for group in range(5):
        rows = np.flatnonzero(groups == group)
        expected += rows[geometry.non_max_suppression(boxes[rows], scores[rows], 0.2)].tolist()
    assert geometry.non_max_suppression(boxes, scores, 0.2, groups).tolist() == expected
    assert len(expected) < 60
