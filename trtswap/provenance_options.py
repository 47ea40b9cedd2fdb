"""How outputs say what they are: frozen settings with every default, as in options.py."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from trtswap.errors import OptionError

Place = Literal["bottom-left", "bottom", "bottom-right", "top-left", "top", "top-right"]
SigningFunction = Callable[[bytes], bytes]
SigningCommand = str | SigningFunction


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OptionError(message)


@dataclass(frozen=True)
class ProvenanceOptions:
    """How outputs say what they are.

    unsigned_reason: why the output carries no signed manifest; None signs it. The plain mark is written in any case.
    signing_key, signing_cert: PEM files of an organisation's own key and certificates, in place of the user's own.
    signing_command: in place of signing_key, a command line, run without a shell, that gets the bytes to sign on its
        standard input and writes the signature (ES256: 64 bytes, or DER) to its standard output; or a function from
        bytes to signature. With signing_cert.
    timestamp_url: of a time-stamp authority; None asks nobody. consent: a file whose digest goes into the manifest.
    """

    unsigned_reason: str | None = None
    signing_key: str | None = None
    signing_cert: str | None = None
    signing_command: SigningCommand | None = None
    timestamp_url: str | None = None
    consent: str | None = None

    def __post_init__(self) -> None:
        _require(
            self.unsigned_reason is None or bool(self.unsigned_reason.strip()),
            "leaving provenance out needs a reason",
        )
        signing = (
            *(self.signing_key, self.signing_cert, self.signing_command),
            *(self.timestamp_url, self.consent),
        )
        _require(
            self.unsigned_reason is None or not any(value is not None for value in signing),
            "keys, time stamps and consent have no effect without provenance",
        )
        _require(
            self.signing_key is None or self.signing_command is None,
            "outputs are signed with a key or by a command, not both",
        )
        _require(
            self.timestamp_url is None or self.timestamp_url.startswith(("http://", "https://")),
            f"a time-stamp authority has an address with http:// or https://, not {self.timestamp_url}",
        )


@dataclass(frozen=True)
class DiscloseOptions:
    """A visible text in the picture that tells that it was altered.

    text: what it says, with line ends where wanted; None writes nothing. font: a file; None takes a plain Latin one.
    place: within the title-safe area. size: of the letters, percent of the picture's height, 2 to 20; smaller where the
    text is long.
    """

    text: str | None = None
    font: str | None = None
    place: Place = "bottom-left"
    size: float = 4.5

    def __post_init__(self) -> None:
        text = self.text
        _require(text is None or bool(text.strip()), "the disclosure says something, or is left out")
        _require(
            text is None or all(unicodedata.category(one) != "Cc" or one == "\n" for one in text),
            "the disclosure holds characters that cannot be seen",
        )
        _require(2 <= self.size <= 20, f"the disclosure is 2 to 20 percent high, not {self.size}")
