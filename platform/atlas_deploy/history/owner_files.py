"""Files in a platform's store that say which project has a name.

<store>/deployments/owners/<kind>/<name>   who has it: {"project": …, "stack": …}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.advice import mention
from atlas.errors import DeployError, clean
from atlas.kinds.ownership import FOLDER
from atlas.targets import deployed_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store import Location

STACKS, MODELS, EXPERIMENTS = "stacks", "models", "experiments"
"""The kinds of names that are a project's; a target's kinds are a stack's."""
_LONGEST = 200
_NOUNS = {
    STACKS: "stack",
    MODELS: "registered model",
    EXPERIMENTS: "experiment",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a name.

    Attributes:
        project: the project's id; empty for a deployment by an older Atlas.
        stack: the stack that took it.
    """

    project: str
    stack: str


def read(place: Location, kind: str, name: str) -> Owner | None:
    """Return the owner of a name; None for none.

    Raises:
        DeployError: it can't be read, so that it isn't known who.
    """
    key = key_of(kind, name)
    try:
        document: Any = json.loads(place.read(key))
        return Owner(str(document["project"]), str(document["stack"]))
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise DeployError(
            f"{place.url}/{key}: no owner of {noun_of(kind)} {name} can be read; expected JSON "
            "with project and stack; if the name is this project's, remove the file and repeat"
        ) from None


def stack_of(place: Location, kind: str, name: str) -> str:
    """Return the stack that has a deployed name; empty where it has just been given back."""
    try:
        text = place.read(key_of(kind, name)).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return text.rpartition("/")[0]


def flows(place: Location) -> Iterator[tuple[str, str]]:
    """Return the deployed names that somebody has, each with its kind."""
    for kind in sorted({*place.names(FOLDER)} - _NOUNS.keys()):
        yield from ((kind, name) for name in place.names(f"{FOLDER}/{kind}"))


def taken(kind: str, name: str, owner: Owner, project: str) -> DeployError:
    """Return the error that another project has a name, with the ways out."""
    what = f"{noun_of(kind)} {name}: "
    other = "give this Config another name, or this environment a prefix"
    if not owner.project:
        return DeployError(
            f"{what}was deployed by an older Atlas from another place, which recorded no project; "
            f"deploy it from where its stack is kept, or {mention('destroy')} it there, or {other}",
            code="D017",
        )
    theirs = clean(owner.project, _LONGEST)
    by = "" if kind == STACKS else f" (stack {clean(owner.stack, _LONGEST)})"
    return DeployError(
        f"{what}belongs to project {theirs}{by}, and this is project {project}; "
        f"{other}, or {mention('destroy', '--purge')} the other; if both are one project, "
        f'write id = "{theirs}" under [tool.atlas] in its pyproject.toml',
        code="D017",
    )


def noun_of(kind: str) -> str:
    """Return what a name is of, to a person."""
    nouns = (deployed.noun for deployed in deployed_kinds() if deployed.owned_as == kind)
    return _NOUNS.get(kind) or next(nouns, kind)


def key_of(kind: str, name: str) -> str:
    """Return the key of the file that says who has a name."""
    return f"{FOLDER}/{kind}/{name}"
