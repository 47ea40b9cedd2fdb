"""Frames as a video: encoded like the source, its other streams beside it, under its name only when
complete."""

from __future__ import annotations

from collections.abc import Mapping

from trtswap.errors import StrPath, VideoError
from trtswap.options import EncodeOptions
from trtswap.types import Frame
from trtswap.video.base import DEFAULT_ENCODING, FrameSink
from trtswap.video.encoder_plan import EncoderPlan
from trtswap.video.encoders import container_format, plan_encoder
from trtswap.video.encoding import end_of, write_errors
from trtswap.video.muxer import Muxer
from trtswap.video.paths import Seal, TemporaryOutput, require_output
from trtswap.video.reader import VideoSource


def create_video(
    path: StrPath,
    source: VideoSource,
    *,
    options: EncodeOptions = DEFAULT_ENCODING,
    overwrite: bool = False,
    marks: Mapping[str, str] | None = None,
    seal: Seal | None = None,
) -> VideoSink:
    """Opens a video for writing that reproduces all of `source` but its pictures.

    marks: container metadata to add; an existing entry of that name is kept and the mark appended. seal: called with
    the complete file before it gets its name.
    Raises OptionError for a name or options that cannot work, VideoError when the folder cannot be written.
    """
    return VideoSink(path, source, options=options, overwrite=overwrite, marks=marks or {}, seal=seal)


class VideoSink(FrameSink):
    """Encodes in the calling thread (encoders have threads of their own). See `create_video`."""

    def __init__(
        self,
        path: StrPath,
        source: VideoSource,
        *,
        options: EncodeOptions,
        overwrite: bool,
        marks: Mapping[str, str],
        seal: Seal | None,
    ) -> None:
        self._source = source
        self._overwrite = overwrite
        self._seal = seal
        plan, self.notes = planned(path, source, options, overwrite=overwrite)
        self._shift = 0
        self._end_pts: int | None = None
        self._complete = False
        self._muxer: Muxer | None = None
        self._file = TemporaryOutput(path, VideoError)
        try:
            with write_errors(self._file.final):
                format_name = container_format(path)
                names = (self._file.path, self._file.final)
                self._muxer = Muxer(*names, source, plan, options, format_name, marks)
        except BaseException:
            self.abort()
            raise

    def write(self, frame: Frame) -> None:
        muxer = self._open_muxer()
        with write_errors(self._file.final, frame.pts):
            if self._end_pts is None:
                self._shift = muxer.begin(frame.pts)
            muxer.mux(muxer.encoder.encode(frame, self._shift))
            self._end_pts = end_of(frame, self._source.info)
            muxer.advance(frame.pts * frame.time_base)

    def commit(self) -> None:
        muxer = self._open_muxer()
        if self._end_pts is None:
            raise VideoError(f"no frame was written to {self._file.final}", path=self._file.final)
        with write_errors(self._file.final):
            muxer.mux(muxer.encoder.flush())
            muxer.finish(self._end_pts)
        self.notes += muxer.notes
        self.notes += self._file.commit(overwrite=self._overwrite, seal=self._seal)
        self._complete = True

    def abort(self) -> None:
        if self._muxer is not None:
            self._muxer.close()
        self._file.discard()

    def _open_muxer(self) -> Muxer:
        if self._muxer is None or self._complete:
            raise RuntimeError("the video is complete already")
        return self._muxer


def planned(
    path: StrPath, source: VideoSource, options: EncodeOptions, *, overwrite: bool
) -> tuple[EncoderPlan, list[str]]:
    """How `source` is encoded into `path`, and notes on what is changed or lost. Raises OptionError for a name or
    options that cannot work."""
    container_format(path)
    require_output(path, source.info.path, overwrite=overwrite)
    plan = plan_encoder(source.info, source.probe.hdr, options, path)
    notes = list(plan.notes)
    dynamic = source.probe.hdr.dynamic
    if dynamic:
        notes.append(f"{' and '.join(dynamic)} metadata is not carried over")
    return plan, notes
