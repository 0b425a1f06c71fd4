"""Recipes that between them use every feature of a Recipe and every pair of features.

A factor is one feature, with the ways to use it; a row chooses one way of each. Rows are chosen so
that each pair of ways that can stand together does so in one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from random import Random

Row = Mapping[str, str]
Pair = frozenset[tuple[str, str]]

FACTORS: Mapping[str, tuple[str, ...]] = {
    "params": ("none", "literal", "parameter", "feature", "axis", "run"),
    "parameter": ("none", "string", "integer", "number", "boolean", "required"),
    "inputs": ("step", "data", "opened", "model", "pipeline", "family", "history"),
    "secrets": ("none", "variable", "file", "kubernetes", "airflow"),
    "resources": ("none", "cpu", "memory", "gpu", "all"),
    "foreach": ("none", "each", "gathers", "both", "literal", "product", "recipe"),
    "image": ("none", "requirements", "dockerfile", "reference"),
    "structure": ("plain", "inlined", "optional", "extends"),
    "retries": ("none", "count", "back-off"),
    "timeout": ("none", "minutes", "part of a second"),
    "env": ("none", "plain", "hostile"),
    "placement": ("none", "selector", "tolerations"),
    "schedule": ("none", "utc", "zoned"),
    "override": ("none", "class", "params"),
    "cache": ("on", "off", "version"),
    "flow": ("training", "inference"),
    "after": ("none", "after"),
    "format": ("none", "pickle"),
    "defaults": ("none", "more", "instead"),
    "model": ("none", "parts"),
    "matrix": ("none", "family"),
    "description": ("none", "text"),
    "skips": ("none", "condition", "needs", "one of"),
}


def stands(row: Row) -> bool:
    """Tell whether the ways chosen so far can stand together."""
    clashes: list[tuple[tuple[str, str], tuple[str, str]]] = [
        (("params", "parameter"), ("parameter", "none")),
        (("params", "axis"), ("matrix", "none")),
        (("inputs", "model"), ("flow", "training")),
        (("inputs", "model"), ("model", "none")),
        (("foreach", "recipe"), ("structure", "plain")),
        (("foreach", "recipe"), ("structure", "extends")),
    ]
    return not any(row.get(a) == b and row.get(c) == d for (a, b), (c, d) in clashes)


def pairs() -> set[Pair]:
    """Return every pair of ways that can stand together."""
    ways = [(name, way) for name, known in FACTORS.items() for way in known]
    found = (frozenset(two) for two in combinations(ways, 2) if two[0][0] != two[1][0])
    return {pair for pair in found if stands(dict(pair))}


def rows(seed: int = 7) -> list[Row]:
    """Return rows that cover all pairs, chosen greedily."""
    draw, left = Random(seed), pairs()
    made: list[Row] = []
    while left:
        first = min(left, key=sorted)
        tries = [_row(dict(first), left, draw) for _ in range(8)]
        best = max(tries, key=lambda row: len(covered(row) & left))
        made.append(best)
        left -= covered(best)
    return made


def covered(row: Row) -> set[Pair]:
    """Return the pairs that a row covers."""
    return {frozenset(two) for two in combinations(row.items(), 2)}


def _row(start: dict[str, str], left: set[Pair], draw: Random) -> Row:
    """Complete a row, each factor by the way that covers most of what is left."""
    row = dict(start)
    names = [name for name in FACTORS if name not in row]
    draw.shuffle(names)
    for name in names:
        ways = [way for way in FACTORS[name] if stands({**row, name: way})]
        draw.shuffle(ways)
        row[name] = max(ways, key=lambda way: _new((name, way), row, left))
    return row


def _new(way: tuple[str, str], row: Row, left: set[Pair]) -> int:
    return sum(frozenset((way, other)) in left for other in row.items())
