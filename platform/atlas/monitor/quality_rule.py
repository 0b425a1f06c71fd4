"""What a Config's ``quality`` says: what is checked of each batch, and what a breach leads to."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS, COLUMNS, TYPES, MISSING = "rows", "columns", "types", "missing"
RANGE, CATEGORIES, CONSTANT = "range", "categories", "constant"
CHECKS = (ROWS, COLUMNS, TYPES, MISSING, RANGE, CATEGORIES, CONSTANT)
FAIL, WARN = "fail", "warn"


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What a Config says of one column.

    Attributes:
        checks: what is checked of it; None for what is checked of all.
        missing: the most that the share of missing values may be; None for what was learnt.
        minimum: the least number, or length of a text; None for what was learnt.
        maximum: the greatest.
    """

    checks: tuple[str, ...] | None = None
    missing: float | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class QualityRule:
    """What a Config's ``quality`` says.

    Attributes:
        on_breach: ``fail`` or ``warn``.
        checks: what is checked.
        missing: the most that the share of missing values may be in any column; None for what was
            learnt of each.
        columns: column → what is different of it.
    """

    on_breach: str = WARN
    checks: tuple[str, ...] = CHECKS
    missing: float | None = None
    columns: Mapping[str, ColumnRule] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> QualityRule:
        """Return the rule of a Config's ``quality``, which its schema has accepted."""
        return cls(
            raw.get("on_breach", WARN),
            tuple(raw.get("checks", CHECKS)),
            raw.get("missing"),
            {name: _column_rule(column) for name, column in raw.get("columns", {}).items()},
        )

    @property
    def fails(self) -> bool:
        """Whether a breach fails the step."""
        return self.on_breach == FAIL

    def of(self, column: str) -> ColumnRule:
        """Return what holds of a column."""
        rule = self.columns.get(column, _NOTHING)
        missing = self.missing if rule.missing is None else rule.missing
        checks = self.checks if rule.checks is None else rule.checks
        return ColumnRule(checks, missing, rule.minimum, rule.maximum)


def _column_rule(raw: Mapping[str, Any]) -> ColumnRule:
    checks = {"checks": tuple(raw["checks"])} if "checks" in raw else {}
    return ColumnRule(**{**raw, **checks})


_NOTHING = ColumnRule()
