"""The family that a pipeline is a member of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.values import digest

if TYPE_CHECKING:
    from atlas.config import Config


@dataclass(frozen=True, slots=True)
class Family:
    """The family that a pipeline is a member of; its members are promoted together.

    Attributes:
        members: how many there are.
        matrix: digest of all axis values.
    """

    members: int
    matrix: str

    @classmethod
    def of(cls, config: Config) -> Family | None:
        """Return the family of a Config that makes models; None where it is one pipeline."""
        members = config.member_count() if config.model and config.model.parts else 1
        return cls(members, digest(dict(config.matrix))) if members > 1 else None
