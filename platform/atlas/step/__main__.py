"""`python -m atlas.step`: run one step of a Plan, as every target does.

Every option is also a variable: ``--store`` is ``ATLAS_STORE``, ``--interval-start`` is
``ATLAS_INTERVAL_START``, and so on; ``ATLAS_REQUEST`` has several in one JSON object. Exits 0 when
the step is done and 1 when it isn't, with one line on stderr that says which step, which input and
what went wrong, and the user's traceback.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.step.options import parsed
from atlas.step.task_process import log_to_stderr, restore_umask

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from atlas.plan import Plan
    from atlas.step.binding import RunRequest
    from atlas.step.execute import Job
    from atlas.store import Run, Store

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, *, leaves: bool = False) -> int:
    """Run one step and return the exit code.

    Args:
        arguments: the command's words; by default those of this process.
        leaves: whether this process ends with the step, as a script does.
    """
    log_to_stderr()
    try:
        restore_umask()
        words = sys.argv[1:] if arguments is None else list(arguments)
        options = parsed(words)
        return _started(options, words, leaves)
    except AtlasError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _started(options: argparse.Namespace, words: Sequence[str], leaves: bool) -> int:
    """Do what the options say, in this process or in children of it."""
    store, plan = _opened(options)
    once = [word for word in words if word not in ("--retry", "--each")]
    is_beside = options.attended or options.keys or options.finish or options.when
    step = plan.step(options.step)
    is_tried = options.each or (options.retry and not step.rival_of)
    if step.outlived and not is_beside and not is_tried:
        return _attended(options, once, store, plan)
    if options.retry or options.each:
        return _tries(options, once, store, plan)
    return _run(options, store, plan, leaves)


def _attended(options: argparse.Namespace, words: Sequence[str], store: Store, plan: Plan) -> int:
    """Run a step that its run outlives in a child process, whose death is recorded."""
    from atlas.step.attending import run_attended
    from atlas.step.binding import bind

    job = _job(options, store, plan, bind(store, plan, _request(options, plan)))
    code = run_attended(job, words)
    return _over(options, job) if code is None else code


def _tries(options: argparse.Namespace, words: Sequence[str], store: Store, plan: Plan) -> int:
    """Run the step, or each key of it, in processes that may fail and be tried again."""
    from atlas.step.binding import bind
    from atlas.step.inputs import Reader
    from atlas.step.tries import Tries

    step = plan.step(options.step)
    tries = Tries(step, [sys.executable, "-m", "atlas.step", *words], again=options.retry)
    if not options.each:
        return tries.once()
    run = bind(store, plan, _request(options, plan))
    return tries.each(range(len(Reader(store, plan, run).keys(step))))


def _opened(options: argparse.Namespace) -> tuple[Store, Plan]:
    """Return the store, and the Plan, which must have the step."""
    from atlas.store import open_store

    store = open_store(options.store)
    plan = store.plan(options.plan)
    if options.step not in plan.by_name:
        known = ", ".join(plan.by_name)
        raise AtlasError(f"{plan.name} has no step '{options.step}'; it has {known}")
    return store, plan


def _run(options: argparse.Namespace, store: Store, plan: Plan, leaves: bool) -> int:
    from atlas.step.leaving import leave
    from atlas.step.outlet import catch_up, masked_output, settle
    from atlas.step.secrets import mask_for

    with masked_output(mask_for(plan), is_kept=_is_kept(options)):
        code = _acted(options, store, plan)
        if leaves:
            leave(code, settle, catch_up)
    return code


def _acted(options: argparse.Namespace, store: Store, plan: Plan) -> int:
    try:
        return _act(options, store, plan)
    except AtlasError as error:
        sys.stderr.write(f"error: {error}\n")
    except Exception:
        # A bug; its traceback may show a secret, so it is printed while that is masked.
        sys.excepthook(*sys.exc_info())
    return 1


def _is_kept(options: argparse.Namespace) -> bool:
    """Tell whether what is printed goes into the step's log: of a step, not of what is beside."""
    return not (options.finish or options.keys or options.when or options.no_log)


def _act(options: argparse.Namespace, store: Store, plan: Plan) -> int:
    from atlas.step.binding import bind, run_id

    if options.finish and not store.has_run(plan.name, run_id(plan.flow, options.run)):
        sys.stdout.write("no step of the run could begin: there is nothing to record\n")
        return int(options.if_failed or 0)
    run = bind(store, plan, _request(options, plan))
    if options.executor_input:
        from atlas.step.kfp import ids_in
        from atlas.store.orchestrated import keep_run_ids

        keep_run_ids(store.location, run, ids_in(options.executor_input))
    if options.finish:
        return _finish(options, store, plan, run)
    if options.when:
        return _when(options, store, plan, run)
    return _keys(options, store, plan, run) if options.keys else _step(options, store, plan, run)


def _request(options: argparse.Namespace, plan: Plan) -> RunRequest:
    from atlas.step.binding import RunRequest, parse_parameters
    from atlas.step.ticks import BY_CLOCK, last_interval

    start, end, trigger = options.interval_start, options.interval_end, options.trigger
    if end == BY_CLOCK:
        start, end = last_interval(plan, datetime.now(UTC))
        trigger = trigger or BY_CLOCK
    return RunRequest(
        id=options.run,
        interval_start=start,
        interval_end=end,
        parameters=parse_parameters(options.parameters),
        trigger=trigger or "manual",
        commit=options.commit,
    )


def _step(options: argparse.Namespace, store: Store, plan: Plan, run: Run) -> int:
    """Run the step, hand its outputs and metrics on, and report a failure."""
    from atlas.step.ending import ending
    from atlas.step.execute import execute
    from atlas.step.logs import keep_log
    from atlas.step.report import explain

    job = _job(options, store, plan, run)
    # As the Plan has them: what an orchestrator hands on may be changed, as `$$` is by Kubernetes.
    os.environ.update(job.step.env)
    if _is_kept(options):
        keep_log(job)
    sys.argv = sys.argv[:1]
    with ending(job):
        outcome = execute(job)
    if not outcome.ok:
        sys.stderr.write(f"{explain(job, outcome)}\n")
        return 1
    return _over(options, job)


def _job(options: argparse.Namespace, store: Store, plan: Plan, run: Run) -> Job:
    from atlas.step.binding import previous_run
    from atlas.step.execute import Job

    return Job(
        store=store,
        plan=plan,
        run=run,
        step=plan.step(options.step),
        folder=code_of(store, plan),
        index=int(options.index) if options.index else None,
        previous=previous_run(store, run),
        attempt=attempt_of(store, run, options),
        use_cache=not options.no_cache,
        adopt=options.adopt,
    )


def _over(options: argparse.Namespace, job: Job) -> int:
    """Hand on what a step that is done has made, and end the run where it was the last."""
    from atlas.step.finish import finish_if_over

    if options.executor_input:
        from atlas.step.kfp import give_artifacts

        give_artifacts(options.executor_input, job)
    if options.no_finish:
        return 0
    finished = finish_if_over(job.store, job.plan, job.run, job.step.name)
    sys.stdout.writelines(f"{line}\n" for line in (finished.lines() if finished else ()))
    return 0


def attempt_of(store: Store, run: Run, options: argparse.Namespace) -> int:
    """Return which attempt this is: one more than those that have failed before it."""
    from atlas.step.execute import recorded

    before = recorded(store, run, options.step, int(options.index) if options.index else None)
    return 1 if before is None or before.ok else before.attempts + 1


def code_of(store: Store, plan: Plan) -> Path:
    """Return the code to run: the image's own where it is the Plan's, else the snapshot."""
    from atlas.plan.code import code_digest
    from atlas.store import code_folder

    carried = os.environ.get("ATLAS_CODE_FOLDER")
    if carried and code_digest(Path(carried)) == plan.code:
        return Path(carried)
    return code_folder(store, plan.code)


def _keys(options: argparse.Namespace, store: Store, plan: Plan, run: Run) -> int:
    """Print the indexes of a step's keys, as JSON on a line of its own."""
    from atlas.step.inputs import Reader

    step = plan.step(options.step)
    if step.foreach is None:
        raise AtlasError(f"step {step.name}: has no foreach, so it has no keys")
    indexes = list(range(len(Reader(store, plan, run).keys(step))))
    if options.executor_input:
        from atlas.step.kfp import give_parameter

        give_parameter(options.executor_input, "indexes", indexes)
    sys.stdout.write(f"{json.dumps(indexes)}\n")
    return 0


def _when(options: argparse.Namespace, store: Store, plan: Plan, run: Run) -> int:
    """Tell whether the run skips the step; the answer is Kubeflow's parameter, or the exit code."""
    from atlas.step.execute import refuse
    from atlas.step.skipping import DECISION, RUN, SKIP, skip

    job = _job(options, store, plan, run)
    try:
        outcome = skip(job)
    except AtlasError as error:
        refuse(job, str(error).removeprefix(f"step {job.step.name}: "))
        raise
    if options.executor_input:
        from atlas.step.kfp import give_decision

        give_decision(options.executor_input, job, DECISION, SKIP if outcome else RUN)
    sys.stdout.write(f"{f'skipped: {outcome.reason}' if outcome else 'it runs'}\n")
    return int(options.if_skipped or 0) if outcome else 0


def _finish(options: argparse.Namespace, store: Store, plan: Plan, run: Run) -> int:
    from atlas.step.finish import finish
    from atlas.step.outcome import DONE
    from atlas.store.run import BACKFILL

    if any(step.rival_of for step in plan.steps):
        from atlas.step.attending import record_killed

        record_killed(store, plan, run)
    finished = finish(store, plan, run)
    sys.stdout.writelines(f"{line}\n" for line in finished.lines())
    if finished.status != DONE:
        return int(options.if_failed or 0)
    return int(options.if_backfill or 0) if run.trigger == BACKFILL else 0


if __name__ == "__main__":
    sys.exit(main(leaves=True))
