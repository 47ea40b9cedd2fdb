"""Finds scene cuts from small pictures of the frames, one frame behind.

Frame b, with its neighbours a before and c after, begins a new scene when

1. little of a is found in b: match(a, b) < `SAME` (scene_match.py; 1 is all of it, whatever the motion and exposure);
2. nothing else of the scene is found around it: the best of match(a, c) and match(earlier frames, b), called `across`,
   is below `SAME` too. One strange frame, a flash for example, is no cut, nor is the return from a longer one;
3. the frames on either side belong together much more: within - across >= `LOSS`, and more where the camera moves
   faster on one side (`LOSS_OF_SPEED` times what it goes farther there, in widths per frame), a little less where it
   goes on as fast as `FAST` (`GAIN_OF_SPEED`); `within` is the mean of match(a', a) and match(b, c), the lower of them
   weighted `WEAKER_SIDE`. At the ends of a scene there is only one of them, and `LOSS_ALONE` holds. A whip pan or a
   large object passing loses as much before and after; a cut loses it once;
4. where the contrast changes by more than `CONTRAST_RATIO`, the picture changes by `STEP_RATIO` times more than one
   frame before and after, counting changes of the same direction, brighter or darker: the ends of fades do not.

A frame of burnt-out highlights tells nothing and begins no scene; the next one that does is compared with the last one
before. A cut to white therefore counts when the white ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from trtswap import device, ops
from trtswap.native import core
from trtswap.stages.scene_match import Match, Matcher, Picture
from trtswap.types import Array, Surface

WIDTH, HEIGHT = 80, 45
"""Of a thumbnail, whatever the frame's shape, in pixels."""
SAME = 0.7
LOSS = 0.28
LOSS_ALONE = 0.45
LOSS_OF_SPEED = 0.6
GAIN_OF_SPEED = 0.08
FAST = 0.1
"""Widths a frame."""
WEAKER_SIDE = 0.75
CONTRAST_RATIO = 2.0
STEP_RATIO = 2.0
STEP_MIN = 1.0
"""Codes: the mean difference of luma by which a step of contrast must exceed `STEP_RATIO` times its neighbours."""
EARLIER = 4
"""Frames before b that it is looked up in: a flash of up to three frames and the one before."""


class Thumbnails:
    """Small pictures of frames that all lie on the host or all on one GPU, from which they may still be on their way.

    They are of the frames as they are now. Each pixel is the mean of 2 x 2 bilinear samples; aspect is ignored.
    """

    def __init__(self, surfaces: Sequence[Surface]) -> None:
        self._fine: device.Fetch | None = device.fetch([_fine(surfaces)]) if surfaces else None

    def get(self) -> Array:
        """float32 [N, 3, 45, 80], R'G'B' 0..255, as stored (not turned), on the host. Raises DeviceError."""
        if self._fine is None:
            return np.zeros((0, 3, HEIGHT, WIDTH), np.float32)
        (fine,) = self._fine.lent()
        return core.scene_halve(fine)


def thumbnails(surfaces: Sequence[Surface]) -> Array:
    """`Thumbnails`, waited for."""
    return Thumbnails(surfaces).get()


def _fine(surfaces: Sequence[Surface]) -> Any:
    """float32 [N, 3, 90, 160], where the surfaces are."""
    size = (2 * WIDTH, 2 * HEIGHT)
    placements = np.array([_placement(surface.width_px, surface.height_px) for surface in surfaces])
    extents = np.full((len(surfaces), 2), size, np.int32)
    deviation = (1 / 255,) * 3
    return ops.letterbox(surfaces, placements, extents, size, channels="rgb", mean=(0, 0, 0), std=deviation)


def _placement(width_px: int, height_px: int) -> tuple[tuple[float, ...], ...]:
    """From frame pixels to those of twice the size of a thumbnail."""
    across, down = 2 * WIDTH / width_px, 2 * HEIGHT / height_px
    return (across, 0.0, across / 2 - 0.5), (0.0, down, down / 2 - 0.5)


class SceneDetector:
    """The scene cuts of one video, one frame behind. Holds at most seven pictures, and what was made
    together with them."""

    def __init__(self) -> None:
        self._matcher = Matcher()
        self._scene: deque[Picture] = deque(maxlen=EARLIER)
        """The latest frames of the scene before b that tell something; a is the last, unless it is burnt out."""
        self._around: deque[Picture] = deque(maxlen=3)
        """a', a, b, as far as they are of one scene."""
        self._before: Match | None = None
        """match(a', a) if that is a low one."""

    def push(self, newest: Picture) -> bool | None:
        """Takes the thumbnail of frame t; returns whether frame t - 1 begins a new scene, None for the first. Frame 0
        never does."""
        decision = self._decide(newest) if self._around else None
        self._around.append(newest)
        return decision

    def flush(self) -> bool:
        """Whether the last frame begins a new scene. The next frame pushed is the first of another video."""
        decision = bool(self._around) and self._decide(None)
        self._scene.clear()
        self._around.clear()
        self._before = None
        return decision

    def _decide(self, newest: Picture | None) -> bool:
        """Whether b begins a new scene; then moves it to the scene that it is of."""
        current, before, self._before = self._around[-1], self._before, None
        if not self._scene:
            self._scene.append(current)
            return False
        match = self._matcher.match(self._scene[-1], current, enough=SAME)
        if match.score is None:
            return False
        cut = match.score < SAME and self._is_cut(current, newest, match.score, before)
        if cut:
            self._scene.clear()
            self._around = deque([current], maxlen=3)
        elif match.score < SAME and self._scene[-1] is self._around[-2]:
            self._before = match
        self._scene.append(current)
        return cut

    def _is_cut(self, current: Picture, newest: Picture | None, score: float, before: Match | None) -> bool:
        """score: of the match of the scene's last frame with b. before: match(a', a) if it is known."""
        sides = [before] if before is not None else []
        if before is None and len(self._around) == 3:
            sides = [self._matcher.match(self._around[0], self._around[1])]
        if score > _limit([*sides, Match(1.0)]):
            return False  # whatever comes after
        if newest is not None:
            sides.append(self._matcher.match(current, newest))
        limit = _limit(sides)
        return (
            score <= limit
            and not self._is_fade(current, newest)
            and all(
                (self._matcher.match(*pair, enough=limit).score or 0.0) <= limit
                for pair in self._pairs(current, newest)
            )
        )

    def _pairs(self, current: Picture, newest: Picture | None) -> list[tuple[Picture, Picture]]:
        """What else must not match for a cut: a with c, earlier frames with b."""
        *earlier, last = self._scene
        pairs = [(picture, current) for picture in reversed(earlier)]
        return pairs if newest is None else [(last, newest), *pairs]

    def _is_fade(self, current: Picture, newest: Picture | None) -> bool:
        """Whether the contrast changes between a and b and the picture grows as much brighter, or darker, beside."""
        previous = self._around[-2]
        low, high = sorted(picture.normal.contrast for picture in (previous, current))
        if high < CONTRAST_RATIO * low:
            return False
        way = current.brightness - previous.brightness
        beside = [(self._around[0], previous), (current, current if newest is None else newest)]
        steps = [_step(x, y) for x, y in beside if (y.brightness - x.brightness) * way > 0]
        return bool(steps) and _step(previous, current) < STEP_RATIO * max(steps) + STEP_MIN


def _limit(sides: Sequence[Match]) -> float:
    """What a match across a cut is below, as the frames on either side match."""
    scores = [side.score for side in sides if side.score is not None] or [1.0]
    within = WEAKER_SIDE * min(scores) + (1 - WEAKER_SIDE) * max(scores)
    loss = LOSS if len(scores) > 1 else LOSS_ALONE
    speeds = [side.shift_px / WIDTH for side in sides] or [0.0]
    slowest = min(speeds) if len(scores) > 1 else 0.0
    loss += LOSS_OF_SPEED * (max(speeds) - slowest) - GAIN_OF_SPEED * min(slowest / FAST, 1.0)
    return min(SAME, within - loss)


def _step(older: Picture, newer: Picture) -> float:
    """The mean absolute difference of the luma without noise, in codes."""
    return float(cv2.absdiff(older.smooth.luma, newer.smooth.luma).mean())
