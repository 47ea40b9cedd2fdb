"""Adapters of face enhancers: faces to the same faces, restored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trtswap import device
from trtswap.errors import SpecError
from trtswap.inference.session import Session
from trtswap.networks.alignment import crop_placements, sample, template_name
from trtswap.networks.swapper import Patches
from trtswap.types import Array, Surface


class Restorer:
    """Networks that take an aligned crop and give it back restored; some weigh fidelity against looks.

    template: name of the canonical points. size: edge of the crop in pixels.
    """

    def __init__(self, session: Session) -> None:
        spec = session.spec
        if spec.enhance is None or spec.picture.size[0] != spec.picture.size[1]:
            raise SpecError(
                f"{spec.origin}: an enhancer has a table [enhance] and a square crop", path=spec.origin
            )
        self.session = session
        self.template = template_name(spec)
        self.size = spec.picture.size[0]
        low, high = spec.enhance.range
        self._scale = 1 / (high - low)
        self._offset = -low / (high - low)
        self._weighted = any(tensor.name == "weight" for tensor in spec.inputs)

    def placements(self, landmarks: Array) -> Array:
        """Where the crops of faces with landmarks [F, 5, 2] lie: float64 [F, 2, 3], frame to crop pixels.

        Raises NoFaceError for landmarks that cannot be aligned.
        """
        return crop_placements(self.session.spec, landmarks)

    def restore(
        self, surfaces: Sequence[Surface], indices: Array, placements: Array, weight: float
    ) -> Patches:
        """The restored crops of F faces, all in one run.

        indices: int [F], the surface of each face. placements: [F, 2, 3], frame to crop pixels. weight: 0..1, more is
        nearer to the face as it is, for networks that know it. Raises NetworkError and its kin, DeviceError.
        """
        if not len(indices):
            empty = np.zeros((0, 3, self.size, self.size), np.float32)
            return Patches(empty, self._scale, self._offset)
        spec = self.session.spec
        crops = sample(spec, surfaces, indices, placements)
        feed = {spec.picture.input: crops}
        if self._weighted:
            feed["weight"] = device.beside(np.full(len(indices), weight, np.float32), crops)
        return Patches(self.session.run(feed)[0], self._scale, self._offset)
