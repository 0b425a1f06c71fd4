"""The monitor of a Config as the source of one Airflow DAG.

It runs after each run of the pipelines' DAGs, by their assets, or by a schedule. One task says
which pipelines a run is about; each is checked by a task of its own, and where a retraining is due,
another task starts it. One run is under way at a time: what happens meanwhile starts one more.
Whatever Airflow runs twice is harmless, for each task finds in the store what is done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.targets.airflow.compiler import compiler_at
from atlas.targets.airflow.document import code_line, owner_links
from atlas.targets.airflow.kinds import kind_of
from atlas.targets.airflow.literals import NEWLINE, call, indent, sequence, source
from atlas.targets.airflow.schedule import asset
from atlas.targets.monitors import MEMBER, MONITORS
from atlas.targets.protocol import PLAN_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.targets.airflow.compiler import AirflowCompiler
    from atlas.targets.airflow.kind import TaskKind
    from atlas.targets.descriptor import CompileSite
    from atlas.targets.monitors import Monitor

MOST = 1000
"""The most pipelines of one DAG: Airflow maps a task over no more."""
_LONGEST_TAG = 100
_HEAD = '''\
"""Compiled by Atlas from a Config's retraining. Change the Config, not this file."""

{imports}

WATCHED = {{
    "{monitors}": "{content}",
}}
PIPELINES = {pipelines}{image}
TRIES = {{"retries": 2, "retry_delay": timedelta(minutes=1)}}
'''
_FUNCTIONS = f'''

@task(**TRIES)
def pipelines(triggering_asset_events=None):
    """Give the pipelines whose runs have started this one; all of them where none has."""
    begun = {{asset.uri.split("/")[-2] for asset in triggering_asset_events or ()}}
    return variables([name for name in PIPELINES if name in begun] or PIPELINES)


@task(trigger_rule="all_done", **TRIES)
def due(names):
    """Give the pipelines for which a retraining is due, of those that could be checked."""
    found = {{*(names or ())}}
    return variables([name for name in PIPELINES if name in found])


def variables(names):
    """Give the variables of the task of each pipeline."""
    return [{{**WATCHED, "{MEMBER}": name}} for name in names]
'''
_BODY = """\
checks = check(pipelines())
retrainings = retrain(due(checks.output))
[checks, retrainings] >> EmptyOperator(task_id="_end", trigger_rule="none_failed")
"""


def monitor_file(monitor: Monitor, kind: TaskKind, pool: str = "") -> str:
    """Return the source of a monitor's DAG.

    Args:
        monitor: what is monitored.
        kind: the kind of its tasks.
        pool: Airflow's pool that they run in; empty for Airflow's default.
    """
    dag = f"with {call('DAG', _arguments(monitor, pool))}:\n{indent(_BODY)}"
    image = f"\nIMAGE = {_image(monitor.image)}" if monitor.image else ""
    head = _HEAD.format(
        imports=_imports(kind, dag),
        monitors=MONITORS,
        content=monitor.content,
        pipelines=sequence(monitor.pipelines),
        image=image,
    )
    return f"{head}{kind.monitor}{_FUNCTIONS}\n\n{dag}"


def compile_monitor(monitor: Monitor, site: CompileSite) -> Mapping[str, bytes]:
    """Return one file, ``<name>.py``; more of them, ``<name>-2.py``, for very many pipelines.

    Raises:
        TargetError: the platform runs tasks in no known way.
    """
    compiler = compiler_at(site)
    kind = kind_of(compiler.tasks)
    return {
        f"{part.name}.py": monitor_file(part, kind, compiler.pool).encode("ascii")
        for part in _parts(monitor)
    }


def _parts(monitor: Monitor) -> Iterator[Monitor]:
    """Give monitors of no more pipelines than Airflow maps a task over."""
    for start in range(0, len(monitor.pipelines), MOST):
        number = start // MOST + 1
        name = monitor.name if number == 1 else f"{monitor.name}-{number}"
        yield replace(monitor, name=name, pipelines=monitor.pipelines[start : start + MOST])


def uses_image(site: CompileSite) -> bool:
    """Tell whether a platform's Airflow runs tasks in images."""
    compiler: AirflowCompiler = compiler_at(site)
    return compiler.uses_images


def _arguments(monitor: Monitor, pool: str) -> dict[str, str]:
    """Return the arguments of the DAG as expressions."""
    origin = monitor.origin
    given = {"owner": origin.owner, "pool": pool}
    defaults = {name: value for name, value in given.items() if value}
    tags = ["atlas", "monitor", f"monitor:{monitor.content[:PLAN_DIGITS]}"]
    tags += [f"release:{origin.release}"] if origin.release else []
    return {
        "dag_id": source(monitor.name),
        "description": source(f"Looks whether {_subject(monitor)} should be trained again."),
        **_schedule(monitor),
        "catchup": "False",
        "max_active_runs": "1",
        "is_paused_upon_creation": "False",
        **({"default_args": source(defaults)} if defaults else {}),
        "tags": sequence(tag[:_LONGEST_TAG] for tag in tags),
        **owner_links(origin),
        "doc_md": _document(monitor),
    }


def _subject(monitor: Monitor) -> str:
    count = len(monitor.pipelines)
    return monitor.pipelines[0] if count == 1 else f"each of {count:,} pipelines"


def _schedule(monitor: Monitor) -> dict[str, str]:
    """Return the argument that says when the DAG runs: by a schedule, or after other runs."""
    schedule = monitor.schedule
    if schedule is not None:
        words = f"{source(schedule.cron)}, timezone={source(schedule.timezone)}"
        return {"schedule": f"CronTriggerTimetable({words})"}
    assets = [asset(name, flow) for name in monitor.pipelines for flow in monitor.after]
    if not assets:
        return {"schedule": "None"}
    if len(assets) == 1:
        return {"schedule": f"[{assets[0]}]"}
    lines = "".join(f"{one},\n" for one in assets)
    return {"schedule": f"AssetAny(\n{indent(lines)})"}


def _document(monitor: Monitor) -> str:
    """Return what Airflow's pages show, as an expression of one literal a line."""
    facts = {"monitors": monitor.content, "commit": monitor.origin.commit}
    code = code_line(monitor.origin)
    lines = [
        *([f"{code}\n", "\n"] if code else []),
        *(f"- {line}\n" for line in monitor.summary),
        "\n",
        *(f"- {name}: `{text}`\n" for name, text in facts.items() if text),
    ]
    text = "".join(f"{source(line)}{NEWLINE}" for line in lines)
    return f"(\n{indent(text)})"


def _image(reference: str) -> str:
    """Return the expression of the image that tasks run in, which is at the worker's registry."""
    host, slash, rest = reference.partition("/")
    has_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    return source(f"$ATLAS_REGISTRY/{rest if has_host else reference}")


def _imports(kind: TaskKind, dag: str) -> str:
    """Return the imports that the file's code uses."""
    functions = kind.monitor
    known = {*kind.standard, *kind.each_standard}
    standard = [line for line in known if f"{line.rpartition(' ')[2]}." in functions]
    froms = ["from datetime import timedelta"]
    froms += ["from urllib.parse import unquote"] if "unquote(" in functions else []
    lines = [*kind.airflow, "from airflow.providers.standard.operators.empty import EmptyOperator"]
    airflow = [line for line in lines if line.rpartition(" ")[2] in f"{functions}{_BODY}"]
    used = ("AssetAny", "CronTriggerTimetable", "Asset")
    names = ["DAG", *sorted(name for name in used if f"{name}(" in dag), "task"]
    groups = [
        [*sorted(standard), *froms],
        [*sorted(airflow), f"from airflow.sdk import {', '.join(names)}"],
    ]
    return "\n\n".join("\n".join(group) for group in groups)
