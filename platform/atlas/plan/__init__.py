"""The Plan, and how documents become one."""

from atlas.plan.code import code_digest, code_files
from atlas.plan.model import Plan
from atlas.plan.outputs import output_names
from atlas.plan.parts import (
    Foreach,
    InputSource,
    Model,
    Output,
    PlanData,
    PlanStep,
    Schedule,
    Value,
)
from atlas.plan.resolve import Pipeline, pipelines, resolve

__all__ = [
    "Foreach",
    "PlanData",
    "Model",
    "Output",
    "Pipeline",
    "Plan",
    "PlanStep",
    "Schedule",
    "InputSource",
    "Value",
    "code_digest",
    "code_files",
    "output_names",
    "pipelines",
    "resolve",
]
