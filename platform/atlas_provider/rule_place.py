"""Where the rules of an owner are: in a folder of this machine, or on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from atlas_provider.rule_folder import RuleFolder
from atlas_provider.rule_objects import SCHEME, RuleObjects

if TYPE_CHECKING:
    from atlas_provider.prometheus import Prometheus


class RulePlace(Protocol):
    """The rules of one owner, a file for each group."""

    @property
    def seconds(self) -> float:
        """How long it may take until Prometheus has loaded what is written."""

    def names(self) -> list[str]:
        """Return the names of the groups that are there, sorted."""

    def read(self, name: str) -> bytes | None:
        """Return what a group's file has; None for no such group."""

    def write(self, name: str, content: bytes | None) -> None:
        """Write a group's file, or remove it."""

    def is_of(self, file: str, name: str) -> bool:
        """Tell whether a file that Prometheus has loaded is a group's."""

    def reload(self, prometheus: Prometheus) -> None:
        """Have Prometheus load what is written, where it doesn't by itself."""

    def obstacle(self) -> str:
        """Return what may keep Prometheus from loading what is written; empty for nothing."""


def rule_place(url: str, owner: str) -> RulePlace:
    """Return where an owner's rules are.

    Raises:
        PlatformError: the folder isn't on this machine or isn't there, or the URL names no place.
    """
    is_on_cluster = urlsplit(url).scheme == SCHEME
    return RuleObjects.at(url, owner) if is_on_cluster else RuleFolder.at(url, owner)


def is_place(url: str) -> bool:
    """Tell whether there is a place for rules at a URL, as far as can be seen from here."""
    return urlsplit(url).scheme == SCHEME or RuleFolder.is_at(url)
