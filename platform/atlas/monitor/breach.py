"""A breach: where a batch breaks what the training data promise."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from atlas.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Breach:
    """One promise that a batch breaks.

    Attributes:
        table: ``features`` or ``predictions``.
        column: the column; empty for the table as a whole.
        check: which promise: ``rows``, ``columns``, ``types``, ``missing``, ``range``,
            ``categories`` or ``constant``.
        found: what the batch has, in words.
        expected: what it should have had.
        rows: how many of its rows break it, as far as that is known.
    """

    table: str
    column: str
    check: str
    found: str
    expected: str
    rows: int = 0

    def __str__(self) -> str:
        """Return it in one sentence."""
        where = f"{self.table}: column '{self.column}'" if self.column else self.table
        return f"{where}: {self.found}; expected {self.expected}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Any) -> Breach:
        """Read back what `to_json` gave; fields of later versions are left.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(raw, dict):
            raise ValueError(f"found a {type(raw).__name__}, expected a breach")
        given = {name: raw[name] for name in cls.__slots__ if name in raw}
        if missing := [name for name in cls.__slots__ if name not in given and name != "rows"]:
            raise ValueError(f"expected a breach with {', '.join(missing)}")
        breach = cls(**given)
        texts = (breach.table, breach.column, breach.check, breach.found, breach.expected)
        if not all(isinstance(text, str) for text in texts) or type(breach.rows) is not int:
            raise ValueError("expected a breach: texts, and a whole number of rows")
        return breach
