"""`make audit`: known vulnerabilities of the locked packages, by pip-audit.

Exit codes: 0 when every locked package was audited and none has a finding that isn't accepted, 1
when one has, 75 when packages could not be audited, because no advisory service knows them or none
is in reach.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_toolchain import shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
ACCEPTED = ROOT / "docs" / "audit.toml"
SERVICES = ("pypi", "osv")
FINDINGS, NOT_AUDITED = 1, 75
_SECONDS = 600
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding that was read, and that doesn't stop a release until a day.

    Attributes:
        id: the advisory's id, or one of its aliases.
        package: the distribution.
        reason: why it does no harm here.
        reviewed: when that was found.
        until: the last day on which it counts.
    """

    id: str
    package: str
    reason: str
    reviewed: date
    until: date


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an advisory service said.

    Attributes:
        audited: how many packages it knows.
        skipped: names of the packages that it doesn't.
        found: one line for each finding that isn't accepted.
    """

    audited: int
    skipped: Sequence[str]
    found: Sequence[str]

    @property
    def code(self) -> int:
        """The exit code."""
        return FINDINGS if self.found else NOT_AUDITED if self.skipped else 0

    def lines(self) -> list[str]:
        """Return what is printed."""
        lines = [*self.found]
        if self.skipped:
            more = ", ..." if len(self.skipped) > _SHOWN else ""
            lines.append(
                f"{len(self.skipped)} packages were not audited, because the advisory service has "
                f"no answer for them: {', '.join(self.skipped[:_SHOWN])}{more}"
            )
        total = f"{self.audited} packages audited, {len(self.found)} findings that aren't accepted"
        return [*lines, total]


def accepted(text: str) -> list[Accepted]:
    """Return the findings that are accepted.

    Raises:
        TypeError: an entry lacks something, or has something else.
    """
    return [Accepted(**entry) for entry in tomllib.loads(text).get("accepted", ())]


def judged(report: dict[str, Any], known: Iterable[Accepted], today: date) -> AuditResult:
    """Compare a report of pip-audit with what is accepted.

    Args:
        report: what ``pip-audit --format json`` prints.
        known: what is accepted.
        today: entries that ended before this day don't count.
    """
    valid = {(one.package, one.id) for one in known if one.until >= today}
    packages = report["dependencies"]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    found = [
        f"{one['name']} {one['version']}: {finding['id']}: fixed in "
        f"{', '.join(finding['fix_versions']) or 'no version yet'}"
        for one in packages
        for finding in one.get("vulns", ())
        if not {(one["name"], name) for name in (finding["id"], *finding["aliases"])} & valid
    ]
    return AuditResult(len(packages) - len(skipped), skipped, found)


def ask(service: str) -> dict[str, Any]:
    """Return pip-audit's report on the lock, from one advisory service.

    Raises:
        OSError: the service is out of reach.
    """
    words = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    command = [sys.executable, "-m", "pip_audit", *words, "-s", service, "-r", str(LOCK)]
    done = subprocess.run(  # a list, no shell
        command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines()
        raise OSError(lines[-1] if lines else "pip-audit printed nothing") from None
    return report


def main() -> int:
    """Audit the lock; print the findings, and return the exit code."""
    known, today = accepted(ACCEPTED.read_text("utf-8")), datetime.now(UTC).date()
    refusals: list[str] = []
    for service in SERVICES:
        try:
            result = judged(ask(service), known, today)
        except (OSError, subprocess.SubprocessError) as error:
            refusals.append(f"{service}: {shell.explain(error)}")
            continue
        if result.audited:
            print("\n".join(result.lines()))
            return result.code
        refusals.append(f"{service}: has no answer for any package")
    why = "; ".join(refusals)
    print(f"nothing was audited: no advisory service is in reach ({why})", file=sys.stderr)
    return NOT_AUDITED


if __name__ == "__main__":
    sys.exit(main())
