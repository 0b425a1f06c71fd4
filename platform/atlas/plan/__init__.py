"""The Plan, and how documents become one."""

from atlas.plan.code import code_digest, code_files
from atlas.plan.model import (
    Data,
    Model,
    Output,
    Plan,
    PlanStep,
    Schedule,
    Source,
    Value,
)
from atlas.plan.outputs import output_names
from atlas.plan.resolve import Pipeline, pipelines, resolve

__all__ = [
    "Data",
    "Model",
    "Output",
    "Pipeline",
    "Plan",
    "PlanStep",
    "Schedule",
    "Source",
    "Value",
    "code_digest",
    "code_files",
    "output_names",
    "pipelines",
    "resolve",
]
