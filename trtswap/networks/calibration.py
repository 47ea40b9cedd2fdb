"""What engines are calibrated and proven on: shipped faces or pictures of the user's, as a network's input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np

from trtswap import ops
from trtswap.errors import NetworkError, PictureError, SpecError, StrPath
from trtswap.geometry import estimate_similarity, letterbox_placement, template_points
from trtswap.inference.fidelity import Boxes, judge_of
from trtswap.inference.ort import OrtSession
from trtswap.inference.proof import Calibration
from trtswap.inference.spec_types import NetworkSpec, TensorSpec
from trtswap.networks.detector import Detector, GridDetector
from trtswap.networks.embedding_map import read_embedding_map
from trtswap.networks.registry import create_detector
from trtswap.options import DetectOptions
from trtswap.types import Array, PixelFormat, Surface

_GENERAL_TEMPLATE = "arcface_128"
"""Of networks that see crops but name no template: about what they see in use."""

_LARGE = 512
"""Networks that see larger crops take minutes for each on a CPU, and are proven on two."""

_SEED = 20260101


@dataclass(frozen=True)
class KnownFace:
    """A picture with one face. landmarks_px: float64 [5, 2]."""

    surface: Surface
    landmarks_px: Array


def calibration_of(spec: NetworkSpec, path: StrPath, faces: Sequence[KnownFace] | None = None) -> Calibration:
    """Inputs of real crops for the network in the file `path`, and the judge of its outputs.

    faces: None takes those that trtswap ships. Raises NetworkError and its kin when the file cannot be read.
    """
    faces = shipped_faces() if faces is None else tuple(faces)
    if max(spec.picture.size) > _LARGE:
        faces = faces[:2]
    samples: dict[str, Array] = {}
    if spec.picture.input:
        samples[spec.picture.input] = frames(spec, faces) if spec.role == "detector" else aligned(spec, faces)
    count = len(samples[spec.picture.input]) if samples else len(faces)
    for tensor in spec.inputs:
        if tensor.name not in samples:
            samples[tensor.name] = _other(spec, tensor, path, faces, count)
    decode = None
    if spec.fidelity.metric == "boxes":
        decode = _decoder(spec, path)
    return Calibration(samples, judge_of(spec, decode))


@lru_cache(maxsize=1)
def shipped_faces() -> tuple[KnownFace, ...]:
    """Eight drawn faces: several lights, poses and skins. Raises NetworkError when the installation lacks them."""
    folder = resources.files("trtswap") / "engines" / "calibration"
    if not folder.is_dir():
        folder = Path(__file__).resolve().parents[2] / "engines" / "calibration"
    try:
        listed = json.loads((folder / "faces.json").read_text("utf-8"))
        return tuple(
            KnownFace(
                _decode((folder / face["file"]).read_bytes(), face["file"]), np.array(face["landmarks_px"])
            )
            for face in listed
        )
    except (OSError, ValueError, KeyError) as error:
        raise NetworkError(
            f"the pictures that engines are proven on cannot be read: {error}", hint="install trtswap again"
        ) from error


def faces_of(pictures: Sequence[StrPath], detector: Detector) -> tuple[KnownFace, ...]:
    """The largest face of each of the user's pictures. Raises PictureError for one that cannot be read or has none."""
    found = []
    for path in map(Path, pictures):
        try:
            surface = _decode(path.read_bytes(), path)
        except OSError as error:
            raise PictureError(f"{path} cannot be read: {error.strerror or error}", path=path) from error
        faces = detector.detect([surface])[0]
        if not len(faces):
            raise PictureError(f"{path} shows no face to prove an engine on", path=path, hint="leave it out")
        areas = np.prod(faces.boxes_px[:, 2:] - faces.boxes_px[:, :2], axis=1)
        found.append(KnownFace(surface, faces.landmarks_px[int(areas.argmax())].astype(np.float64)))
    return tuple(found)


def aligned(spec: NetworkSpec, faces: Sequence[KnownFace]) -> Array:
    """The input of a network that sees crops: float32 [n, ...] of the spec's picture, one crop per face."""
    picture = spec.picture
    points = template_points(picture.template or _GENERAL_TEMPLATE, picture.size)
    placements = estimate_similarity(np.stack([face.landmarks_px for face in faces]), points)
    crops: Array = ops.crop(
        [face.surface for face in faces],
        np.arange(len(faces), dtype=np.int32),
        placements,
        picture.size,
        channels=picture.channels,
        mean=picture.mean,
        std=picture.std,
        sampling=picture.sampling,
    )
    return _laid_out(spec, crops)


def frames(spec: NetworkSpec, faces: Sequence[KnownFace]) -> Array:
    """The input of a detector: float32 [n, ...]; half of the pictures alone, and all of them tiled two by two."""
    surfaces = [face.surface for face in faces]
    tiled = [_tiled(surfaces[start : start + 4]) for start in range(0, len(surfaces) - 3, 4)]
    shown = [*surfaces[: max(1, len(surfaces) // 2)], *tiled]
    picture = spec.picture
    boxes = [letterbox_placement(item.width_px, item.height_px, 0, picture.size) for item in shown]
    tensor: Array = ops.letterbox(
        shown,
        np.stack([placement for placement, _ in boxes]),
        np.array([extent for _, extent in boxes], np.int32),
        picture.size,
        channels=picture.channels,
        mean=picture.mean,
        std=picture.std,
        sampling=picture.sampling,
    )
    return _laid_out(spec, tensor)


def _laid_out(spec: NetworkSpec, planar: Array) -> Array:
    """Planes last where the spec wants that."""
    if spec.picture.layout == "NHWC":
        return np.ascontiguousarray(planar.transpose(0, 2, 3, 1))
    return planar


def _tiled(surfaces: Sequence[Surface]) -> Surface:
    """Four pictures as one, cut to the size of the smallest."""
    height = min(surface.height_px for surface in surfaces)
    width = min(surface.width_px for surface in surfaces)
    pieces = [surface.planes[0][:height, :width] for surface in surfaces]
    rows = [np.concatenate(pieces[start : start + 2], axis=1) for start in (0, 2)]
    return Surface(PixelFormat.RGB8, (np.ascontiguousarray(np.concatenate(rows, axis=0)),))


def _other(
    spec: NetworkSpec, tensor: TensorSpec, path: StrPath, faces: Sequence[KnownFace], count: int
) -> Array:
    """An input that is not the network's picture: another picture, identity vectors, five points, or a weight."""
    rng = np.random.default_rng(_SEED)
    shape = tuple(item if isinstance(item, int) else 1 for item in tensor.shape[1:])
    if len(shape) == 3 and shape[0] == 3:
        sized = replace(spec, picture=replace(spec.picture, size=(shape[2], shape[1])))
        return np.roll(aligned(sized, faces), 1, axis=0)
    if not shape:
        return np.full(count, 0.5, np.float32)
    if shape == (5, 2):
        points = template_points("ffhq_512", (1, 1)) + 0.02 * rng.standard_normal((count, 5, 2))
        return points.astype(np.float32)
    noise = rng.standard_normal((count, *shape))
    if spec.role == "swapper":
        noise /= np.linalg.norm(noise.reshape(count, -1), axis=1).reshape(-1, *[1] * len(shape))
        if spec.kind == "swapper/inswapper":
            noise = noise @ read_embedding_map(path)
    return noise.astype(np.float32)


def _decode(content: bytes, path: StrPath) -> Surface:
    import cv2

    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise PictureError(f"{path} is no picture that can be read", path=path)
    return Surface(PixelFormat.RGB8, (np.ascontiguousarray(pixels[..., ::-1]),))


class _Decoder:
    """A detector's own reading of its outputs. The outputs are in network pixels, which is all a comparison needs."""

    def __init__(self, detector: GridDetector) -> None:
        self._detector = detector

    def __call__(self, outputs: Sequence[Array], score: float) -> list[Boxes]:
        count = len(outputs[0])
        placements = np.broadcast_to(np.eye(2, 3), (count, 2, 3))
        faces = self._detector.decode(outputs, placements, DetectOptions(score=score))
        return [(item.boxes_px, item.scores) for item in faces]


def _decoder(spec: NetworkSpec, path: StrPath) -> _Decoder:
    detector = create_detector(OrtSession(path, spec, "cpu"))
    if not isinstance(detector, GridDetector):
        raise SpecError(f"{spec.origin}: the metric boxes is for detectors", path=spec.origin)
    return _Decoder(detector)
