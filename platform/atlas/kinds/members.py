"""What the kinds with members share: one resource stands for all pipelines of a Config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.kinds.protocol import Failure, Property

if TYPE_CHECKING:
    from atlas.kinds.protocol import Plain

OWNER = Property(
    type="string",
    required=True,
    replaces=True,
    description="The stack that these names belong to.",
)
STORE = Property(
    type="string", required=True, description="URL of the artifact store, which has the content."
)
PLANS = Property(
    type="string{}", required=True, description="Digest of each member's Plan, by deployed name."
)


def members_property(what: str) -> Property:
    """Return the property `members`: what stands for each member's name."""
    return Property(type="string{}", required=True, description=what)


def unequal_names(inputs: Plain) -> list[Failure]:
    """Return a failure when members and Plans aren't of the same names."""
    odd = sorted(set(inputs["members"]) ^ set(inputs["plans"]))
    if not odd:
        return []
    reason = f"found {', '.join(odd)} in only one of members and plans; expected the same names"
    return [Failure("plans", reason)]
