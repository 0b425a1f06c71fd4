"""`atlas plan`: the resolved, frozen form of pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Flow, PipelinePath
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from atlas.plan import InputSource, Plan, PlanStep


def plan(
    path: PipelinePath = Path(),
    env: Annotated[str, typer.Option(help="Environment to plan for.")] = "local",
    flow: Flow = "",
    origins: Annotated[
        bool,
        typer.Option("--origins", help="Instead, print the Configs' values and where each stands."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole Plans as JSON.")] = False,
) -> None:
    """Print what would run: every reference resolved, and the digest."""
    if origins:
        _print_origins(path, as_json=as_json)
        return
    from atlas.plan import resolve

    plans = [
        plan
        for pipeline in resolve(path, environment=env)
        for plan in pipeline.plans.values()
        if flow in ("", plan.flow)
    ]
    emit(
        lambda: [{"digest": plan.digest, **plan.to_json()} for plan in plans],
        lambda: "\n\n".join(_text(plan) for plan in plans),
        as_json=as_json,
    )


def _print_origins(path: Path, *, as_json: bool) -> None:
    """Print the values of Configs, with the file and line of each, which may be of a base."""
    from atlas.errors import InvalidError
    from atlas.load import load_configs, loader_for, origins, short

    loader = loader_for(path)
    documents = [file.document for file in load_configs(path, loader)]
    errors = [problem for problem in loader.problems if problem.severity == "error"]
    if errors:
        raise InvalidError(errors)
    found = [(document.shown, origins(document)) for document in documents]
    emit(
        [
            {"config": shown, "path": o.path, "value": o.value, "file": o.file, "line": o.line}
            for shown, values in found
            for o in values
        ],
        lambda: "\n\n".join(
            f"{shown}\n"
            + table(
                ("VALUE", "IS", "STANDS IN"),
                [(o.path, short(o.value), f"{o.file}:{o.line}") for o in values],
            )
            for shown, values in found
        ),
        as_json=as_json,
    )


def _text(plan: Plan) -> str:
    head = f"{plan.name} {plan.flow}  {plan.digest[:12]}  for {plan.target} in {plan.environment}"
    rows = [(step.name, step.cls, _inputs(step), _settings(step)) for step in plan.steps]
    return f"{head}\n{table(('STEP', 'CLASS', 'READS', 'SETTINGS'), rows)}"


def _inputs(step: PlanStep) -> str:
    axes = step.foreach.axes if step.foreach else ()
    keys = f" for each {' and '.join(_source(keys) for _, keys in axes)}" if axes else ""
    after = f" after {', '.join(step.after)}" if step.after else ""
    return (", ".join(_source(source) for source in step.inputs.values()) or "-") + keys + after


def _source(source: InputSource) -> str:
    if source.options:
        return f"one of {', '.join(map(_source, source.options))}"
    if source.keys or not source.name:
        return f"of {len(source.keys)} keys"
    if source.kind == "step":
        return f"{source.name}.{source.output}{' of its key' if source.same_key else ''}"
    if source.kind == "key":
        return f"each {source.name}"
    if source.kind in ("data", "model", "challenger"):
        return f"{source.kind}.{source.name}"
    return f"{source.kind}:{source.name}/{source.step}.{source.output}"


def _settings(step: PlanStep) -> str:
    known = {
        "image": step.image,
        "cpu": step.resources.cpu,
        "memory": step.resources.memory and f"{step.resources.memory // 2**20}Mi",
        "gpu": step.resources.gpu,
        "retries": step.retries.limit,
        "timeout": step.timeout and f"{step.timeout:g}s",
    }
    return " ".join(f"{name}={value}" for name, value in known.items() if value) or "-"
