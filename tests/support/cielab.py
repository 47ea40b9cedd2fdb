"""Independent truth for colour: the formulas of IEC 61966-2-1 and CIE 15, plainly, in float64; CIEDE2000."""

from __future__ import annotations

import numpy as np

WHITE = np.array([0.95047, 1.0, 1.08883])
TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)


def srgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """R'G'B' [..., 3] on 0..1 to L*a*b* [..., 3]."""
    rgb = np.asarray(rgb, np.float64)
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = light @ TO_XYZ.T / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )


def lab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """The way back, clamped to 0..1."""
    lab = np.asarray(lab, np.float64)
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    t = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    light = np.clip((t * WHITE) @ np.linalg.inv(TO_XYZ).T, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def moments(pictures: np.ndarray, mask: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Effective samples, mean [3] and covariance [3, 3] of [3, H, W] under weights [H, W]."""
    values = pictures.reshape(3, -1).astype(np.float64)
    weights = mask.reshape(-1).astype(np.float64)
    total = weights.sum()
    mean = values @ weights / total
    centred = values - mean[:, None]
    return total**2 / (weights**2).sum(), mean, (centred * weights) @ centred.T / total


def square_root(matrix: np.ndarray) -> np.ndarray:
    """Of a symmetric matrix with eigenvalues of 0 or more."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def monge_kantorovich(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2."""
    root = square_root(source)
    inverse = np.linalg.inv(root)
    return inverse @ square_root(root @ target @ root) @ inverse
