"""Every tolerance of the tests, with its reason."""

from __future__ import annotations

COLOUR_CODES = 0.5
"""Y'CbCr <-> R'G'B' against the BT formulas in float64: rounding to a code, nothing more."""

COLOUR_ROUNDING = 2e-3
"""What float32 arithmetic may add to that, in codes: about 2^-24 of 1023, over a dozen operations."""

RESAMPLE_CODES = 0.06
"""Sampling noise of full contrast: float32 positions are good to 2e-4 pixel, and a step of 255 lies between pixels."""

COMPOSITE_CODES = 0.51
"""A stored code is the rounded value of the float64 reference; the rest is float32."""

HALF_RELATIVE = 2.0**-11
"""float16 output: half a unit in the last place."""

TARGETS_CODES = 1
"""Host and CUDA differ by at most this many codes ..."""

TARGETS_SHARE = 1e-3
"""... on at most this share of the bytes."""

CROP_SHARE = 0.003
"""Of the full range: OpenCV's crops take positions rounded to a 32nd of a pixel, ours do not."""

LAB = 0.02
"""CIELAB of another implementation: the published matrix of sRGB has four digits, ours seven."""

SSIM = 1e-4
"""The structural similarity in float32 against float64: products of up to 2^14, over a constant of 58."""
