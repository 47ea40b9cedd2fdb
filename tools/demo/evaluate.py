"""Held-out figures of the built-in networks, through the package's adapters: people and scenes not trained on.

python tools/demo/samples.py faces FOLDER --first-person 500000 --people 50 --shard 0     (and 1, 2, 3)
python tools/demo/samples.py scenes FOLDER --first-person 600000 --shard 0
python tools/demo/evaluate.py FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from samples import MOST_HEADS
from shards import PEOPLE_OF_SWAPS, PICTURES_OF_PAIR

from trtswap.demo.builtin import builtin_options
from trtswap.demo.clips import KINDS
from trtswap.demo.landmarks import five_points
from trtswap.geometry import transform_points
from trtswap.networks.loader import NetworkSet
from trtswap.stages.identity import identity_of
from trtswap.types import Array, Faces, PixelFormat, Surface

PER_PERSON = PEOPLE_OF_SWAPS * PICTURES_OF_PAIR


def surfaces_of(pictures: Array) -> list[Surface]:
    return [Surface(PixelFormat.RGB8, (picture,)) for picture in pictures]


def shards(folder: Path, kind: str) -> dict[str, Array]:
    """All shards of a kind, one behind the other."""
    loaded = [dict(np.load(path)) for path in sorted(folder.glob(f"{kind}-*.npz"))]
    return {name: np.concatenate([part[name] for part in loaded]) for name in loaded[0]}


def box_overlaps(a: Array, b: Array) -> Array:
    """Intersection over union of boxes [N, 4] and [M, 4]: [N, M]."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    overlap: Array = common / (areas[0][:, None] + areas[1][None] - common)
    return overlap


def eye_distance(five: Array) -> float:
    return float(np.hypot(*(five[1] - five[0])))


def detector(networks: NetworkSet, scenes: dict[str, Array]) -> None:
    """Recall and precision at an overlap of a half; heads mostly hidden or under 14 pixels count as neither."""
    found = wanted = right = made = 0
    errors: list[float] = []
    for start in range(0, len(scenes["picture"]), 32):
        surfaces = surfaces_of(scenes["picture"][start : start + 32])
        for row, faces in enumerate(networks.detector.detect(surfaces), start):
            boxes, five = scenes["boxes"][row], scenes["five"][row]
            size = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
            middle = (boxes[:, :2] + boxes[:, 2:]) / 2
            seen = ~np.isnan(five[:, 0, 0]) & (size >= 14) & (middle > 0).all(1) & (middle < 384).all(1)
            doubtful = ~np.isnan(boxes[:, 0]) & ~seen
            overlap = (
                np.nan_to_num(box_overlaps(faces.boxes_px, boxes))
                if len(faces)
                else np.zeros((0, MOST_HEADS))
            )
            hits = overlap[:, seen] >= 0.5
            wanted += int(seen.sum())
            found += int(hits.any(axis=0).sum())
            neither = (overlap[:, doubtful] > 0.2).any(axis=1) & ~hits.any(axis=1)
            made += int((~neither).sum())
            right += int(hits.any(axis=1).sum())
            for k in np.flatnonzero(seen):
                if overlap.shape[0] and overlap[:, k].max() >= 0.5:
                    off = faces.landmarks_px[int(overlap[:, k].argmax())] - five[k]
                    scale = max(eye_distance(five[k]), 0.25 * float(size[k]))
                    errors.append(float(np.hypot(off[:, 0], off[:, 1]).mean()) / scale)
    print(
        f"detector: {found}/{wanted} found ({found / wanted:.4f}), {right}/{made} right ({right / made:.4f})"
    )
    print(
        f"  five points: mean {100 * np.mean(errors):.2f} %, median {100 * np.median(errors):.2f} % of the eye distance"
    )


def landmarker(networks: NetworkSet, faces: dict[str, Array], detected: list[Faces]) -> None:
    assert networks.landmarker is not None
    errors, fives, scores, turned = [], [], [], []
    for row, item in enumerate(detected):
        if not len(item):
            continue
        points, score = networks.landmarker.locate(
            surfaces_of(faces["picture"][row : row + 1]), [item.take([0])]
        )
        true = faces["points"][row]
        scale = max(eye_distance(five_points(true)), 0.28 * float(np.ptp(true[:, 1])))
        errors.append(float(np.hypot(*(points[0] - true).T).mean()) / scale)
        fives.append(float(np.hypot(*(five_points(points[0]) - five_points(true)).T).mean()) / scale)
        scores.append(float(score[0]))
        turned.append(abs(faces["pose"][row, 0]))
    near = np.array(turned) <= 45
    for name, values in (("68 points", np.array(errors)), ("five points", np.array(fives))):
        print(
            f"landmarker, {name}: mean {100 * values.mean():.2f} %, median {100 * np.median(values):.2f} %; "
            f"yaw to 45: {100 * values[near].mean():.2f} %, beyond: {100 * values[~near].mean():.2f} %"
        )
    print(f"  score: mean {np.mean(scores):.3f}, least {np.min(scores):.3f}")


def recogniser(networks: NetworkSet, faces: dict[str, Array]) -> Array:
    """One gallery picture a person, the most frontal; every other picture is a query. Returns unit embeddings."""
    five = np.stack([five_points(points) for points in faces["points"]])
    embeddings = np.concatenate(
        [
            networks.recogniser.embed(
                surfaces_of(faces["picture"][s : s + 32]), np.arange(len(five[s : s + 32])), five[s : s + 32]
            )
            for s in range(0, len(five), 32)
        ]
    )
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    people = len(units) // PER_PERSON
    yaw = np.abs(faces["pose"][:, 0])
    gallery = np.array(
        [p * PER_PERSON + int(yaw[p * PER_PERSON : (p + 1) * PER_PERSON].argmin()) for p in range(people)]
    )
    queries = np.setdiff1d(np.arange(len(units)), gallery)
    named = (units[queries] @ units[gallery].T).argmax(axis=1)
    right = named == queries // PER_PERSON
    near = yaw[queries] <= 45
    print(
        f"recogniser: {right.mean():.4f} of {len(queries)} pictures named among {people} people; "
        f"yaw to 45: {right[near].mean():.4f}, beyond: {right[~near].mean():.4f}"
    )
    return embeddings


def swapper(networks: NetworkSet, faces: dict[str, Array], embeddings: Array) -> None:
    """Against the true swap on the crop's grid, inside the face; and whom the recogniser sees in the result."""
    first = int(faces["who"].min())
    five = np.stack([five_points(points) for points in faces["points"]])
    rng = np.random.default_rng(5)
    plain, least, before, nearer, cosines, true_nearer = [], [], [], [], [], []
    for row in range(len(five)):
        target, source = (int(k) - first for k in faces["who"][row])
        chosen = source * PER_PERSON + rng.choice(PER_PERSON, 3, replace=False)
        vector = networks.swapper.source_vector(identity_of(embeddings[chosen]))[None]
        placement = networks.swapper.placements(five[row][None])
        picture, index = surfaces_of(faces["picture"][row][None]), np.zeros(1, int)
        drawn = networks.swapper.swap(picture, index, placement, vector).pixels
        was = networks.swapper.inputs(picture, index, placement)
        true = networks.swapper.inputs(surfaces_of(faces["swap"][row][None]), index, placement)
        mask = networks.swapper.inputs(
            surfaces_of(np.repeat(faces["face"][row][None, ..., None], 3, 3)), index, placement
        )
        weight = mask / mask.sum()
        error = float((weight * (drawn - true) ** 2).sum())
        plain.append(error)
        least.append(-10 * np.log10(error))
        before.append(float((weight * (was - true) ** 2).sum()))
        seen = []
        for crop in (drawn, true):
            codes = np.rint(np.clip(crop[0], 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0).copy()
            points = transform_points(placement, five[row][None]).astype(np.float32)
            seen.append(networks.recogniser.embed(surfaces_of(codes[None]), index, points)[0])
        own = identity_of(embeddings[target * PER_PERSON + rng.choice(PER_PERSON, 3, replace=False)]).unit
        other = identity_of(embeddings[chosen]).unit
        units = [part / np.linalg.norm(part) for part in seen]
        nearer.append(units[0] @ other > units[0] @ own)
        true_nearer.append(units[1] @ other > units[1] @ own)
        cosines.append((units[0] @ other, units[0] @ own))
    db = -10 * np.log10(np.mean(plain))
    print(
        f"swapper: PSNR inside the face {db:.2f} dB over all, "
        f"mean of crops {np.mean(least):.2f}, least {np.min(least):.2f}"
    )
    print(f"  unswapped: {-10 * np.log10(np.mean(before)):.2f} dB")
    close, far = np.mean(cosines, axis=0)
    print(
        f"  nearer to the source than to the target: {np.mean(nearer):.4f} (true swaps {np.mean(true_nearer):.4f}); "
        f"cosine to source {close:.3f}, to target {far:.3f}"
    )


def occlusion(networks: NetworkSet, faces: dict[str, Array]) -> None:
    five = np.stack([five_points(points) for points in faces["points"]])
    overlaps, off = [], []
    for row in range(len(five)):
        placement, index = networks.swapper.placements(five[row][None]), np.zeros(1, int)
        found = networks.occluders[0].masks(surfaces_of(faces["picture"][row][None]), index, placement, 128)[
            0
        ]
        mask = surfaces_of(np.repeat(faces["face"][row][None, ..., None], 3, 3))
        true = networks.swapper.inputs(mask, index, placement)[0, 0]
        both, either = ((found > 0.5) & (true > 0.5)).sum(), ((found > 0.5) | (true > 0.5)).sum()
        overlaps.append(both / max(either, 1))
        off.append(np.abs(found - true).mean())
    print(
        f"occlusion: IoU mean {np.mean(overlaps):.4f}, 5th percentile {np.quantile(overlaps, 0.05):.4f}; "
        f"MAE {np.mean(off):.4f}"
    )


def clips(networks: NetworkSet, drawn: dict[str, Array]) -> None:
    """Frames of clips of every kind, of people of whom each is seen in one clip; sources are known by one portrait."""
    count = len(drawn["picture"])
    surfaces = surfaces_of(drawn["picture"])
    score = builtin_options().detect
    detected = [
        faces
        for start in range(0, count, 16)
        for faces in networks.detector.detect(surfaces[start : start + 16], score)
    ]
    found = wanted = right = made = 0
    fives, points, refined = [], [], []
    for row, faces in enumerate(detected):
        heads = int(drawn["clip"][row, 2])
        overlap = box_overlaps(faces.boxes_px, drawn["boxes"][row, :heads])
        made, wanted = made + len(faces), wanted + heads
        right, found = right + int((overlap >= 0.5).any(1).sum()), found + int((overlap >= 0.5).any(0).sum())
        for head in range(heads):
            if not len(faces) or overlap[:, head].max() < 0.5:
                continue
            face = int(overlap[:, head].argmax())
            five, true = drawn["five"][row, head], drawn["points"][row, head]
            scale = max(eye_distance(five), 0.28 * float(np.ptp(true[:, 1])))
            fives.append(float(np.hypot(*(faces.landmarks_px[face] - five).T).mean()) / scale)
            assert networks.landmarker is not None
            located = networks.landmarker.locate([surfaces[row]], [faces.take([face])])[0][0]
            points.append(float(np.hypot(*(located - true).T).mean()) / scale)
            refined.append(float(np.hypot(*(five_points(located) - five).T).mean()) / scale)
    print(
        f"clips: {count} frames; "
        f"found {found}/{wanted} ({found / wanted:.4f}), right {right}/{made} ({right / made:.4f})"
    )
    for name, values in (("detector's five", fives), ("68 points", points), ("five of the 68", refined)):
        print(
            f"  {name}: mean {100 * np.mean(values):.2f} %, "
            f"median {100 * np.median(values):.2f} % of the eye distance"
        )
    _clip_people(networks, drawn, surfaces)


def _clip_people(networks: NetworkSet, drawn: dict[str, Array], surfaces: list[Surface]) -> None:
    """Naming: one frame of each clip's first head is known, the others are asked. Swapping: the source's portrait."""
    five = drawn["five"][:, 0]
    embeddings = np.concatenate(
        [
            networks.recogniser.embed([s], np.zeros(1, int), f[None])
            for s, f in zip(surfaces, five, strict=True)
        ]
    )
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    keys = [tuple(row[:2]) for row in drawn["clip"]]
    people = list(dict.fromkeys(keys))
    known = np.stack([units[keys.index(who)] for who in people])
    asked = [k for k, key in enumerate(keys) if keys.index(key) != k]
    named = [
        people[int(row)] == keys[k] for k, row in zip(asked, (units[asked] @ known.T).argmax(1), strict=True)
    ]
    print(f"  named: {np.mean(named):.4f} of {len(asked)} among {len(people)} people")
    errors: dict[int, list[float]] = {}
    nearer = []
    for row, surface in enumerate(surfaces):
        portrait = surfaces_of(drawn["source_picture"][row][None])
        face = networks.detector.detect(portrait)[0]
        source = identity_of(networks.recogniser.embed(portrait, np.zeros(1, int), face.landmarks_px[:1]))
        placement, index = networks.swapper.placements(five[row][None]), np.zeros(1, int)
        made = networks.swapper.swap(
            [surface], index, placement, networks.swapper.source_vector(source)[None]
        ).pixels
        true = networks.swapper.inputs(surfaces_of(drawn["swap"][row][None]), index, placement)
        mask = surfaces_of(np.repeat(drawn["face"][row][None, ..., None], 3, 3))
        weight = networks.swapper.inputs(mask, index, placement)
        error = float((weight * (made - true) ** 2).sum() / max(float(weight.sum()), 1e-6))
        errors.setdefault(int(drawn["kind"][row]), []).append(error)
        codes = np.rint(np.clip(made[0], 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0).copy()
        seen = networks.recogniser.embed(
            surfaces_of(codes[None]), index, transform_points(placement, five[row][None])
        )[0]
        nearer.append(seen @ source.unit > seen @ known[people.index(keys[row])])
    every = [value for values in errors.values() for value in values]
    print(
        f"  swapper: PSNR inside the face {-10 * np.log10(np.mean(every)):.2f} dB over all, "
        f"mean of frames {np.mean(-10 * np.log10(every)):.2f}; nearer to the source {np.mean(nearer):.4f}"
    )
    for kind, values in sorted(errors.items()):
        print(f"    {KINDS[kind]}: {-10 * np.log10(np.mean(values)):.2f} dB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--only", nargs="*", default=["detector", "landmarker", "recogniser", "swapper", "occlusion"]
    )
    options = parser.parse_args()
    with NetworkSet(builtin_options()) as networks:
        if "clips" in options.only:
            clips(networks, shards(options.folder, "clips"))
            return
        if "detector" in options.only:
            detector(networks, shards(options.folder, "scenes"))
        faces = shards(options.folder, "faces")
        if "landmarker" in options.only:
            surfaces = surfaces_of(faces["picture"])
            detected = [
                f for s in range(0, len(surfaces), 32) for f in networks.detector.detect(surfaces[s : s + 32])
            ]
            print(f"faces: {sum(len(f) > 0 for f in detected)}/{len(detected)} found")
            landmarker(networks, faces, detected)
        if "recogniser" in options.only or "swapper" in options.only:
            embeddings = recogniser(networks, faces)
        if "swapper" in options.only:
            swapper(networks, faces, embeddings)
        if "occlusion" in options.only:
            occlusion(networks, faces)


if __name__ == "__main__":
    main()
