"""What a check finds."""

from collections.abc import Iterable
from dataclasses import dataclass

OK, WARNING, FAULT = "ok", "warning", "fault"
RESULTS = (OK, WARNING, FAULT)  # from good to bad


@dataclass(frozen=True)
class Finding:
    """One result of a check.

    A fault keeps a command from doing its work; a warning is what somebody may have meant, or can wait for.
    """

    check: str  # what was looked at, such as "cache"
    result: str  # one of `RESULTS`
    message: str  # what was found, in a line
    command: str | None = None  # a line for a shell that mends it; None where nothing is to be mended, or no line can


def worst(findings: Iterable[Finding]) -> str:
    """The worst of the results; of none, `OK`."""
    return max((finding.result for finding in findings), key=RESULTS.index, default=OK)
