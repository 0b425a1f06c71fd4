"""The Plan, and how documents become one."""

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

__all__ = ["Data", "Model", "Output", "Plan", "PlanStep", "Schedule", "Source", "Value"]
