"""Graphs: 10,000 steps ordered and checked, 100 steps drawn, and `atlas graph` as a whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from atlas.draw import dot, html, mermaid, of_plan, svg, text
from atlas.graph import find_cycle, layers, order
from tests.bench.table import Row, at_most
from tests.bench.timing import BIN, ROOT, seconds
from tests.golden.graphs import tangle

if TYPE_CHECKING:
    from collections.abc import Callable


def run() -> list[Row]:
    large = {step.name: step.upstream() for step in tangle(10_000).steps}
    plan = tangle(100)
    drawing = of_plan(plan)
    formats = (text, mermaid, dot, svg, html)
    return [
        at_most("10,000 steps ordered and checked", best(lambda: checked(large)), 0.5, "s"),
        at_most("100 steps: from Plan to Drawing", best(lambda: of_plan(plan)), 0.05, "s"),
        *(
            at_most(f"100 steps as {each.__name__}", best(lambda f=each: f(drawing)), 0.2, "s")
            for each in formats
        ),
        at_most("atlas graph recipes", seconds(BIN / "atlas", "graph", ROOT / "recipes"), 0.5, "s"),
    ]


def checked(edges: dict[str, tuple[str, ...]]) -> None:
    if not find_cycle(edges):
        order(edges)
        layers(edges)


def best(call: Callable[[], object], times: int = 5) -> float:
    """Return the shortest wall time of some calls in seconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)
