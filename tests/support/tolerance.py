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

LAB_PUBLISHED = 0.02
"""CIELAB of another implementation: the published matrix of sRGB has four digits, ours seven."""

SSIM = 1e-4
"""The structural similarity in float32 against float64: products of up to 2^14, over a constant of 58."""

CROP_SHARE = 0.003
"""Of the full range: OpenCV's crops take positions rounded to a 32nd of a pixel, ours do not."""

SQUARE_CODES = RESAMPLE_CODES + 0.0625
"""The monitor's squares: resampled, and on a GPU carried in halves, which hold 255 to a sixteenth."""

MOTION_PX = 0.1
"""How well the motion of a textured square of 128 pixels is found: bilinear interpolation and noise of two codes."""

LAB = 2e-3
"""L*a*b* against the formulas in float64: roots good to 3e-7, times 500 in a*."""

LAB_ROUND_TRIP = 1e-4
"""R'G'B' on 0..1 through L*a*b* and back."""

STATISTICS_RELATIVE = 1e-5
"""Moments, of the mean and of the spread; only the pictures are float32."""

MAP = 1e-5
"""Entries of a colour map; the map is stored in float32."""

PYRAMID_CODES = 0.05
"""Blends on 0..255 against OpenCV's pyramids in float32, at every level of which both round."""

PYRAMID_TARGETS = 1e-3
"""Blends of host and CUDA, on 0..255."""

BLEND_CODES = 0.03
"""What float32 adds to a blend of full-contrast noise, in codes of either depth, before rounding."""

BLEND_HALF_CODES = 0.3
"""What a float16 workspace adds: differences up to 255 are kept to 1/16 of a code, in the patch and in the pyramid."""

MEMBRANE_CODES = 2.0
"""A membrane by pyramids against the Poisson equation, mean over the inside, of changes of tens of codes."""

MEASURE_RELATIVE = 1e-4
"""Moments of host and CUDA, of the spread. CUDA's fused products move places of samples by an ulp, 2e-5 of a pixel,
which over full-contrast noise is a few thousandths of a code; a covariance between channels may itself be near 0."""

GPU_FRAMES_SHARE = 5e-3
"""Of the bytes of a frame, those that differ by more than a code between frames on the host and on a GPU: the blends of
both differ so on a thousandth within the face, and colour maps move a few more over a code's edge ..."""

GPU_FRAMES_CODES = 4
"""... and by this at most."""

BORDER = 2e-3
"""What a place known to 2e-4 of a pixel moves the edge of a frame that goes on black, on 0..1 over a spread of 0.5."""

HULLS = 2e-4
"""float32 distances to edges a few hundred pixels away."""
HULLS_AREA_MEAN = 2e-3
"""How much of a pixel is covered is told from its distance; at 45 degrees and in corners that is a little off."""

MASKS = 1e-5
"""Masks of 0..1 in float32, blurred and averaged."""
MASKS_RESIZED = 2e-4
"""Places in float32 among some hundred pixels, of noise."""

CARRIED_PX = 1e-4
"""Points come as float32, some hundred pixels."""
