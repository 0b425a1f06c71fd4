"""Rules about data that are written: of two runs that write one place, one overwrites the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.environment import Environment
    from atlas.errors import Problem
    from atlas.validate.between import Checked
    from atlas.validate.flat import FlatStep, Input
    from atlas.validate.subject import Subject


@dataclass(frozen=True)
class _Write:
    """One step that writes a data set."""

    checked: Checked
    subject: Subject
    step: FlatStep
    source: Input
    uri: str

    @property
    def flow(self) -> str:
        return f"{self.checked.name}, {self.subject.flat.flow}"

    def problem(self, message: str, expected: str, hint: str = "") -> Problem:
        name = self.source.source.name
        text = f"data.{name}: {message}"
        return self.source.place.problem("C016", text, found=self.uri, expected=expected, hint=hint)


def writing_problems(checked: Iterable[Checked], environment: Environment) -> Iterator[Problem]:
    """Return the Problem of each place that several runs write, which overwrite each other.

    Of a folder, every interval has a part of its own, and every member of a family.

    Args:
        checked: Configs.
        environment: says where the data are.
    """
    first: dict[str, _Write] = {}
    for write in _writes(checked, environment):
        members = write.checked.file.config.member_count()
        if write.step.foreach:
            message = f"step {write.step.name} writes it once for each key of its foreach"
            expected = "one step behind it that gathers what they give, and writes that"
            yield write.problem(f"{message}: each overwrites the one before", expected)
        elif members > 1 and not write.uri.endswith("/"):
            message = f"the {members} members of the family write this one file: each overwrites"
            expected = f"a folder, '{write.uri}/', in which each member has a part of its own"
            yield write.problem(f"{message} the others", expected)
        other = first.setdefault(write.uri.rstrip("/"), write)
        if other.flow != write.flow:
            message = f"step {other.step.name} of {other.flow} writes the same place"
            hint = "give one of them another name in the data of its Config and of the Environment"
            yield write.problem(f"{message}: each overwrites the other", "a place of its own", hint)


def _writes(checked: Iterable[Checked], environment: Environment) -> Iterator[_Write]:
    for config in (config for config in checked if not config.broken):
        for subject in config.subjects.values():
            for step in subject.flat.steps.values():
                signature = subject.signatures.get(step.name)
                for name in signature.writes if signature else ():
                    source = step.inputs.get(name)
                    where = environment.data.get(source.source.name) if source else None
                    if source and source.source.kind == "data" and where:
                        yield _Write(config, subject, step, source, where.uri)
