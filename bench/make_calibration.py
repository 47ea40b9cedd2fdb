"""Draws the pictures that engines are calibrated and proven on.

python bench/make_calibration.py engines/calibration
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np

from trtswap.demo.person import draw_person
from trtswap.demo.render import render
from trtswap.demo.state import Camera, Expression, FrameState, Head, Light, Pose

SIZE = (400, 400)
LIGHTS = (
    Light(),
    Light(direction=(-0.8, 0.4, 0.5), key=(1.3, 1.2, 1.0), softness=0.2),
    Light(key=(0.35, 0.37, 0.45), sky=(0.12, 0.13, 0.16), ground=(0.05, 0.05, 0.05)),
    Light(direction=(0.2, 0.9, 0.6), key=(1.5, 1.45, 1.35), softness=0.1),
)


def main(folder: Path) -> None:
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    truth = []
    for number in range(8):
        yaw, pitch, roll = rng.uniform(-1, 1, 3) * (45, 15, 20)
        height = float(rng.uniform(0.45, 0.8))
        pose = Pose(float(yaw), float(pitch), float(roll), 0.5, 0.45, height)
        expression = Expression(
            smile=float(rng.uniform(0, 0.8)),
            jaw=float(rng.uniform(0, 0.5)),
            brows=float(rng.uniform(-0.5, 0.5)),
        )
        state = FrameState(
            heads=(Head(pose=pose, expression=expression),),
            light=LIGHTS[number % len(LIGHTS)],
            camera=Camera(noise=float(rng.uniform(0, 3)), blur_px=float(rng.uniform(0.3, 1.0))),
            backdrop=number,
            noise_seed=number,
            size=SIZE,
        )
        frame = render([draw_person(100 + number)], state)
        name = f"face_{number}.jpg"
        cv2.imwrite(str(folder / name), frame.picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
        points = np.round(frame.heads[0].five_px.astype(float), 2).tolist()
        truth.append({"file": name, "landmarks_px": points})
    (folder / "faces.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
