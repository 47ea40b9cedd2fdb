from collections.abc import Sequence
from typing import Any, TypedDict

from trtswap.types import Array

class ParsedSurface: ...

_Surface = tuple[int, tuple[Any, ...], int, bool, float, float] | ParsedSurface

class DeviceInfo(TypedDict):
    index: int
    name: str
    compute_capability: str
    total_memory_bytes: int
    free_memory_bytes: int
    multiprocessors: int

cuda_built: bool
cuda_architectures: str
host_threads: int
track_columns: int

def cuda_driver_version() -> int: ...
def cuda_runtime_version() -> int: ...
def cuda_device_count() -> int: ...
def cuda_status() -> str: ...
def cuda_devices() -> list[DeviceInfo]: ...
def parse_surface(surface: _Surface) -> ParsedSurface | None: ...
def resample(
    surfaces: Sequence[_Surface],
    indices: Array,
    placements: Array,
    extents: Array,
    *,
    area: bool,
    bgr: bool,
    black: bool,
    scale: Sequence[float],
    offset: Sequence[float],
    out: Any,
    stream: int,
) -> None: ...
def composite(
    surfaces: Sequence[_Surface],
    indices: Array,
    placements: Array,
    patches: Any,
    masks: Any,
    *,
    scale: float,
    offset: float,
    stream: int,
) -> None: ...
def blend(
    surfaces: Sequence[_Surface],
    indices: Array,
    placements: Array,
    patches: Any,
    masks: Any,
    maps: Any,
    *,
    scale: float,
    offset: float,
    levels: int,
    poisson: bool,
    half: bool,
    allocate: Any,
    stream: int,
) -> None: ...
def measure_colour(
    surfaces: Sequence[_Surface],
    indices: Array,
    placements: Array,
    patches: Any,
    weights: Any,
    moments: Any,
    maps: Any,
    *,
    scale: float,
    offset: float,
    method: int,
    strength: float,
    allocate: Any,
    stream: int,
) -> None: ...
def lab(pictures: Any, out: Any, *, to_lab: bool, stream: int) -> None: ...
def statistics(pictures: Any, masks: Any, moments: Any, *, allocate: Any, stream: int) -> None: ...
def transfer_maps(moments: Array, method: int, strength: float, maps: Array) -> None: ...
def colour_transfer(
    patches: Any, maps: Any, out: Any, *, scale: float, offset: float, stream: int
) -> None: ...
def pyramid_blend(
    a: Any, b: Any, masks: Any, out: Any, *, levels: int, allocate: Any, stream: int
) -> None: ...
def maxima(rows: Any, out: Any, *, stream: int) -> None: ...
def rearrange(array: Any, out: Any, *, lengths: Sequence[int], order: Sequence[int], stream: int) -> None: ...
def feather(masks: Any, out: Any, *, sigma: float, allocate: Any, stream: int) -> None: ...
def rasterise(
    vertices: Array, triangles: Array, attributes: Array, *, perspective: bool, depth: Array, image: Array
) -> None: ...
def vertex_normals(vertices: Array, triangles: Array, normals: Array) -> None: ...

class FaceTemplate:
    eyes: float
    def __init__(self, points: Array, warp: Array) -> None: ...
    def decompose(self, points: Array, boxes: Array) -> Array: ...
    def recompose(self, parameters: Array) -> tuple[Array, Array]: ...
    def repair(self, points: Array, trusted: Array, shape: Array) -> Array: ...

class FaceSmoother:
    def __init__(self, face: FaceTemplate, lag_frames: int, frame_rate: float) -> None: ...
    def push(
        self, ids: Array, points: Array, boxes: Array, weights: Array, time_s: float
    ) -> tuple[Array, Array] | None: ...
    def flush(self) -> list[tuple[Array, Array]]: ...

class Rest:
    def __init__(self, lag_frames: int) -> None: ...
    def hold(self, ids: Array, estimates: Array, drift: Array, noise: Array) -> Array: ...

class PointNoise:
    def __init__(self, face: FaceTemplate) -> None: ...
    def squares(self, differences: Array, samples: Array) -> Array: ...
    def tolerances(self, medians: Array, count: int) -> tuple[Array, Array, Array]: ...
    def strain(self, excess: Array) -> Array: ...

class SignalSmoother:
    def __init__(self, dimensions: int, lag_frames: int, frame_rate: float) -> None: ...
    def push(self, ids: Array, values: Array, weights: Array, time_s: float) -> Array | None: ...
    def flush(self) -> list[Array]: ...

def surely_calm(variances: Array, third: float, warp: float, eyes: float) -> float: ...
def fit_rows(weights: Array) -> Array: ...
def fit_residuals(weights: Array, values: Array) -> tuple[Array, Array]: ...
def midway(points: Array, present: Array, times_s: Array) -> Array: ...
def scene_halve(pictures: Array) -> Array: ...
def scene_pictures(
    thumbnails: Array, radius: int, sigma_px: float
) -> tuple[Array, Array, Array, Array, Array, Array]: ...
def scene_look(luma: Array, radius: int, sigma_px: float) -> tuple[Array, float]: ...
def scene_even(look: Array, error: float) -> Array: ...
def scene_score(
    x: Array,
    y: Array,
    error: float,
    texture: float,
    lost: float,
    found: float,
    inside: Array | None,
    burnt: float,
) -> tuple[float, float, float]: ...
def scene_moved(
    luma: Array,
    y: Array,
    flow: Array,
    shift: tuple[int, int],
    stray_px: float,
    error: float,
    texture: float,
    lost: float,
    found: float,
    inside: Array | None,
    burnt: float,
    best: Array,
    seen: Array,
) -> tuple[float, float]: ...
def observe_faces(boxes: Array, landmarks: Array) -> Array: ...
def begin_tracks(tracks: Array, seen: Array) -> Array: ...
def follow_tracks(
    tracks: Array, seen: Array, elapsed_s: float, likeness: Array | None, weights: Array | None
) -> list[int]: ...
def assign(benefits: Array) -> list[int]: ...
