"""Reads what a file says of itself, and whether it is intact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trtswap.errors import SigningError, StrPath
from trtswap.provenance.digests import file_type_sha256
from trtswap.provenance.identity import own_root
from trtswap.provenance.manifest import MIME, RUN, mime_of
from trtswap.provenance.parent import sidecar_of
from trtswap.provenance.seal import SETTINGS

FILE_TYPE = "org.trtswap.fileType.mismatch"
"""The problem of an MP4 or MOV whose first box, which the standard leaves out of what is signed, was changed."""
_DEPTH = 16


@dataclass(frozen=True)
class Step:
    """One manifest of the chain. who: of the signing certificate. tool: what made it. actions: what was done, with the
    kind of source where one is told. title: of the file then. run: what trtswap tells of its run, or None."""

    who: str
    tool: str
    title: str
    actions: tuple[str, ...]
    when: str | None = None
    run: dict[str, Any] | None = None


@dataclass(frozen=True)
class Verdict:
    """What a file says. state: "trusted", "valid" (intact, by someone who is not known), "invalid" or "absent".
    chain: the newest manifest first. problems: codes of what does not hold. sidecar: where the manifest lay, if
    beside."""

    state: str
    chain: tuple[Step, ...] = ()
    problems: tuple[str, ...] = ()
    sidecar: str | None = None

    @property
    def intact(self) -> bool:
        """Signed, and unchanged since."""
        return self.state in ("trusted", "valid")


def verify(path: StrPath, anchors: Sequence[StrPath] = ()) -> Verdict:
    """Reads the manifest of a file, or the one beside it. anchors: PEM files of root certificates to trust, beside the
    user's own. Raises SigningError when the file or an anchor cannot be read."""
    import c2pa

    file = Path(path)
    context = c2pa.Context(c2pa.Settings.from_dict(_settings(anchors)))
    beside = sidecar_of(file)
    use_sidecar = file.suffix.lower() not in MIME and beside.is_file()
    data = _bytes(beside) if use_sidecar else None
    try:
        with file.open("rb") as stream:
            reader = c2pa.Reader(mime_of(file.suffix), stream, data, context=context)
            with reader:
                content = json.loads(reader.json())
                state = str(reader.get_validation_state() or "Invalid").lower()
    except OSError as error:
        raise SigningError(f"{path} cannot be read: {error.strerror or error}") from error
    except c2pa.C2paError as error:
        return _without(error, str(beside) if use_sidecar else None)
    chain, problems = _chain(content), _problems(content)
    told = (chain[0].run or {}).get("file_type_sha256") if chain else None
    if told is not None and told != file_type_sha256(file):
        state, problems = "invalid", [*problems, FILE_TYPE]
    return Verdict(state, tuple(chain), tuple(problems), str(beside) if use_sidecar else None)


def _settings(anchors: Sequence[StrPath]) -> dict[str, Any]:
    roots = [_bytes(Path(anchor)).decode("ascii", "replace") for anchor in anchors]
    own = own_root()
    if own is not None:
        roots.append(_bytes(own).decode("ascii", "replace"))
    settings: dict[str, Any] = {**SETTINGS, "verify": {**SETTINGS["verify"], "verify_trust": True}}
    if roots:
        settings["trust"] = {"user_anchors": "\n".join(roots)}
    return settings


def _without(error: Exception, sidecar: str | None) -> Verdict:
    """A file whose manifest cannot be read has none, or a damaged one."""
    text = str(error)
    absent = any(word in text for word in ("ManifestNotFound", "no JUMBF", "NotSupported", "UnsupportedType"))
    if absent and sidecar is None:
        return Verdict("absent")
    return Verdict("invalid", problems=(text,), sidecar=sidecar)


def _chain(content: dict[str, Any]) -> list[Step]:
    steps: list[Step] = []
    label = content.get("active_manifest")
    manifests = content.get("manifests", {})
    while label in manifests and len(steps) < _DEPTH:
        one = manifests[label]
        steps.append(_step(one))
        parents = [item for item in one.get("ingredients", []) if item.get("relationship") == "parentOf"]
        label = parents[0].get("active_manifest") if parents else None
    return steps


def _step(one: dict[str, Any]) -> Step:
    signature = one.get("signature_info", {})
    tools = one.get("claim_generator_info") or [{}]
    actions, run = [], None
    for assertion in one.get("assertions", []):
        data = assertion.get("data", {})
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in data.get("actions", []):
                kind = str(action.get("digitalSourceType", "")).rsplit("/", 1)[-1]
                actions.append(f"{action.get('action')} ({kind})" if kind else str(action.get("action")))
        elif assertion.get("label") == RUN:
            run = data
    return Step(
        who=str(signature.get("common_name") or signature.get("issuer") or "unknown"),
        tool=f"{tools[0].get('name', 'unknown')} {tools[0].get('version', '')}".strip(),
        title=str(one.get("title", "")),
        actions=tuple(actions),
        when=signature.get("time"),
        run=run,
    )


def _problems(content: dict[str, Any]) -> list[str]:
    results = content.get("validation_results", {})
    failures = list(results.get("activeManifest", {}).get("failure", []))
    for ingredient in results.get("ingredientDeltas", []):
        failures += ingredient.get("validationDeltas", {}).get("failure", [])
    return list(dict.fromkeys(str(failure.get("code")) for failure in failures))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SigningError(f"{path} cannot be read: {error.strerror or error}") from error
