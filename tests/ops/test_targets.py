"""The host and the CUDA build of an operation give the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from support import reference, tolerance
from support.targets import CudaTarget, HostTarget, Target

from trtswap import ops
from trtswap.types import PixelFormat

pytestmark = pytest.mark.gpu

OPTIONS = {"channels": "rgb", "mean": (0, 0, 0), "std": (1 / 255, 1 / 255, 1 / 255)}


@pytest.mark.parametrize("format", list(PixelFormat))
@pytest.mark.parametrize("area", [False, True])
def test_crops_agree(format: PixelFormat, area: bool) -> None:
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, format, 641, 363)
    placements = np.stack([reference.random_placement(rng, 641, 363, 128, (0.3, 4.0)) for _ in range(24)])
    indices = np.zeros(len(placements), int)
    sampling = "area" if area else "bilinear"

    def run(target: Target) -> np.ndarray:
        put = target.put_surface(surface)
        return target.get(ops.crop([put], indices, placements, (128, 128), sampling=sampling, **OPTIONS))

    host, cuda = (np.rint(run(target)).astype(int) for target in (HostTarget(), CudaTarget()))
    assert_close(host, cuda)


@pytest.mark.parametrize("format", list(PixelFormat))
def test_letterboxes_agree_to_the_bit(format: PixelFormat) -> None:
    """An unturned map takes a path of its own on the host; a turned one does not."""
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, format, 641, 363)
    scale = 200 / 641
    upright = [[scale, 0, 0.5 * scale - 0.5], [0, scale, 0.5 * scale - 0.5]]
    turned = [[0, scale, 0.5 * scale - 0.5], [-scale, 0, 199 + 0.5 * scale]]
    extents = np.array([(200, 113), (113, 200)])

    def run(target: Target) -> np.ndarray:
        put = target.put_surface(surface)
        return target.get(
            ops.letterbox([put, put], np.array([upright, turned]), extents, (224, 224), **OPTIONS)
        )

    assert np.array_equal(run(HostTarget()), run(CudaTarget()))


@pytest.mark.parametrize("format", list(PixelFormat))
def test_composites_agree(format: PixelFormat) -> None:
    rng = np.random.default_rng()
    surface = reference.random_surface(rng, format, 641, 363)
    placements = np.stack([reference.random_placement(rng, 641, 363, 128, (0.3, 4.0)) for _ in range(24)])
    patches = rng.uniform(0, 1, (24, 3, 128, 128)).astype(np.float32)
    masks = rng.uniform(0, 1, (24, 128, 128)).astype(np.float32)

    def run(target: Target) -> list[np.ndarray]:
        put = target.put_surface(surface)
        indices = np.zeros(len(placements), int)
        ops.composite([put], indices, placements, target.put(patches), target.put(masks))
        return reference.codes(target.get_surface(put))

    for host, cuda in zip(run(HostTarget()), run(CudaTarget()), strict=True):
        assert_close(host, cuda)


def assert_close(host: np.ndarray, cuda: np.ndarray) -> None:
    difference = np.abs(host - cuda)
    print(f"differ: {np.count_nonzero(difference)} of {difference.size}, by at most {difference.max()}")
    assert difference.max() <= tolerance.TARGETS_CODES
    assert np.count_nonzero(difference) <= tolerance.TARGETS_SHARE * difference.size
