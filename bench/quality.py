"""How far results are from the true swap, which only rendered clips have, for several configurations of the pipeline.

    python bench/quality.py [--clips KIND ...] [--configurations NAME ...] [--frames 24] [--markdown FILE]

Nine kinds of clip, of people the built-in networks were not trained on, swapped with those networks; the result is
encoded without loss and compared frame by frame. The configurations break one thing after the other, so that its figure
must move: a benchmark that does not see a fault is none. "tinted" lends the swapper a colour cast such as published
swappers have; colour transfer is there to take it off again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from trtswap.demo.builtin import builtin_options
from trtswap.demo.clips import KINDS, Clip, plan_clip
from trtswap.inference.spec import SPECS_VARIABLE, load_specs
from trtswap.inference.store import MODELS_VARIABLE, Store
from trtswap.options import BlendOptions, EncodeOptions, MaskOptions, SmoothOptions, SwapOptions
from trtswap.trial import Files, draw_files, measure_files, swap_files

FIRST_SEED = 7000
TINTED = "demo_swapper_tinted"
TINT = ((1.10, 0.97, 0.88), (0.02, 0.0, 0.03))
"""Gain and offset of R, G, B that make the cast."""

SHOWN = (
    ("psnr_face_db", "face dB"),
    ("ssim_face", "face SSIM"),
    ("de00_face", "face ΔE"),
    ("psnr_ring_db", "ring dB"),
    ("ssim_ring", "ring SSIM"),
    ("de00_ring", "ring ΔE"),
    ("seam", "seam"),
    ("psnr_outside_db", "outside dB"),
    ("temporal_face", "temporal"),
    ("landmark_error", "points %"),
    ("landmark_jitter", "jitter %"),
    ("identity_source", "to source"),
    ("identity_target", "to target"),
)
PERCENT = ("landmark_error", "landmark_jitter")


def _tinted(options: SwapOptions) -> SwapOptions:
    return replace(options, swapper=TINTED)


def _uncoloured(options: SwapOptions) -> SwapOptions:
    return replace(options, blend=replace(options.blend, colour="off"))


CONFIGURATIONS: dict[str, Callable[[SwapOptions], SwapOptions]] = {
    "default": lambda options: options,
    "plain alpha": lambda options: replace(options, blend=BlendOptions("alpha", colour="off")),
    "no colour transfer": _uncoloured,
    "tinted": _tinted,
    "tinted, no colour transfer": lambda options: _uncoloured(_tinted(options)),
    "tinted, plain alpha": lambda options: replace(
        _tinted(options), blend=BlendOptions("alpha", colour="off")
    ),
    "tinted, hard mask": lambda options: replace(
        _tinted(options),
        mask=MaskOptions(kinds=("hull",), feather=0),
        blend=BlendOptions("alpha", colour="off"),
    ),
    "no smoothing": lambda options: replace(options, smooth=SmoothOptions("off")),
    "no landmarker": lambda options: replace(options, landmarks=replace(options.landmarks, network="none")),
}


def write_tinted(folder: Path) -> None:
    """The built-in swapper with a colour cast, and its spec."""
    spec = load_specs()[builtin_options().swapper]
    model = onnx.load(Store().find(spec))
    graph, output = model.graph, model.graph.output[0].name
    for node in graph.node:
        node.output[:] = ["plain" if name == output else name for name in node.output]
    for name, values in zip(("gain", "offset"), TINT, strict=True):
        graph.initializer.insert(0, numpy_helper.from_array(np.float32(values)[None, :, None, None], name))
    graph.node.append(helper.make_node("Mul", ["plain", "gain"], ["gained"]))
    graph.node.append(helper.make_node("Add", ["gained", "offset"], [output]))
    onnx.save(model, folder / f"{TINTED}.onnx")
    text = Path(spec.origin).read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("sha256", "bytes")))
    text = text.replace("demo_swapper", TINTED).replace(
        "verified = true", 'verified = false\nnote = "for a benchmark"'
    )
    (folder / f"{TINTED}.toml").write_text(text + "\n", encoding="utf-8")


def table(rows: dict[str, dict[str, float]], first: str) -> str:
    """Figures by row, in Markdown."""
    lines = [
        f"| {first} | " + " | ".join(words for _, words in SHOWN) + " |",
        "|---" + "|---:" * len(SHOWN) + "|",
    ]
    for name, figures in rows.items():
        cells = [f"{figures[key] * (100 if key in PERCENT else 1):.2f}" for key, _ in SHOWN]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over clips; of PSNR the mean of the decibels."""
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


def measured(clip: Clip, files: Files, options: SwapOptions) -> dict[str, float]:
    """The figures of one clip under one configuration."""
    swap_files(clip, files, replace(options, encode=EncodeOptions("lossless"), overwrite=True))
    return measure_files(clip, files, moments=0).figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument(
        "--configurations", nargs="+", choices=tuple(CONFIGURATIONS), default=list(CONFIGURATIONS)
    )
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 360), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--markdown", type=Path, help="write the tables here too")
    arguments = parser.parse_args()
    results: dict[str, dict[str, dict[str, float]]] = {name: {} for name in arguments.configurations}
    with tempfile.TemporaryDirectory(prefix="trtswap-quality-") as folder:
        work = Path(folder)
        (work / "tinted").mkdir()
        write_tinted(work / "tinted")
        os.environ[SPECS_VARIABLE] = os.environ[MODELS_VARIABLE] = str(work / "tinted")
        for kind in arguments.clips:
            clip = plan_clip(kind, FIRST_SEED + KINDS.index(kind), arguments.frames, tuple(arguments.size))
            files = Files.in_folder(work / "clip", "result.mkv")
            draw_files(clip, files)
            for name in arguments.configurations:
                options = CONFIGURATIONS[name](builtin_options(SwapOptions(device=arguments.device)))
                results[name][kind] = measured(clip, files, options)
                print(f"{kind}, {name}: {results[name][kind]['psnr_face_db']:.2f} dB", flush=True)
            shutil.rmtree(work / "clip")
    means = {name: mean_of(list(rows.values())) for name, rows in results.items()}
    text = table(means, "configuration, mean of the clips")
    for name, rows in results.items():
        text += f"\n\n{table(rows, name)}"
    print(f"\n{text}")
    if arguments.markdown:
        arguments.markdown.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
