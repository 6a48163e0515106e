"""What an audit found, as a table for people, a sentence, and JSON for programs."""

from collections.abc import Sequence
from typing import Any

from evaluation.audit.finding import Finding, Status
from storage.text_table import aligned

HEADING = ("test", "found", "in words")


def format_findings(findings: Sequence[Finding]) -> str:
    """Write a line for each finding, and the summary below."""
    rows = [HEADING, *((finding.test, str(finding.status), finding.sentence) for finding in findings)]
    return f"{aligned(rows)}\n\n{summary(findings)}"


def summary(findings: Sequence[Finding]) -> str:
    """Say in a sentence or two what was found."""
    leaks, clean, untested = ([f for f in findings if f.status is status] for status in _ORDER)
    said = f"No leak found in {len(clean)} of {len(clean) + len(leaks)} tests"
    if leaks:
        said += "; a leak in " + "; ".join(f"{finding.test}: {finding.sentence}" for finding in leaks)
    return said + "." + (f" Not tested: {', '.join(finding.test for finding in untested)}." if untested else "")


def findings_as_json(findings: Sequence[Finding], **description: object) -> dict[str, Any]:
    """Make an object of the findings, the summary and what else is described, fit for JSON."""
    rows = [finding.as_json() for finding in findings]
    return {**description, "leaks": sum(f.status is Status.LEAK for f in findings), "findings": rows,
            "summary": summary(findings)}  # fmt: skip


_ORDER = (Status.LEAK, Status.NO_LEAK, Status.NOT_TESTED)
