from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from trtswap.errors import OptionError, SpecError
from trtswap.geometry import TEMPLATES
from trtswap.inference.spec import ROLES, load_specs, parse_spec, read_spec
from trtswap.networks import registry

ENGINES = Path(__file__).parents[2] / "engines"
SWAPPER = (ENGINES / "inswapper_128.toml").read_text(encoding="utf-8")
DETECTOR = (ENGINES / "yunet.toml").read_text(encoding="utf-8")


def test_each_shipped_spec_has_its_adapter_and_template() -> None:
    specs = load_specs()
    assert {path.stem for path in ENGINES.glob("*.toml")} == set(specs)
    for name, spec in specs.items():
        assert spec.name == name
        assert Path(spec.origin).stem == name
        assert spec.kind in registry.KINDS
        assert spec.role in ROLES
        assert spec.picture.template is None or spec.picture.template in TEMPLATES


def test_a_spec_holds_what_its_file_says() -> None:
    spec = load_specs()["hyperswap_1a_256"]
    assert spec.role == "swapper"
    assert spec.file_names == ("hyperswap_1a_256.onnx",)
    assert [tensor.name for tensor in spec.inputs] == ["source", "target"]
    assert [(tensor.name, tensor.optional) for tensor in spec.outputs] == [("output", False), ("mask", True)]
    assert spec.picture.mean == spec.picture.std == (0.5, 0.5, 0.5)
    assert spec.swap is not None
    assert spec.swap.range == (-1.0, 1.0)
    assert not spec.licence.commercial_use
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "other"  # type: ignore[misc]


def test_each_file_name_is_listed_once() -> None:
    spec = load_specs()["arcface_w600k_r50"]
    assert len(spec.files) == 3
    assert spec.file_names == ("arcface_w600k_r50.onnx", "w600k_r50.onnx")


def test_a_folder_adds_and_replaces(tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text(SWAPPER.replace('"inswapper_128"', '"mine"'), encoding="utf-8")
    (tmp_path / "again.toml").write_text(SWAPPER.replace("year = 2023", "year = 2024"), encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a spec", encoding="utf-8")
    specs = load_specs([tmp_path])
    assert specs["mine"].kind == "swapper/inswapper"
    assert specs["inswapper_128"].year == 2024
    assert specs["yunet"].name == "yunet"


def test_one_folder_does_not_name_a_network_twice(tmp_path: Path) -> None:
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(SWAPPER, encoding="utf-8")
    with pytest.raises(SpecError, match=r"two\.toml and .*one\.toml both describe .*inswapper_128"):
        load_specs([tmp_path])


def test_a_missing_folder_is_an_option_error(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="nowhere"):
        load_specs([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "schema: expected 1, found 2"),
        ("schema = 1", "", "schema: expected a whole number, found nothing"),
        ("year = 2023", 'year = "2023"', "year: expected a whole number, found '2023'"),
        ("year = 2023", "year = true", "year: expected a whole number, found True"),
        ("year = 2023", "yaer = 2023", "year: expected a whole number, found nothing"),
        ("year = 2023", "year = 2023\ncolour = 1", "colour: expected no such key, found it"),
        ('"swapper/inswapper"', '"swapper"', "kind: expected role/family"),
        ('"swapper/inswapper"', '"blender/x"', "kind: expected role/family"),
        ("commercial_use = false", "", "licence.commercial_use: expected true or false, found nothing"),
        ("bytes = 554253681", "bytes = -1", r"files\[0\].bytes: expected at least 0, found -1"),
        ('sha256 = "e4a', 'sha256 = "E4A', r"files\[0\].sha256: expected 64 lower-case"),
        ('name = "inswapper_128.onnx"', 'name = "../x.onnx"', r"files\[0\].name: expected a file name"),
        ('shape = ["N", 512]', 'shape = ["N", 0]', r"inputs\[1\].shape: expected lengths from 1"),
        ('shape = ["N", 512]', "shape = [1, 512]", r"inputs\[1\].shape: expected \"N\""),
        ("size = [128, 128]", "size = [128, 256]", "picture.size: expected the size of input 'target'"),
        ("size = [128, 128]", "size = [128]", "picture.size: expected 2 whole numbers, found 1"),
        ('channels = "rgb"', 'channels = "grb"', "picture.channels: expected one of rgb, bgr, found 'grb'"),
        ("std = [1.0, 1.0, 1.0]", "std = [1.0, 0.0, 1.0]", "picture.std: expected three numbers above 0"),
        ('input = "target"', 'input = "face"', "picture.input: expected one of target, source, found 'face'"),
        ('template = "arcface_128"', "", "picture.template: expected a string, found nothing"),
        ("range = [0.0, 1.0]", "range = [1.0, 0.0]", "swap.range: expected a low and a higher value"),
        ("[128, 256, 384,", "[128, 200, 384,", "swap.boost_sizes: expected multiples of 128"),
        ("opt = 4", "opt = 9", "batch.opt: expected min <= opt <= max, found 1, 9, 8"),
        (
            'metric = "psnr"',
            'metric = "ssim"',
            "fidelity.metric: expected one of psnr, snr, cosine, landmarks, boxes, mask, found 'ssim'",
        ),
        ("[fidelity]", "[fidelity", "is not TOML"),
    ],
)
def test_a_malformed_spec_is_refused_by_file_and_key(old: str, new: str, message: str) -> None:
    assert old in SWAPPER
    with pytest.raises(SpecError, match=r"folder/some\.toml.*" + message) as caught:
        parse_spec(SWAPPER.replace(old, new, 1), "folder/some.toml")
    assert caught.value.path == "folder/some.toml"


def test_optional_outputs_come_last() -> None:
    text = DETECTOR.replace('name = "cls_8"', 'name = "cls_8"\noptional = true')
    with pytest.raises(SpecError, match="outputs: expected a required first output"):
        parse_spec(text, "x.toml")


def test_a_detector_has_no_template() -> None:
    with pytest.raises(SpecError, match=re.escape("picture.template: expected no such key")):
        parse_spec(DETECTOR.replace('layout = "NCHW"', 'layout = "NCHW"\ntemplate = "arcface_128"'), "x.toml")


def test_an_unreadable_file_is_a_spec_error(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "x.toml", tmp_path / "missing.toml"):
        with pytest.raises(SpecError, match="cannot be read"):
            read_spec(path)
