"""The options of `python -m atlas.step`: of words, variables and Kubeflow's input."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING

from atlas.errors import AtlasError

if TYPE_CHECKING:
    from collections.abc import Sequence

_REQUEST = "ATLAS_REQUEST"
"""What an orchestrator says of a run, in one: the fewer templates, the faster it reads a DAG."""
_OPTIONS = {
    "store": "URL of the artifact store",
    "plan": "digest of the Plan",
    "run": "id of the run",
    "step": "full name of the step",
    "index": "which key, for a step that runs once per key",
    "interval-start": "start of the run's interval, ISO 8601",
    "interval-end": "end of the run's interval, ISO 8601, exclusive",
    "parameters": "parameters as a JSON object",
    "trigger": "what started the run",
    "commit": "git commit of the pipeline's folder",
    "executor-input": "Kubeflow's executor input, JSON",
    "if-failed": "exit code of --finish for a run that isn't done; 0 by default",
    "if-skipped": "exit code of --when for a step that the run skips; 0 by default",
    "if-backfill": "exit code of --finish for a back-fill's run that is done; 0 by default",
    "adopt": "id of a run whose result is taken where nothing has changed since",
}
_FLAGS = {
    "keys": "print the indexes of the step's keys",
    "when": "tell whether the run skips the step, and record it if it does",
    "finish": "record how the whole run ended",
    "no-cache": "take no earlier result",
    "no-finish": "leave the end of the run to who started it",
    "retry": "try again as the Plan says: nobody else does",
    "each": "run every key of the step: nobody else loops",
    "no-log": "leave the step's log to who started it",
    "attended": "leave it to who started it to record that the step was killed",
}


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of a command's words, over those that variables give.

    Raises:
        AtlasError: a variable isn't what it has to be.
        SystemExit: a word isn't an option, or one that is needed is missing.
    """
    parser = argparse.ArgumentParser("atlas.step", description="Run one step of a Plan.")
    given = _given()
    for name, text in _OPTIONS.items():
        parser.add_argument(f"--{name}", default=given.get(name.replace("-", "_"), ""), help=text)
    for name, text in _FLAGS.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    options = parser.parse_args(arguments)
    if options.executor_input:
        from atlas.step.kfp import filled

        options = filled(options)
    for name in ("store", "plan", "run", "step"):
        if not getattr(options, name):
            parser.error(f"--{name} or ATLAS_{name.upper()} is missing")
    return options


def _given() -> dict[str, str]:
    """Return the options that variables give, by name; those of the request go first.

    Raises:
        AtlasError: the request isn't a JSON object.
    """
    names = [name.replace("-", "_") for name in _OPTIONS]
    single = {name: os.environ.get(f"ATLAS_{name.upper()}", "") for name in names}
    text = os.environ.get(_REQUEST)
    if not text:
        return single
    try:
        request = dict(json.loads(text))
    except (ValueError, TypeError):
        raise AtlasError(f"{_REQUEST}: a JSON object expected, found {text[:80]!r}") from None
    plain = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in request.items()
    }
    return {**single, **plain}
