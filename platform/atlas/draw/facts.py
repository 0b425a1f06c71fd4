"""What there is to know of a step, as short texts by dotted names: to show and to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.draw.model import TIMES
from atlas.recipe import ELSEWHERE, KEY, LITERAL_KEYS
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.draw.model import Facts
    from atlas.plan.model import Plan
    from atlas.plan.parts import Foreach, InputSource, Output, PlanData, PlanStep, Value
    from atlas.recipe import Image

OF = ": "
"""What stands between a part of a drawing and the name of its fact."""
_NO_TYPE = "any"


def of_step(step: PlanStep, plan: Plan) -> dict[str, str]:
    """Return everything that a Plan says of a step; what is empty is left out."""
    image = plan.images.get(step.image)
    return _filled(
        {
            "description": step.description,
            "class": step.cls,
            "when": step.when.text(source) if step.when else "",
            **({f"foreach.{n}": source(s) for n, s in step.foreach.axes} if step.foreach else {}),
            **{f"inputs.{name}": source(given) for name, given in step.inputs.items()},
            **{f"params.{name}": value(given) for name, given in step.params.items()},
            **{f"outputs.{name}": output(made) for name, made in step.outputs.items()},
            "after": ", ".join(step.after),
            "challenger of": step.rival_of,
            "image": f"{step.image}{_made_from(image)}",
            **dict(_settings(step)),
            "recipe": step.origin,
        }
    )


def of_plan(plan: Plan) -> dict[str, str]:
    """Return what a Plan says of the whole pipeline; what is empty is left out."""
    parameters = {name: canonical(parameter.default) for name, parameter in plan.parameters.items()}
    axes = ", ".join(f"{axis}={value}" for axis, value in sorted(plan.axes.items()))
    schedule = plan.schedule
    return _filled(
        {
            "description": plan.description,
            "recipe": plan.recipe,
            "environment": plan.environment,
            "target": plan.target,
            "axes": axes,
            **{f"parameters.{name}": text for name, text in sorted(parameters.items())},
            "schedule": f"{schedule.cron} {schedule.timezone}" if schedule else "",
            "model": f"{plan.model.name} {plan.model.version}" if plan.model else "",
            "promotion": canonical(plan.promotion) if plan.promotion else "",
            "code": plan.code[:12],
        }
    )


def of_data(data: PlanData) -> dict[str, str]:
    """Return what is known of a data set; of its place, nothing that could be a credential."""
    return _filled(
        {
            "type": data.type or "table",
            "uri": _without_user(data.uri),
            "format": data.format,
            "credential": data.credential,
            "version": data.version,
            "time": data.time,
            "label": data.label,
        }
    )


def keys(given: Foreach) -> str:
    """Return what a step runs once for each of, lists beside each other."""
    return f" {TIMES} ".join(source(keys) for _, keys in given.axes)


def source(given: InputSource) -> str:
    """Return a resolved reference as a Recipe writes it."""
    if given.kind == LITERAL_KEYS:
        return ", ".join(map(str, given.keys)) or "no key"
    if given.options:
        return f"one of {', '.join(map(source, given.options))}"
    if given.kind == "step":
        return f"{given.name}.{given.output}"
    if given.kind == KEY:
        return f"each {given.name}"
    if given.kind in ELSEWHERE:
        return f"{given.kind}:{given.name}/{given.step}.{given.output}"
    return f"{given.kind}.{given.name}"


def value(given: Value) -> str:
    """Return a param's value: JSON if it is known, else what it comes from."""
    return canonical(given.value) if given.kind == "value" else f"{given.kind} {given.value}"


def output(made: Output) -> str:
    """Return an output's type by its short name, and its format where one is named."""
    short = made.type.rpartition(".")[2] if "[" not in made.type else made.type
    return f"{short or _NO_TYPE} ({made.format})" if made.format else short or _NO_TYPE


def amount(size: int) -> str:
    """Return bytes in the largest binary unit that loses nothing."""
    for power, unit in ((40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")):
        if size and size % 2**power == 0:
            return f"{size >> power}{unit}"
    return str(size)


def _settings(step: PlanStep) -> Iterator[tuple[str, str]]:
    """Give what a step asks of the place where it runs."""
    asked = step.resources
    yield "resources.cpu", _number(asked.cpu)
    yield "resources.memory", "" if asked.memory is None else amount(asked.memory)
    yield "resources.gpu", _number(asked.gpu)
    yield "retries", _number(step.retries.limit or None)
    yield "timeout", "" if step.timeout is None else f"{step.timeout:g} s"
    yield "cache", step.cache if isinstance(step.cache, str) else "" if step.cache else "off"
    yield "secrets", ", ".join(step.secrets)
    for name, text in step.env.items():
        yield f"env.{name}", text
    yield "node_selector", _json(step.node_selector)
    yield "tolerations", _json(step.tolerations)


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def _json(given: Mapping[str, Any] | tuple[Any, ...]) -> str:
    return canonical(given) if given else ""


def _made_from(image: Image | None) -> str:
    """Return what an image is made from, in brackets."""
    made = image and (image.reference or image.dockerfile or image.requirements)
    return f" ({made})" if made else ""


def _without_user(uri: str) -> str:
    """Return an address without the user, password and query that may stand in it."""
    scheme, colons, rest = uri.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{colons}{host.rpartition('@')[2]}{slash}{path}" if colons else scheme


def _filled(facts: Facts) -> dict[str, str]:
    return {name: text for name, text in facts.items() if text}
