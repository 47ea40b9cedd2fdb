"""Fails unless a demo's result has the frames and sound of its clip and is nearer to the true swap than the clip.

python .ci/check_demo.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from check_example import read


def main() -> None:
    folder = Path(sys.argv[1])
    before, after = read(str(folder / "target.mp4")), read(str(folder / "swapped.mp4"))
    assert len(before[0]) == len(after[0]), f"{len(after[0])} frames instead of {len(before[0])}"
    assert before[1:] == after[1:], "the time stamps or the sound differ"
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))["figures"]
    assert figures["psnr_face_db"] > figures["psnr_face_unswapped_db"] + 1, figures
    assert figures["identity_source"] > figures["identity_target"], figures
    print(f"{folder}: {len(after[0])} frames, nearer to the true swap and to the source")


if __name__ == "__main__":
    main()
