"""What adapters do, read plainly: crops by OpenCV, lengths and means by hand. Independent of the code under test."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from support.reference import bilinear

TEMPLATES = {
    "arcface_112_v1": [(0.35473214, 0.45658929), (0.64526786, 0.45658929), (0.5, 0.61154464),
                       (0.37913393, 0.776875), (0.62086607, 0.776875)],
    "arcface_112_v2": [(0.34191607, 0.46157411), (0.65653393, 0.45983393), (0.500225, 0.64050536),
                       (0.37097589, 0.82469196), (0.63151696, 0.82325089)],
    "arcface_128": [(0.36167656, 0.40387734), (0.63696719, 0.40235469), (0.50019687, 0.56044219),
                    (0.38710391, 0.72160547), (0.61507734, 0.72034453)],
    "ffhq_512": [(0.37691676, 0.46864664), (0.62285697, 0.46912813), (0.50123859, 0.61331904),
                 (0.39308822, 0.725411), (0.61150205, 0.72490465)],
    "mtcnn_512": [(0.36562865, 0.46733799), (0.63305391, 0.46585885), (0.50019127, 0.61942959),
                  (0.39032951, 0.77598822), (0.61178945, 0.77476328)],
}  # fmt: skip


def matrix(landmarks: Any, template: str, size: int) -> Any:
    """The similarity, by OpenCV's own estimator: float64 [2, 3]."""
    points = np.array(TEMPLATES[template]) * size
    found, _ = cv2.estimateAffinePartial2D(
        np.asarray(landmarks, np.float64), points, method=cv2.RANSAC, ransacReprojThreshold=1000
    )
    return found


def aligned(picture: Any, landmarks: Any, template: str, size: int) -> Any:
    """The crop of an R G B picture in float, 0..1: [size, size, 3]."""
    placement = matrix(landmarks, template, size)
    # OpenCV rounds positions to a 32nd of a pixel; on a smooth picture that hardly shows
    warped = cv2.warpAffine(
        picture.astype(np.float32), placement, (size, size), borderMode=cv2.BORDER_REPLICATE
    )
    return warped / 255


def smooth_picture(rng: np.random.Generator, width: int, height: int) -> Any:
    """Blurred noise of full range, uint8 [height, width, 3]."""
    noise = cv2.GaussianBlur(rng.standard_normal((height, width, 3)), (0, 0), 6)
    low, high = noise.min(), noise.max()
    return np.rint((noise - low) / (high - low) * 255).astype(np.uint8)


def box_matrix(box: Any, angle_deg: float) -> Any:
    """Frame to crop, 3 x 3: the box's centre to (128, 128), its longer side to 195, then the turn of the canvas."""
    x1, y1, x2, y2 = map(float, box)
    scale = 195 / max(x2 - x1, y2 - y1, 1)
    crop = np.array(
        [[scale, 0, (256 - scale * (x1 + x2)) / 2], [0, scale, (256 - scale * (y1 + y2)) / 2], [0, 0, 1]]
    )
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((128, 128), angle_deg, 1)
    return turn @ crop


def box_crop(picture: Any, box: Any, angle_deg: float) -> Any:
    """[3, 256, 256]: bilinear, black outside, B G R, codes over 255; brightened where dark."""
    to_frame = np.linalg.inv(box_matrix(box, angle_deg))
    u, v = np.meshgrid(np.arange(256.0), np.arange(256.0))
    x, y = (to_frame[row, 0] * u + to_frame[row, 1] * v + to_frame[row, 2] for row in (0, 1))
    x, y = np.clip(x, -1, picture.shape[1]), np.clip(y, -1, picture.shape[0])
    crop = bilinear(picture[..., ::-1].astype(np.float64), x, y, outside=0.0)
    lab = cv2.cvtColor(np.rint(crop).astype(np.uint8), cv2.COLOR_RGB2Lab)
    if lab[..., 0].mean() < 30:
        lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[..., 0])
        crop = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    return np.moveaxis(crop, -1, 0) / 255
