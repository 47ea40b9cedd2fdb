"""Gives every patch the colours of the skin it is to cover, evenly over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from trtswap import device, ops, tracing
from trtswap.colour_ops import TransferMethod
from trtswap.geometry import transform_points
from trtswap.options import BlendOptions, SmoothOptions
from trtswap.stages.batch import Batch
from trtswap.stages.mask import combine, skin_weights
from trtswap.stages.smoothing.lag import lag_in_frames
from trtswap.stages.smoothing.running import RunningSignal
from trtswap.stages.smoothing.signal import TrackSignal
from trtswap.types import Array

_SIDES = 3
_NUMBERS = 12 * _SIDES
"""Of one face: mean (3) and spread (9) of the patch, of the frame, and of their difference, in units of L*a*b*."""

_SURE_SAMPLES = 256.0
"""A frame whose face has as many samples of skin counts half."""

_LEAST_WEIGHT = 1e-3
_UPPER = np.triu_indices(3)


@tracing.stage("match colours")
def match_colours(
    batches: Iterable[Batch],
    template: str,
    size: int,
    blend: BlendOptions,
    smooth: SmoothOptions,
    frame_rate: float | None,
) -> Iterator[Batch]:
    """Sets `maps` of each batch that has patches, `size` pixels square on `template`.

    The colours of patch and frame are measured on skin alone and held steady per track as the smoothing says: the
    symmetric ones look ahead, so batches come out up to the lag later. frame_rate: in 1/s, None for a picture.
    """
    if blend.colour == "off":
        yield from batches
        return
    line = _Line(blend.colour, blend.strength, _signal(smooth, frame_rate))
    usual = device.Constant(skin_weights(size, template))
    last: tuple[Batch, device.Fetch] | None = None
    for batch in batches:
        measured = _measured(batch, template, size, usual)
        if last is not None:  # a batch behind on a GPU, which meanwhile has this one to work on
            yield from line.push(last[0], last[1].get()[0])
            last = None
        if batch.patches is not None and device.is_on_device(batch.patches.pixels):
            last = batch, measured
        else:
            yield from line.push(batch, measured.get()[0])
    if last is not None:
        yield from line.push(last[0], last[1].get()[0])
    yield from line.flush()


def landmarks_in_crops(batch: Batch) -> Array | None:
    """The 68 points of all faces in crop pixels, float64 [F, 68, 2]; NaN or None where there are none."""
    if batch.placements is None or all(faces.landmarks_68_px is None for faces in batch.faces):
        return None
    missing = np.full((68, 2), np.nan)
    points = [
        faces.landmarks_68_px if faces.landmarks_68_px is not None else np.tile(missing, (len(faces), 1, 1))
        for faces in batch.faces
    ]
    return transform_points(batch.placements, np.concatenate(points))


def _measured(batch: Batch, template: str, size: int, usual: device.Constant) -> device.Fetch:
    """`_measure`, in smaller pieces where memory runs out: each face is measured by itself. Raises MemoryError."""
    try:
        return _measure(batch, template, size, usual)
    except MemoryError:
        pieces = batch.smaller()
        if not pieces:
            raise
    found = [_measured(piece, template, size, usual).get()[0] for piece in pieces]
    return device.fetch([np.concatenate(found)])


def _measure(batch: Batch, template: str, size: int, usual: device.Constant) -> device.Fetch:
    """Moments of all faces, float64 [F, 3, 10], perhaps still on their way to the host. usual: the weights of faces
    without sixty-eight points. Those of frames that are known were taken when they were made."""
    if batch.known:
        known = [item.moments for item in batch.known if len(item.moments)]
        return device.fetch([np.concatenate(known) if known else np.zeros((0, _SIDES, 10))])
    if batch.patches is None or batch.placements is None or not batch.face_count:
        return device.fetch([np.zeros((0, _SIDES, 10))])
    pixels, points = batch.patches.pixels, landmarks_in_crops(batch)
    weights = usual.beside(pixels)
    if points is not None:
        weights = skin_weights(size, template, points, like=pixels)
    if batch.masks is not None:
        weights = combine([weights, batch.masks], pixels)
    moments = ops.measure_colour(
        [frame.surface for frame in batch.frames],
        batch.frame_of_face,
        batch.placements,
        pixels,
        weights,
        scale=batch.patches.scale,
        offset=batch.patches.offset,
    )
    return device.fetch([moments])


def _signal(smooth: SmoothOptions, frame_rate: float | None) -> TrackSignal | RunningSignal:
    if smooth.method in ("symmetric", "individual"):
        return TrackSignal(_NUMBERS, lag_in_frames(smooth.lag_s, frame_rate), frame_rate)
    return RunningSignal(0.0 if smooth.method == "off" else smooth.lag_s)


@dataclass
class _Waiting:
    """A batch, and what is known so far of its frames: smoothed numbers of their faces, in order."""

    batch: Batch
    moments: Array
    rows: list[Array] = field(default_factory=list)


class _Line:
    """Batches waiting until the colours of all their faces are final."""

    def __init__(self, method: TransferMethod, strength: float, signal: TrackSignal | RunningSignal) -> None:
        self._method: TransferMethod = method
        self._strength = strength
        self._signal = signal
        self._waiting: deque[_Waiting] = deque()
        self._next = 0

    def push(self, batch: Batch, moments: Array) -> Iterator[Batch]:
        """Takes the next batch; gives those that are final."""
        self._waiting.append(_Waiting(batch, moments))
        numbers, start = _numbers(moments), 0
        for row, frame in enumerate(batch.frames):
            faces = batch.faces[row] if batch.faces else None
            count = 0 if faces is None or not len(moments) else len(faces)
            ids = np.arange(count)
            if faces is not None and faces.track_ids is not None:
                ids = faces.track_ids[:count]
            here = slice(start, start + count)
            samples = moments[here, 0, 0]
            done = self._signal.push(
                ids,
                numbers[here],
                cut=bool(batch.cuts) and batch.cuts[row],
                time_s=frame.time_s,
                weights=_surety(samples),
            )
            start += count
            yield from self._finish(done)

    def flush(self) -> Iterator[Batch]:
        """The batches that still wait."""
        yield from self._finish(self._signal.flush())

    def _finish(self, done: list[tuple[Array, Array]]) -> Iterator[Batch]:
        for _, numbers in done:
            waiting = next(w for w in self._waiting if len(w.rows) < len(w.batch.frames))
            waiting.rows.append(numbers)
        while self._waiting and len(self._waiting[0].rows) == len(self._waiting[0].batch.frames):
            yield self._mapped(self._waiting.popleft())

    def _mapped(self, waiting: _Waiting) -> Batch:
        if not len(waiting.moments):
            return waiting.batch
        smoothed = _moments(np.concatenate(waiting.rows), waiting.moments[:, :, 0])
        maps = ops.transfer_maps(smoothed, self._method, self._strength)
        return replace(waiting.batch, maps=maps, moments=waiting.moments)


def _surety(samples: Array) -> Array:
    """How much faces of so many samples [N] count, in quarters: fits of windows that weigh alike are made once."""
    return np.maximum(np.rint(4 * samples / (samples + _SURE_SAMPLES)) / 4, _LEAST_WEIGHT)


def _numbers(moments: Array) -> Array:
    """Moments [F, 3, 10] as numbers that may be averaged: means and square roots of covariances, [F, 36]."""
    matrices = np.zeros((*moments.shape[:2], 3, 3))
    matrices[:, :, _UPPER[0], _UPPER[1]] = moments[..., 4:]
    matrices[:, :, _UPPER[1], _UPPER[0]] = moments[..., 4:]
    values, vectors = np.linalg.eigh(matrices)
    roots = (vectors * np.sqrt(np.maximum(values, 0))[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    parts = np.concatenate([moments[..., 1:4], roots.reshape(*moments.shape[:2], 9)], axis=-1)
    return np.asarray(parts.reshape(len(moments), _NUMBERS))


def _moments(numbers: Array, counts: Array) -> Array:
    """The way back; counts: [F, 3]."""
    parts = numbers.reshape(-1, _SIDES, 12)
    roots = parts[..., 3:].reshape(-1, _SIDES, 3, 3)
    matrices = roots @ np.swapaxes(roots, -1, -2)
    return np.concatenate([counts[..., None], parts[..., :3], matrices[..., _UPPER[0], _UPPER[1]]], axis=-1)
