"""Which tags and branches of a Config's releases there are, here and on a remote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas_deploy.releases.tags import BRANCHES, PREFIX, TAGS, parsed_name, refs_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PATTERNS = (f"{TAGS}*", f"{BRANCHES}*")
"""Of the refs that releases are."""


@dataclass(frozen=True, slots=True)
class Refs:
    """Which refs of a Config's releases there are.

    Attributes:
        here: full name → object, in this repository.
        there: the same, on the remote; None where there is none.
    """

    here: Mapping[str, str]
    there: Mapping[str, str] | None

    @property
    def every(self) -> Mapping[str, str]:
        """Those of both; where they differ, the remote's."""
        return {**self.here, **(self.there or {})}

    @property
    def numbers(self) -> list[int]:
        """The numbers that are taken, by a tag or a branch."""
        return sorted({number for _, number in map(_numbered, self.every) if number})

    def tag(self, name: str) -> str:
        """Return the object of a release's tag; empty for none."""
        return self.every.get(tag_ref(name), "")


def here_refs(folder: Path) -> dict[str, str]:
    """Return the object of each tag and branch of releases that a repository has."""
    return {**refs_of(folder, TAGS), **refs_of(folder, BRANCHES)}


def of_config(every: Mapping[str, str], config: str) -> dict[str, str]:
    """Return those refs that are of a Config's releases."""
    return {ref: id_ for ref, id_ in every.items() if _numbered(ref)[0] == config}


def _numbered(ref: str) -> tuple[str, int]:
    """Return the Config and the number of a release's tag or branch; nothing of another ref."""
    name = ref.removeprefix(TAGS).removeprefix(BRANCHES)
    return parsed_name(f"{PREFIX}{name}") or ("", 0)


def tag_ref(name: str) -> str:
    """Return the full name of a release's tag."""
    return f"refs/tags/{name}"


def require_same(known: Refs, name: str) -> None:
    """Refuse a tag that isn't the same here and on the remote.

    Raises:
        DeployError: L006, it isn't.
    """
    here = known.here.get(tag_ref(name), "")
    there = (known.there or {}).get(tag_ref(name), here)
    if here and here != there:
        raise DeployError(
            f"tag {name}: was moved: found {here[:12]} here and {there[:12]} on the remote, "
            f"expected the same; `git tag --delete {name}` and `git fetch --tags` take the "
            "remote's, or give `--allow-tags` to go on with the next number",
            code="L006",
        )
