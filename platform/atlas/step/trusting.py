"""What the Plan of a run says that an artifact may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.step import code
from atlas.store import Trust

if TYPE_CHECKING:
    from atlas.plan import Output, Plan


def trust_of(plan: Plan, output: Output | None) -> Trust:
    """Return what an artifact may be made of.

    Args:
        plan: of the run that reads or writes it: what its code defines is trusted.
        output: what the Plan says of the output; None where it says nothing.
    """
    return Trust(
        format=output.format if output is not None else "",
        own=f"{code.__name__}.{plan.config}",
        packages=plan.packages,
        names=frozenset(output.trust if output is not None else ()),
        type=output.type if output is not None else "",
    )
