"""Which KFP artifact type stands for an output, so that Kubeflow shows it as what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.plan import output_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Output, Plan

_SHOWN: Mapping[str, str] = {
    "table": "Dataset", "model": "Model", "html": "HTML", "picture": "HTML",
    "markdown": "Markdown",
}  # fmt: skip
"""What a format shows its values as, and what that is to KFP."""
_TYPES = (
    ("pandas.", "Dataset"), ("pyarrow.", "Dataset"), ("numpy.", "Dataset"), ("polars.", "Dataset"),
    ("dict[str, torch.Tensor]", "Model"), ("sklearn.", "Model"),
    ("xgboost.", "Model"), ("lightgbm.", "Model"), ("catboost.", "Model"), ("keras.", "Model"),
    ("torch.nn", "Model"),
    ("dict[str, float]", "Metrics"), ("dict[str, int]", "Metrics"),
)  # fmt: skip
"""Start of a type's full name, and what it is to KFP; the first that fits."""


def outputs_of(plan: Plan) -> dict[str, dict[str, str]]:
    """Return the outputs of each step, declared or only read by others: name → KFP type."""
    parts = set(plan.model.parts.values()) if plan.model and plan.model.parts else set()
    return {
        step: {name: _type(plan.step(step).outputs.get(name), f"{step}.{name}" in parts)
               for name in names}
        for step, names in output_names(plan).items()
    }  # fmt: skip


def _type(output: Output | None, is_part_of_the_model: bool) -> str:
    """Return the name of the KFP artifact class for one output; None is one that others read."""
    if output is None:
        return "Artifact"
    if is_part_of_the_model:
        return "Model"
    by_type = (kind for start, kind in _TYPES if output.type.startswith(start))
    return _SHOWN.get(output.shows) or next(by_type, "Artifact")
