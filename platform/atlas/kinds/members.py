"""What the kinds with members share: one resource stands for all pipelines of a Config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from atlas.kinds.parsing import Failure
from atlas.kinds.properties import REPLACES

Owner = Annotated[
    str,
    "The stack that these names belong to, and which part of it: `tumour.dev/training`.",
    REPLACES,
]
Store = Annotated[str, "URL of the artifact store, which has the content."]
Plans = Annotated[Mapping[str, str], "Digest of each member's Plan, by deployed name."]
Secrets = Annotated[str, "URL of the folder of secrets, `file:///…`."]
OptionalSecrets = Annotated[str | None, "URL of the folder of secrets, `file:///…`."]


def unequal_names(members: Mapping[str, str], plans: Mapping[str, str]) -> list[Failure]:
    """Return a failure when members and Plans aren't of the same names."""
    odd = sorted(set(members) ^ set(plans))
    if not odd:
        return []
    reason = f"found {', '.join(odd)} in only one of members and plans; expected the same names"
    return [Failure("plans", reason)]
