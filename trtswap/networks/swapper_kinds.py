"""Swappers whose identities are converted embeddings or source pictures."""

from __future__ import annotations

import numpy as np

from trtswap import ops
from trtswap.errors import InputError, NoFaceError, SpecError
from trtswap.geometry import TEMPLATES, estimate_similarity, template_points
from trtswap.inference.session import Session
from trtswap.networks.converter import Converter
from trtswap.networks.swapper import Swapper, length_of
from trtswap.types import Array, Identity


class ConvertedSwapper(Swapper):
    """simswap, hififace: the source is the unit embedding in the converter's space."""

    def __init__(self, session: Session, *, converter: Converter | None = None, boost_px: int = 0) -> None:
        super().__init__(session, converter=converter, boost_px=boost_px)
        if converter is None:
            raise SpecError(
                f"{session.spec.origin}: swap.converter: a swapper of this kind names one",
                path=session.spec.origin,
            )

    def source_vector(self, identity: Identity) -> Array:
        """The converted embedding at length 1."""
        converted = self._converted(identity)
        return np.asarray(converted / length_of(converted), np.float32)

    def _converted(self, identity: Identity) -> Array:
        length_of(identity.embedding)
        assert self._converter is not None
        return self._converter.convert(identity.embedding)


class Ghost(ConvertedSwapper):
    """ghost: the source is the converted embedding at its own length."""

    def source_vector(self, identity: Identity) -> Array:
        """The converted embedding as it is."""
        converted = self._converted(identity)
        length_of(converted)
        return np.asarray(converted, np.float32)

    def _own_vectors(self, embeddings: Array) -> Array:
        """The raw embeddings."""
        return embeddings


class PortraitSwapper(Swapper):
    """uniface, blendswap: the source is the aligned face of the first source picture, R G B in 0..1."""

    balances = False

    def __init__(self, session: Session, *, converter: Converter | None = None, boost_px: int = 0) -> None:
        super().__init__(session, converter=converter, boost_px=boost_px)
        spec = session.spec
        template = spec.swap.source_template if spec.swap else None
        shape = next((tensor.shape for tensor in spec.inputs if tensor.name == "source"), ())
        lengths = [length for length in shape[2:] if isinstance(length, int)]
        if template is None or template not in TEMPLATES or len(shape) != 4 or len(lengths) != 2:
            raise SpecError(
                f"{spec.origin}: swap.source_template: expected one of {', '.join(TEMPLATES)} "
                f"and an input source [N, 3, H, W], found {template!r} and {list(shape)}",
                path=spec.origin,
            )
        self._source_template = template
        self._source_size = (lengths[1], lengths[0])

    def source_vector(self, identity: Identity) -> Array:
        """The aligned picture: float32 [3, H, W]."""
        if identity.picture is None or identity.landmarks_px is None:
            raise InputError(
                f"the swapper {self.session.spec.name} shows a source picture, not an embedding alone"
            )
        points = template_points(self._source_template, self._source_size)
        placement = estimate_similarity(identity.landmarks_px[None], points)
        if not np.isfinite(placement).all():
            raise NoFaceError("the face on the source picture cannot be aligned")
        crop: Array = ops.crop(
            [identity.picture], np.zeros(1, np.int32), placement, self._source_size,
            channels="rgb", mean=(0.0,) * 3, std=(1.0,) * 3,
        )[0]  # fmt: skip
        return crop
