"""Random pictures to learn from: one large face with its true swap, or a scene with any number of heads.

python tools/demo/samples.py faces FOLDER --first-person 1000 --people 64 --shard 0

With --jpeg the pictures are packed, some thirty times smaller, to be drawn on one machine and learned from on another.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from shards import PACKED, PEOPLE_OF_SWAPS, PICTURES_OF_PAIR, packed

from trtswap.demo.clips import KINDS, plan_clip
from trtswap.demo.person import Person, draw_person
from trtswap.demo.render import Rendered, render
from trtswap.demo.state import Camera, Expression, FrameState, Head, Light, Occluder, Pose
from trtswap.types import Array

FACE_PX = 256
SCENE_PX = 384
MOST_HEADS = 3
CLIP_SIZE = (640, 360)
CLIP_FRAMES = 4

FIRST_TRAINING_PERSON = 1_000_000
"""Numbers from here on are trained on; the clips of `trtswap.demo.clips` and the held-out people lie below."""


def random_pose(rng: np.random.Generator, height: tuple[float, float]) -> Pose:
    """A head mostly from the front, sometimes in profile."""
    yaw = rng.normal(0, 24) if rng.random() < 0.85 else rng.uniform(-80, 80)
    return Pose(
        float(np.clip(yaw, -80, 80)),
        float(np.clip(rng.normal(0, 8), -25, 25)),
        float(np.clip(rng.normal(0, 8), -30, 30)),
        float(rng.uniform(0.44, 0.56)),
        float(rng.uniform(0.40, 0.52)),
        float(rng.uniform(*height)),
    )


def random_expression(rng: np.random.Generator) -> Expression:
    """Speech, smiles, blinks and glances, each at times."""

    def at_times(share: float) -> float:
        return float(rng.uniform(0, 1)) if rng.random() < share else 0.0

    return Expression(
        gaze_deg=(float(rng.normal(0, 9)), float(rng.normal(0, 5))),
        blink=float(rng.choice((0.0, 0.0, 0.0, 0.1, 1.0, rng.uniform(0, 1)))),
        jaw=0.75 * at_times(0.5),
        wide=at_times(0.3),
        round=at_times(0.3),
        press=0.8 * at_times(0.15),
        smile=at_times(0.35),
        brows=float(rng.uniform(-0.4, 1)) if rng.random() < 0.5 else 0.1,
    )


def random_light(rng: np.random.Generator) -> Light:
    """Daylight to lamps, from any side before the face; dim or coloured at times."""
    direction = (float(rng.uniform(-1, 1)), float(rng.uniform(-0.1, 0.9)), float(rng.uniform(0.35, 1.0)))
    warm = float(rng.uniform(-1, 1))
    key = np.array((1.0 + 0.08 * warm, 0.97, 0.94 - 0.12 * warm)) * rng.uniform(0.6, 1.15)
    sky, ground = np.array((0.34, 0.36, 0.40)), np.array((0.20, 0.18, 0.17))
    kind = rng.random()
    if kind < 0.2:
        key, sky, ground = (part * rng.uniform(0.1, 0.45) for part in (key, sky, ground))
    elif kind < 0.45:
        key = key * (1 + rng.uniform(-0.65, 0.35, 3))
        sky = sky * (1 + rng.uniform(-0.6, 0.6, 3))
        ground = ground * (1 + rng.uniform(-0.5, 0.5, 3))
    elif kind < 0.58:  # a lamp of one colour, and little else
        phase = rng.uniform(0, 2 * np.pi)
        key = (0.5 + rng.uniform(0.2, 0.47) * np.cos(phase - np.array((0.0, 2.1, 4.2)))) * rng.uniform(
            0.7, 1.2
        )
        sky, ground = (part * rng.uniform(0.15, 0.7) * rng.uniform(0.6, 1.4, 3) for part in (sky, ground))
    return Light(direction, _three(key), _three(sky), _three(ground), float(rng.uniform(0, 1)))


def _three(values: Array) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))


def random_camera(rng: np.random.Generator) -> Camera:
    """Sharp or soft, still or shaken, clean or noisy."""
    length, angle = (rng.exponential(2.5) if rng.random() < 0.35 else 0.0), rng.uniform(0, 2 * np.pi)
    return Camera(
        distance_mm=float(rng.uniform(600, 1600)),
        blur_px=float(rng.uniform(0.3, 1.2)),
        noise=float(rng.exponential(1.5)),
        motion_px=(float(min(length, 8) * np.cos(angle)), float(min(length, 8) * np.sin(angle))),
        exposure=float(rng.uniform(0.8, 1.2)),
    )


def random_cover(rng: np.random.Generator, share: float) -> tuple[Occluder, ...]:
    """Glasses, a hand or a microphone before the face, at times."""
    items: list[Occluder] = []
    if rng.random() < 0.18:
        items.append(Occluder("glasses" if rng.random() < 0.75 else "sunglasses"))
    if rng.random() < share:
        kind = "hand" if rng.random() < 0.7 else "microphone"
        items.append(
            Occluder(kind, float(rng.normal(0, 30)), float(rng.normal(10, 35)), float(rng.normal(0, 20)))
        )
    return tuple(items)


def face_state(rng: np.random.Generator) -> FrameState:
    """A frame with one large head."""
    head = Head(0, random_pose(rng, (0.42, 0.82)), random_expression(rng), random_cover(rng, 0.3))
    return FrameState(
        heads=(head,),
        light=random_light(rng),
        camera=random_camera(rng),
        backdrop=int(rng.integers(1 << 30)),
        noise_seed=int(rng.integers(1 << 60)),
        size=(FACE_PX, FACE_PX),
    )


def scene_state(rng: np.random.Generator) -> FrameState:
    """A frame with no head to three, of any size, some of them beyond the edge."""
    heads = []
    for k in range(int(rng.choice((0, 1, 2, 3), p=(0.12, 0.5, 0.25, 0.13)))):
        pose = random_pose(rng, (0.05, 0.16) if rng.random() < 0.3 else (0.14, 0.8))
        pose = replace(pose, x=float(rng.uniform(0.02, 0.98)), y=float(rng.uniform(0.08, 0.95)))
        heads.append(Head(k, pose, random_expression(rng), random_cover(rng, 0.12)))
    return FrameState(
        heads=tuple(heads),
        light=random_light(rng),
        camera=random_camera(rng),
        backdrop=int(rng.integers(1 << 30)),
        noise_seed=int(rng.integers(1 << 60)),
        size=(SCENE_PX, SCENE_PX),
    )


def identity_values(person: Person) -> Array:
    """What an embedding should hold of a person, about unit variance: float32 [53]."""
    skin, brows, hair = person.skin, person.brows, person.hair
    shape = list(vars(person.shape).values())
    rest = [
        (skin.age - 0.4) * 5, skin.freckles * 2, (skin.makeup - 0.3) * 3, (skin.pores - 0.6) * 4,
        (brows.thickness - 0.5) * 4, (brows.density - 0.7) * 6, (brows.arch - 0.5) * 4, (brows.spacing - 0.5) * 3.4,
        *((np.array(person.iris) - 0.3) * 8), *((np.array(hair.colour) - 0.25) * 5),
        {"none": -1.0, "stubble": 0.0, "moustache": 1.0, "goatee": 1.3, "full": 2.0}[hair.beard],
    ]  # fmt: skip
    return np.asarray([*shape, *rest], np.float32)


def draw_faces(first: int, people: int, seed: int) -> dict[str, Array]:
    """Pictures of `people` people numbered from `first`, each with the faces of PEOPLE_OF_SWAPS others among them."""
    rng = np.random.default_rng([seed, 0xFACE])
    rows: dict[str, list[Array]] = {
        name: [] for name in ("picture", "swap", "face", "skin", "points", "who", "pose")
    }
    for number in range(people):
        for other in rng.choice(np.delete(np.arange(people), number), PEOPLE_OF_SWAPS, replace=False):
            pair = [draw_person(first + number), draw_person(first + int(other))]
            for _ in range(PICTURES_OF_PAIR):
                drawn = render(pair, face_state(rng), {0: pair[1]})
                _add_face(rows, drawn, (first + number, first + int(other)))
    values = np.stack([identity_values(draw_person(first + k)) for k in range(people)])
    return {**{name: np.stack(part) for name, part in rows.items()}, "values": values}


def _add_face(rows: dict[str, list[Array]], drawn: Rendered, who: tuple[int, int]) -> None:
    assert drawn.swap is not None
    truth = drawn.heads[0]
    rows["picture"].append(drawn.picture)
    rows["swap"].append(drawn.swap)
    rows["face"].append(np.rint(truth.face * 255).astype(np.uint8))
    rows["skin"].append(np.rint(truth.skin * 255).astype(np.uint8))
    rows["points"].append(truth.landmarks_px)
    rows["who"].append(np.array(who, np.int32))
    pose = truth.head.pose
    rows["pose"].append(np.array((pose.yaw_deg, pose.pitch_deg, pose.roll_deg), np.float32))


def draw_scenes(first: int, count: int, seed: int) -> dict[str, Array]:
    """Scenes with people of few numbers from `first`, so that most are drawn quickly."""
    rng = np.random.default_rng([seed, 0x5CE])
    people = [draw_person(first + k) for k in range(12)]
    pictures, boxes, points = [], [], []
    for _ in range(count):
        cast = [people[k] for k in rng.choice(len(people), MOST_HEADS, replace=False)]
        drawn = render(cast, scene_state(rng))
        box = np.full((MOST_HEADS, 4), np.nan, np.float32)
        five = np.full((MOST_HEADS, 5, 2), np.nan, np.float32)
        for k, truth in enumerate(drawn.heads):
            if truth.face.sum() > 0.25 * _full_face_px(truth.landmarks_px):
                box[k], five[k] = truth.box_px, truth.five_px
            else:  # hidden or outside: neither a face nor not one
                box[k] = truth.box_px
        pictures.append(drawn.picture)
        boxes.append(box)
        points.append(five)
    return {"picture": np.stack(pictures), "boxes": np.stack(boxes), "five": np.stack(points)}


def draw_clip_frames(first: int, count: int) -> dict[str, Array]:
    """Frames of clips of every kind, CLIP_FRAMES of each, with the true swap; clip n is of seed n. The first head's
    person is one whom no other clip shows. source_picture: the person swapped in, from the front."""
    rows: dict[str, list[Array]] = {
        name: []
        for name in ("picture", "swap", "face", "points", "five", "boxes", "kind", "clip", "source_picture")
    }
    for seed in range(first, first + count):
        kind = seed % len(KINDS)
        clip = plan_clip(KINDS[kind], seed, 40, CLIP_SIZE)
        source = clip.sources[0]
        portrait = render([source], FrameState(size=(FACE_PX, FACE_PX), backdrop=seed), None).picture
        for number in np.linspace(2, 37, CLIP_FRAMES).round().astype(int):
            drawn = render(clip.people, clip.states[number], clip.sources)
            assert drawn.swap is not None
            heads = [drawn.heads[min(k, len(drawn.heads) - 1)] for k in range(2)]
            rows["picture"].append(drawn.picture)
            rows["swap"].append(drawn.swap)
            rows["face"].append(np.rint(heads[0].face * 255).astype(np.uint8))
            rows["points"].append(np.stack([head.landmarks_px for head in heads]))
            rows["five"].append(np.stack([head.five_px for head in heads]))
            rows["boxes"].append(np.stack([head.box_px for head in heads]))
            rows["kind"].append(np.array(kind))
            rows["clip"].append(np.array((seed, drawn.heads[0].head.person, len(drawn.heads))))
            rows["source_picture"].append(portrait)
    return {name: np.stack(part) for name, part in rows.items()}


def _full_face_px(points: Array) -> float:
    return float(cv2.contourArea(cv2.convexHull(points.astype(np.float32))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("faces", "scenes", "clips"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first-person", type=int, default=FIRST_TRAINING_PERSON)
    parser.add_argument("--people", type=int, default=48, help="people of a shard of faces")
    parser.add_argument("--count", type=int, default=128, help="pictures of a shard of scenes")
    parser.add_argument("--shard", type=int, default=0)
    parser.add_argument("--jpeg", type=int, metavar="QUALITY", help="pack the pictures, 92 for example")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    first = options.first_person + options.shard * options.people
    if options.kind == "faces":
        drawn = draw_faces(first, options.people, options.shard)
    elif options.kind == "clips":
        drawn = draw_clip_frames(options.first_person + options.shard * options.people, options.people)
    else:
        drawn = draw_scenes(first, options.count, options.shard)
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / f"{options.kind}-{options.shard:05d}"
    if options.jpeg:
        for name in set(PACKED) & set(drawn):
            drawn[f"{name}_jpeg"], drawn[f"{name}_ends"] = packed(drawn.pop(name), options.jpeg)
        np.savez_compressed(path.with_suffix(".part.npz"), **drawn)
    else:
        np.savez(path.with_suffix(".part.npz"), **drawn)
    path.with_suffix(".part.npz").rename(path.with_suffix(".npz"))


if __name__ == "__main__":
    main()
