"""Problems as SARIF 2.1.0, which code review tools show beside the line.

Source of the format: OASIS, Static Analysis Results Interchange Format 2.1.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.validate.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.errors import Problem

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(problems: Iterable[Problem], version: str) -> dict[str, Any]:
    """Return a SARIF log with one result for each Problem.

    Args:
        problems: what validation found.
        version: Atlas's version.
    """
    reported = list(problems)
    used = sorted({problem.code for problem in reported})
    rules = [{"id": code, "shortDescription": {"text": CODES.get(code, code)}} for code in used]
    driver = {"name": "atlas", "version": version, "rules": rules}
    results = [_result(problem) for problem in reported]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
        ],
    }


def _result(problem: Problem) -> dict[str, Any]:
    parts = [f"{problem.path}: {problem.message}" if problem.path else problem.message]
    parts += [f"expected {problem.expected}"] if problem.expected else []
    text = "; ".join(parts) + (f" ({problem.hint})" if problem.hint else "")
    result = {"ruleId": problem.code, "level": problem.severity, "message": {"text": text}}
    return result | ({"locations": [_location(problem)]} if problem.file else {})


def _location(problem: Problem) -> dict[str, Any]:
    """Return where a Problem is; lines and columns count from 1, and are left out when unknown."""
    where: dict[str, Any] = {"artifactLocation": {"uri": quote(problem.file)}}
    region = {"startLine": problem.line, "startColumn": problem.column}
    known = {name: number for name, number in region.items() if problem.line and number}
    return {"physicalLocation": where | ({"region": known} if known else {})}
