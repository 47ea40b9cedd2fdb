"""The whole way: painted people, networks whose answer is known, and what must come out."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from support import networks, painted, pictures, reference
from support.recording import record_frames

from trtswap import chain, pipeline, video
from trtswap.errors import NetworkNotFoundError, NoFaceError, OptionError, VideoError
from trtswap.geometry import estimate_similarity, template_points
from trtswap.memory import frames_in_flight
from trtswap.options import (
    BlendOptions,
    EncodeOptions,
    MaskOptions,
    SelectOptions,
    SmoothOptions,
    SwapOptions,
    TimePoint,
    Trim,
)
from trtswap.stages.identity import identify
from trtswap.stages.mask import box_mask
from trtswap.types import Frame, PixelFormat, Progress

SIZE = (640, 360)
FRAMES = 20
MOTION = painted.swaying(120, SIZE)[:FRAMES]
"""A twelfth of a sway: five pixels a frame at the most."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models/, models2/ (a detector of one face in each half), me.png and left.png (in the middle, in the
    left half), clip.mp4 of one person, two.mp4 of two."""
    folder = tmp_path_factory.mktemp("world")
    for name, faces in (("models", 1), ("models2", 2)):
        (folder / name).mkdir()
        networks.write_models(folder / name, faces=faces)
    painted.write_portrait(folder / "me.png")
    painted.write_portrait(folder / "left.png", faces=[pictures.face_placement((160, 320), 240)])
    painted.write_clip(folder / "clip.mp4", [[face] for face in MOTION], SIZE)
    sides = [pictures.face_placement((160, 180), 150), pictures.face_placement((470, 180), 110, 8)]
    painted.write_clip(folder / "two.mp4", [sides] * 6, SIZE)
    return folder


def options(
    world: Path, *, models: str = "models", swapper: str = "inswapper_128", **changes: Any
) -> SwapOptions:
    """Joined as plainly as can be, so that what must come out is known, unless `changes` say otherwise."""
    changes.setdefault("blend", BlendOptions(method="alpha", colour="off"))
    return SwapOptions(models=(str(world / models),), swapper=swapper, provider="cpu", **changes)


def frames_of(path: Path) -> list[Any]:
    with video.open_video(path) as reader:
        return list(reader)


def sound_of(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux(audio=0) if packet.size]


def left_behind(folder: Path) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("trtswap-")] + [
        path.name for path in folder.iterdir()
    ]


def source_vector(world: Path, swapper: str) -> Any:
    """What the swapper is fed for me.png, by the definitions."""
    settings = options(world, swapper=swapper)
    with pipeline.NetworkSet(settings) as loaded:
        person, _ = identify([world / "me.png"], loaded.detector, loaded.recogniser, settings.detect)
    if swapper.startswith("hyperswap"):
        return person.unit.astype(np.float64)[None]
    embedding = person.embedding.astype(np.float64)
    return (embedding @ networks.EMBEDDING_MAP / np.linalg.norm(embedding))[None]


@pytest.mark.parametrize(("swapper", "edge"), [("inswapper_128", 128), ("hyperswap_1a_256", 256)])
def test_every_frame_is_what_the_definitions_say(
    world, tmp_path, monkeypatch, swapper: str, edge: int
) -> None:
    """Frames before encoding against: crop at the true landmarks, the known swap, the mask, the blend."""
    recorded = record_frames(monkeypatch)
    report = pipeline.swap_video(
        [world / "me.png"], world / "clip.mp4", tmp_path / "out.mp4", options=options(world, swapper=swapper)
    )
    assert (report.frames, report.frames_with_faces, report.faces_swapped) == (FRAMES, FRAMES, FRAMES)
    assert Path(report.networks["swapper"]).name == f"{swapper}.onnx"
    vector = source_vector(world, swapper)
    mask = box_mask(edge, MaskOptions())
    template = template_points("arcface_128", (edge, edge))
    originals = frames_of(world / "clip.mp4")
    for index, truth in enumerate(MOTION):
        before, after = originals[index].surface, recorded[index].surface
        placement = estimate_similarity(pictures.face_landmarks(truth)[None], template)[0]
        crop = np.moveaxis(reference.crop(before, placement, (edge, edge)), -1, 0)[None] / 255
        patch = networks.swapped(crop, vector)[0]
        expected = reference.composite(before, placement, patch, mask)
        for got, want in zip(reference.codes(after), expected, strict=True):
            difference = np.abs(got - want)
            # landmarks are found to a third of a pixel: edges move, areas stay
            assert np.median(difference[want != 0]) <= 0.51
            assert difference.mean() <= 0.25, f"frame {index}"
        # outside the square of the crop, grown by what the landmarks may be off, every bit is the input's
        x, y = np.meshgrid(np.arange(float(SIZE[0])), np.arange(float(SIZE[1])))
        u, v = reference.apply(placement, x, y)
        margin = 0.03 * edge
        outside = (u < -margin) | (u > edge + margin) | (v < -margin) | (v > edge + margin)
        assert outside.mean() > 0.5
        assert np.array_equal(after.planes[0][outside], before.planes[0][outside])
        blocks = outside.reshape(SIZE[1] // 2, 2, SIZE[0] // 2, 2).all(axis=(1, 3))
        assert np.array_equal(after.planes[1][blocks], before.planes[1][blocks])


def test_the_file_keeps_time_sound_and_tags(world, tmp_path) -> None:
    out = tmp_path / "out.mp4"
    pipeline.swap_video([world / "me.png"], world / "clip.mp4", out, options=options(world))
    before, after = frames_of(world / "clip.mp4"), frames_of(out)
    assert [frame.pts * frame.time_base for frame in after] == [
        frame.pts * frame.time_base for frame in before
    ]
    assert sound_of(out) == sound_of(world / "clip.mp4")
    with video.open_video(world / "clip.mp4") as source, video.open_video(out) as result:
        for name in (
            "colour",
            "primaries",
            "transfer",
            "matrix_code",
            "range_tagged",
            "frame_rate",
            "rotation_deg",
        ):
            assert getattr(result.info, name) == getattr(source.info, name), name
        assert "AI-altered" in result.info.metadata["comment"]
    assert left_behind(tmp_path) == ["out.mp4"]


def test_lossless_output_decodes_to_the_very_frames(world, tmp_path, monkeypatch) -> None:
    recorded = record_frames(monkeypatch)
    out = tmp_path / "out.mkv"
    settings = options(world, encode=EncodeOptions(codec="lossless"))
    pipeline.swap_video([world / "me.png"], world / "clip.mp4", out, options=settings)
    decoded = frames_of(out)
    assert len(decoded) == len(recorded) == FRAMES
    for got, want in zip(decoded, recorded, strict=True):
        for first, second in zip(got.surface.planes, want.surface.planes, strict=True):
            assert np.array_equal(first, second)


def test_a_batch_of_one_and_of_many_give_the_same(world, tmp_path, monkeypatch) -> None:
    results = []
    for batch in (1, 7):
        recorded = record_frames(monkeypatch)
        out = tmp_path / f"{batch}.mp4"
        pipeline.swap_video([world / "me.png"], world / "clip.mp4", out, options=options(world, batch=batch))
        results.append([frame.surface.planes for frame in recorded])
    for first, second in zip(*results, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_turned_video_is_analysed_upright(world, tmp_path, monkeypatch) -> None:
    """The same footage stored turned by 90 degrees: the same faces, and the turn is kept."""
    turned = tmp_path / "turned.mp4"
    painted.write_clip(turned, [[face] for face in MOTION[:4]], SIZE, rotation_deg=90)
    recorded = record_frames(monkeypatch)
    report = pipeline.swap_video([world / "me.png"], turned, tmp_path / "out.mp4", options=options(world))
    assert report.faces_swapped == 4
    with video.open_video(tmp_path / "out.mp4") as result:
        assert result.info.rotation_deg == 90
        assert (result.info.width_px, result.info.height_px) == (360, 640)
    before = frames_of(turned)[0].surface.planes[0].astype(int)
    changed = np.rot90(np.abs(recorded[0].surface.planes[0].astype(int) - before) > 8, 1)
    rows, columns = np.nonzero(changed)
    points = pictures.face_landmarks(MOTION[0])
    assert np.hypot(columns.mean() - points[:, 0].mean(), rows.mean() - points[:, 1].mean()) < 25


@pytest.mark.parametrize(
    ("mode", "reference_side", "sides"),
    [("all", None, {0, 1}), ("largest", None, {0}), ("reference", 1, {1})],
)
def test_selection_decides_who_is_swapped(world, tmp_path, monkeypatch, mode, reference_side, sides) -> None:
    reference_path = None
    if reference_side is not None:
        reference_path = tmp_path / "reference.png"
        picture = frames_of(world / "two.mp4")[0].surface
        rgb = reference.crop(picture, np.eye(3)[:2], SIZE)
        rgb[:, : SIZE[0] // 2] = 105  # only the right person is left
        cv2.imwrite(str(reference_path), rgb[..., ::-1])
    recorded = record_frames(monkeypatch)
    settings = options(world, models="models2", select=SelectOptions(mode, distance=0.02))
    report = pipeline.swap_video(
        [world / "left.png"],
        world / "two.mp4",
        tmp_path / "out.mp4",
        reference=reference_path,
        options=settings,
    )
    assert report.faces_swapped == 6 * len(sides)
    half = SIZE[0] // 2
    for frame, original in zip(recorded, frames_of(world / "two.mp4"), strict=True):
        changed = frame.surface.planes[0] != original.surface.planes[0]
        assert {
            side for side, part in enumerate((changed[:, :half], changed[:, half:])) if part.any()
        } == sides


def test_a_picture_is_swapped(world, tmp_path) -> None:
    target, out = tmp_path / "photo.png", tmp_path / "out.png"
    painted.write_portrait(target, seed=4)
    report = pipeline.swap_video([world / "me.png"], target, out, options=options(world))
    assert (report.frames, report.faces_swapped) == (1, 1)
    before, after = cv2.imread(str(target)).astype(int), cv2.imread(str(out)).astype(int)
    assert after.shape == before.shape
    assert np.array_equal(before[:100], after[:100])
    assert np.abs(after - before)[280:360, 280:360].mean() > 15


def test_a_trimmed_run_starts_at_zero(world, tmp_path) -> None:
    out = tmp_path / "out.mp4"
    settings = options(world, trim=Trim(TimePoint(frame=5), TimePoint(frame=12)))
    report = pipeline.swap_video([world / "me.png"], world / "clip.mp4", out, options=settings)
    assert report.frames == 7
    times = [frame.pts * frame.time_base for frame in frames_of(out)]
    assert times[0] == 0
    assert len(times) == 7


def test_nobody_found_leaves_the_picture_and_says_so(world, tmp_path, monkeypatch) -> None:
    empty = tmp_path / "empty.mp4"
    painted.write_clip(empty, [[]] * 5, SIZE)
    recorded = record_frames(monkeypatch)
    report = pipeline.swap_video([world / "me.png"], empty, tmp_path / "out.mp4", options=options(world))
    assert (report.frames, report.faces_swapped) == (5, 0)
    assert any("no face to swap was found in any of the 5 frames" in note for note in report.notes)
    for frame, original in zip(recorded, frames_of(empty), strict=True):
        assert np.array_equal(frame.surface.planes[0], original.surface.planes[0])


def test_frames_without_a_face_are_counted(world, tmp_path) -> None:
    some = tmp_path / "some.mp4"
    painted.write_clip(some, [[face] if index % 3 else [] for index, face in enumerate(MOTION[:6])], SIZE)
    unbridged = options(world, smooth=SmoothOptions(gap_s=0))
    report = pipeline.swap_video([world / "me.png"], some, tmp_path / "out.mp4", options=unbridged)
    assert (report.frames, report.frames_with_faces) == (6, 4)
    assert any("2 of 6 frames have no face" in note for note in report.notes)


def test_several_sources_are_averaged(world, tmp_path) -> None:
    other = tmp_path / "other.png"
    painted.write_portrait(other, seed=31)
    settings = options(world)
    with pipeline.NetworkSet(settings) as loaded:
        people = [world / "me.png", other]
        singles = [
            identify([path], loaded.detector, loaded.recogniser, settings.detect)[0] for path in people
        ]
        both, _ = identify(people, loaded.detector, loaded.recogniser, settings.detect)
    assert both.pictures == 2
    assert np.allclose(both.embedding, (singles[0].embedding + singles[1].embedding) / 2, atol=1e-5)


def test_a_source_cut_close_is_found_with_a_margin(world) -> None:
    """The analytic detector sees any face; a detector that sees none in the plain picture gets a second look."""
    settings = options(world)
    seen: list[tuple[int, int]] = []
    with pipeline.NetworkSet(settings) as loaded:
        detect = loaded.detector.detect

        def reluctant(surfaces: Any, how: Any) -> Any:
            seen.append((surfaces[0].width_px, surfaces[0].height_px))
            found = detect(surfaces, how)
            return found if len(seen) > 1 else [faces.take([]) for faces in found]

        loaded.detector.detect = reluctant  # type: ignore[method-assign]
        identify([world / "me.png"], loaded.detector, loaded.recogniser, settings.detect)
    assert seen == [(640, 640), (1280, 1280)]


def test_tracks_can_be_dumped_and_used_again(world, tmp_path, monkeypatch) -> None:
    people, clip = [world / "me.png"], world / "clip.mp4"
    first = record_frames(monkeypatch)
    dump = tmp_path / "tracks.jsonl"
    pipeline.swap_video(people, clip, tmp_path / "a.mp4", dump_tracks=dump, options=options(world))
    assert len(dump.read_text().splitlines()) == FRAMES + 1
    second = record_frames(monkeypatch)
    report = pipeline.swap_video(people, clip, tmp_path / "b.mp4", tracks=dump, options=options(world))
    assert report.faces_swapped == FRAMES
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one.surface.planes, other.surface.planes, strict=True):
            assert np.abs(a.astype(int) - b).max() <= 1
    lines = dump.read_text().splitlines()
    dump.write_text("\n".join(lines[:1] + lines[6:]))  # the first five frames keep their own faces
    report = pipeline.swap_video(people, clip, tmp_path / "c.mp4", tracks=dump, options=options(world))
    assert report.faces_swapped == FRAMES - 5


def test_the_overlay_is_a_second_video(world, tmp_path) -> None:
    out, seen = tmp_path / "out.mp4", tmp_path / "seen.mp4"
    pipeline.swap_video(
        [world / "me.png"], world / "clip.mp4", out, debug_overlay=seen, options=options(world)
    )
    plain = tmp_path / "plain.mp4"
    pipeline.swap_video([world / "me.png"], world / "clip.mp4", plain, options=options(world))
    drawn, result, without = frames_of(seen), frames_of(out), frames_of(plain)
    assert [frame.pts for frame in drawn] == [frame.pts for frame in result]
    for a, b, c in zip(drawn, result, without, strict=True):
        assert np.array_equal(b.surface.planes[0], c.surface.planes[0])  # drawing touches only the copy
        assert np.count_nonzero(np.abs(a.surface.planes[0].astype(int) - b.surface.planes[0]) > 30) > 100


def test_an_interrupted_run_leaves_neither_overlay_nor_tracks(world, tmp_path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.frames_done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.swap_video(
            [world / "me.png"],
            world / "clip.mp4",
            tmp_path / "out.mp4",
            dump_tracks=tmp_path / "t.jsonl",
            debug_overlay=tmp_path / "seen.mp4",
            options=options(world),
            on_progress=interrupt,
        )
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("clash", ["dump is target", "dump is source", "overlay is output", "dump is tracks"])
def test_an_output_is_neither_an_input_nor_another_output(world, tmp_path, clash) -> None:
    kept = {path: path.read_bytes() for path in (world / "clip.mp4", world / "me.png")}
    out = tmp_path / "out.mp4"
    extra: dict[str, Any] = {
        "dump is target": {"dump_tracks": world / "models" / ".." / "clip.mp4"},
        "dump is source": {"dump_tracks": world / "me.png"},
        "overlay is output": {"debug_overlay": out},
        "dump is tracks": {"tracks": tmp_path / "t.jsonl", "dump_tracks": tmp_path / "t.jsonl"},
    }[clash]
    with pytest.raises(OptionError, match="another output"):
        pipeline.swap_video(
            [world / "me.png"], world / "clip.mp4", out, options=options(world, overwrite=True), **extra
        )
    assert left_behind(tmp_path) == []
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_progress_is_told_in_order(world, tmp_path) -> None:
    seen: list[Progress] = []
    pipeline.swap_video(
        [world / "me.png"],
        world / "clip.mp4",
        tmp_path / "out.mp4",
        options=options(world),
        on_progress=seen.append,
    )
    assert [step.stage for step in seen] == ["prepare", *["swap"] * (FRAMES // 4), "finish"]
    assert [step.frames_done for step in seen[1:-1]] == list(range(4, FRAMES + 1, 4))
    assert seen[-1].frames_total == FRAMES
    assert all(a.elapsed_s <= b.elapsed_s for a, b in pairwise(seen))


@pytest.mark.parametrize("stage", ["prepare", "swap", "finish"])
def test_an_interrupt_leaves_nothing(world, tmp_path, stage) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.stage == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.swap_video(
            [world / "me.png"],
            world / "clip.mp4",
            tmp_path / "out.mp4",
            options=options(world),
            on_progress=interrupt,
        )
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("broken", ["analyse", "swap", "composite"])
def test_an_error_in_a_thread_arrives_once_and_leaves_nothing(world, tmp_path, monkeypatch, broken) -> None:
    stage = getattr(chain, broken)

    def failing(batches: Any, *arguments: Any, **options: Any) -> Any:
        for count, batch in enumerate(stage(batches, *arguments, **options)):
            if count == 2:
                raise RuntimeError(f"{broken} broke")
            yield batch

    monkeypatch.setattr(chain, broken, failing)
    with pytest.raises(RuntimeError, match=f"{broken} broke") as caught:
        pipeline.swap_video(
            [world / "me.png"], world / "clip.mp4", tmp_path / "out.mp4", options=options(world)
        )
    assert any(entry.name == "failing" for entry in caught.traceback)
    assert left_behind(tmp_path) == []


def test_memory_does_not_grow_with_the_length(world, tmp_path, monkeypatch) -> None:
    """Frames alive at once while the writer is slow: what the queues may hold, however long the clip."""
    alive, most = 0, 0
    lock = threading.Lock()
    surface = frames_of(world / "clip.mp4")[0].surface

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            with lock:
                alive -= self.base is not None and getattr(self, "counted", False)

    real = video.open_target(world / "clip.mp4")

    class Endless(video.FrameSource):
        def __init__(self) -> None:
            self.info, self.trim, self.notes, self.expected_frames = real.info, real.trim, [], None

        def __iter__(self) -> Any:
            nonlocal alive, most
            for index in range(120):
                luma = surface.planes[0].copy().view(Counted)
                luma.counted = True
                with lock:
                    alive += 1
                    most = max(most, alive)
                frame = type(surface)(PixelFormat.NV12, (luma, surface.planes[1].copy()), surface.colour)
                yield Frame(frame, index, index * 512, real.info.time_base)

    class Slow(video.FrameSink):
        def __init__(self) -> None:
            self.notes: list[str] = []

        def write(self, frame: Any) -> None:  # noqa: ARG002
            threading.Event().wait(0.002)

        def commit(self) -> None: ...

        def abort(self) -> None: ...

    monkeypatch.setattr(pipeline, "open_target", lambda *_, **__: Endless())
    monkeypatch.setattr(pipeline, "create_output", lambda *_, **__: Slow())
    settings = options(world, batch=2, queue=1)
    report = pipeline.swap_video([world / "me.png"], "endless", tmp_path / "out.mp4", options=settings)
    real.close()
    assert report.frames == 120
    assert most <= frames_in_flight(settings, float(real.info.frame_rate or 25), 2, 1) < 60


@pytest.mark.parametrize(
    ("problem", "error", "message"),
    [
        ("no source face", NoFaceError, "no face was found in the source picture"),
        ("no models", NetworkNotFoundError, "detector|yunet"),
        ("unknown swapper", OptionError, "no swapper named"),
        ("output exists", (OptionError, VideoError), "exists"),
        ("output is input", OptionError, "input"),
        ("missing reference", OptionError, "reference"),
        ("useless reference", OptionError, "no effect"),
        ("no output folder", (OptionError, VideoError), "folder|directory"),
    ],
)
def test_problems_are_told_and_leave_nothing(world, tmp_path, monkeypatch, problem, error, message) -> None:
    work = tmp_path / "work"
    work.mkdir()
    source, target, out, settings, reference_path = (
        world / "me.png",
        world / "clip.mp4",
        work / "out.mp4",
        options(world),
        None,
    )
    if problem == "no source face":
        source = tmp_path / "nobody.png"
        painted.write_portrait(source, faces=[])
    elif problem == "no models":
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        monkeypatch.delenv("TRTSWAP_MODELS", raising=False)
        settings = SwapOptions(models=(str(work),))
    elif problem == "unknown swapper":
        settings = options(world, swapper="magic")
    elif problem == "output exists":
        out = tmp_path / "there.mp4"
        out.write_bytes(b"mine")
    elif problem == "output is input":
        out, settings = target, options(world, overwrite=True)
    elif problem == "missing reference":
        settings = options(world, select=SelectOptions("reference"))
    elif problem == "useless reference":
        reference_path = source
    elif problem == "no output folder":
        out = work / "nowhere" / "out.mp4"
    size = target.stat().st_size
    with pytest.raises(error, match=message):
        pipeline.swap_video([source], target, out, reference=reference_path, options=settings)
    assert left_behind(work) == []
    assert target.stat().st_size == size
    if problem == "output exists":
        assert out.read_bytes() == b"mine"
