"""`python -m atlas.retraining check|retrain`: what a monitor's tasks do, each for one pipeline.

``check`` looks at the pipeline's batches, and prints as its last line, in JSON, the pipeline's name
where a retraining is due, else null. ``retrain`` starts what is due, or goes on with it. What is
done already is found in the store: either may run any number of times, also at once. Exits 0 when
it is done and 1 when it isn't, with one line on stderr that says why.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.step.task_process import log_to_stderr, restore_umask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.monitor.checked import CheckedPipeline
    from atlas.retraining.workplace import Workplace

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one task of a monitor and return the exit code.

    Args:
        arguments: the command's words; by default those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m atlas.retraining", description=__doc__)
    parser.add_argument("task", choices=("check", "retrain"))
    options = parser.parse_args(arguments)
    log_to_stderr()
    try:
        restore_umask()
        from atlas.retraining.workplace import workplace

        here = workplace()
        return _check(here) if options.task == "check" else _retrain(here)
    except AtlasError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _check(here: Workplace) -> int:
    """Look at the batches of a pipeline, show what was found, and say whether training is due."""
    from atlas.monitor.check import check
    from atlas.retraining.showing import show

    found = check(here.store, here.registry, here.monitored, now=datetime.now(UTC))
    shown = show(here.store, here.registry, here.monitored, found)
    lines = [*_lines(found), *(f"warning: {text}" for text in shown.warnings), shown.url]
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stdout.write(f"{json.dumps(found.pipeline if found.open else None)}\n")
    return 0


def _lines(found: CheckedPipeline) -> list[str]:
    """Return what a check has found, a line each."""
    champion = f"version {found.champion}" if found.champion else "no champion"
    return [
        f"{found.pipeline}: {champion}, {found.batches:,} batches, {found.rows:,} rows",
        *(f"{state.name}: {state.why}" for state in found.triggers),
        *(f"event {event.id}: {event.trigger}: {event.why}" for event in found.open),
        *(f"warning: {warning}" for warning in found.warnings),
    ]


def _retrain(here: Workplace) -> int:
    """Start what is due, or go on with it; say how each event's retraining stands."""
    from atlas.monitor.events import open_events
    from atlas.retraining.every import line, retrain_every
    from atlas.retraining.showing import show_again
    from atlas.retraining.state import BLOCKED

    due = open_events(here.store, here.monitored.pipeline)
    stand = retrain_every(here.retrainings, [(here.monitored, event) for event in due])
    sys.stdout.writelines(f"{line(one)}\n" for one in stand)
    if stand:
        shown = show_again(here.store, here.registry, here.monitored, stand)
        sys.stderr.writelines(f"warning: {text}\n" for text in shown.warnings)
    return int(any(one.state == BLOCKED for one in stand))


if __name__ == "__main__":
    sys.exit(main())
