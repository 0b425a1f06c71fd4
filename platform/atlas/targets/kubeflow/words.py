"""The names that a compiled pipeline and the step in its container agree on."""

from __future__ import annotations

import re

RUN = "atlas_run"
"""Pipeline parameter: the run's id; empty for KFP's own."""
INTERVAL_START = "atlas_interval_start"
"""Pipeline parameter: start of the data interval, ISO 8601; empty for none."""
INTERVAL_END = "atlas_interval_end"
"""Pipeline parameter: end of the data interval, ISO 8601; empty for none."""
FACTS = {RUN: "run.id", INTERVAL_START: "run.interval_start", INTERVAL_END: "run.interval_end"}
"""Pipeline parameter that every pipeline has → input of every step."""
JOB = "run.job"
"""Input of every step: KFP's id of the run. KFP fills it in only where it is a whole input."""
INDEX = "run.index"
"""Input of a step that runs once per key: which key."""
INDEXES = "indexes"
"""Output of the task that counts the keys: the list that KFP loops over."""
PARAMETER = "parameter."
"""In front of the Plan's own parameters among a step's inputs; no artifact's name has a dot."""
CONFIG_MAP = "atlas-platform"
"""The ConfigMap with the addresses of the platform, for steps: its keys are the variables."""
SECRET = "atlas-platform"  # noqa: S105 - a secret's name
"""The Secret whose files open the platform's services."""
SECRET_FOLDER = "/var/run/secrets/atlas"  # noqa: S105 - a folder
"""Where steps find its files."""


GRACE = 300
"""Seconds that a pod has besides its step's timeout: to start in, and to record why it ends."""
RETRYING = 3600
"""Seconds after a step's first start within which KFP can try it again."""
_TAKEN = re.compile(r"(pipeline|condition|condition-branches|for-loop|exit-handler)-[0-9]+")


def task_name(step: str) -> str:
    """Return the name of a step's task, in KFP's letters and none that KFP gives its own groups."""
    name = re.sub(r"[^0-9a-z]+", "-", step.lower()).strip("-")
    return f"step-{name}" if _TAKEN.fullmatch(name) else name


def when_task(step: str) -> str:
    """Return the name of the task that tells whether a step runs."""
    return f"{step}.when"


def skip_task(step: str) -> str:
    """Return the name of the task that stands for a step that a run skips."""
    return f"{step}.skipped"


def keys_task(step: str) -> str:
    """Return the name of the task that counts the keys of a ``foreach`` step."""
    return f"{step}.keys"
