"""Atlas: ML pipelines as data, from a notebook to production."""

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
