"""What provenance costs: a large video signed and verified, and what is added around a short one.

    python bench/provenance.py FOLDER [--size-gb 1] [--repeat 3] [--clip ../shared/media/talk_1080p.mp4]

Makes videos of incompressible content in FOLDER (kept for the next time), and a minute of the clip over and over where
there is one, and signs them, each time in a process of its own, whose peak memory is that of signing alone. Each is its
own original, the worst case: both are read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

SIZE = (1920, 1080)
RATE = 30
SECONDS = 60
CLIP = Path(__file__).resolve().parents[2] / "shared" / "media" / "talk_1080p.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size-gb", type=float, default=1.0, help="10^9 bytes")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--clip", type=Path, default=CLIP, help="H.264 of some seconds")
    parser.add_argument("--child", choices=["sign", "verify"])
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_measured(arguments.child, arguments.folder)))
        return
    large = arguments.folder / f"noise_{arguments.size_gb:g}gb.mp4"
    minute = arguments.folder / "noise_minute.mp4"
    clip = arguments.folder / f"minute_of_{arguments.clip.name}"
    for path, size in ((large, arguments.size_gb * 1e9), (minute, 60e6)):
        if not path.exists():
            write_noise(path, int(size))
    if arguments.clip.is_file():
        repeat_clip(arguments.clip, clip)
    for path in filter(Path.exists, (large, minute, clip)):
        print(f"{path.name}: {path.stat().st_size / 1e9:.3f} GB")
        for work in ("sign", "verify"):
            for _ in range(arguments.repeat):
                _tell(work, in_a_child(work, path))


def write_noise(path: Path, size: int) -> None:
    """A minute of 1080p video of `size` bytes: a few encoded frames, over and over, each with noise after its last
    slice, which decoders pass over."""
    rng = np.random.default_rng(7)
    packets = _packets(rng)
    count = SECONDS * RATE
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p"
        stream.time_base = Fraction(1, RATE)
        for index in range(count):
            body = packets[index % len(packets)]
            noise = rng.bytes(max(0, size // count - len(body))).replace(b"\xff", b"\xfe")  # no marker
            packet = av.Packet(body + noise)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, index, index, True
            packet.time_base, packet.duration = Fraction(1, RATE), 1
            container.mux(packet)


def repeat_clip(source: Path, path: Path) -> None:
    """The picture of a clip, as it was encoded, over and over for a minute."""
    with av.open(str(source)) as clip:
        video = clip.streams.video[0]
        packets = [
            (bytes(packet), packet.pts, packet.dts, packet.is_keyframe)
            for packet in clip.demux(video)
            if packet.size
        ]
        base, rate, pause = video.time_base, video.average_rate, video.duration
        with av.open(str(path), "w") as container:
            stream = container.add_stream_from_template(video)
            for turn in range(round(SECONDS / float(pause * base))):
                for data, pts, dts, key in packets:
                    packet = av.Packet(data)
                    packet.stream, packet.pts, packet.dts = stream, pts + turn * pause, dts + turn * pause
                    packet.time_base, packet.duration = base, round(1 / (rate * base))
                    packet.is_keyframe = key
                    container.mux(packet)


def _packets(rng: np.random.Generator) -> list[bytes]:
    context: Any = av.CodecContext.create("mjpeg", "w")
    context.width, context.height = SIZE
    context.pix_fmt = "yuvj420p"
    context.time_base = Fraction(1, RATE)
    found: list[bytes] = []
    for shade in rng.integers(0, 256, (4, 3), np.uint8):
        plain = np.broadcast_to(shade, (SIZE[1], SIZE[0], 3)).copy()
        frame = av.VideoFrame.from_ndarray(plain, format="rgb24").reformat(format="yuvj420p")
        found += [bytes(packet) for packet in context.encode(frame)]
    return found + [bytes(packet) for packet in context.encode(None)]


def in_a_child(work: str, path: Path) -> dict[str, float]:
    """Signs or verifies in a process of its own: seconds, and its peak memory in MB (10^6 bytes)."""
    command = [sys.executable, __file__, str(path), "--child", work]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(result.stdout)
    return measured


def _tell(work: str, measured: dict[str, float]) -> None:
    print(f"  {work}: " + ", ".join(f"{name} {value:.3f}" for name, value in measured.items()), flush=True)


def _measured(work: str, path: Path) -> dict[str, float]:
    """Seconds and peak memory in MB (10^6 bytes) of this process."""
    started = time.perf_counter()
    from trtswap.options import ProvenanceOptions
    from trtswap.provenance.manifest import NetworkFact
    from trtswap.provenance.seal import Seal
    from trtswap.provenance.verify import verify

    if work == "verify":
        verdict = verify(path.with_name(f"signed_{path.name}"))
        assert verdict.intact, verdict.problems
        return {"seconds": time.perf_counter() - started, "peak_mb": _peak_mb()}
    seal = Seal(ProvenanceOptions(), path)
    begun = time.perf_counter()
    seal.describe(lambda: [NetworkFact("a", "swapper", "0" * 64, "none")], {})  # waits for the library
    seal.known()
    ready = time.perf_counter()
    copy = path.with_name(f"copy_{path.name}")
    _copied(path, copy)
    copied, before = time.perf_counter(), time.process_time()
    seal(copy, copy)
    ended, after = time.perf_counter(), time.process_time()
    copy.replace(path.with_name(f"signed_{path.name}"))
    return {
        "start_s": begun - started,
        "beside_s": ready - begun,
        "read_and_write_s": copied - ready,
        "sign_s": ended - copied,
        "sign_cpu_s": after - before,
        "peak_mb": _peak_mb(),
    }


def _copied(path: Path, copy: Path) -> None:
    with path.open("rb") as source, copy.open("wb") as target:
        while block := source.read(1 << 20):
            target.write(block)


def _peak_mb() -> float:
    """Of this program; what getrusage tells counts the process that started it as well."""
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")
    )
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
