"""What of a run data sets depend on."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The facts of a run, and of its member of a family, that choose a part of a data set.

    Attributes:
        id: the run's id, or empty outside of one.
        start: start of its interval, ISO 8601, or empty.
        end: end of it, exclusive.
        axes: the pipeline's axis values, where it is a member of a family.
        writer: pipeline, flow and step, ``shop.training.deliver``, or empty: scheduled runs of two
            pipelines have one id.
    """

    id: str = ""
    start: str = ""
    end: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)
    writer: str = ""
