"""Targets: what Plans can be compiled for, run on and deployed to, each behind one descriptor."""

from atlas.targets.descriptor import (
    CompileSite,
    DeployedKind,
    MonitorTarget,
    Target,
    deployed_kinds,
    monitor_target,
    target_named,
)
from atlas.targets.monitors import Monitor
from atlas.targets.protocol import NOWHERE, Compiler, Origin, deployed_name, refuse
from atlas.targets.several import Compiled, compile_plans, compiler_named

__all__ = [
    "NOWHERE",
    "CompileSite",
    "Compiled",
    "Compiler",
    "DeployedKind",
    "Monitor",
    "MonitorTarget",
    "Origin",
    "Target",
    "compile_plans",
    "compiler_named",
    "deployed_kinds",
    "deployed_name",
    "monitor_target",
    "refuse",
    "target_named",
]
