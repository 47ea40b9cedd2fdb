"""How near a composite comes to the truth, where the truth is known.

    python bench/blend_quality.py [--photograph FILE] [--sheets FOLDER]

A patch is what a perfect swapper would give, its colours then changed by a known transform, as swappers change them;
put back, the truth is the picture it was cut from. Truths are rendered people with their true swaps (by sources with
the skin of their targets), one class per kind of clip, and a photograph with one face if a file is given, also under
changed light. Numbers are mean CIEDE2000 on the ring where the mask is neither 0 nor 1, and inside it. Needs
scikit-image.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from trtswap import ops
from trtswap.demo.clips import plan_clip
from trtswap.demo.render import render
from trtswap.geometry import TEMPLATES, estimate_similarity, invert
from trtswap.options import MaskOptions
from trtswap.stages.mask import face_masks, skin_weights
from trtswap.types import PixelFormat, Surface

SIZE, TEMPLATE = 256, "arcface_128"
KINDS = ("talking", "dim", "coloured light", "profile turn", "small", "occluded")
WAYS = {
    "alpha": ("alpha", None),
    "alpha, Reinhard": ("alpha", "reinhard"),
    "alpha, MK": ("alpha", "mk"),
    "multiband": ("multiband", None),
    "multiband, MK": ("multiband", "mk"),
}


@dataclass(frozen=True)
class Case:
    """frame: uint8 [H, W, 3], what is swapped into. truth: the same, what should come out. five_px: [5, 2]."""

    kind: str
    frame: np.ndarray
    truth: np.ndarray
    five_px: np.ndarray


def gain(*factors: float) -> Callable[[np.ndarray], np.ndarray]:
    """More or less light of each colour."""

    def change(rgb: np.ndarray) -> np.ndarray:
        return (np.clip(rgb, 0, 1) ** 2.2 * factors) ** (1 / 2.2)

    return change


def contrast(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rgb: 0.45 + (rgb - 0.45) * factor


def side_light(strength: float) -> Callable[[np.ndarray], np.ndarray]:
    """More light from the right than from the left."""

    def change(rgb: np.ndarray) -> np.ndarray:
        slope = 1 + strength * np.linspace(-1, 1, rgb.shape[1])[None, :, None]
        return (np.clip(rgb, 0, 1) ** 2.2 * slope) ** (1 / 2.2)

    return change


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda rgb: rgb,
    "warm": gain(1.25, 1.0, 0.75),
    "cold": gain(0.8, 1.0, 1.25),
    "darker": gain(0.55, 0.55, 0.55),
    "brighter": gain(1.5, 1.5, 1.5),
    "flat": contrast(0.7),
    "side light": side_light(0.4),
}
LIGHTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "in dim light": gain(0.12, 0.12, 0.12),
    "in red light": gain(1.0, 0.35, 0.3),
    "in blue light": gain(0.3, 0.45, 1.1),
    "overexposed": gain(2.6, 2.6, 2.6),
}


def rendered_cases(frames: int) -> Iterator[Case]:
    for kind in KINDS:
        for seed in range(frames):
            clip = plan_clip(kind, seed=40 + seed, frames=12, size=(640, 360))
            sources = {k: replace(source, skin=clip.people[k].skin) for k, source in clip.sources.items()}
            drawn = render(clip.people, clip.states[-1], sources)
            assert drawn.swap is not None
            yield Case(kind, drawn.picture, drawn.swap, drawn.heads[0].five_px)


def photograph_cases(file: str, detector: str) -> Iterator[Case]:
    picture = cv2.cvtColor(cv2.imread(file), cv2.COLOR_BGR2RGB)
    finder = cv2.FaceDetectorYN.create(detector, "", (picture.shape[1], picture.shape[0]))
    found = finder.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1][0]
    five = found[4:14].reshape(5, 2)
    yield Case("photograph", picture, picture, five)
    for name, light in LIGHTS.items():
        lit = np.clip(np.rint(np.clip(light(picture / 255), 0, 1) * 255), 0, 255).astype(np.uint8)
        yield Case(f"photograph {name}", lit, lit, five)


def nv12(rgb: np.ndarray) -> Surface:
    height, width = rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2
    planar = cv2.cvtColor(np.ascontiguousarray(rgb[:height, :width]), cv2.COLOR_RGB2YUV_I420).reshape(-1)
    chroma = planar[width * height :].reshape(2, height // 2, width // 2).transpose(1, 2, 0)
    return Surface(PixelFormat.NV12, (planar[: width * height].reshape(height, width).copy(), chroma.copy()))


def composite(case: Case, patch: np.ndarray, way: str) -> np.ndarray:
    """R'G'B' uint8 after putting the patch, R'G'B' on 0..1, into the frame."""
    surface = Surface(PixelFormat.RGB8, (case.frame.copy(),))
    placement = placement_of(case)[None]
    pixels = np.ascontiguousarray(np.moveaxis(patch, -1, 0)[None], np.float32)
    blend, method = WAYS[way]
    maps = None
    if method is not None:
        weights = skin_weights(SIZE, TEMPLATE)
        moments = ops.measure_colour([surface], np.array([0]), placement, pixels, weights)
        maps = ops.transfer_maps(moments, method)
    ops.composite([surface], np.array([0]), placement, pixels, mask(), blend=blend, maps=maps)
    return surface.planes[0]


def mask() -> np.ndarray:
    return face_masks(SIZE, TEMPLATE, MaskOptions())


def placement_of(case: Case) -> np.ndarray:
    return estimate_similarity(case.five_px[None], TEMPLATES[TEMPLATE] * SIZE)[0]


def patch_of(case: Case, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The truth's crop with its colours changed."""
    surface = Surface(PixelFormat.RGB8, (case.truth,))
    options = {"channels": "rgb", "mean": (0, 0, 0), "std": (1, 1, 1), "sampling": "area"}
    crop = ops.crop([surface], np.array([0]), placement_of(case)[None], (SIZE, SIZE), **options)[0]
    return np.clip(change(np.moveaxis(crop, 0, -1)), 0, 1)


def differences(case: Case, result: np.ndarray) -> tuple[float, float]:
    """Mean CIEDE2000 on the ring and inside."""
    height, width = case.truth.shape[:2]
    back = invert(placement_of(case)[None])[0]
    cover = cv2.warpAffine(mask()[0], back, (width, height))
    delta = deltaE_ciede2000(rgb2lab(case.truth), rgb2lab(result))
    ring, inside = (cover > 0.01) & (cover < 0.99), cover >= 0.99
    return float(delta[ring].mean()), float(delta[inside].mean())


def sheet(case: Case, patch: np.ndarray, zoom: int) -> np.ndarray:
    """The truth and every way side by side, cut around the face."""
    corners = invert(placement_of(case)[None])[0] @ np.array([[0, SIZE], [0, SIZE], [1, 1]])
    low = np.clip(np.floor(corners.min(axis=1)), 0, None).astype(int)
    high = np.ceil(corners.max(axis=1)).astype(int)
    cut = (slice(low[1], high[1]), slice(low[0], high[0]))
    parts = [case.truth[cut], *(composite(case, patch, way)[cut] for way in WAYS)]
    row = np.concatenate(parts, axis=1)
    return cv2.resize(row, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photograph", metavar="FILE")
    parser.add_argument("--detector", metavar="FILE", help="YuNet, to find the face of the photograph")
    parser.add_argument("--frames", type=int, default=2, help="rendered frames of each kind")
    parser.add_argument("--sheets", metavar="FOLDER", help="write pictures here: the truth, then every way")
    arguments = parser.parse_args()
    cases = list(rendered_cases(arguments.frames))
    if arguments.photograph:
        cases += photograph_cases(arguments.photograph, arguments.detector)
    print("ring / inside, mean CIEDE2000\n")
    print("| case | change | " + " | ".join(WAYS) + " |")
    print("|---|---|" + "---:|" * len(WAYS))
    for kind in dict.fromkeys(case.kind for case in cases):
        for name, change in CHANGES.items():
            of_kind = [case for case in cases if case.kind == kind]
            numbers = np.array(
                [
                    [differences(case, composite(case, patch_of(case, change), way)) for way in WAYS]
                    for case in of_kind
                ]
            ).mean(axis=0)
            print(
                f"| {kind} | {name} | " + " | ".join(f"{a:.2f} / {b:.2f}" for a, b in numbers) + " |",
                flush=True,
            )
            if arguments.sheets:
                rows = sheet(of_kind[0], patch_of(of_kind[0], change), 1)
                file = Path(arguments.sheets) / f"{kind} {name}.png".replace(" ", "_")
                cv2.imwrite(str(file), cv2.cvtColor(rows, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
