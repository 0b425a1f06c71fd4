"""Rules about a Config's ``statistics``: the tables are there, and columns are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.load import nearest
from atlas.validate.flat import DocumentPath, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.errors import Problem
    from atlas.load import ConfigFile
    from atlas.recipe import Reference
    from atlas.validate.flat import Flat
    from atlas.validate.subject import Subject

MOST_COLUMNS = 500
"""The most columns of a table that are monitored."""


def statistics_problems(file: ConfigFile, flats: Mapping[str, Flat]) -> Iterator[Problem]:
    """Return what is wrong with the ``statistics`` of a Config, its Recipes taken together."""
    place, config = DocumentPath(file.document, ()) / "statistics", file.config
    is_whole = len(flats) == len(config.recipes) and all(flat.is_whole for flat in flats.values())
    steps = {name: None for flat in flats.values() for name in flat.steps}
    exports = {name: out for flat in flats.values() for name, out in flat.exports.items()}
    for kind, spec in config.statistics.items():
        source = exports.get(str(spec.source), spec.source)
        if is_whole and source.name not in steps:
            message = f"no Recipe of the Config has a step '{source.name}'"
            hint, problem = nearest(source.name, steps), (place / kind / "from").problem
            expected = names(steps)
            yield problem("C040", message, found=str(source), expected=expected, hint=hint)
        if spec.training is not None and "training" not in config.recipes:
            message = "there is no training Recipe that gives the table"
            yield (place / kind / "training").problem("C040", message, expected="recipes.training")
        if not 0 < len(spec.columns) <= MOST_COLUMNS:
            message = f"the lists of features name {len(spec.columns)} columns"
            expected = f"from 1 to {MOST_COLUMNS}"
            hint = f"name them: statistics.{kind}.columns"
            yield (place / kind).problem("C041", message, expected=expected, hint=hint)


def check_statistics(subject: Subject) -> Iterator[Problem]:
    """Check that an output whose columns are monitored is one table."""
    for kind, spec in subject.file.config.statistics.items():
        place = subject.config_place / "statistics" / kind
        yield from _table(subject, place / "from", spec.source)
        if spec.training is not None and subject.flat.flow == "training":
            yield from _of_training(subject, place / "training", spec.training)


def _table(subject: Subject, place: DocumentPath, named: Reference) -> Iterator[Problem]:
    """Check an output; that of a step which the other flow has, is checked there."""
    source, steps = subject.part_source(named), subject.flat.steps
    if source.name not in steps:
        return
    outputs = subject.outputs(source.name)
    if outputs is not None and source.output not in outputs:
        message = f"the step '{source.name}' has no output '{source.output}'"
        hint, expected = nearest(source.output, outputs), names(outputs)
        yield place.problem("C040", message, found=str(source), expected=expected, hint=hint)


def _of_training(subject: Subject, place: DocumentPath, named: Reference) -> Iterator[Problem]:
    source, steps = subject.part_source(named), subject.flat.steps
    if source.name in steps or not subject.flat.is_whole:
        yield from _table(subject, place, named)
        return
    message = f"the training Recipe has no step '{source.name}'"
    hint, expected = nearest(source.name, steps), names(steps)
    yield place.problem("C040", message, found=str(source), expected=expected, hint=hint)


RULES = (check_statistics,)
