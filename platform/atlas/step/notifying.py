"""Notifications: who is notified of a failure, a promotion, a trigger and a late run, and of what.

Each is sent at most once: that it is sent is recorded before it is. So one is lost where the
process is killed in between or the service doesn't accept it, and none comes twice, whatever is
repeated. What goes wrong is a warning; it never changes how a run ends.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, StepError, clean, redacted
from atlas.step.apprising import send
from atlas.step.binding import page_of
from atlas.step.execute import recorded
from atlas.step.outcome import FAILED
from atlas.step.secrets import mask_for, secret
from atlas.store.keys import run_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.models.promotion import Promotion
    from atlas.plan import Plan
    from atlas.step.finished import Finished
    from atlas.store import Run, Store

FAILURE, PROMOTION, TRIGGER, LATE = "failure", "promotion", "trigger", "late"
"""What somebody may be notified of, as an Environment's ``notify`` has it."""
_SCHEDULED = "schedule"
"""The trigger of a run that its schedule started."""
_LONGEST = 2000
_MOST_KEYS = 1000


def notify_end(store: Store, plan: Plan, run: Run, finished: Finished) -> tuple[str, ...]:
    """Tell of a run that is over what it is to be notified of; return warnings.

    Args:
        store: the artifact store.
        plan: the Plan, whose ``notify`` names who is notified.
        run: the run.
        finished: how it ended.
    """
    if not plan.notify:
        return ()
    warnings: list[str] = []
    if finished.status == FAILED:
        step, reason = _reason(store, run, finished)
        facts = {"step": step, "reason": reason}
        warnings += _told(store, plan, run, finished, event=FAILURE, what="failed", facts=facts)
    if finished.promotion is not None and finished.promotion.promoted:
        warnings += notify_promotion(store, plan, run, finished.promotion, finished)
    late = _late(plan, run)
    if late:
        facts = {"reason": late}
        warnings += _told(store, plan, run, finished, event=LATE, what="late", facts=facts)
    return tuple(warnings)


def notify_promotion(
    store: Store, plan: Plan, run: Run, promotion: Promotion, finished: Finished
) -> tuple[str, ...]:
    """Tell that the version of a run is the champion now; return warnings."""
    facts = {
        "model": f"{finished.model} version {finished.version}",
        "in place of": promotion.previous,
        "reason": promotion.reason,
    }
    what = "a new champion"
    return _told(store, plan, run, finished, event=PROMOTION, what=what, facts=facts)


def notify_trigger(plan: Plan, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Tell that a trigger has fired; return warnings.

    Whoever has written the trigger's event calls this, and only one process has.

    Args:
        plan: the pipeline's training Plan.
        facts: what to tell besides the pipeline.
    """
    return _sent(plan, TRIGGER, f"{plan.name}: retraining is due", {**_about(plan), **facts})


def _told(
    store: Store,
    plan: Plan,
    run: Run,
    finished: Finished,
    *,
    event: str,
    what: str,
    facts: Mapping[str, str],
) -> tuple[str, ...]:
    """Send what is to be notified of a run, unless it was sent before."""
    if not plan.notify.get(event):
        return ()
    try:
        is_new = store.location.create(f"{run_key(run.pipeline, run.id)}/told-{event}.json", b"{}")
        link = page_of(store, run) or _page_here() or _mlflow_page(finished)
    except (AtlasError, OSError) as error:
        return (f"notify.{event}: nobody was notified: {error}",)
    if not is_new:
        return ()
    lines = {**_about(plan), "run": run.id, **facts, "link": link}
    return _sent(plan, event, f"{plan.name} {plan.flow}: {what}", lines)


def _about(plan: Plan) -> dict[str, str]:
    return {"pipeline": plan.name, "flow": plan.flow, "environment": plan.environment}


def _sent(plan: Plan, event: str, title: str, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Send facts, a line each and without secrets, to everybody who is notified of an event."""
    warnings = []
    for name in plan.notify.get(event, ()):
        try:
            mask = mask_for(plan)
            lines = [
                f"{key}: {clean(mask.text(redacted(value)), _LONGEST)}"
                for key, value in facts.items()
                if value
            ]
            address = secret(plan, "_finish", name)
            fault = send(address, title, "\n".join(lines), is_failure=event in (FAILURE, LATE))
        except StepError as error:
            fault = str(error).removeprefix("step _finish: ")
        if fault:
            warnings.append(f"notify.{event}: secret '{name}': nobody was notified: {fault}")
    return tuple(warnings)


def _reason(store: Store, run: Run, finished: Finished) -> tuple[str, str]:
    """Return the step that has failed, and why; the first in the Plan's order."""
    for name in finished.missing:
        for index in (None, *range(_MOST_KEYS)):
            outcome = recorded(store, run, name, index)
            if outcome is not None and not outcome.ok:
                return name, outcome.error
            if outcome is None and index is not None:
                break
    return (finished.missing[0] if finished.missing else ""), "it didn't run"


def _late(plan: Plan, run: Run) -> str:
    """Return why a scheduled run is late; empty where it isn't, or can't be."""
    if not plan.late_after or run.trigger != _SCHEDULED or not run.interval_end:
        return ""
    after = datetime.now(UTC) - datetime.fromisoformat(run.interval_end)
    if after.total_seconds() <= plan.late_after:
        return ""
    took = f"{after.total_seconds():,.0f} s after its interval's end"
    return f"it ended {took}; expected at most {plan.late_after:,.0f} s"


def _page_here() -> str:
    """Return the orchestrator's page of a run that it started itself, where its task knows it."""
    page = os.environ.get("ATLAS_RUN_PAGE", "")
    return page if page.startswith(("https://", "http://")) else ""


def _mlflow_page(finished: Finished) -> str:
    """Return MLflow's page of a run, where the platform's outputs name a server that has it."""
    server = os.environ.get("ATLAS_MLFLOW_URL", "").rstrip("/")
    return f"{server}/#/runs/{finished.tracked}" if server and finished.tracked else ""
