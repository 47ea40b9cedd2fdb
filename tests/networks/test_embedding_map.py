from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from support.networks import EMBEDDING_MAP, analytic_inswapper, random_hyperswap, random_inswapper

from trtswap.errors import NetworkContractError, NetworkError
from trtswap.networks.embedding_map import read_embedding_map
from trtswap.types import Array


def edited(path: Path, *, drop: str | None = None, append: dict[str, Array] | None = None) -> Path:
    """The inswapper at `path` with an initializer dropped and others appended."""
    model = onnx.load(path)
    kept = [tensor for tensor in model.graph.initializer if tensor.name != drop]
    added = [numpy_helper.from_array(array, name) for name, array in (append or {}).items()]
    del model.graph.initializer[:]
    model.graph.initializer.extend([*kept, *added])
    onnx.save(model, path)
    return path


@pytest.fixture
def inswapper(tmp_path: Path) -> Path:
    return analytic_inswapper(tmp_path / "inswapper_128.onnx")


def other_map(seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal((512, 512)).astype(np.float32)


def test_the_map_is_the_last_initializer(inswapper: Path) -> None:
    matrix = read_embedding_map(inswapper)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, EMBEDDING_MAP)
    renamed = edited(inswapper, drop="buff2fs", append={"whatever": other_map()})
    np.testing.assert_array_equal(read_embedding_map(renamed), other_map())


def test_half_precision_maps_are_widened(tmp_path: Path) -> None:
    matrix = read_embedding_map(random_inswapper(tmp_path / "x.onnx", seed=4, half=True))
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, matrix.astype(np.float16))


@pytest.mark.parametrize("name", ["buff2fs", "emap"])
def test_a_map_that_is_not_last_is_found_by_name(inswapper: Path, name: str) -> None:
    append = {name: EMBEDDING_MAP, "last": np.zeros(3, np.float32)}
    np.testing.assert_array_equal(
        read_embedding_map(edited(inswapper, drop="buff2fs", append=append)), EMBEDDING_MAP
    )


def test_the_same_map_twice_is_one_map(inswapper: Path) -> None:
    path = edited(inswapper, append={"again": EMBEDDING_MAP})
    np.testing.assert_array_equal(read_embedding_map(path), EMBEDDING_MAP)


def test_different_maps_warn_and_the_last_is_used(inswapper: Path) -> None:
    path = edited(inswapper, append={"again": other_map()})
    with pytest.warns(RuntimeWarning, match="2 embedding maps that differ; using 'again'"):
        matrix = read_embedding_map(path)
    np.testing.assert_array_equal(matrix, other_map())


def test_matrices_that_the_network_reads_are_no_maps(inswapper: Path) -> None:
    model = onnx.load(inswapper)
    model.graph.initializer.insert(0, numpy_helper.from_array(other_map(), "weights"))
    model.graph.node.append(onnx.helper.make_node("MatMul", ["source", "weights"], ["unused"]))
    onnx.save(model, inswapper)
    np.testing.assert_array_equal(read_embedding_map(inswapper), EMBEDDING_MAP)


@pytest.mark.parametrize("append", [{}, {"emap": np.zeros((512, 256), np.float32)}])
def test_a_file_without_the_map_is_refused(inswapper: Path, append: dict[str, Array]) -> None:
    with pytest.raises(NetworkContractError, match=r"inswapper_128\.onnx has no embedding map") as caught:
        read_embedding_map(edited(inswapper, drop="buff2fs", append=append))
    assert "unused initializers" in str(caught.value.hint)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NetworkContractError):
        read_embedding_map(random_hyperswap(tmp_path / "h.onnx", seed=0))
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(NetworkError, match="cannot be read as an ONNX file"):
        read_embedding_map(tmp_path / "bad.onnx")
