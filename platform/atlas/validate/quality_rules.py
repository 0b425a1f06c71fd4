"""Rules about a Config's ``quality``: something is checked, and its limits can be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.load import nearest
from atlas.validate.flat import DocumentPath, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.config import Config
    from atlas.errors import Problem
    from atlas.load import ConfigFile
    from atlas.validate.flat import Flat


def quality_problems(file: ConfigFile, flats: Mapping[str, Flat]) -> Iterator[Problem]:
    """Return what is wrong with the ``quality`` of a Config, its Recipes taken together."""
    place, config = DocumentPath(file.document, ()) / "quality", file.config
    if "quality" not in (file.document.value or ()):
        return
    if not config.statistics:
        message = "no table is checked: there are no statistics"
        yield place.problem("C042", message, expected="statistics.features or .predictions")
        return
    yield from _learnt(place, config, flats)
    yield from _failing(place / "on_breach", config, flats)
    yield from _columns(place / "columns", config)


def _learnt(place: DocumentPath, config: Config, flats: Mapping[str, Flat]) -> Iterator[Problem]:
    """Check that training makes one of the tables, where the Config has a training."""
    training = flats.get("training")
    if training is None or not training.is_whole:
        return
    named = [spec.training or spec.source for spec in config.statistics.values()]
    opened = [training.exports.get(str(source), source) for source in named]
    if not any(source.name in training.steps for source in opened):
        message = "no table is checked: training makes none of those that statistics name"
        hint = "statistics.features.training names the training output with the same columns"
        yield place.problem("C042", message, expected="an output of training", hint=hint)


def _failing(place: DocumentPath, config: Config, flats: Mapping[str, Flat]) -> Iterator[Problem]:
    """Check that a step can fail: of one with foreach, all keys are checked once they are done."""
    inference = flats.get("inference")
    if config.quality.get("on_breach") != "fail" or inference is None:
        return
    for spec in config.statistics.values():
        source = inference.exports.get(str(spec.source), spec.source)
        step = inference.steps.get(source.name)
        if step is not None and step.foreach:
            message = (
                f"the step '{source.name}' has foreach: its keys are checked once all are done"
            )
            yield place.problem("C042", message, found="fail", expected="warn")


def _columns(place: DocumentPath, config: Config) -> Iterator[Problem]:
    known = dict.fromkeys(name for spec in config.statistics.values() for name in spec.columns)
    for column, rule in config.quality.get("columns", {}).items():
        at = place / column
        if column not in known:
            message = f"no column '{column}' is among those of the statistics"
            hint, expected = nearest(column, known), names(known)
            yield at.problem("C042", message, found=column, expected=expected, hint=hint)
        low, high = rule.get("minimum"), rule.get("maximum")
        if low is not None and high is not None and low > high:
            message = f"no value is at least {low} and at most {high}"
            yield at.problem("C042", message, expected="minimum below maximum")
