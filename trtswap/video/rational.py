"""Numbers as the three supported PyAV versions hand them out, made plain."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def fraction_or_none(value: Any) -> Fraction | None:
    """A positive Fraction of a Fraction, an `av.AVRational` or None; None when unknown, zero or malformed."""
    if value is None:
        return None
    numerator, denominator = int(value.numerator), int(value.denominator)
    if denominator == 0 or numerator * denominator <= 0:
        return None
    return Fraction(numerator, denominator)
