"""Files of networks in trtswap's own folder: brought there by link, copy or download, checked, and removed again."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trtswap.errors import NetworkError, NetworkNotFoundError, OptionError, StrPath
from trtswap.inference.download import OnBytes, Patience, crc32_of, download, parse_crc
from trtswap.inference.licences import Agreements, told
from trtswap.inference.spec_types import KnownFile, NetworkSpec
from trtswap.inference.store import file_flaw, own_folder

SOURCES = (
    "https://github.com/facefusion/facefusion-assets/releases/download/{tag}/{file}",
    "https://huggingface.co/facefusion/{tag}/resolve/main/{file}",
)
"""Where files that name a release are fetched from, in this order."""


@dataclass(frozen=True)
class Imported:
    """A file that was looked at. outcome: "linked", "copied", "there already", or why it was left."""

    network: str
    source: Path
    outcome: str


class OwnStore:
    """trtswap's own folder, or another; made when first needed."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or own_folder()
        self.agreements = Agreements(self.folder.parent / "licences.json")

    def fetch(
        self,
        spec: NetworkSpec,
        *,
        accept_licence: bool = False,
        mirrors: Sequence[str] = (),
        on_bytes: OnBytes | None = None,
        patience: Patience | None = None,
    ) -> Path:
        """Downloads the file of a network and returns its path; one that is there already is left alone.

        mirrors: URLs with {tag} and {file}, tried before the usual ones. Raises OptionError while its licence is not
        agreed to, NetworkError when no server gives it, or none is known.
        """
        for mirror in mirrors:
            if not mirror.startswith(("http://", "https://")) or "{file}" not in mirror:
                raise OptionError(
                    f"{mirror!r} is no mirror: it begins with http(s):// and has {{file}} in it"
                )
        wanted = [file for file in spec.files if file.release is not None]
        if not wanted:
            places = "; ".join(f"{place.project}, {place.release}" for place in spec.published)
            raise NetworkError(
                f"no server with the file of {spec.name} is known; it is published by {places}"
            )
        if accept_licence:
            self.agreements.add(spec)
        if not self.agreements.has(spec):
            raise OptionError(
                f"the licence of a network must be agreed to before it is fetched first.\n{told(spec)}",
                hint=f"trtswap models fetch {spec.name} --accept-licence",
            )
        self._make_folder()
        known = wanted[0]
        target = self.folder / known.name
        if target.is_file() and file_flaw(target) is None:
            return target
        urls = [template.format(tag=known.release, file=known.name) for template in (*mirrors, *SOURCES)]
        download(
            urls,
            target,
            sha256=known.sha256 if known.verified else None,
            on_bytes=on_bytes,
            patience=patience,
        )
        return target

    def bring(
        self, specs: Mapping[str, NetworkSpec], folder: StrPath, *, copy: bool = False
    ) -> list[Imported]:
        """Links (or copies) the files of networks in a folder into this one. Other files are passed over.

        Files here already stay. A file that is plainly no network, or whose CRC-32 is not the one in its `.hash`, is
        left with the reason. Raises OptionError when the folder cannot be read.
        """
        source = Path(folder).expanduser().resolve()
        try:
            present = {entry.name for entry in source.iterdir() if entry.is_file()}
        except OSError as error:
            raise OptionError(f"{folder} cannot be read: {error.strerror or error}") from error
        found = [
            (spec.name, source / name)
            for spec in sorted(specs.values(), key=lambda spec: spec.name)
            for name in spec.file_names
            if name in present
        ]
        return [Imported(network, path, self._bring_one(path, copy=copy)) for network, path in found]

    def _bring_one(self, source: Path, *, copy: bool) -> str:
        flaw = file_flaw(source) or crc_flaw(source)
        if flaw is not None:
            return flaw
        target = self.folder / source.name
        if target.exists():
            return "there already"
        self._make_folder()
        handle, name = tempfile.mkstemp(prefix=f".{source.name}.", dir=self.folder)
        os.close(handle)
        temporary = Path(name)
        try:
            if copy:
                shutil.copyfile(source, temporary)
            else:
                temporary.unlink()
                temporary.symlink_to(source)
            temporary.replace(target)
        except OSError as error:
            return f"not brought: {error.strerror or error}"
        finally:
            with suppress(OSError):
                temporary.unlink()
        return "copied" if copy else "linked"

    def remove(self, spec: NetworkSpec) -> list[Path]:
        """Removes the files of a network from this folder, of links the link alone; returns what is gone.

        Raises NetworkNotFoundError when there is none.
        """
        names = [name for file in spec.file_names for name in (file, f".{file}.part", f".{file}.part.json")]
        gone = []
        for path in (self.folder / name for name in names):
            if path.is_symlink() or path.is_file():
                path.unlink()
                gone.append(path)
        if not gone:
            raise NetworkNotFoundError(
                f"{self.folder} has no file of {spec.name}",
                searched=(self.folder,),
                hint="Only files in trtswap's own folder are removed; `trtswap models info` says where others are.",
            )
        return gone

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NetworkError(f"{self.folder} cannot be made: {error.strerror or error}") from error


def crc_flaw(path: Path) -> str | None:
    """Why a file is not the one that the `.hash` beside it tells of, or None."""
    try:
        expected = parse_crc(path.with_suffix(".hash").read_text(encoding="ascii", errors="replace"))
        actual = crc32_of(path) if expected else None
    except OSError:
        return None
    if expected == actual:
        return None
    return f"is damaged: its CRC-32 is {actual}, not {expected}"


def fetchable(spec: NetworkSpec) -> KnownFile | None:
    """The file that `fetch` gets, or None where no server is known."""
    return next((file for file in spec.files if file.release is not None), None)
