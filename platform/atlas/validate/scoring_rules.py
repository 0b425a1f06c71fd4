"""Rules about inference: columns of predictions, the pinned version, shadow and canary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.graph import between
from atlas.validate.flat import DocumentPath
from atlas.validate.signature import may_predict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.config import Config, ModelSpec
    from atlas.errors import Problem
    from atlas.load import ConfigFile
    from atlas.validate.subject import Subject

CHALLENGER = "challenger"
"""First part of the names of the steps that the challenger runs."""


def scoring_problems(file: ConfigFile) -> Iterator[Problem]:
    """Return what is wrong with a Config's predictions, and with what it says of the challenger."""
    place, config = DocumentPath(file.document, ()), file.config
    yield from _column_names(place / "predictions", config)
    if config.predictions and "inference" not in config.recipes:
        message = "there are columns for predictions, and no inference Recipe"
        yield (place / "predictions").problem("C020", message, expected="recipes.inference")
    spec = config.model
    if spec is not None:
        yield from _pin(place / "model", spec)
        yield from _ways(place / "model", config, spec)


def _column_names(place: DocumentPath, config: Config) -> Iterator[Problem]:
    """Check that every column has a name of its own."""
    canary = config.model.canary if config.model else None
    seen = {canary.key: "model.canary.key"} if canary and canary.key else {}
    for fact, name in config.predictions.items():
        if name in seen:
            message = f"the column '{name}' is also that of {seen[name]}"
            yield (place / fact).problem("C021", message, found=name, hint="choose another name")
        seen.setdefault(name, f"predictions.{fact}")


def _pin(place: DocumentPath, spec: ModelSpec) -> Iterator[Problem]:
    if spec.digest and not spec.version.isdigit():
        message = f"a digest pins one version, and '{spec.version}' is followed"
        yield (place / "digest").problem("C028", message, expected="a number as model.version")


def _ways(place: DocumentPath, config: Config, spec: ModelSpec) -> Iterator[Problem]:
    """Check how the challenger scores: one way, with a column that says which rows it scored."""
    if spec.has_rival and "inference" not in config.recipes:
        message = "the challenger has nothing to score: there is no inference Recipe"
        yield place.problem("C023", message, expected="recipes.inference")
    if spec.shadow and spec.canary:
        message = "a canary keeps all that the challenger predicts, as a shadow does"
        yield (place / "shadow").problem("C024", message, hint="leave shadow out")
    if spec.canary and "version" not in config.predictions:
        message = "no column would say which model scored a row"
        hint = 'add "predictions": {"version": "model_version"}'
        yield (place / "canary").problem("C025", message, expected="predictions.version", hint=hint)


def check_predictions(subject: Subject) -> Iterator[Problem]:
    """Check that there are predictions, and a model that makes them, where the Config has columns.

    Steps whose class can't be read may be Predictors.
    """
    config = subject.file.config
    if not config.predictions or not _is_whole_inference(subject):
        return
    place = subject.config_place / "predictions"
    if not _predictors(subject):
        message = "no step of inference is a Predictor, and only these get the columns"
        yield place.problem("C020", message, hint="make the class that scores a Predictor")
    elif "version" in config.predictions and not _readers(subject):
        message = "no step of inference reads a part of the model, so there is no version"
        yield (place / "version").problem("C022", message, expected="an input model.NAME")


def check_challenger(subject: Subject) -> Iterator[Problem]:
    """Check that the challenger can run every step from the model's parts to a Predictor."""
    spec = subject.file.config.model
    if spec is None or not spec.has_rival or not _is_whole_inference(subject):
        return
    way = "shadow" if spec.shadow else "canary"
    place, steps = subject.config_place / "model" / way, subject.flat.steps
    edges = {
        name: [read.source.name for read in step.reads() if read.source.kind == "step"]
        for name, step in steps.items()
    }
    repeated = between(edges, _readers(subject), _predictors(subject))
    if not repeated:
        message = "the challenger has nothing to score: no Predictor depends on the model"
        yield place.problem("C023", message, expected="a Predictor with an input model.NAME")
    for name in steps:
        if name.partition(".")[0] == CHALLENGER:
            message = f"the challenger's own steps are called {CHALLENGER}.NAME"
            yield steps[name].place.problem("C026", message, found=name, hint="rename the step")
    for name in [name for name in steps if name in repeated]:
        yield from _repeatable(subject, name, repeated)


def _repeatable(subject: Subject, name: str, repeated: set[str]) -> Iterator[Problem]:
    """Check that a step can run twice: it writes no data, and runs for the same keys."""
    step, signature = subject.flat.steps[name], subject.signatures.get(name)
    for given in signature.writes if signature else ():
        read = step.inputs.get(given)
        if read is not None and read.source.kind == "data":
            message = f"the challenger runs the step '{name}' too, and would write {read.source}"
            hint = "write in a step of its own, such as a Sink"
            yield read.place.problem("C027", message, found=str(read.source), hint=hint)
    for keys in step.foreach.reads() if step.foreach else ():
        if keys.source.kind == "step" and keys.source.name in repeated:
            message = f"the keys of the step '{name}' depend on the model, and may be others for it"
            hint = "take the keys from a step that doesn't read the model"
            yield keys.place.problem("C029", message, found=str(keys.source), hint=hint)


def _is_whole_inference(subject: Subject) -> bool:
    flat = subject.flat
    return flat.flow == "inference" and flat.is_whole and not subject.file.is_part


def _readers(subject: Subject) -> list[str]:
    """Return the steps that read a part of the model."""
    return [
        name
        for name, step in subject.flat.steps.items()
        if any(read.source.kind == "model" for read in step.reads())
    ]


def _predictors(subject: Subject) -> list[str]:
    """Return the steps that are Predictors, or may be."""
    signatures = subject.signatures
    return [name for name in subject.flat.steps if may_predict(signatures.get(name))]


RULES = (check_predictions, check_challenger)
"""Every rule about inference."""
