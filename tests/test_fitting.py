"""Out of memory: what an artificial limit does to a whole run, and that nothing but the batch changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import networks, painted, pictures, reference
from support.recording import record_frames

from trtswap import ops
from trtswap.errors import DeviceMemoryError
from trtswap.inference.ort import OrtSession
from trtswap.networks.swapper import Patches
from trtswap.options import DetectOptions, EncodeOptions, ProvenanceOptions, SelectOptions, SwapOptions
from trtswap.pipeline import swap_video
from trtswap.stages.batch import Batch
from trtswap.stages.fitting import Room, fitted, in_halves
from trtswap.stages.gather import gather
from trtswap.types import Faces, Frame, PixelFormat, SwapReport

SIZE = (320, 180)
FRAMES = 21


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitting")
    for name, faces in (("models", 1), ("models2", 2)):
        (folder / name).mkdir()
        networks.write_models(folder / name, faces=faces)
    painted.write_portrait(folder / "me.png")
    painted.write_portrait(folder / "left.png", faces=[pictures.face_placement((160, 320), 240)])
    painted.write_clip(folder / "one.mp4", [[face] for face in painted.swaying(FRAMES, SIZE)], SIZE)
    sides = [pictures.face_placement((160, 180), 150), pictures.face_placement((470, 180), 110, 8)]
    painted.write_clip(folder / "two.mp4", [sides] * 9, (640, 360))
    return folder


class Limited:
    """Networks that take at most so many items at once, and whose results tell in how large a group they were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **most: int) -> None:
        self.most = most
        self.refused = 0
        self._run = OrtSession._run_piece
        monkeypatch.setattr(OrtSession, "_run_piece", lambda *rest: self._piece(*rest))

    def _piece(self, session: OrtSession, native: Any, inputs: Mapping[str, Any], *rest: Any) -> Any:
        items = len(next(iter(inputs.values())))
        if items > self.most.get(session.spec.name, 64):
            self.refused += 1
            raise DeviceMemoryError(f"{items} items are too many", requested_bytes=items)
        made = self._run(session, native, inputs, *rest)
        if session.spec.name == "inswapper_128":
            made[0] = np.ascontiguousarray(made[0] * np.float32(1 - 0.02 * items))
        return made


def swapped(
    world: Path, monkeypatch: pytest.MonkeyPatch, batch: int, clip: str = "one", **changes: Any
) -> tuple[SwapReport, list[np.ndarray]]:
    """A run, and the frames that it wrote."""
    options = SwapOptions(
        models=(str(world / ("models" if clip == "one" else "models2")),),
        device="cpu",
        swapper="inswapper_128",
        batch=batch,
        detect=DetectOptions(second_look="never"),
        encode=EncodeOptions("lossless"),
        provenance=ProvenanceOptions(unsigned_reason="a test"),
        overwrite=True,
        **changes,
    )
    with monkeypatch.context() as local:
        written = record_frames(local)
        me = world / ("me.png" if clip == "one" else "left.png")
        report = swap_video([me], world / f"{clip}.mp4", world / "out.mkv", options=options)
    return report, [np.concatenate([plane.ravel() for plane in frame.surface.planes]) for frame in written]


def check_same(frames: list[np.ndarray], others: list[np.ndarray]) -> None:
    assert len(frames) == len(others) > 0
    for number, (mine, other) in enumerate(zip(frames, others, strict=True)):
        assert np.array_equal(mine, other), f"frame {number}"


@pytest.mark.parametrize(
    ("batch", "most", "left"), [(8, 3, 2), (8, 4, 4), (6, 1, 1), (6, 4, 3), (5, 2, 1), (16, 5, 4)]
)
def test_a_limited_swapper_gives_the_frames_of_a_smaller_batch(
    world: Path, monkeypatch: pytest.MonkeyPatch, batch: int, most: int, left: int
) -> None:
    with monkeypatch.context() as limit:
        limited = Limited(limit, inswapper_128=most)
        report, frames = swapped(world, monkeypatch, batch)
    assert limited.refused > 0
    assert report.frames == FRAMES
    assert report.faces_swapped == FRAMES
    assert any(f"batch was reduced to {left}" in note for note in report.notes)
    with monkeypatch.context() as free:
        Limited(free)
        _, expected = swapped(world, monkeypatch, left)
        _, other = swapped(world, monkeypatch, batch)
    check_same(frames, expected)
    assert any(not np.array_equal(a, b) for a, b in zip(expected, other, strict=True))


@pytest.mark.parametrize("name", ["yunet", "inswapper_128"])
def test_several_limits(world: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The other stage runs out first, or second; in the end all work on two."""
    most = {"yunet": 5, "inswapper_128": 5, name: 2}
    with monkeypatch.context() as limit:
        limited = Limited(limit, **most)
        report, frames = swapped(world, monkeypatch, 8)
    assert limited.refused > 0
    assert report.frames == FRAMES
    with monkeypatch.context() as free:
        Limited(free)
        check_same(frames, swapped(world, monkeypatch, 2)[1])


def test_faces_of_a_frame_go_one_by_one(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both: dict[str, Any] = {"select": SelectOptions("all")}
    with monkeypatch.context() as limit:
        limited = Limited(limit, inswapper_128=1)
        report, frames = swapped(world, monkeypatch, 4, "two", **both)
        assert limited.refused > 0
        assert report.faces_swapped == 18
        limited.most = {"inswapper_128": 0}
        with pytest.raises(DeviceMemoryError, match="not even one face") as caught:
            swapped(world, monkeypatch, 4, "two", **both)
    assert caught.value.hint is not None
    assert not [path for path in world.iterdir() if path.name.startswith(".out")]
    with monkeypatch.context() as alone:  # a swapper whose file takes one at a time
        run = OrtSession.run

        def singly(self: OrtSession, inputs: Mapping[str, Any]) -> Any:
            if self.spec.name != "inswapper_128":
                return run(self, inputs)
            count = len(inputs["target"])
            parts = [run(self, {name: a[n : n + 1] for name, a in inputs.items()}) for n in range(count)]
            return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

        Limited(alone)
        alone.setattr(OrtSession, "run", singly)
        check_same(frames, swapped(world, monkeypatch, 1, "two", **both)[1])


def test_colours_are_measured_in_pieces(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And come out as they would; the batch stays."""
    both: dict[str, Any] = {"select": SelectOptions("all")}
    expected = swapped(world, monkeypatch, 4, "two", **both)[1]
    measure, refused = ops.measure_colour, 0

    def one_face(surfaces: Any, indices: Any, *rest: Any, **options: Any) -> Any:
        nonlocal refused
        if len(indices) > 1:
            refused += 1
            raise MemoryError("one face is all that fits")
        return measure(surfaces, indices, *rest, **options)

    monkeypatch.setattr(ops, "measure_colour", one_face)
    report, frames = swapped(world, monkeypatch, 4, "two", **both)
    assert refused > 0
    assert not any("memory" in note for note in report.notes)
    check_same(frames, expected)


def test_a_detector_that_takes_no_frame_ends_the_run(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = Limited(monkeypatch, yunet=64)
    swapped(world, monkeypatch, 4)
    run = limited._run
    calls = 0

    def later(session: OrtSession, *rest: Any) -> Any:
        nonlocal calls
        calls += session.spec.name == "yunet"
        if session.spec.name == "yunet" and calls > 2:
            raise MemoryError("nothing left on the host")
        return run(session, *rest)

    monkeypatch.setattr(OrtSession, "_run_piece", later)
    with pytest.raises(DeviceMemoryError, match="not even one frame"):
        swapped(world, monkeypatch, 4)


def test_groups_begin_at_multiples_of_the_batch() -> None:
    rng = np.random.default_rng()
    for _ in range(200):
        room, total = Room(int(rng.integers(1, 17))), int(rng.integers(1, 60))
        surface = reference.random_surface(rng, PixelFormat.NV12, 2, 2)
        frames = (Frame(surface, index, index, Fraction(1, 25)) for index in range(total))
        seen: list[int] = []
        for batch in gather(frames, room):
            for part in room.groups(batch):
                numbers = [frame.index for frame in part.frames]
                assert len(numbers) <= room.frames
                assert numbers[0] % room.frames == 0 or numbers[0] == seen[-1] + 1
                if len(numbers) > 1:
                    assert numbers[0] // room.frames == numbers[-1] // room.frames
                seen += numbers
            if rng.random() < 0.3:
                room.shrink(room.frames, MemoryError())
        assert seen == list(range(total))


def random_batch(rng: np.random.Generator) -> Batch:
    """Frames with faces, and everything that belongs to them, numbered by the face."""
    counts = rng.integers(0, 4, int(rng.integers(2, 7)))
    faces, start = [], 0
    for count in counts.tolist():
        boxes = np.arange(start, start + count, dtype=np.float32)[:, None] + np.zeros((1, 4), np.float32)
        faces.append(Faces(boxes, np.zeros((count, 5, 2), np.float32), np.ones(count, np.float32)))
        start += count
    numbers = np.arange(start, dtype=np.float32)
    frames = [
        Frame(reference.random_surface(rng, PixelFormat.NV12, 2, 2), n, n, Fraction(1, 25))
        for n in range(len(counts))
    ]
    return Batch(
        tuple(frames),
        faces=tuple(faces),
        cuts=tuple(bool(n % 2) for n in range(len(counts))),
        sources=tuple(10 * item.boxes_px[:, 0].astype(int) for item in faces),
        placements=numbers[:, None, None] + np.zeros((1, 2, 3)),
        patches=Patches(numbers[:, None, None, None] + np.zeros((1, 3, 2, 2), np.float32), 0.5, 0.25),
        masks=numbers[:, None, None] + np.zeros((1, 2, 2), np.float32),
        maps=numbers[:, None] + np.zeros((1, 12), np.float32),
    )


def check_faces(batch: Batch) -> None:
    numbers = [float(box[0]) for faces in batch.faces for box in faces.boxes_px]
    assert batch.placements is not None
    assert batch.patches is not None
    assert batch.masks is not None
    assert batch.maps is not None
    for array in (batch.placements, batch.patches.pixels, batch.masks, batch.maps):
        assert [float(row.flat[0]) for row in array] == numbers
    assert (batch.source_of_face / 10).tolist() == numbers
    assert batch.cuts == tuple(bool(frame.index % 2) for frame in batch.frames)


def test_a_part_of_a_batch_has_what_belongs_to_it() -> None:
    rng = np.random.default_rng()
    for _ in range(100):
        batch = random_batch(rng)
        start, end = sorted(rng.choice(len(batch.frames) + 1, 2, replace=False).tolist())
        part = batch.part(start, end)
        assert part.frames == batch.frames[start:end]
        check_faces(part)
        for frame in range(len(batch.frames)):
            single = batch.part(frame, frame + 1)
            for face in range(single.face_count):
                one = single.face(face)
                check_faces(one)
                assert one.face_count == 1


def test_stages_begin_anew_and_give_everything() -> None:
    rng = np.random.default_rng()
    batches = []
    for number in range(5):
        batch = random_batch(rng)
        moved = [replace(frame, index=frame.index + 8 * number) for frame in batch.frames]
        batches.append(replace(batch, frames=tuple(moved)))
    begun = 0

    def stage(items: Iterable[Batch]) -> Iterator[Batch]:
        nonlocal begun
        begun += 1
        for item in items:
            if item.face_count > 1:
                raise MemoryError("one face is all that fits")
            yield item

    done = list(fitted(stage, batches, Room(8)))
    assert [frame.index for batch in done for frame in batch.frames] == [
        frame.index for batch in batches for frame in batch.frames
    ]
    assert begun > 1
    for batch in done:
        check_faces(batch)


def test_a_patient_frame_waits_for_room() -> None:
    batch = Batch(random_batch(np.random.default_rng()).frames[:1])
    tries = 0

    def stage(items: Iterable[Batch]) -> Iterator[Batch]:
        nonlocal tries
        for item in items:
            tries += 1
            if tries < 4:
                raise DeviceMemoryError("others are still in the way")
            yield item

    assert list(fitted(stage, [batch], Room(4), patient=True)) == [batch]
    tries = 0
    with pytest.raises(DeviceMemoryError, match="not even one frame"):
        list(fitted(stage, [batch], Room(4)))


def test_halves_keep_the_order() -> None:
    def most_two(rows: Any) -> np.ndarray:
        if len(rows) > 2:
            raise MemoryError
        return np.array(rows)[:, None] * 10

    assert in_halves(most_two, list(range(7)))[:, 0].tolist() == [0, 10, 20, 30, 40, 50, 60]
    with pytest.raises(MemoryError):
        in_halves(lambda rows: most_two([*rows, 0, 0]), [1, 2])
