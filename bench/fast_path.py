"""Frames that stay on the GPU, step by step: `python bench/fast_path.py [--place gpu host] [--batches 8 32]`.

decode     a file to surfaces where they are worked on, nothing else
encode     surfaces on the host to a file, nothing else
engines    what the networks alone allow: the sum of their times per frame at that batch, back to back
swapper    faces a second of the swapper's engine alone; with cropping; with cropping and compositing; and their shares
one, four  decoded surfaces to composited ones, all stages, no file, with one face and with four in every frame; with
           one, its share of what the engines allow
monitored  as one, without and with the quality monitor taking samples, by turns, and the share that is left
file       whole runs and encoding alone by turns, medians; the wall time over that of the slower of decoding and
           encoding; and when what a last run did began and ended
strict     whole runs at `--memory strict`

Each place and batch is measured in a process of its own, part by part; what a part gave is printed, and written to
--json, at once. A part that fails is told and the next ones go on; a process that says nothing for --patience seconds
shows where it was, and ends. device_mb: the most in use on the GPU during that process, less what was before.

The clip is rendered, small, and enlarged to --size. Networks are the built-in ones; --swapper inswapper_128 and
--landmarker 2dfan4 take stand-ins of bench/standins.py, --detector yunet the network of that name from --folder.
Times are of the host, to the last event on a GPU.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PARTS = ("encode", "decode", "engines", "swapper", "one", "monitored", "four", "file", "strict")
_COLUMNS = (
    *("decode_fps", "encode_fps", "engines_fps", "one_fps", "share_of_engines", "swapper_share"),
    *("monitored_fps", "monitored_share"),
    *("four_fps", "file_fps", "encode_beside_fps", "wall_over_slower_codec"),
    *("file_device_mb", "strict_device_mb"),
)


def main() -> int:
    """Measures and prints."""
    wanted = arguments()
    if wanted.child:
        import fast_parts

        faulthandler.enable()
        fast_parts.run(wanted)
        return 0
    rows: list[dict[str, Any]] = []
    for place in wanted.place:
        for batch in wanted.batches:
            rows.append({"place": place, "batch": batch, "size": wanted.size, "errors": {}})
            _measure(rows, wanted)
            print(table(rows), flush=True)
    return int(any(row["errors"] for row in rows))


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--place", nargs="+", choices=("host", "gpu"), default=["gpu"])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--count", type=int, default=1500, help="frames of the clip")
    parser.add_argument(
        "--times", type=int, default=1, help="surfaces go through the stages so often the clip's frames"
    )
    parser.add_argument("--rounds", type=int, default=3, help="whole runs, and encoding alone, of each")
    parser.add_argument("--turns", type=int, default=5, help="runs without and with the monitor, of each")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--queue", type=int, default=2)
    parser.add_argument("--swapper", choices=("demo_swapper", "inswapper_128"), default="demo_swapper")
    parser.add_argument("--detector", default="demo_detector")
    parser.add_argument("--landmarker", default="none", help="demo_landmarker, 2dfan4 or another one")
    parser.add_argument(
        "--occluder", default="", help="a network, such as demo_occlusion; without one no mask network runs"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--decoder", choices=("auto", "software"), default="auto")
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--encoder", choices=("auto", "software", "nvenc"), default="auto")
    parser.add_argument("--folder", type=Path, default=Path("build/fast_path"))
    parser.add_argument(
        "--patience", type=float, default=240.0, help="seconds without a word, builds included"
    )
    parser.add_argument(
        "--trace", type=Path, help="the part one goes on with a run whose time line goes there"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _measure(rows: list[dict[str, Any]], wanted: argparse.Namespace) -> None:
    """Fills in the last row, from processes of their own; the tier of memory is a matter of a whole process."""
    row, left = rows[-1], list(wanted.parts)
    while left:
        parts = [part for part in left if (part == "strict") == (left[0] == "strict")]
        before, told_of = _device_mb(), []
        for line in _lines(_command(row, parts), wanted.patience):
            if not line.startswith('{"part"'):
                print(f"    {line}", flush=True)
                continue
            told = json.loads(line)
            told_of.append(told.pop("part"))
            row["errors"].update(told.pop("errors", {}))
            for name in [name for name in told if name.endswith("device_mb")]:
                told[name] = round(told[name] - before)
            row.update(told)
            print(json.dumps({"place": row["place"], "batch": row["batch"], **told}), flush=True)
            _keep(rows, wanted.json)
        lost = [part for part in parts if part not in told_of]
        if lost:  # the process came to its end there; the others are tried in a new one
            row["errors"][lost[0]] = "the process was silent for too long, or ended"
        left = [part for part in left if part not in told_of and part != (lost or [None])[0]]
        _keep(rows, wanted.json)


def _keep(rows: list[dict[str, Any]], path: Path | None) -> None:
    if path:
        path.write_text(json.dumps(rows, indent=1))


def _command(row: dict[str, Any], parts: list[str]) -> list[str]:
    where = ["--place", row["place"], "--batches", str(row["batch"]), "--parts", *parts]
    return [sys.executable, "-u", __file__, *sys.argv[1:], "--child", *where]


def _lines(command: list[str], patience: float) -> Iterator[str]:
    """What a process says, line by line; one that is silent for too long is made to say where it is, and ended."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    said: queue.Queue[str | None] = queue.Queue()

    def listen() -> None:
        for line in process.stdout or ():
            said.put(line.rstrip("\n"))
        said.put(None)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    asked = False
    while True:
        try:
            line = said.get(timeout=10.0 if asked else patience)
        except queue.Empty:
            if asked:
                process.kill()
                break
            yield f"silent for {patience:g} s:"
            asked = True
            process.send_signal(signal.SIGABRT)  # faulthandler tells where every thread is
            continue
        if line is None:
            break
        yield line
    process.wait()
    listener.join()
    if process.stdout:
        process.stdout.close()


def _device_mb() -> float:
    """In use on the first GPU, by whomever; 0 where nobody tells."""
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
        return float(told.splitlines()[0]) * 1.048576
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return 0.0


def table(rows: list[dict[str, Any]]) -> str:
    """The rows so far."""
    lines = [f"{'':24}" + "  ".join(f"{row['place']} {row['batch']:>3}".rjust(10) for row in rows)]
    for name in _COLUMNS:
        values = [f"{row[name]:10.2f}" if row.get(name) is not None else f"{'-':>10}" for row in rows]
        lines.append(f"{name:24}" + "  ".join(values))
    for row in rows:
        lines += [f"{row['place']} {row['batch']}: {part}: {why}" for part, why in row["errors"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
