"""`trtswap verify`: what a file says of itself, and whether it is intact."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from trtswap.cli.output import DONE, Output, exit_code
from trtswap.errors import QualityError

if TYPE_CHECKING:
    from trtswap.provenance.verify import Verdict

_STATES = {
    "trusted": "intact, signed by someone trusted",
    "valid": "intact; who signed it is not known here",
    "invalid": "NOT intact: changed after it was signed, or the manifest is damaged",
    "absent": "no signed manifest",
}


def run(arguments: Namespace, output: Output) -> int:
    """Shows the verdict. Ends with 5 for a file that is not intact or not signed. Raises SigningError."""
    from trtswap.provenance.verify import verify  # here: it loads c2pa

    verdict = verify(arguments.file, arguments.trust)
    code = DONE if verdict.intact else exit_code(QualityError(""))
    output.event("verify", exit_code=code, file=str(arguments.file), intact=verdict.intact, **asdict(verdict))
    output.result("\n".join(_lines(Path(arguments.file), verdict)))
    return code


def _lines(path: Path, verdict: Verdict) -> list[str]:
    lines = [f"{path.name}: {_STATES.get(verdict.state, verdict.state)}"]
    if verdict.sidecar:
        lines.append(f"  manifest: {verdict.sidecar}")
    lines += [f"  problem: {problem}" for problem in verdict.problems]
    for depth, step in enumerate(verdict.chain):
        before = "made" if depth == 0 else "from what was made"
        when = f" on {step.when}" if step.when else ""
        lines.append(
            f"  {before} by {step.who} with {step.tool}{when}: {', '.join(step.actions) or 'nothing told'}"
        )
        shown = (step.run or {}).get("options", {}).get("disclose")
        if shown:
            lines.append(f"    written in the picture: {shown.get('text')}")
        for network in (step.run or {}).get("networks", []):
            lines.append(f"    {network.get('role')}: {network.get('name')} ({network.get('licence')})")
    return lines
