"""Writes what the README's main command needs, without downloads: me.jpg, clip.mp4 and models/ into a folder.

    python .ci/make_example.py FOLDER

The people are painted and the networks are the tests' analytic stand-ins under the real networks' file names.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support import networks, painted

SIZE = (1280, 720)


def main() -> None:
    folder = Path(sys.argv[1])
    painted.write_portrait(folder / "me.jpg")
    painted.write_clip(folder / "clip.mp4", [[face] for face in painted.swaying(60, SIZE)], SIZE)
    (folder / "models").mkdir(exist_ok=True)
    networks.write_models(folder / "models")


if __name__ == "__main__":
    main()
