"""Exit codes and what a failure looks like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from trtswap import errors
from trtswap.cli.app import main
from trtswap.cli.output import exit_code

FILES = ["process", "-s", "me.jpg", "-t", "clip.mp4", "-o", "out.mp4"]

EXPECTED = {
    "OptionError": 2,
    "InputError": 3,
    "NoFaceError": 3,
    "PictureError": 3,
    "VideoError": 3,
    "NetworkError": 4,
    "NetworkNotFoundError": 4,
    "NetworkContractError": 4,
    "SpecError": 4,
    "EngineError": 4,
    "QualityError": 5,
    "SomeFailedError": 7,
    "SigningError": 3,
    "DeviceError": 6,
    "DeviceMemoryError": 6,
}


def descendants(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
        yield from descendants(child)


def make(kind: type) -> errors.TrtSwapError:
    """An error of the class, with what its constructor asks for."""
    keywords: dict[str, Any] = {"hint": "do this"}
    try:
        error = kind("what was wrong", **keywords)
    except TypeError:
        error = kind("what was wrong", path="some/file", **keywords)
    assert isinstance(error, errors.TrtSwapError)
    return error


CLASSES = sorted({kind for kind in descendants(errors.TrtSwapError) if kind.__name__[0] != "_"}, key=str)


def test_every_class_is_expected() -> None:
    assert {kind.__name__ for kind in CLASSES} == set(EXPECTED)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_has_its_code(kind: type) -> None:
    assert exit_code(make(kind)) == EXPECTED[kind.__name__]


@pytest.mark.parametrize(
    ("error", "code"),
    [(MemoryError(), 6), (KeyboardInterrupt(), 130), (ValueError("x"), 1), (errors.TrtSwapError("x"), 1)],
)
def test_other_exceptions(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_failure_of_a_run(kind: type, pipeline: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_on_progress: Any) -> None:
        raise make(kind)

    pipeline.act = fail
    assert main(FILES) == EXPECTED[kind.__name__]
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: what was wrong\nhint: do this\n"


def test_failure_as_json(pipeline: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_on_progress: Any) -> None:
        raise errors.VideoError("cannot decode clip.mp4", path="clip.mp4", pts=3, hint="try another")

    pipeline.act = fail
    assert main([*FILES, "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "event": "error",
        "exit_code": 3,
        "error": "VideoError",
        "message": "cannot decode clip.mp4",
        "hint": "try another",
        "path": "clip.mp4",
    }
    assert "cannot decode" in err


def test_wrong_option_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["process", "--json", "--batch", "many"]) == 2
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["exit_code"]) == ("error", 2)
    assert "--batch" in event["message"]


@pytest.mark.parametrize("verbose", [False, True])
def test_unexpected_failure(verbose: bool, pipeline: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_on_progress: Any) -> None:
        raise ZeroDivisionError("division by zero")

    pipeline.act = fail
    assert main([*FILES, *(["-v"] if verbose else [])]) == 1
    err = capsys.readouterr().err
    assert "error: ZeroDivisionError: division by zero" in err
    assert "please report" in err
    assert ("Traceback" in err) is verbose


def test_package_that_cannot_be_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trtswap.pipeline", None)
    assert main(FILES) == 1
    assert "trtswap doctor" in capsys.readouterr().err
