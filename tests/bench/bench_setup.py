"""What set-up takes when nothing is missing: every make target waits for it."""

from __future__ import annotations

from tests.bench.table import Row, at_most
from tests.bench.timing import seconds


def run() -> list[Row]:
    again = seconds("make", "setup", times=3)
    return [at_most("make setup, nothing missing", again, 3, "s")]
