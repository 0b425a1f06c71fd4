"""Compiling many Plans at once: a Plan that a target refuses keeps no other from being compiled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.registered import LOCAL_TARGET
from atlas.targets.descriptor import CompileSite, target_named
from atlas.targets.protocol import NOWHERE, deployed_name, not_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.targets.protocol import Compiler, Origin


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of one Plan.

    Attributes:
        name: the deployed name.
        target: the target's name.
        plan: the Plan's digest.
        files: file name → content; empty when there is an error among the problems.
        unbuilt: references of the images that stand in the files by a tag of their content.
        problems: what the target can't do, and what it does differently.
    """

    name: str
    target: str
    plan: str
    files: Mapping[str, bytes]
    unbuilt: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def compiler_named(name: str, site: CompileSite | None = None) -> Compiler:
    """Return the compiler of a target.

    Args:
        name: the target's.
        site: what it compiles for; by default no platform.

    Raises:
        TargetError: there is no target of that name, or the platform has it in no known way.
    """
    return target_named(name).compiler(site or CompileSite())


def compile_plans(
    plans: Iterable[Plan],
    images_of: Callable[[Plan], Mapping[str, str]],
    chosen: str = "",
    *,
    make: Callable[[str], Compiler] | None = None,
    origin_of: Callable[[Plan], Origin] = lambda _: NOWHERE,
) -> list[Compiled]:
    """Compile Plans for a target, or each for its own.

    Args:
        plans: what to compile.
        images_of: returns the references of a Plan's images; asked only where a target uses them.
        chosen: the target's name; empty for each Plan's own, where ``local`` compiles to nothing.
        make: returns a target's compiler by its name; by default those of no platform.
        origin_of: returns what a Plan is of.

    Raises:
        TargetError: no target of the chosen name has files.
    """
    pairs = [(plan, chosen or plan.target) for plan in plans]
    make = make or compiler_named
    used = dict.fromkeys(name for _, name in pairs if name != LOCAL_TARGET)
    compilers = {name: make(name) for name in used}
    return [
        _compile(plan, name, compilers[name], images_of, origin_of)
        for plan, name in pairs
        if name in compilers
    ]


def _compile(
    plan: Plan,
    target: str,
    compiler: Compiler,
    images_of: Callable[[Plan], Mapping[str, str]],
    origin_of: Callable[[Plan], Origin],
) -> Compiled:
    """Compile one Plan, or say why not."""
    deployed = deployed_name(plan)
    problems = tuple(
        replace(problem, file=deployed) for problem in (*not_text(plan), *compiler.problems(plan))
    )
    if any(problem.severity == "error" for problem in problems):
        return Compiled(deployed, target, plan.digest, {}, problems=problems)
    images = images_of(plan) if compiler.uses_images else {}
    files = compiler.compile(plan, images, origin_of(plan))
    return Compiled(deployed, target, plan.digest, files, _unbuilt(plan, images), problems)


def _unbuilt(plan: Plan, images: Mapping[str, str]) -> tuple[str, ...]:
    """Return the images of steps that have no digest yet: those that aren't built and pushed."""
    used = {step.image for step in plan.steps if step.image in images}
    return tuple(sorted(images[name] for name in used if "@" not in images[name]))
