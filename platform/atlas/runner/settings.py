"""What a caller asks of a run."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.runner.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.runner.containers import Images

APART, THREADS, PROCESSES, IMAGES = "auto", "none", "process", "image"
"""The ways to keep steps apart: each in a process of its own, except those that can't tell; all in
this process, one at a time; each in a process; each in a container of its own image."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to run Plans.

    Attributes:
        jobs: how many steps run at once; 0 for one per core.
        isolate: ``auto``, ``none``, ``process`` or ``image``.
        use_cache: whether earlier results may be taken.
        resume: whether to go on with the last run instead of starting a new one.
        run: id of the run to resume, or to start; empty for the last one, or a new one.
        selection: which steps to run.
        parameters: those that differ from the Plan's defaults.
        interval_start: ISO 8601, or empty.
        interval_end: ISO 8601, or empty.
        trigger: what started it.
        version: the model version, in place of what the Plan says (`RunRequest.version`).
        commit: git commit of the code; None for that of the pipeline's folder.
        hold: what the run's version waits for before it may be the champion (`Run.hold`).
        promotion: the rule that decides on its version (`Run.promotion`); None for the Plan's.
        images: for ``image``, the engine and what it calls the images.
        rehearsal: whether nothing comes of the run but its artifacts: no model is registered, no
            service hears of it.
    """

    jobs: int = 0
    isolate: str = APART
    use_cache: bool = True
    resume: bool = False
    run: str = ""
    selection: Selection = field(default_factory=Selection)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    interval_start: str = ""
    interval_end: str = ""
    trigger: str = "manual"
    version: str = ""
    commit: str | None = None
    hold: str = ""
    promotion: Mapping[str, Any] | None = None
    images: Images | None = None
    rehearsal: bool = False
