from collections.abc import Sequence
from typing import Any, TypedDict

from trtswap.types import Array

_Surface = tuple[int, tuple[Any, ...], int, bool, float, float]

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

def cuda_driver_version() -> int: ...
def cuda_runtime_version() -> int: ...
def cuda_device_count() -> int: ...
def cuda_status() -> str: ...
def cuda_devices() -> list[DeviceInfo]: ...
def resample(
    surfaces: Sequence[_Surface],
    indices: Array,
    placements: Array,
    extents: Array,
    *,
    area: bool,
    bgr: bool,
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
def rasterise(
    vertices: Array, triangles: Array, attributes: Array, *, perspective: bool, depth: Array, image: Array
) -> None: ...
def vertex_normals(vertices: Array, triangles: Array, normals: Array) -> None: ...
