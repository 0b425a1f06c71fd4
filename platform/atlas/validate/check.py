"""Validation: every Problem of the pipelines under a path, at once, without importing them."""

from __future__ import annotations

import os
from dataclasses import field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.environment import Environment, Project
from atlas.errors import DocumentError, Problem
from atlas.graph import order
from atlas.load import (
    EnvironmentFile,
    Loader,
    load_configs,
    loader_for,
    passed_over,
    shown,
)
from atlas.validate import (
    class_rules,
    condition_rules,
    data_rules,
    flow_rules,
    foreach_rules,
    hint_rules,
    import_rules,
    label_rules,
    quality_rules,
    retraining_rules,
    scoring_rules,
    search_rules,
    setting_rules,
    statistics_rules,
    step_rules,
)
from atlas.validate.alert_rules import alert_problems
from atlas.validate.between import (
    Checked,
    between_problems,
    crosses,
    families_read,
    flows_read,
    kept_as,
)
from atlas.validate.code import code_files, code_problems
from atlas.validate.config_rules import config_problems, same_names
from atlas.validate.documents import all_configs, config_names, environment_of, flats_of
from atlas.validate.environment_rules import environment_problems
from atlas.validate.flat import DocumentPath
from atlas.validate.naming import with_pipelines
from atlas.validate.signature import Signatures
from atlas.validate.source import Sources
from atlas.validate.subject import Subject
from atlas.validate.writes import names_written, writing_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from atlas.errors import SourceError
    from atlas.load import ConfigFile
    from atlas.validate.flat import Flat
    from atlas.validate.source import Module

_RULES = (
    class_rules.read_classes,
    *search_rules.RULES,
    *import_rules.RULES,
    *hint_rules.RULES,
    *step_rules.RULES,
    *foreach_rules.RULES,
    *condition_rules.RULES,
    *setting_rules.RULES,
    *label_rules.RULES,
    *flow_rules.RULES,
    *data_rules.RULES,
    *scoring_rules.RULES,
    *statistics_rules.RULES,
)
"""Every rule about a flow; the first reads the classes, which the others look at."""
_FOLLOWING = ("N002", "N004")
"""Warnings that most often only follow from an error, where there is one."""


@dataclass(frozen=True)
class Report:
    """What validation found.

    Attributes:
        problems: everything, errors and warnings, in the order of files and lines.
        checked: the Configs that could be read.
        project: the project they are in.
        environment: the Environment they were checked for.
        files: the Configs' files, as messages show them.
        flows: ``NAME/step`` of another pipeline that is read → the flow that has it.
        kept: reference to another pipeline's output → the format and the trusted names that its
            Recipe names, where it does.
        families: names of the families of which a member's earlier runs are read.
        code: a pipeline's folder → the files of its code.
    """

    problems: tuple[Problem, ...]
    checked: tuple[Checked, ...]
    project: Project
    environment: Environment
    files: tuple[str, ...] = field(default=())
    flows: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    families: frozenset[str] = frozenset()
    code: Mapping[Path, Sequence[Path]] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The Problems that stop a run."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def check(path: Path, environment: str = "local") -> Report:
    """Validate everything that a PATH stands for; nothing of the user's is imported.

    Args:
        path: a Recipe, a Config, a pipeline's folder, or a folder that is scanned.
        environment: name of the Environment.

    Returns:
        All Problems and what was read; a document that can't be read is a Problem too.
    """
    path = Path(path)  # notebooks often have it as text
    try:
        loader = loader_for(path)
        loader.salvage = True
    except DocumentError as error:
        project = Project(path, path / ".atlas", explicit=False)
        return Report((error.problem,), (), project, Environment())
    checker = _Checker(loader, environment_of(loader, environment))
    return checker.report(path, environment)


class _Checker:
    """Checks Configs of one project; what they share is read once."""

    def __init__(self, loader: Loader, environment: EnvironmentFile | None) -> None:
        self.loader = loader
        self.environment = environment
        self._readers: dict[Path, Signatures] = {}
        self._foreign: dict[str, Module | SourceError | None] = {}
        self._code: dict[Path, list[Path]] = {}
        self._astray: dict[Path, list[Problem]] = {}
        self._flows: dict[str, str] = {}
        self._kept: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._families: set[str] = set()

    def report(self, path: Path, environment: str) -> Report:
        """Check what a path stands for."""
        loader = self.loader
        try:
            files = load_configs(path, loader)
        except DocumentError as error:
            loader.problems.append(error.problem)
            files = []
        checked = list(self.all_checked(files))
        loader.problems += same_names(files)
        loader.problems += self._around(checked)
        loader.problems += self._between(checked)
        if self.environment:
            loader.problems += self._writing(checked, self.environment.environment)
        if os.path.isdir(path) and not any(
            problem.severity == "error" for problem in loader.problems
        ):
            loader.problems += passed_over(path, files, loader)
        used = self.environment.environment if self.environment else Environment(environment)
        names = tuple(dict.fromkeys(file.document.shown for file in files))
        problems = _sorted(with_pipelines(loader.problems, checked))
        read = (self._flows, self._kept, frozenset(self._families), self._code)
        return Report(problems, tuple(checked), loader.project, used, names, *read)

    def all_checked(self, files: Iterable[ConfigFile]) -> Iterator[Checked]:
        """Check Configs; the Configs of one folder share what is read of its sources."""
        for folder, neighbours in groupby(files, key=lambda file: file.folder):
            yield from map(self.checked, neighbours)
            if folder in self._readers:
                self._readers[folder].sources.release()

    def checked(self, file: ConfigFile) -> Checked:
        """Check one Config, its flows and their steps."""
        problems = self.loader.problems
        before = len(problems)
        flats = dict(flats_of(self.loader, file))
        subjects: dict[str, Subject] = {}
        for flow, flat in flats.items():
            subjects[flow] = subject = self._subject(file, flat, subjects)
            for rule in _RULES:
                problems += rule(subject)
        problems += config_problems(file, flats)
        problems += alert_problems(file, flats, self.environment)
        problems += scoring_rules.scoring_problems(file)
        problems += statistics_rules.statistics_problems(file, flats)
        problems += quality_rules.quality_problems(file, flats)
        problems += retraining_rules.retraining_problems(file, flats)
        problems += self._code_problems(file.folder, problems[before:])
        new = problems[before:]
        broken = any(problem.severity == "error" for problem in new)
        problems[before:] = [
            problem for problem in new if not broken or problem.code not in _FOLLOWING
        ]
        asked = set(file.flows) & set(file.config.recipes)
        broken = broken or self.environment is None or not flats.keys() >= asked
        for subject in subjects.values() if not broken else ():
            _sort(subject.flat)
        return Checked(file, subjects, broken, tuple(problems[before:]))

    def _code_problems(self, folder: Path, reported: Iterable[Problem]) -> list[Problem]:
        """Check the files of a pipeline's folder; files that Problems name already are left out."""
        if folder not in self._code:
            self._code[folder] = files = code_files(folder, self.loader.values)
            self._astray[folder] = list(code_problems(folder, self.loader.project.root, files))
        known = {problem.file for problem in reported}
        known |= {shown(folder / problem.found) for problem in reported if problem.code == "R023"}
        return [problem for problem in self._astray[folder] if problem.file not in known]

    def _subject(self, file: ConfigFile, flat: Flat, siblings: Mapping[str, Subject]) -> Subject:
        if file.folder not in self._readers:
            sources = Sources(file.folder, self.loader.project.allow, self._foreign)
            self._readers[file.folder] = Signatures(sources)
        known = self.environment
        return Subject(
            file,
            flat,
            known.environment if known else Environment(),
            self.loader.project,
            siblings=siblings,
            environment_document=known.document if known else None,
            is_placed=known is not None,
            shared=self._readers[file.folder],
        )

    def _around(self, checked: Iterable[Checked]) -> Iterator[Problem]:
        """Check the Environment, with what of the project it speaks of."""
        known = self.environment
        if known is None or known.document is None:
            return
        flats = {
            config.name: (
                config.file,
                {flow: subject.flat for flow, subject in config.subjects.items()},
            )
            for config in checked
        }
        place = DocumentPath(known.document, ())
        names = partial(config_names, self.loader.project)
        yield from environment_problems(known.environment, place, flats, names)

    def _writing(self, checked: list[Checked], environment: Environment) -> Iterator[Problem]:
        """Check what is written, also by other pipelines of the project that name the same data."""
        names = names_written(checked, environment)
        known = {os.path.realpath(config.file.document.path) for config in checked}
        quiet = _Checker(Loader(self.loader.project), self.environment)
        others: dict[str, ConfigFile] = {}
        for path in all_configs(self.loader.project) if names else ():
            real = os.path.realpath(path)
            if real in known or real in others or not _names_data(path, names):
                continue
            file = quiet.loader.config(path) if quiet.loader.is_config(path) else None
            others |= {real: file} if file is not None else {}
        pool = list(quiet.all_checked(others.values()))
        yield from writing_problems(checked, environment, pool, str(self.loader.project.root))

    def _between(self, checked: list[Checked]) -> Iterator[Problem]:
        """Check references to other pipelines, which may be anywhere in the project."""
        if not crosses(checked):
            return
        quiet = _Checker(Loader(self.loader.project), self.environment)
        known = {os.path.realpath(config.file.document.path) for config in checked}
        others: dict[str, ConfigFile] = {}
        for path in all_configs(self.loader.project):
            real = os.path.realpath(path)
            is_known = real in known or real in others or not quiet.loader.is_config(path)
            file = None if is_known else quiet.loader.config(path)
            others |= {real: file} if file is not None else {}
        pool = [*checked, *quiet.all_checked(others.values())]
        self._flows |= flows_read(checked, pool)
        self._kept |= kept_as(checked, pool)
        self._families |= families_read(checked, pool)
        yield from between_problems(checked, pool)


def _names_data(path: Path, names: Iterable[str]) -> bool:
    """Tell whether a file may be a Config that has, or inherits, data of one of these names."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return False
    return '"extends"' in text or any(f'"{name}"' in text for name in names)


def _sort(flat: Flat) -> None:
    edges = {name: step.upstream() for name, step in flat.steps.items()}
    flat.steps = {name: flat.steps[name] for name in order(edges)}


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.code, p.message)))


__all__ = ["Checked", "Report", "check"]
