"""Many short clips in one run: resident memory, threads, open files and time of each, first against last.

python bench/many.py [--clips 200] [--frames 10]
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

from trtswap.demo.builtin import builtin_options
from trtswap.demo.clips import plan_clip
from trtswap.host_memory import claim_process, resident_bytes
from trtswap.many import swap_many
from trtswap.options import ProvenanceOptions, SwapOptions
from trtswap.trial import Files, draw_files

SIZE = (320, 240)
TOLD = 20


def main() -> None:
    claim_process()  # as the command does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--frames", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), arguments.clips, arguments.frames)


def run(folder: Path, clips: int, frames: int) -> None:
    files = Files.in_folder(folder / "drawn")
    draw_files(plan_clip("talking", 3, frames, SIZE), files)
    targets = folder / "targets"
    targets.mkdir()
    for number in range(clips):
        (targets / f"{number:04}.mp4").write_bytes(files.target.read_bytes())
    options = builtin_options(SwapOptions(provider="cpu", provenance=ProvenanceOptions("a benchmark")))
    os.environ["TRTSWAP_STATE"] = str(folder)
    rows = []
    before = time.perf_counter()
    for outcome in swap_many([files.source], [targets], folder / "out", options=options):
        assert outcome.status == "done", outcome
        now = time.perf_counter()
        gc.collect()
        open_files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        rows.append((now - before, (resident_bytes() or 0) / 2**20, threading.active_count(), open_files))
        before = time.perf_counter()
        if len(rows) % TOLD == 0:
            _, memory, threads, files_open = rows[-1]
            usual = statistics.median(row[0] for row in rows[-TOLD:])
            print(
                f"{len(rows):5}  {usual * 1000:6.0f} ms  {memory:8.1f} MiB  {threads} threads  {files_open} files",
                flush=True,
            )
    first, last = rows[1 : TOLD + 1], rows[-TOLD:]
    for words, part in (("first", first), ("last", last)):
        seconds = [row[0] for row in part]
        print(
            f"{words} {len(part)}: median {statistics.median(seconds) * 1000:.0f} ms a clip, "
            f"least {min(seconds) * 1000:.0f} ms; {part[-1][1]:.1f} MiB, {part[-1][2]} threads, "
            f"{part[-1][3]} open files"
        )


if __name__ == "__main__":
    main()
