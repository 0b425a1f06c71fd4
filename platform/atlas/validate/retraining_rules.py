"""Rules about a Config's ``retraining``: what triggers look at is there, and bounds make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.config_retraining import RetrainingRule
from atlas.load import nearest
from atlas.validate.flat import DocumentPath, names
from atlas.validate.parameters import value_problems
from atlas.validate.schedule import schedule_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.config import Config
    from atlas.config_retraining import DegradationRule, DriftTrigger, EstimateRule
    from atlas.errors import Problem
    from atlas.load import ConfigFile
    from atlas.validate.flat import Flat

HIGHER, LOWER = "higher", "lower"
ROW_DIRECTIONS = {
    "accuracy": HIGHER,
    **dict.fromkeys(("brier_score", "log_loss", "mae", "mse", "rmse"), LOWER),
}
"""Metrics that each row has, whose running loss has a bound → which values are better."""
_DIRECTIONS = {**ROW_DIRECTIONS, "roc_auc": HIGHER}


def retraining_problems(file: ConfigFile, flats: Mapping[str, Flat]) -> Iterator[Problem]:
    """Return what is wrong with a Config's ``retraining``, its Recipes taken together."""
    config = file.config
    rule = RetrainingRule.parse(config.retraining)
    if rule is None:
        return
    place = DocumentPath(file.document, ()) / "retraining"
    yield from _nothing(place, config)
    if rule.new_rows and not config.statistics:
        message = "rows are counted in the batches that statistics record, and there are none"
        expected = "statistics.features or statistics.predictions"
        yield (place / "new_rows").problem("C044", message, expected=expected)
    if rule.degradation is not None:
        yield from _degradation(place / "degradation", rule.degradation)
    if rule.drift is not None:
        yield from _drift(place / "drift", config, rule.drift)
    if rule.estimate is not None:
        yield from _estimate(place / "estimate", file, rule.estimate)
    if "training" in flats and flats["training"].is_whole:
        yield from _parameters(place / "parameters", rule, flats["training"])
    if rule.schedule:
        yield from schedule_problems(place / "schedule", rule.schedule)


def _nothing(place: DocumentPath, config: Config) -> Iterator[Problem]:
    """Check that there is something to retrain, to count and to look at."""
    if "training" not in config.recipes:
        message = "there is retraining, and no training Recipe"
        yield place.problem("C013", message, expected="recipes.training")
        return
    labels = [data for data in config.data.values() if data.label]
    if "new_labels" in config.retraining and not labels:
        message = "no data of the Config has labels to count"
        at = place / "new_labels"
        yield at.problem("C013", message, expected="data.NAME.label", hint="name the label column")
    elif config.model is None:
        message = "there is retraining, and no model whose champion is monitored"
        yield place.problem("C043", message, expected="model")
    elif "inference" not in config.recipes:
        message = "there is retraining, and no inference Recipe whose batches are monitored"
        yield place.problem("C043", message, expected="recipes.inference")


def _degradation(place: DocumentPath, rule: DegradationRule) -> Iterator[Problem]:
    yield from _bounds(place, rule)
    if rule.limit is None and rule.metric not in ROW_DIRECTIONS:
        message = f"{rule.metric} isn't a metric of rows, whose bound the champion's test would say"
        expected = f"below or above; or one of {', '.join(ROW_DIRECTIONS)}"
        yield place.problem("C045", message, found=rule.metric, expected=expected)
    if rule.limit is not None and (rule.margin is not None or rule.test):
        own = "margin" if rule.margin is not None else "test"
        message = f"a bound is given, so '{own}' of the champion's test says nothing"
        yield (place / own).problem("C045", message, expected="one of them")


def _bounds(place: DocumentPath, rule: DegradationRule | EstimateRule) -> Iterator[Problem]:
    """Check that there is one bound at most, on the side that is worse."""
    if rule.below is not None and rule.above is not None:
        message = "a metric gets worse in one direction, and there are two bounds"
        yield place.problem("C045", message, expected="below or above")
        return
    better = _DIRECTIONS.get(rule.metric, "")
    wrong = "below" if better == LOWER else "above"
    if better and getattr(rule, wrong) is not None:
        right = "above" if better == LOWER else "below"
        message = f"{better} values of {rule.metric} are better, and it alarms {wrong} a bound"
        yield (place / wrong).problem("C045", message, expected=right)


def _drift(place: DocumentPath, config: Config, rule: DriftTrigger) -> Iterator[Problem]:
    known = config.statistics
    if "predictions" not in known and rule.predictions:
        message = "there are no statistics of predictions to look at"
        at = place / "predictions"
        yield at.problem("C044", message, expected="statistics.predictions")
    if "features" not in known and (rule.features or not rule.predictions):
        message = "there are no statistics of features to look at"
        yield place.problem("C044", message, expected="statistics.features")
        return
    columns = {name: None for name in known["features"].columns} if "features" in known else {}
    for number, name in enumerate(rule.features or ()):
        if name not in columns:
            message = f"statistics.features has no column '{name}'"
            hint, expected = nearest(name, columns), names(columns)
            at = place / "features" / number
            yield at.problem("C044", message, found=name, expected=expected, hint=hint)
    yield from _tolerances(place / "tolerance", config, rule)


def _tolerances(place: DocumentPath, config: Config, rule: DriftTrigger) -> Iterator[Problem]:
    if not isinstance(rule.tolerance, dict):
        return
    columns = {name: None for spec in config.statistics.values() for name in spec.columns}
    for name in rule.tolerance:
        if name not in columns:
            message = f"statistics have no column '{name}'"
            hint, expected = nearest(name, columns), names(columns)
            yield (place / name).problem("C044", message, found=name, expected=expected, hint=hint)


def _estimate(place: DocumentPath, file: ConfigFile, rule: EstimateRule) -> Iterator[Problem]:
    yield from _bounds(place, rule)
    if rule.below is None and rule.above is None:
        side = "above" if _DIRECTIONS.get(rule.metric) == LOWER else "below"
        message = f"nothing says which {rule.metric} is worth a warning"
        yield place.problem("C045", message, expected=side)
    predictions = file.document.value.get("statistics", {}).get("predictions", {})
    missing = [name for name in ("score", "label") if name not in predictions]
    if missing:
        message = f"an estimate needs the column with the {missing[0]}"
        expected = f"statistics.predictions.{missing[0]}"
        yield place.problem("C044", message, expected=expected)


def _parameters(place: DocumentPath, rule: RetrainingRule, flat: Flat) -> Iterator[Problem]:
    """Check the values of parameters that a retraining sets."""
    for trigger, values in rule.parameters.items():
        for name, value in values.items():
            at = place / trigger / name
            if name in flat.parameters:
                yield from value_problems(at, name, value, flat.parameters[name])
                continue
            message = f"the training Recipe has no parameter '{name}'"
            hint, expected = nearest(name, flat.parameters), names(flat.parameters)
            yield at.problem("C003", message, found=name, expected=expected, hint=hint)
