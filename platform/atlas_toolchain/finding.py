"""A finding: one row of the table that set-up and `atlas doctor` print."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One tool, as it is on this machine.

    Attributes:
        tool: its name.
        found: the version found; empty when there is none.
        needed: the versions that will do; empty for any.
        origin: where it is, and where it came from.
        without: what works without it.
        get: the one command that gets it; empty when it is there.
        why: why it couldn't be got, when that was tried.
        required: whether nothing works without it.
        ok: whether it is there in a version that will do.
    """

    tool: str
    found: str = ""
    needed: str = ""
    origin: str = ""
    without: str = ""
    get: str = ""
    why: str = ""
    required: bool = False
    ok: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain data; what would get it only while it is missing."""
        plain = asdict(self) | ({"get": "", "why": ""} if self.ok else {})
        return {"from" if key == "origin" else key: value for key, value in plain.items()}


HEADERS = ("tool", "found", "needed", "from", "what works without it")


def row(finding: Finding) -> tuple[str, ...]:
    """Return a finding's cells, in the order of the headers."""
    missing = "missing" if finding.required else "-"
    mark = (
        "" if finding.ok or not finding.found else " (too old)" if finding.needed else " (broken)"
    )
    return (
        finding.tool,
        (finding.found or missing) + mark,
        finding.needed or "any",
        finding.origin or "-",
        finding.without,
    )


def as_table(findings: Sequence[Finding]) -> str:
    """Return the table, and below it how to get what is missing."""
    rows = [HEADERS, *map(row, findings)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in rows]
    return "\n".join((*lines, *advice(findings)))


def advice(findings: Iterable[Finding]) -> list[str]:
    """Return one line for each finding that isn't ok: what it is, why, and what gets it."""
    return [
        f"{finding.tool}: {finding.why or 'missing'}; to get it: {finding.get}"
        for finding in findings
        if not finding.ok
    ]


def lacking(findings: Iterable[Finding]) -> bool:
    """Tell whether something that everything needs is missing."""
    return any(finding.required and not finding.ok for finding in findings)
