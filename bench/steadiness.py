"""How steady each smoother holds the faces of clips with known truth, and what it costs.

    python bench/steadiness.py [--media ../shared/media] [--models ../shared/models] [--cache FOLDER] [--seeds 6]
    python bench/steadiness.py --one-look

Detections are the detector's, with the second look that `trtswap process` takes or without, per frame the one nearest
to the truth; frames without one are filled on straight lines. The mean offset between detections and truth in the
face's own frame is taken off before errors are measured. The
disturbed runs drop a tenth of the detections and add noise of 1 % of the eye distance to every point.

A second table is of rendered clips of quick motion: errors and jitter without smoothing, in percent of the eye
distance, and how many times as large they are smoothed, mean and worst of the clips. Their noise is that of the
built-in networks, or white noise of so much on the truth.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from rendered_clips import Seen, table
from steady_measures import TEMPLATE, Steadiness, between_detections, interpolated, steadiness

from trtswap import video
from trtswap.geometry import transform_points
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.inference.store import Store
from trtswap.networks.choice import choose
from trtswap.networks.detector import Detector
from trtswap.networks.registry import DETECTORS, create_detector
from trtswap.networks.second_look import LookingTwice, can_look_again
from trtswap.options import DetectOptions, SmoothOptions, SwapOptions
from trtswap.stages.analyse import find_faces
from trtswap.stages.gather import gather
from trtswap.stages.smooth import make_smoother
from trtswap.types import Faces

CLIPS = (
    "still_720p.mp4",
    "talk_1080p.mp4",
    "talk_360p.mp4",
    "fast_720p.mp4",
    "small_face_1080p.mp4",
    "two_faces_720p.mp4",
    "edge_720p.mp4",
    "vfr_360p.mkv",
)
METHODS = ("off", "symmetric", "individual", "one-euro", "ema")
SEEDS = 5
SHARED = Path(__file__).resolve().parents[2] / "shared"


def detect_clip(media: Path, models: Path, name: str, looks: int) -> Seen:
    """Runs the detector over a clip. looks: 1, or 2 where the detector can."""
    truth = json.loads((media / "truth.json").read_text())
    points = np.array(truth["points5_in_astronaut_png"])
    wanted = np.stack([transform_points(np.array(matrix), points) for matrix in truth["clips"][name]])
    specs, store = load_specs(), Store((str(models),))
    spec = choose(specs, store, "detector", DETECTORS, "auto")
    landmarks, boxes, times = [], [], []
    with OrtSession(store.find(spec), spec, "cpu") as session, video.open_video(media / name) as reader:
        detector: Detector = create_detector(session)
        if looks == 2 and can_look_again(detector):
            detector = LookingTwice(detector, detector)
        for batch in gather(reader, SwapOptions().together):
            surfaces = [frame.surface for frame in batch.frames]
            for frame, found in zip(
                batch.frames, find_faces(surfaces, detector, DetectOptions()), strict=True
            ):
                near, box = _nearest(found, wanted[frame.index])
                landmarks.append(near)
                boxes.append(box)
                times.append(frame.time_s)
    return Seen(*between_detections(np.stack(landmarks), np.stack(boxes), wanted, np.array(times)))


def _nearest(faces: Faces, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The face nearest to the truth, if it is within half an eye distance; else NaN."""
    distances = np.linalg.norm(faces.landmarks_px - wanted, axis=2).mean(axis=1)
    if not len(faces) or distances.min() > 0.5 * np.linalg.norm(wanted[1] - wanted[0]):
        return np.full((5, 2), np.nan), np.full(4, np.nan)
    row = int(np.argmin(distances))
    return faces.landmarks_px[row].astype(np.float64), faces.boxes_px[row].astype(np.float64)


def load_clip(media: Path, models: Path, name: str, cache: Path | None, looks: int) -> Seen:
    """A clip's detections, from the cache folder when there."""
    if cache is None:
        return detect_clip(media, models, name, looks)
    file = cache / f"{name}.{looks}.detections.npz"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(file, **vars(detect_clip(media, models, name, looks)))
    with np.load(file) as stored:
        return Seen(**stored)


def frame_rate_of(clip: Seen) -> float:
    """Frames a second."""
    return float((len(clip.times_s) - 1) / (clip.times_s[-1] - clip.times_s[0]))


def eyes_px_of(clip: Seen) -> float:
    """The mean distance between the eyes."""
    return float(np.linalg.norm(clip.truth[:, 1] - clip.truth[:, 0], axis=1).mean())


def smooth_clip(clip: Seen, method: str) -> np.ndarray:
    """The landmarks [F, 5, 2] a smoother makes of a clip, its gaps filled."""
    smoother = make_smoother(SmoothOptions(method=method), frame_rate_of(clip))
    landmarks = interpolated(clip.landmarks, clip.known, clip.times_s).astype(np.float32)
    boxes = interpolated(clip.boxes, clip.known, clip.times_s).astype(np.float32)
    done: list[Faces] = []
    one, ids = np.ones(1, np.float32), np.zeros(1, np.int32)
    for index, time_s in enumerate(clip.times_s):
        row = slice(index, index + 1)
        faces = Faces(boxes[row], landmarks[row], one, None, ids, ~clip.known[row])
        done += smoother.push(faces, cut=False, time_s=float(time_s))
    done += smoother.flush()
    return np.concatenate([faces.landmarks_px for faces in done])


def measure(clip: Seen, method: str) -> Steadiness:
    """How steady a method holds a clip."""
    return steadiness(smooth_clip(clip, method), clip.truth)


def disturbed(clip: Seen, rng: np.random.Generator) -> Seen:
    """A tenth of the detections dropped (not the first and the last), and noise of 1 % of the eye distance."""
    kept = rng.random(len(clip.known)) >= 0.1
    kept[[0, -1]] = True
    noise = rng.normal(0, 0.01 * eyes_px_of(clip), clip.landmarks.shape)
    return Seen(clip.landmarks + noise, clip.boxes, clip.truth, clip.times_s, clip.known & kept)


def disturbed_jitter(clip: Seen, method: str, seeds: int = SEEDS) -> float:
    """The median jitter over disturbed runs, in pixels."""
    runs = [disturbed(clip, np.random.default_rng(seed)) for seed in range(seeds)]
    return float(np.median([measure(run, method).jitter_px for run in runs]))


def cost_ms(method: str, faces: int = 10, frames: int = 600) -> float:
    """The median processor time of one frame, in milliseconds."""
    rng = np.random.default_rng(1)
    smoother = make_smoother(SmoothOptions(method=method), 30.0)
    base = rng.uniform(100, 900, (faces, 1, 2)) + TEMPLATE * rng.uniform(60, 400, (faces, 1, 1))
    timings = []
    for index in range(frames):
        points = (base + rng.normal(0, 1, base.shape)).astype(np.float32)
        boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
        given = Faces(
            boxes,
            points,
            np.ones(faces, np.float32),
            None,
            np.arange(faces, dtype=np.int32),
            np.zeros(faces, bool),
        )
        started = time.thread_time()
        smoother.push(given, cut=False, time_s=index / 30)
        timings.append(time.thread_time() - started)
    return 1e3 * float(np.median(timings[100:]))


def rows_of(name: str, clip: Seen) -> list[str]:
    """The Markdown rows of one clip."""
    base = measure(clip, "off").jitter_px
    rows = []
    for method in METHODS:
        result = measure(clip, method)
        shaken = disturbed_jitter(clip, method)
        rows.append(
            f"| {name} | {method} | {result.jitter_px:.3f} | {base / result.jitter_px:.1f} | {result.error_px:.2f} "
            f"| {result.lag_frames:+.2f} | {shaken:.3f} | {shaken / result.jitter_px:.2f} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, default=SHARED / "media")
    parser.add_argument("--models", type=Path, default=SHARED / "models")
    parser.add_argument("--cache", type=Path, help="keep detections here between runs")
    parser.add_argument("--first-seed", type=int, default=301, help="of the rendered clips")
    parser.add_argument("--seeds", type=int, default=6, help="how many rendered clips of each kind; 0: none")
    parser.add_argument("--one-look", action="store_true", help="faces are not looked at again")
    arguments = parser.parse_args()
    print(
        "| clip | method | jitter px | times less | error px | lag frames | jitter disturbed px | times clean |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name in CLIPS:
        looks = 1 if arguments.one_look else 2
        clip = load_clip(arguments.media, arguments.models, name, arguments.cache, looks)
        print("\n".join(rows_of(name, clip)), flush=True)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    if seeds:
        print("\n" + "\n".join(table(seeds, arguments.cache, smooth_clip)), flush=True)
    print("\n| method | ms a frame, ten faces |\n|---|---:|")
    for method in METHODS:
        print(f"| {method} | {cost_ms(method):.3f} |")


if __name__ == "__main__":
    main()
