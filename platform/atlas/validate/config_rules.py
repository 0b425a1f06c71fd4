"""Rules about a Config: its overrides, its members and its promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.config import PromotionRule
from atlas.load import nearest
from atlas.validate.flat import DocumentPath, names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.config import Config
    from atlas.errors import Problem
    from atlas.load import ConfigFile
    from atlas.validate.flat import Flat

MAX_MEMBERS = 5000
"""The most members that one family may have."""
LONGEST_NAME = 120
"""The longest name that a pipeline may have, in characters: targets add to it."""


def config_problems(file: ConfigFile, flats: Mapping[str, Flat]) -> Iterator[Problem]:
    """Return what is wrong with a Config, its Recipes known as far as they could be read."""
    place, config = DocumentPath(file.document, ()), file.config
    if len(flats) == len(config.recipes) and all(flat.is_whole for flat in flats.values()):
        steps = dict.fromkeys(name for flat in flats.values() for name in flat.steps)
        yield from _unknown(place / "steps", config.steps, steps, "C002", "step")
        known = dict.fromkeys(name for flat in flats.values() for name in flat.parameters)
        yield from _unknown(place / "parameters", config.parameters, known, "C003", "parameter")
        yield from _unused_data(place / "data", config, flats)
    yield from _schedules(place / "schedule", config)
    yield from _promotion(place / "promotion", config)
    yield from _members(place, config)


def _unknown(
    place: DocumentPath, given: Iterable[str], known: Mapping[str, None], code: str, what: str
) -> Iterator[Problem]:
    for name in given:
        if name not in known:
            inner = [step for step in known if step.startswith(f"{name}.")]
            message = f"no Recipe of the Config has a {what} '{name}'"
            hint = f"it is a Recipe; its steps are {names(inner)}" if inner else ""
            hint = hint or nearest(name, known)
            expected = names(known)
            yield (place / name).problem(code, message, found=name, expected=expected, hint=hint)


def _unused_data(
    place: DocumentPath, config: Config, flats: Mapping[str, Flat]
) -> Iterator[Problem]:
    steps = (step for flat in flats.values() for step in flat.steps.values())
    read = {
        item.source.name for step in steps for item in step.reads() if item.source.kind == "data"
    }
    for name in config.data:
        if name not in read:
            message = f"no step reads or writes the data '{name}'"
            hint = "use it, or remove it"
            yield (place / name).problem("N002", message, severity="warning", hint=hint)


def _schedules(place: DocumentPath, config: Config) -> Iterator[Problem]:
    for flow in config.schedule:
        if flow not in config.recipes:
            message = f"there is a schedule for {flow}, and no Recipe"
            yield (place / flow).problem("C006", message, expected=f"recipes.{flow}")


def _promotion(place: DocumentPath, config: Config) -> Iterator[Problem]:
    rule = PromotionRule.parse(config.promotion)
    if rule is None:
        return
    if "training" not in config.recipes:
        message = "there is a promotion, and no training Recipe that makes versions"
        yield place.problem("C015", message, expected="recipes.training")
    elif config.model is None:
        message = "there is a promotion, and no model to promote"
        yield place.problem("C015", message, expected="model")
    yield from _bounds(place, rule)
    yield from _direction(place, rule)


def _bounds(place: DocumentPath, rule: PromotionRule) -> Iterator[Problem]:
    guards = [(place / "guards" / number, guard) for number, guard in enumerate(rule.guards)]
    for at, metric in [(place, rule.main), *guards]:
        low, high = metric.at_least, metric.at_most
        if low is not None and high is not None and low > high:
            message = f"no value is at least {low} and at most {high}"
            yield at.problem("C015", message, expected="at_least below at_most")


def _direction(place: DocumentPath, rule: PromotionRule) -> Iterator[Problem]:
    """Check that a comparison says which values are better."""
    if rule.main.direction or not (rule.beats_champion or rule.by):
        return
    better = "lower" if rule.main.is_lower_better else "higher"
    if rule.is_paired or rule.by:
        message = "a paired test has to know which values of the metric are better"
        expected = '"direction": "higher" or "direction": "lower"'
        yield place.problem("C017", message, expected=expected)
    else:
        message = f"{better} values are taken for better, and two numbers are compared"
        hint = f'write "direction": "{better}", for a paired test where rows come'
        yield place.problem("N008", message, severity="warning", hint=hint)


def _members(place: DocumentPath, config: Config) -> Iterator[Problem]:
    count = config.member_count()
    if count > MAX_MEMBERS:
        message = f"the matrix has {count:,} members"
        expected = f"at most {MAX_MEMBERS:,}"
        yield (place / "matrix").problem("C012", message, found=str(count), expected=expected)
        return
    seen: dict[str, Mapping[str, str]] = {}
    for axes in config.members():
        name = config.member_name(axes)
        if seen.setdefault(name, axes) is not axes:
            message = f"two members are called '{name}': {_axes(seen[name])}, and {_axes(axes)}"
            hint = "choose values without a dash"
            yield (place / "matrix").problem("C007", message, found=name, hint=hint)
            return
    longest = max(seen, key=len)
    if len(longest) > LONGEST_NAME:
        message = f"the name '{longest[:40]}…' has {len(longest)} characters"
        at = place / ("matrix" if config.matrix else "name")
        yield at.problem("C014", message, expected=f"at most {LONGEST_NAME}")


def _axes(axes: Mapping[str, str]) -> str:
    return " and ".join(f"{axis} {value}" for axis, value in axes.items())


def same_names(files: Iterable[ConfigFile]) -> Iterator[Problem]:
    """Return the Problem of each Config that has a pipeline of a name that another has."""
    seen: dict[str, ConfigFile] = {}
    for file in files:
        for name in dict.fromkeys((file.config.name, *member_names(file.config))):
            first = seen.setdefault(name, file)
            if first is not file:
                message = f"the pipeline '{name}' is also in {first.document.shown}"
                place = DocumentPath(file.document, ("name",))
                yield place.problem("C007", message, hint="give one of them another name")
                break


def member_names(config: Config) -> list[str]:
    """Return the names of a Config's pipelines; its own, where there are too many."""
    if config.member_count() > MAX_MEMBERS:
        return [config.name]
    return [config.member_name(axes) for axes in config.members()]
