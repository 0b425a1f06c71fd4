"""The monitor of a Config as a target sees it: what it is compiled from, what its tasks know.

A monitor is one schedule of checks for all pipelines of a Config (`python -m atlas.retraining`).
What it monitors is in the artifact store, under the digest of one content: a file of a target names
only that, and the pipelines.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.registered import TARGETS
from atlas.targets.protocol import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import Schedule
    from atlas.targets.protocol import Origin

SUFFIX = "-monitor"
"""How the name of a Config's monitor ends."""
MONITORS = "ATLAS_MONITORS"
"""Variable of a monitor's task: digest of the content that says what is monitored."""
MEMBER = "ATLAS_MEMBER"
"""Variable of a monitor's task: the pipeline that it is about, by its deployed name."""
ADDRESSES: Mapping[str, str] = {name: f"ATLAS_{name.upper()}_URL" for name in TARGETS}
"""Target → variable with the URL of its orchestrator, where a monitor starts training on it."""
CREDENTIALS: Mapping[str, str] = {name: f"ATLAS_{name.upper()}_CREDENTIALS" for name in TARGETS}
"""Target → variable with the path of the private file that opens its orchestrator."""
SETTINGS: Mapping[str, Mapping[str, str]] = {
    name: {setting: f"ATLAS_{name.upper()}_{setting.upper()}" for setting in line.settings}
    for name, line in TARGETS.items()
}
"""Target → setting of its service → variable with it, such as a namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """What is compiled to the monitor of one Config.

    Attributes:
        name: its name on the orchestrator, ``tumour-monitor``.
        content: digest of what says what is monitored, in the store.
        pipelines: deployed names of the pipelines.
        after: the flows whose runs on the same target it follows; none where it has a schedule.
        schedule: when it runs by itself; None where it follows runs, or is only started by hand.
        image: reference of the image that its tasks run in; empty where they run in none.
        summary: what it looks for, a line each.
        origin: what it is of.
    """

    name: str
    content: str
    pipelines: Sequence[str]
    after: Sequence[str] = ()
    schedule: Schedule | None = None
    image: str = ""
    summary: Sequence[str] = ()
    origin: Origin = field(default=NOWHERE)


def services_here(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the orchestrators that a monitor's task may start training on, as outputs have them.

    Args:
        variables: the task's environment.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, variable in ADDRESSES.items():
        url = variables.get(variable, "")
        if url:
            settings = {n: variables[v] for n, v in SETTINGS[name].items() if variables.get(v)}
            secret = variables.get(CREDENTIALS[name], "")
            found[name] = {"url": url, "secret": secret, **settings}
    return found
