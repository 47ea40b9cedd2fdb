"""Makes x264 give the same file for the same frames.

Its AVX-512 code for the tree of macroblocks reads beyond the end of a row that is no multiple of 8 macroblocks,
whatever memory holds there, so that the bits go elsewhere from run to run. Its AVX2 code gives the same in every run,
and what the other gives where rows fit.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_MACROBLOCK_PX = 16
_GROUP = 8
_WITHOUT_AVX512 = "asm=AVX2,BMI2,FMA3"


def repeatable(params: str, width_px: int) -> str:
    """The `x264-params` with what a repeatable result needs on this machine for pictures of this width."""
    macroblocks = -(-width_px // _MACROBLOCK_PX)
    if macroblocks % _GROUP == 0 or not _has_avx512():
        return params
    return ":".join(part for part in (params, _WITHOUT_AVX512) if part)


@lru_cache(maxsize=1)
def _has_avx512() -> bool:
    """Every processor with AVX-512 has all that `_WITHOUT_AVX512` names."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return "avx512f" in flags
