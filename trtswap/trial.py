"""A rendered clip through the whole pipeline, and how far the result is from the true swap."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from trtswap import ops
from trtswap.demo.builtin import builtin_options
from trtswap.demo.clip_file import ClipWriter, voice
from trtswap.demo.clips import Clip
from trtswap.demo.person import Person
from trtswap.demo.render import Rendered, render
from trtswap.demo.state import Camera, Expression, FrameState, Head, Light, Pose
from trtswap.errors import StrPath
from trtswap.networks.loader import NetworkSet
from trtswap.options import SelectOptions, SwapOptions
from trtswap.pipeline import OnProgress, swap_video
from trtswap.quality.full_reference import FullReference
from trtswap.stages.identity import identify
from trtswap.types import Array, Surface, SwapReport
from trtswap.video import open_video

PORTRAIT_PX = 384
_TARGET_QUALITY = 14
_TRUTH_QUALITY = 8
_LOOK_EVERY = 5
"""Every so many frames the recogniser looks at the result."""

OnFrame = Callable[[int, int], None]
"""Frames done, frames in all."""


def _silent(done: int, total: int) -> None:
    del done, total


@dataclass(frozen=True)
class Files:
    """The files of a trial. source, replaced: portraits of who comes in and of who goes. target: the clip. truth: the
    clip with the true swap. result: what was made. tracks: where faces were found."""

    source: Path
    replaced: Path
    target: Path
    truth: Path
    result: Path
    tracks: Path

    @classmethod
    def in_folder(cls, folder: Path, result: str = "swapped.mp4") -> Files:
        """The usual names in a folder."""
        names = ("source.png", "replaced.png", "target.mp4", "true-swap.mp4", result, "tracks.jsonl")
        return cls(*(folder / name for name in names))


@dataclass(frozen=True)
class Measured:
    """A result beside the truth. figures: as `FullReference` gives them, and `identity_source`, `identity_target`, the
    mean cosines of the result's faces to the portraits of the two people, by the built-in recogniser. moments: frames
    as (original, result, true swap), uint8 [H, W, 3]."""

    figures: dict[str, float]
    moments: tuple[tuple[Array, Array, Array], ...]


def portrait(person: Person, seed: int = 0) -> Array:
    """A person from the front in even light: uint8 [PORTRAIT_PX, PORTRAIT_PX, 3], R'G'B'."""
    state = FrameState(
        heads=(Head(pose=Pose(height=0.62), expression=Expression(smile=0.1)),),
        light=Light(softness=0.8),
        camera=Camera(noise=0.8),
        backdrop=seed,
        size=(PORTRAIT_PX, PORTRAIT_PX),
    )
    return render([person], state).picture


def draw_files(clip: Clip, files: Files, on_frame: OnFrame = _silent) -> None:
    """Writes the portraits, the clip with a voice, and the clip with the true swap.

    Raises VideoError when a file cannot be written. Files that exist are overwritten.
    """
    files.target.parent.mkdir(parents=True, exist_ok=True)
    _write_png(files.source, portrait(clip.sources[0]))
    _write_png(files.replaced, portrait(clip.people[clip.states[0].heads[0].person], 1))
    size, rate = clip.states[0].size, round(clip.rate)
    sound = voice(clip.loudness, rate, len(clip.states))
    with ExitStack() as opened:
        target = opened.enter_context(ClipWriter(files.target, size, rate, _TARGET_QUALITY))
        truth = opened.enter_context(ClipWriter(files.truth, size, rate, _TRUTH_QUALITY))
        for number, frame in enumerate(frames_of(clip), 1):
            target.picture(frame.picture)
            truth.picture(_truth(frame))
            on_frame(number, len(clip.states))
        target.sound(sound)
        truth.sound(sound)


def frames_of(clip: Clip) -> Iterator[Rendered]:
    """The frames of a clip with the true swap, drawn as they are asked for."""
    return (render(clip.people, state, clip.sources) for state in clip.states)


def swap_files(
    clip: Clip,
    files: Files,
    options: SwapOptions,
    *,
    reports: Sequence[StrPath] = (),
    on_progress: OnProgress | None = None,
) -> SwapReport:
    """Puts the source's face onto the first head of the target, and says in files.tracks where it was found. Raises
    what swap_video raises."""
    reference = None
    if len(clip.states[0].heads) > 1:
        options = replace(options, select=SelectOptions("reference", distance=0.45))
        reference = files.replaced
    return swap_video(
        [files.source],
        files.target,
        files.result,
        reference=reference,
        dump_tracks=files.tracks,
        reports=reports,
        options=options,
        on_progress=on_progress,
    )


def measure_files(clip: Clip, files: Files, *, moments: int = 3, on_frame: OnFrame = _silent) -> Measured:
    """Compares the result with the true swap, which is drawn again frame by frame. moments: how many frames to keep."""
    total = len(clip.states)
    chosen = set(np.linspace(0, total - 1, moments + 2).round().astype(int)[1:-1].tolist())
    reference, kept = FullReference(), []
    points = _points_of(files.tracks)
    with _People(files) as people, open_video(files.target) as targets, open_video(files.result) as results:
        for number, (frame, target, result) in enumerate(zip(frames_of(clip), targets, results, strict=True)):
            made, before, truth = rgb_of(result.surface), rgb_of(target.surface), _truth(frame)
            head = frame.heads[0]
            found = _nearest(points[number], head.five_px)
            reference.add(
                made,
                truth,
                before,
                head.face,
                landmarks_px=found,
                true_landmarks_px=None if found is None else head.five_px,
                cut=number > 0 and clip.states[number].backdrop != clip.states[number - 1].backdrop,
            )
            if number % _LOOK_EVERY == 0:
                people.see(result.surface, head.five_px)
            if number in chosen:
                kept.append((before, made, truth))
            on_frame(number + 1, total)
    return Measured({**reference.figures(), **people.figures()}, tuple(kept))


def write_sheet(path: Path, moments: Sequence[tuple[Array, Array, Array]]) -> None:
    """A picture with a row for each moment: original, result, truth."""
    _write_png(path, np.concatenate([np.concatenate(row, axis=1) for row in moments]))


def rgb_of(surface: Surface) -> Array:
    """All of a host surface as R'G'B' codes: uint8 [H, W, 3]."""
    whole = np.eye(2, 3)[None]
    size = (surface.width_px, surface.height_px)
    planes = ops.crop([surface], np.zeros(1, int), whole, size, channels="rgb", mean=(0, 0, 0), std=(1, 1, 1))
    picture: Array = np.rint(planes[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    return picture


class _People:
    """Whom the built-in recogniser sees in the result."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._networks = NetworkSet(builtin_options())
        self._cosines: list[tuple[float, float]] = []

    def __enter__(self) -> _People:
        networks = self._networks
        options = builtin_options().detect
        self._known = [
            identify([path], networks.detector, networks.recogniser, options)[0].unit
            for path in (self._files.source, self._files.replaced)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self._networks.close()

    def see(self, surface: Surface, five_px: Array) -> None:
        """Takes the face of one frame."""
        seen = self._networks.recogniser.embed([surface], np.zeros(1, int), five_px[None])[0]
        unit = seen / np.linalg.norm(seen)
        self._cosines.append((float(unit @ self._known[0]), float(unit @ self._known[1])))

    def figures(self) -> dict[str, float]:
        """The mean cosines."""
        source, target = np.mean(self._cosines, axis=0)
        return {"identity_source": float(source), "identity_target": float(target)}


def _points_of(tracks: Path) -> list[Array]:
    """The five points of all faces of each frame, float32 [N, 5, 2], from a file of tracks."""
    with tracks.open(encoding="utf-8") as lines:
        next(lines)
        faces = [json.loads(line)["faces"] for line in lines]
    return [np.array([face["landmarks"] for face in row], np.float32).reshape(-1, 5, 2) for row in faces]


def _nearest(points: Array, true: Array) -> Array | None:
    """The face of [N, 5, 2] whose middle is nearest to that of [5, 2], unless it is another one."""
    if not len(points):
        return None
    off = np.hypot(*(points.mean(axis=1) - true.mean(axis=0)).T)
    best = int(off.argmin())
    eyes = float(np.hypot(*(true[1] - true[0])))
    return points[best] if off[best] < max(eyes, 8.0) else None


def _truth(frame: Rendered) -> Array:
    assert frame.swap is not None
    return frame.swap


def _write_png(path: Path, picture: Array) -> None:
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(encoded.tobytes())
