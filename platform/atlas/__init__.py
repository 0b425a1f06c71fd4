"""Atlas: ML pipelines as data, from a notebook to production."""

from atlas.notebook import register as _show_in_notebooks
from atlas.template import (
    Bounds,
    Context,
    Data,
    Evaluator,
    Predictor,
    Sink,
    Source,
    Template,
    Trainer,
    Transform,
)

__all__ = [
    "Bounds",
    "Context",
    "Data",
    "Evaluator",
    "Predictor",
    "Sink",
    "Source",
    "Template",
    "Trainer",
    "Transform",
]

_show_in_notebooks()
