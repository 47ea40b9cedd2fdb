"""Finds the files of networks that users already have on disk. Reads only; never changes or deletes one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import platformdirs

from trtswap.digest import file_sha256
from trtswap.errors import NetworkError, NetworkNotFoundError, OptionError, StrPath
from trtswap.inference.spec import shipped_folder
from trtswap.inference.spec_types import NetworkSpec

MODELS_VARIABLE = "TRTSWAP_MODELS"
"""The environment variable with more folders to search, separated as in PATH."""

_FACEFUSION_MODELS = Path(".assets", "models")


class Store:
    """The folders searched for network files, in this order: `folders`; those of the variable TRTSWAP_MODELS;
    trtswap's own data folder; FaceFusion's models under the current folder, FACEFUSION_HOME, ~/facefusion and
    ~/FaceFusion; InsightFace's ~/.insightface/models and the packs in it. Those not given only where they exist.
    Built-in networks are found in the installation.

    Raises OptionError when one of `folders` does not exist.
    """

    def __init__(self, folders: Sequence[StrPath] = ()) -> None:
        given = [Path(folder).expanduser() for folder in folders]
        for folder in given:
            if not _is_folder(folder):
                raise OptionError(
                    f"the models folder {folder} does not exist",
                    hint="Give an existing folder, or leave the option out to search the usual places.",
                )
        usual = [folder for folder in _usual_folders() if _is_folder(folder)]
        self.folders = tuple(dict.fromkeys([*given, *_folders_of_variable(), *usual]))

    def find(self, spec: NetworkSpec) -> Path:
        """The file of `spec`: the first folder that has one, in it the first of the names a file may have.

        A file that is plainly no network (empty, a Git LFS pointer, a web page) is passed over.
        Raises NetworkNotFoundError, which lists what was searched and passed over.
        """
        passed_over = []
        built_in = [Path(str(shipped_folder())) / "weights"] if spec.built_in else []
        for folder in (*self.folders, *built_in):
            for name in spec.file_names:
                path = folder / name
                if not _is_file(path):
                    continue
                flaw = file_flaw(path)
                if flaw is None:
                    return path
                passed_over.append(f"{path} {flaw}")
        raise NetworkNotFoundError(
            "\n".join(_complaint(spec, self.folders, passed_over)),
            searched=self.folders,
            hint=_how_to_get(spec),
        )

    def look_for(self, spec: NetworkSpec) -> Path | None:
        """The file of `spec` as `find` finds it, or None."""
        try:
            return self.find(spec)
        except NetworkNotFoundError:
            return None

    @staticmethod
    def verify(path: StrPath, spec: NetworkSpec) -> Literal["known", "unknown"]:
        """ "known" when the SHA-256 of the file's content is one that `spec` lists, under whatever name.

        Raises NetworkError when the file cannot be read.
        """
        digests = {file.sha256 for file in spec.files if file.sha256}
        return "known" if sha256_of(path) in digests else "unknown"


def own_folder() -> Path:
    """trtswap's own folder of networks, whether it exists or not."""
    return Path(platformdirs.user_data_dir("trtswap", appauthor=False)) / "models"


def sha256_of(path: StrPath) -> str:
    """The SHA-256 of a file in lower-case hexadecimal. Raises NetworkError."""
    try:
        return file_sha256(path)
    except OSError as error:
        raise NetworkError(f"{path} cannot be read: {error.strerror or error}") from error


def _folders_of_variable() -> list[Path]:
    names = os.environ.get(MODELS_VARIABLE, "").split(os.pathsep)
    return [Path(name).expanduser() for name in names if name]


def _usual_folders() -> list[Path]:
    home = Path.home()
    installations = [Path.cwd(), home / "facefusion", home / "FaceFusion"]
    if facefusion_home := os.environ.get("FACEFUSION_HOME"):
        installations.insert(1, Path(facefusion_home).expanduser())
    insightface = home / ".insightface" / "models"
    return [
        own_folder(),
        *(installation / _FACEFUSION_MODELS for installation in installations),
        insightface,
        *_subfolders(insightface),
    ]


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if _is_folder(entry))
    except OSError:
        return []


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def file_flaw(path: Path) -> str | None:
    """Why a file under a network's name is plainly none, or None."""
    try:
        with path.open("rb") as file:
            head = file.read(512).lstrip()
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if not head:
        return "is empty"
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "is a Git LFS pointer, not the file itself; run `git lfs pull` where it came from"
    if head.startswith(b"<"):
        return "is a web page, not a network: the download went wrong"
    return None


def _how_to_get(spec: NetworkSpec) -> str:
    by_hand = (
        f"Put the file into {own_folder()} or one of the folders above, "
        f"or name its folder with --models or {MODELS_VARIABLE}."
    )
    if all(file.release is None for file in spec.files):
        return by_hand
    return f"trtswap models fetch {spec.name}   (gets it; asks about its licence)\n{by_hand}"


def _complaint(spec: NetworkSpec, folders: Sequence[Path], passed_over: Sequence[str]) -> list[str]:
    names = " or ".join(spec.file_names)
    published = "; ".join(f"{place.project}, {place.release}" for place in spec.published)
    permitted = "commercial use permitted" if spec.licence.commercial_use else "no commercial use"
    lines = [f"no file of the network {spec.name} was found; wanted: {names}"]
    lines += [f"passed over: {line}" for line in passed_over]
    lines += [f"searched: {folder}{'' if _is_folder(folder) else ' (does not exist)'}" for folder in folders]
    if not folders:
        lines.append("searched: none of the usual folders exists")
    lines.append(f"published: {published}")
    lines.append(f"licence: {spec.licence.label} ({permitted}). {spec.licence.note}")
    return lines
