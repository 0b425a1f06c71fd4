"""Targets: what a Plan can be compiled to, behind one small protocol."""

from atlas.targets.limits import limits
from atlas.targets.named import NAMES, target
from atlas.targets.protocol import NOWHERE, Origin, Target, deployed_name, refuse
from atlas.targets.several import Compiled, compile_plans

__all__ = [
    "NAMES",
    "NOWHERE",
    "Compiled",
    "Origin",
    "Target",
    "compile_plans",
    "deployed_name",
    "limits",
    "refuse",
    "target",
]
