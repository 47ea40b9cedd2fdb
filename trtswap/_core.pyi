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
def observe_faces(boxes: Array, landmarks: Array) -> Array: ...
def begin_tracks(tracks: Array, seen: Array) -> Array: ...
def follow_tracks(
    tracks: Array, seen: Array, elapsed_s: float, likeness: Array | None, weights: Array | None
) -> list[int]: ...
def assign(benefits: Array) -> list[int]: ...
