"""Atlas: ML pipelines as data, from a notebook to production."""

import sys
import typing
from importlib import import_module

from atlas.labels import LabelJoin
from atlas.pictures import Png, Svg
from atlas.template import (
    Batch,
    Bounds,
    Context,
    Data,
    Evaluator,
    Html,
    Markdown,
    Predictor,
    RowEvaluator,
    Sink,
    Source,
    Template,
    Trainer,
    Transform,
)

if typing.TYPE_CHECKING:
    from atlas.artifacts import load
    from atlas.functions import step

__all__ = [
    "Batch",
    "Bounds",
    "Context",
    "Data",
    "Evaluator",
    "Html",
    "LabelJoin",
    "Markdown",
    "Png",
    "Predictor",
    "RowEvaluator",
    "Sink",
    "Source",
    "Svg",
    "Template",
    "Trainer",
    "Transform",
    "load",
    "step",
]


def __getattr__(name: str) -> typing.Any:
    """Import the packages that users know as functions, too, when they are asked for."""
    if name in ("load", "step"):
        return import_module(f"atlas.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# In a notebook, Plans and Recipes show themselves as drawings: docs/decisions/0006.
if "IPython" in sys.modules:
    import_module("atlas.notebook").register()
