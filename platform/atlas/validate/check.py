"""Validation: every Problem of the pipelines under a path, at once, without importing them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from atlas.environment import Environment
from atlas.errors import DocumentError, InvalidError, Problem
from atlas.graph import find_cycle, order
from atlas.load import Loader, load_configs, load_environment, loader_for, missing_file, nearest
from atlas.validate import flow_rules, step_rules
from atlas.validate.flat import Place, names
from atlas.validate.flatten import Flattener
from atlas.validate.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from atlas.environment import Project
    from atlas.load import ConfigFile
    from atlas.validate.flat import Flat


@dataclass(frozen=True)
class Checked:
    """One Config, checked: its flows in flat form.

    Attributes:
        file: the Config.
        subjects: flow → its flat form and signatures.
        broken: whether it has an error.
    """

    file: ConfigFile
    subjects: Mapping[str, Subject]
    broken: bool = False


@dataclass(frozen=True)
class Report:
    """What validation found.

    Attributes:
        problems: everything, errors and notes, in the order of files and lines.
        checked: the Configs that could be read.
        project: the project they are in.
        environment: the Environment they were checked for.
    """

    problems: tuple[Problem, ...]
    checked: tuple[Checked, ...]
    project: Project
    environment: Environment
    files: tuple[str, ...] = field(default=())

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The Problems that stop a run."""
        return tuple(one for one in self.problems if one.severity == "error")


def check(path: Path, environment: str = "local") -> Report:
    """Validate everything that a PATH stands for; nothing of the user's is imported.

    Args:
        path: a Recipe, a Config, a pipeline's folder, or a folder that is scanned.
        environment: name of the Environment.

    Returns:
        All Problems and what was read; a document that can't be read is a Problem too.
    """
    loader = loader_for_path(path)
    if isinstance(loader, Report):
        return loader
    chosen = _environment(loader, environment)
    try:
        files = load_configs(path, loader)
    except DocumentError as error:
        loader.problems.append(error.problem)
        files = []
    checked = [_check_config(loader, file, chosen) for file in files]
    loader.problems += _same_names(files)
    loader.problems += _between(loader, checked)
    problems = _sorted(loader.problems)
    shown = tuple(dict.fromkeys(file.document.shown for file in files))
    return Report(problems, tuple(checked), loader.project, chosen, shown)


def loader_for_path(path: Path) -> Loader | Report:
    """Return a loader, or the Report of a pyproject.toml that can't be read."""
    try:
        return loader_for(path)
    except DocumentError as error:
        from atlas.environment import Project

        project = Project(path, path / ".atlas", explicit=False)
        return Report((error.problem,), (), project, Environment())


def _environment(loader: Loader, name: str) -> Environment:
    try:
        return load_environment(loader.project, name)
    except DocumentError as error:
        loader.problems.append(error.problem)
    except InvalidError as error:
        loader.problems += error.problems
    return Environment(name)


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.code, p.message)))


def _check_config(loader: Loader, file: ConfigFile, environment: Environment) -> Checked:
    before = len(loader.problems)
    flats = dict(_flats(loader, file))
    subjects: dict[str, Subject] = {}
    for flow, flat in flats.items():
        subject = Subject(file, flat, environment, loader.project, siblings=subjects)
        subjects[flow] = subject
        for rule in (*step_rules.RULES, *flow_rules.RULES):
            loader.problems += rule(subject)
    loader.problems += _config_problems(file, flats)
    new = loader.problems[before:]
    broken = any(one.severity == "error" for one in new) or len(flats) < _flow_count(file)
    if not broken:
        for subject in subjects.values():
            _sort(subject.flat)
    return Checked(file, subjects, broken)


def _flow_count(file: ConfigFile) -> int:
    return sum(flow in file.config.recipes for flow in file.flows)


def _sort(flat: Flat) -> None:
    edges = {name: step.upstream() for name, step in flat.steps.items()}
    flat.steps = {name: flat.steps[name] for name in order(edges)}


def _flats(loader: Loader, file: ConfigFile) -> Iterator[tuple[str, Flat]]:
    """Flatten the flows of a Config; training first, for inference takes types from it."""
    for flow, path in file.config.recipes.items():
        place = Place(file.document, ("recipes", flow))
        recipe = loader.inside(place.document, place.at, path, file.folder)
        if recipe is None:
            continue
        if not recipe.is_file():
            problem = missing_file(place.document, place.at, recipe, "R024", "Recipe")
            loader.problems.append(problem)
            continue
        found = loader.recipe(recipe)
        if found is not None:
            yield flow, Flattener(loader, file).flatten(found, flow)


def _config_problems(file: ConfigFile, flats: Mapping[str, Flat]) -> Iterator[Problem]:
    place = Place(file.document, ())
    config = file.config
    if len(flats) == len(config.recipes):
        steps = dict.fromkeys(name for flat in flats.values() for name in flat.steps)
        yield from _unknown(place / "steps", config.steps, steps, "C002", "step")
        known = dict.fromkeys(name for flat in flats.values() for name in flat.parameters)
        yield from _unknown(place / "parameters", config.parameters, known, "C003", "parameter")
    for flow in config.schedule:
        if flow not in config.recipes:
            message = f"there is a schedule for {flow}, and no Recipe"
            yield (place / "schedule" / flow).problem("C006", message, expected=f"recipes.{flow}")
    count = config.member_count()
    if count > flow_rules.MAX_MEMBERS:
        message = f"the matrix has {count} members"
        expected = f"at most {flow_rules.MAX_MEMBERS}"
        yield (place / "matrix").problem("C012", message, found=str(count), expected=expected)


def _unknown(
    place: Place, given: Iterable[str], known: Mapping[str, None], code: str, what: str
) -> Iterator[Problem]:
    for name in given:
        if name not in known:
            message = f"no Recipe of the Config has a {what} '{name}'"
            hint = nearest(name, known)
            expected = names(known)
            yield (place / name).problem(code, message, found=name, expected=expected, hint=hint)


def _same_names(files: Iterable[ConfigFile]) -> Iterator[Problem]:
    seen: dict[str, ConfigFile] = {}
    for file in files:
        for name in _member_names(file):
            first = seen.setdefault(name, file)
            if first is not file:
                message = f"the pipeline '{name}' is also in {first.document.shown}"
                place = Place(file.document, ("name",))
                yield place.problem("C007", message, hint="give one of them another name")
                break


def _member_names(file: ConfigFile) -> list[str]:
    config = file.config
    if config.member_count() > flow_rules.MAX_MEMBERS:
        return [config.name]
    return [config.member_name(axes) for axes in config.members()]


def _between(loader: Loader, checked: list[Checked]) -> Iterator[Problem]:
    """Check references to other pipelines and families."""
    references = [
        (one, step, source)
        for one in checked
        for subject in one.subjects.values()
        for step in subject.flat.steps.values()
        for source in step.reads()
        if source.source.kind in ("pipeline", "family")
    ]
    if not references:
        return
    pool = _pool(loader, checked)
    edges: dict[str, set[str]] = {name: set() for name in pool}
    for one, _, source in references:
        target = pool.get(source.source.name)
        if target is None:
            yield _no_pipeline(source.place, source.source.kind, source.source.name, pool)
            continue
        edges[one.file.config.name].add(target.file.config.name)
        yield from _no_step(source.place, source.source, target)
    cycle = find_cycle(edges)
    if cycle:
        message = f"the pipelines wait for each other: {' → '.join((*cycle, cycle[0]))}"
        yield Place(pool[cycle[0]].file.document, ("name",)).problem("C011", message)


def _pool(loader: Loader, checked: list[Checked]) -> dict[str, Checked]:
    """Return every pipeline and family of the project by name, members' names too."""
    known = {one.file.document.path.resolve(): one for one in checked}
    quiet = Loader(loader.project)
    for file in load_configs(loader.project.root, quiet) if loader.project.explicit else ():
        path = file.document.path.resolve()
        if path not in known:
            known[path] = _check_config(quiet, file, Environment())
    pool: dict[str, Checked] = {}
    for one in known.values():
        for name in (one.file.config.name, *_member_names(one.file)):
            pool.setdefault(name, one)
    return pool


def _no_pipeline(place: Place, kind: str, name: str, pool: Mapping[str, Checked]) -> Problem:
    message = f"the project has no {kind} '{name}'"
    return place.problem("C010", message, expected=names(pool), hint=nearest(name, pool))


def _no_step(place: Place, source: object, target: Checked) -> Iterator[Problem]:
    step, output = source.step, source.output  # type: ignore[attr-defined]
    subjects = [one for one in target.subjects.values() if step in one.flat.steps]
    if not subjects:
        known = [name for one in target.subjects.values() for name in one.flat.steps]
        message = f"the pipeline '{target.file.config.name}' has no step '{step}'"
        yield place.problem("C010", message, expected=names(known), hint=nearest(step, known))
        return
    outputs = subjects[0].outputs(step)
    if outputs is not None and output not in outputs:
        message = f"the step '{step}' of '{target.file.config.name}' has no output '{output}'"
        hint = nearest(output, outputs)
        yield place.problem("C010", message, expected=names(outputs), hint=hint)


__all__ = ["Checked", "Report", "check"]
