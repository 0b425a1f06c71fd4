"""Atlas: ML pipelines as data, from a notebook to production."""

from atlas.template import (
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
