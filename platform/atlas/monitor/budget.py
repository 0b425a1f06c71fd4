"""How the risk of a false alarm is spread over the looks at a champion."""

from __future__ import annotations

import math
from dataclasses import replace

from atlas.dataclass import dataclass

_SQUARES = math.pi**2 / 6.0
"""The sum of 1 / n² over all n."""
REFERENCE, MISSING = 0.1, 0.1
"""Shares of the risk: for the reference, paid once; and, of each part, for missing values."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The risk of one false alarm or more in a champion's life, and where it goes.

    A tenth is for the reference. The rest is for the batches: half of it evenly over the looks that
    are expected, half over all that come after, by 1 / n², so that it never runs out.

    Attributes:
        false_alarms: the whole risk, between 0 and 1.
        looks: how many looks are expected.
        before: how many looks of the life came before the first that is counted here.
    """

    false_alarms: float
    looks: int = 100
    before: int = 0

    @property
    def reference(self) -> float:
        """The risk that is paid once, for the reference."""
        return REFERENCE * self.false_alarms

    def at(self, look: int) -> float:
        """Return the risk of one look; the first is look 1."""
        look += self.before
        half = (1.0 - REFERENCE) * self.false_alarms / 2.0
        if look <= self.looks:
            return half / self.looks
        return half / _SQUARES / (look - self.looks) ** 2

    def spent(self, look: int) -> float:
        """Return the risk of all looks up to and with one, and of the reference."""
        whole = self if not self.before else replace(self, before=0)
        look += self.before
        late = range(self.looks + 1, look + 1)
        early = min(look, self.looks) * whole.at(1) if self.looks else 0.0
        return self.reference + early + math.fsum(whole.at(number) for number in late)
