"""Atlas: ML pipelines as data, from a notebook to production."""

import sys
from importlib import import_module

from atlas.labels import LabelJoin
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

__all__ = [
    "Batch",
    "Bounds",
    "Context",
    "Data",
    "Evaluator",
    "Html",
    "LabelJoin",
    "Markdown",
    "Predictor",
    "RowEvaluator",
    "Sink",
    "Source",
    "Template",
    "Trainer",
    "Transform",
]

# In a notebook, Plans and Recipes show themselves as drawings: docs/decisions/0006.
if "IPython" in sys.modules:
    import_module("atlas.notebook").register()
