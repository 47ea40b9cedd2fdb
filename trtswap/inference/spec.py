"""Reads the network specs, one TOML file per network (docs/engine-specs.md)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Protocol

import platformdirs

from trtswap.errors import OptionError, SpecError, StrPath
from trtswap.inference.spec_types import (
    NO_PICTURE,
    BatchSpec,
    BuildSpec,
    Dimension,
    EnhanceSpec,
    FidelitySpec,
    KnownFile,
    Layout,
    Licence,
    Metric,
    NetworkSpec,
    PictureSpec,
    PrecisionSpec,
    Published,
    SwapSpec,
    TensorSpec,
)
from trtswap.inference.toml_table import Table, read_toml

__all__ = ["ROLES", "NetworkSpec", "load_specs", "parse_spec", "read_spec"]

SCHEMA = 1

SPECS_VARIABLE = "TRTSWAP_ENGINES"
"""The environment variable with more folders of specs, separated as in PATH."""

ROLES = ("detector", "landmarker", "recogniser", "converter", "classifier", "swapper", "mask", "enhancer")
"""What networks do, in the order of their work."""

_ALIGNED_ROLES = ("recogniser", "classifier", "swapper", "enhancer")
"""Those that see crops of faces, aligned to a template."""

_BLIND_KINDS = ("landmarker/fan_68_5", "converter/crossface")
"""Those that see no pixels."""


class _Entry(Protocol):
    """A file or folder: what pathlib.Path and the traversables of importlib.resources share."""

    @property
    def name(self) -> str: ...
    def iterdir(self) -> Iterable[_Entry]: ...
    def is_dir(self) -> bool: ...
    def read_text(self, encoding: str | None = None) -> str: ...


def load_specs(folders: Sequence[StrPath] = ()) -> dict[str, NetworkSpec]:
    """Every network by name: those trtswap ships, those of trtswap's own folder of specs and of the folders in the
    variable TRTSWAP_ENGINES, where they exist, then those of `folders`. A later one replaces an earlier one of the
    same name.

    Raises OptionError for a folder that does not exist, SpecError for a malformed file or two files of one
    folder with the same name.
    """
    specs = _load_folder(shipped_folder())
    for folder in _user_folders():
        specs.update(_load_folder(folder))
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise OptionError(f"the folder of network specs {folder} does not exist")
        specs.update(_load_folder(folder))
    return specs


def read_spec(path: StrPath) -> NetworkSpec:
    """The spec in one TOML file. Raises SpecError, naming file and key."""
    return _read(Path(path))


def parse_spec(text: str, origin: StrPath) -> NetworkSpec:
    """The spec in TOML `text`; `origin` is named in errors. Raises SpecError."""
    root = read_toml(text, origin)
    schema = root.integer("schema")
    if schema != SCHEMA:
        root.fail("schema", f"{SCHEMA}", str(schema))
    kind = _kind(root)
    inputs = tuple(_tensor(table, is_input=True) for table in root.tables("inputs"))
    outputs = tuple(_tensor(table, is_input=False) for table in root.tables("outputs"))
    aligned = kind.partition("/")[0] in _ALIGNED_ROLES
    picture = NO_PICTURE if kind in _BLIND_KINDS else _picture(root.table("picture"), inputs, aligned=aligned)
    spec = NetworkSpec(
        name=root.string("name"),
        kind=kind,
        summary=root.string("summary"),
        vendor=root.string("vendor"),
        year=root.integer("year", minimum=1990),
        licence=_licence(root.table("licence")),
        published=tuple(_published(table) for table in root.tables("published")),
        files=tuple(_known_file(table) for table in root.tables("files")),
        inputs=inputs,
        outputs=_ordered(root, outputs),
        picture=picture,
        swap=_swap(root.table("swap"), picture) if kind.startswith("swapper/") else None,
        batch=_batch(root.table("batch")),
        precision=_precision(root.table("precision")),
        fidelity=_fidelity(root.table("fidelity")),
        origin=str(origin),
        enhance=_enhance(root.table("enhance")) if kind.startswith("enhancer/") else None,
        build=_build(root.table("build", optional=True)),
    )
    root.finish()
    return spec


def shipped_folder() -> _Entry:
    """engines/ inside the installed package, or beside the package in a source tree."""
    installed = resources.files("trtswap") / "engines"
    if installed.is_dir():
        return installed
    beside = Path(__file__).resolve().parents[2] / "engines"
    if beside.is_dir():
        return beside
    raise SpecError(
        f"trtswap's own network specs are missing: neither {installed} nor {beside} exists",
        path=beside,
        hint="Install trtswap again.",
    )


def own_spec_folder() -> Path:
    """trtswap's own folder of specs, whether it exists or not."""
    return Path(platformdirs.user_data_dir("trtswap", appauthor=False)) / "engines"


def _user_folders() -> list[Path]:
    names = os.environ.get(SPECS_VARIABLE, "").split(os.pathsep)
    folders = [own_spec_folder(), *(Path(name).expanduser() for name in names if name)]
    return [folder for folder in folders if folder.is_dir()]


def _load_folder(folder: _Entry) -> dict[str, NetworkSpec]:
    specs: dict[str, NetworkSpec] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".toml"):
            continue
        spec = _read(entry)
        if spec.name in specs:
            raise SpecError(
                f"{spec.origin} and {specs[spec.name].origin} both describe a network named {spec.name!r}",
                path=spec.origin,
                hint="Give each network its own name.",
            )
        specs[spec.name] = spec
    return specs


def _read(entry: _Entry) -> NetworkSpec:
    try:
        text = entry.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{entry} cannot be read: {error}", path=str(entry)) from error
    return parse_spec(text, str(entry))


def _kind(root: Table) -> str:
    kind = root.string("kind")
    role, _, family = kind.partition("/")
    if role not in ROLES or not family:
        root.fail("kind", f"role/family with a role of {', '.join(ROLES)}", repr(kind))
    return kind


def _licence(table: Table) -> Licence:
    licence = Licence(table.string("label"), table.string("note"), table.boolean("commercial_use"))
    table.finish()
    return licence


def _published(table: Table) -> Published:
    published = Published(table.string("project"), table.string("release"))
    table.finish()
    return published


def _known_file(table: Table) -> KnownFile:
    sha256 = table.string("sha256", default="")
    if sha256 and (len(sha256) != 64 or set(sha256) - set("0123456789abcdef")):
        table.fail("sha256", "64 lower-case hexadecimal digits", repr(sha256))
    size = table.integer("bytes", minimum=0, default=0)
    name = table.string("name")
    if Path(name).name != name:
        table.fail("name", "a file name without folders", repr(name))
    verified, note = table.boolean("verified"), table.string("note", default="")
    release = table.string("release", default="")
    table.finish()
    return KnownFile(name, sha256 or None, size or None, verified, note, release or None)


def _tensor(table: Table, *, is_input: bool) -> TensorSpec:
    name = table.string("name")
    tensor = TensorSpec(
        name=name,
        accepts=table.strings("accepts", default=(name,)) if is_input else (name,),
        dtype=table.choice("dtype", ("float32",)),
        shape=table.shape("shape"),
        optional=table.boolean("optional", default=False),
        any_shape=False if is_input else table.boolean("any_shape", default=False),
    )
    if tensor.shape[0] != "N":
        table.fail("shape", '"N" as the first dimension', repr(tensor.shape[0]))
    table.finish()
    return tensor


def _ordered(root: Table, outputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    optional = [output.optional for output in outputs]
    if optional[0] or optional != sorted(optional):
        root.fail("outputs", "a required first output and optional ones last", f"optional = {optional}")
    return outputs


def _picture(table: Table, inputs: tuple[TensorSpec, ...], *, aligned: bool) -> PictureSpec:
    layout: Layout = "NCHW" if table.choice("layout", ("NCHW", "NHWC")) == "NCHW" else "NHWC"
    width, height = table.integers("size", count=2, minimum=1)
    picture = PictureSpec(
        input=table.choice("input", tuple(tensor.name for tensor in inputs)),
        size=(width, height),
        channels="rgb" if table.choice("channels", ("rgb", "bgr")) == "rgb" else "bgr",
        mean=_triple(table, "mean"),
        std=_triple(table, "std"),
        template=table.string("template") if aligned else None,
        sampling="area" if table.choice("sampling", ("bilinear", "area")) == "area" else "bilinear",
        layout=layout,
        sizes=table.integers("sizes", minimum=1, default=()),
        looks=table.numbers("looks", default=()),
    )
    if min(picture.std) <= 0:
        table.fail("std", "three numbers above 0", str(list(picture.std)))
    if any(not 1 <= eyes <= 100 for eyes in picture.looks):
        table.fail("looks", "numbers from 1 to 100", str(list(picture.looks)))
    tensor = next(tensor for tensor in inputs if tensor.name == picture.input)
    expected: tuple[tuple[Dimension, ...], ...] = (("N", 3, height, width), ("N", 3, "H", "W"))
    if layout == "NHWC":
        expected = (("N", height, width, 3), ("N", "H", "W", 3))
    if tensor.shape not in expected:
        table.fail("size", f"the size of input {tensor.name!r}, {list(tensor.shape)}", str([width, height]))
    table.finish()
    return picture


def _triple(table: Table, key: str) -> tuple[float, float, float]:
    first, second, third = table.numbers(key, count=3)
    return first, second, third


def _swap(table: Table, picture: PictureSpec) -> SwapSpec:
    low, high = _range(table)
    size = picture.size[0]
    boost_sizes = table.integers("boost_sizes", minimum=1)
    if not boost_sizes or any(edge % size for edge in boost_sizes):
        table.fail("boost_sizes", f"multiples of {size}", str(list(boost_sizes)))
    converter = table.string("converter", default="")
    source_template = table.string("source_template", default="")
    table.finish()
    return SwapSpec((low, high), boost_sizes, converter or None, source_template or None)


def _enhance(table: Table) -> EnhanceSpec:
    enhance = EnhanceSpec(_range(table))
    table.finish()
    return enhance


def _range(table: Table) -> tuple[float, float]:
    low, high = table.numbers("range", count=2)
    if low >= high:
        table.fail("range", "a low and a higher value", str([low, high]))
    return low, high


def _batch(table: Table) -> BatchSpec:
    batch = BatchSpec(*(table.integer(key, minimum=1) for key in ("min", "opt", "max")))
    if not batch.min <= batch.opt <= batch.max:
        table.fail("opt", "min <= opt <= max", f"{batch.min}, {batch.opt}, {batch.max}")
    table.finish()
    return batch


def _build(table: Table) -> BuildSpec:
    usual = BuildSpec().optimization_level
    build = BuildSpec(table.integer("optimization_level", minimum=0, default=usual))
    if build.optimization_level > 5:
        table.fail("optimization_level", "0 to 5", str(build.optimization_level))
    table.finish()
    return build


def _precision(table: Table) -> PrecisionSpec:
    precision = PrecisionSpec(table.boolean("fp16"), table.strings("keep_float32"))
    table.finish()
    return precision


_BOUNDS: dict[Metric, str] = {
    "psnr": "bound_db",
    "snr": "bound_db",
    "cosine": "bound_cosine",
    "landmarks": "bound_px",
    "boxes": "bound_iou",
    "mask": "bound_mae",
}
"""The key that holds each metric's bound: it says the unit."""


def _fidelity(table: Table) -> FidelitySpec:
    word = table.choice("metric", tuple(_BOUNDS))
    metric = next(metric for metric in _BOUNDS if metric == word)
    fidelity = FidelitySpec(
        metric,
        table.number(_BOUNDS[metric]),
        score_bound=table.number("bound_score") if metric == "boxes" else 0.0,
        pixels_per_unit=table.number("pixels_per_unit") if metric == "landmarks" else 1.0,
    )
    table.finish()
    return fidelity
