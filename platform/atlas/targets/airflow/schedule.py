"""When a DAG runs: at the end of each interval, when what it reads is new, or when asked to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from atlas.targets.airflow.literals import indent, source

if TYPE_CHECKING:
    from atlas.plan import InputSource, Plan

_FLOWS = ("training", "inference")


def schedule(plan: Plan) -> dict[str, str]:
    """Return the DAG's arguments that say when it runs, as expressions."""
    if plan.schedule is None:
        read = _read(plan)
        lines = "".join(f"{asset},\n" for asset in read)
        return {"schedule": f"[\n{indent(lines)}]" if read else "None"}
    # Explicit, for a bare cron has no data interval in Airflow 3.
    cron, timezone = source(plan.schedule.cron), source(plan.schedule.timezone)
    timetable = f"CronDataIntervalTimetable({cron}, timezone={timezone})"
    if not plan.schedule.start:
        return {"schedule": timetable}
    start = datetime.fromisoformat(plan.schedule.start)
    parts = (start.year, start.month, start.day, start.hour, start.minute, start.second)
    moment = f"datetime({', '.join(map(str, parts))}, tzinfo=ZoneInfo({timezone}))"
    return {"schedule": timetable, "start_date": moment}


def asset(pipeline: str, flow: str) -> str:
    """Return the expression of the asset that stands for what a pipeline's flow makes."""
    return f"Asset({source(f'atlas://{pipeline}/{flow}')})"


def _read(plan: Plan) -> list[str]:
    """Return the assets of other pipelines that the Plan reads, as expressions."""
    prefix = plan.name.removesuffix(plan.pipeline)
    sources = (source for step in plan.steps for source in step.sources())
    return sorted({_any(prefix, source) for source in sources if source.kind == "pipeline"})


def _any(prefix: str, read: InputSource) -> str:
    """Return the asset of the flow that has the step; of either flow, where both have one."""
    flows = (read.flow,) if read.flow else _FLOWS
    return " | ".join(asset(f"{prefix}{read.name}", flow) for flow in flows)
