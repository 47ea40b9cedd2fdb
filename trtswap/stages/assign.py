"""The optimal one-to-one assignment of rows to columns."""

from __future__ import annotations

import numpy as np

from trtswap.native import core
from trtswap.types import Array


def assign(benefits: Array) -> tuple[Array, Array]:
    """The matching with the largest sum of benefits. Exact.

    benefits: finite float [R, C]; a pair that is not above 0 is never matched. Returns the matched rows, ascending,
    and their columns: intp [K] each.
    """
    columns = np.array(core.assign(benefits), np.intp)
    rows = np.flatnonzero(columns >= 0)
    return rows, columns[rows]
