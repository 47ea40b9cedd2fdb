"""Which frames a trim keeps."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from trtswap.errors import OptionError
from trtswap.options import TimePoint, Trim
from trtswap.types import VideoInfo


@dataclass(frozen=True)
class Window:
    """A trim of one file whose first frame is at `first_pts`. start, end: a time in ticks or a frame number,
    as the trim has it; None where not limited. The end is excluded."""

    info: VideoInfo
    first_pts: int
    start_pts: int | None = None
    end_pts: int | None = None
    start_frame: int | None = None
    end_frame: int | None = None

    @classmethod
    def of(cls, trim: Trim, info: VideoInfo, first_pts: int) -> Window:
        """The window of `trim`, times rounded to the file's ticks. Raises OptionError when it starts past the
        end that the file declares."""

        def ticks(point: TimePoint | None) -> int | None:
            if point is None or point.seconds is None:
                return None
            return first_pts + round(Fraction(str(point.seconds)) / info.time_base)

        start_frame = trim.start.frame if trim.start else None
        end_frame = trim.end.frame if trim.end else None
        window = cls(info, first_pts, ticks(trim.start), ticks(trim.end), start_frame, end_frame)
        window._require_start_within()
        return window

    @property
    def seek_pts(self) -> int | None:
        """Where decoding may begin; None for the first frame, as when frames must be counted."""
        if self.start_frame is not None or self.end_frame is not None:
            return None
        return self.start_pts if self.start_pts is not None and self.start_pts > self.first_pts else None

    @property
    def is_whole(self) -> bool:
        """Whether it keeps everything."""
        limits = (self.start_pts, self.end_pts, self.start_frame, self.end_frame)
        return all(limit is None for limit in limits)

    @property
    def end_s(self) -> Fraction | None:
        """The end on the file's clock, None where not limited; of a frame number by the frame rate."""
        if self.end_pts is not None:
            return self.end_pts * self.info.time_base
        if self.end_frame is None or self.info.frame_rate is None:
            return None
        return self.first_pts * self.info.time_base + self.end_frame / self.info.frame_rate

    def has_started(self, number: int, pts: int) -> bool:
        """Whether frame `number` with time stamp `pts` is at or after the start."""
        if self.start_pts is not None and pts < self.start_pts:
            return False
        return self.start_frame is None or number >= self.start_frame

    def has_ended(self, number: int, pts: int) -> bool:
        """Whether frame `number` with time stamp `pts` is at or after the end."""
        if self.end_pts is not None and pts >= self.end_pts:
            return True
        return self.end_frame is not None and number >= self.end_frame

    def expected_frames(self) -> int | None:
        """How many frames it holds by the file's declared count, or about how many by its length."""
        total = self.info.frame_count
        if total is None and self.info.duration_s:
            total = self._frames_within(Fraction(self.info.duration_s))
        start = self.start_frame if self.start_pts is None else self._frame_at(self.start_pts)
        end = self.end_frame if self.end_pts is None else self._frame_at(self.end_pts)
        known = [value for value in (end, total) if value is not None]
        return max(0, min(known) - (start or 0)) if known else None

    def _frame_at(self, pts: int) -> int | None:
        return self._frames_within((pts - self.first_pts) * self.info.time_base)

    def _frames_within(self, seconds: Fraction) -> int | None:
        return None if self.info.frame_rate is None else round(seconds * self.info.frame_rate)

    def _require_start_within(self) -> None:
        info = self.info
        if self.start_pts is not None and self.start_pts > self.first_pts and info.duration_s:
            past = (self.start_pts - self.first_pts) * info.time_base >= info.duration_s
        else:
            past = bool(self.start_frame and info.frame_count and self.start_frame >= info.frame_count)
        if past:
            raise self.nothing_left()

    def nothing_left(self) -> OptionError:
        """The error of a trim that keeps no frame."""
        length = f"{self.info.frame_count} frames" if self.info.frame_count else "shorter"
        if self.info.duration_s:
            length = f"{self.info.duration_s:.3f} s long"
        return OptionError(
            f"the trim starts after the end of {self.info.path}, which is {length}",
            hint="choose an earlier start",
        )
