from __future__ import annotations

from pathlib import Path

import pytest
from support.networks import write_models

from trtswap.errors import SpecError
from trtswap.inference.ort import OrtSession
from trtswap.inference.spec import load_specs
from trtswap.inference.store import Store
from trtswap.networks import registry
from trtswap.networks.detector import YuNet
from trtswap.networks.recogniser import ArcFace
from trtswap.networks.swapper import Hyperswap, Inswapper

SPECS = load_specs()
ADAPTERS = {
    "yunet": YuNet,
    "arcface_w600k_r50": ArcFace,
    "inswapper_128": Inswapper,
    "hyperswap_1a_256": Hyperswap,
}


def test_each_kind_has_its_adapter(tmp_path: Path) -> None:
    paths = write_models(tmp_path / "models")
    store = Store([tmp_path / "models"])
    for name, adapter in ADAPTERS.items():
        assert store.find(SPECS[name]) == paths[name]
        with OrtSession(paths[name], SPECS[name], "cpu") as session:
            assert type(registry.create(SPECS[name].kind, session)) is adapter


def test_kinds_without_an_adapter_are_refused(tmp_path: Path) -> None:
    paths = write_models(tmp_path)
    with OrtSession(paths["yunet"], SPECS["yunet"], "cpu") as session:
        assert isinstance(registry.create_detector(session), YuNet)
        with pytest.raises(SpecError, match=r"yunet\.toml: kind: expected one of .*, found 'detector/other'"):
            registry.create("detector/other", session)
        with pytest.raises(SpecError, match=r"swapper/inswapper.*found 'detector/yunet'"):
            registry.create_swapper(session)
        with pytest.raises(SpecError, match=r"recogniser/arcface.*found 'detector/yunet'"):
            registry.create_recogniser(session)
