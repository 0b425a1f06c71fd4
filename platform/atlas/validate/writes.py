"""Rules about data that are written: of two runs that write one place, one overwrites the other."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from atlas.config import DataSet
from atlas.dataclass import dataclass
from atlas.uris import is_file_uri, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atlas.environment import DataLocation, Environment
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
    where: DataLocation

    @property
    def uri(self) -> str:
        """Where it is, as the Environment has it."""
        return self.where.uri

    @property
    def is_sql(self) -> bool:
        """Whether it is a table of a database."""
        return self.where.is_sql

    @property
    def declared(self) -> DataSet:
        """What the Config says of the data set."""
        return self.checked.file.config.data.get(self.source.source.name, DataSet())

    @property
    def adds(self) -> bool:
        """Whether others' rows stay: it is appended to, or merged by key."""
        return self.declared.mode in ("append", "merge")

    @property
    def axes_without_part(self) -> list[str]:
        """The axes with several values that aren't told apart where it is written."""
        matrix, partition = self.checked.file.config.matrix, self.declared.partition
        if not partition and not self.is_sql:
            return []
        several = sorted(axis for axis, values in matrix.items() if len(values) > 1)
        return [axis for axis in several if f"{{axis:{axis}}}" not in partition]

    @property
    def flow(self) -> str:
        return f"{self.checked.name}, {self.subject.flat.flow}"

    def problem(self, message: str, expected: str, hint: str = "") -> Problem:
        name = self.source.source.name
        text = f"data.{name}: {message}"
        return self.source.place.problem("C016", text, found=self.uri, expected=expected, hint=hint)


def writing_problems(
    checked: Iterable[Checked],
    environment: Environment,
    others: Iterable[Checked] = (),
    root: str = "",
) -> Iterator[Problem]:
    """Return the Problem of each place that several runs write, which overwrite each other.

    Of a folder, every interval has a part of its own, and every member of a family; of a table of a
    database, what the Config's ``partition`` says. What is appended or merged overwrites nothing.

    Args:
        checked: Configs.
        environment: says where the data are.
        others: further Configs of the project, whose own Problems aren't asked for.
        root: the project's folder, which ``project:`` stands for.
    """
    theirs = [(write, _place(write, root)) for write in _writes(others, environment)]
    known = list(theirs)
    for write in _writes(checked, environment):
        yield from _of_one(write)
        place = _place(write, root)
        found = next((one for one, there in known if _meet(write, place, one, there)), None)
        if found is not None:
            yield _of_two(write, found, same=_place(found, root) == place)
        known.append((write, place))


def _of_one(write: _Write) -> Iterator[Problem]:
    """Check the members of a family, and the keys of a step, that write one data set."""
    members = write.checked.file.config.member_count()
    where, partition = write.uri, write.declared.partition
    if write.step.foreach:
        message = f"step {write.step.name} writes it once for each key of its foreach"
        expected = "one step behind it that gathers what they give, and writes that"
        yield write.problem(f"{message}: each overwrites the one before", expected)
    elif members == 1 or write.adds:
        return
    elif not where.endswith("/") and not write.is_sql:
        message = f"the {members} members of the family write this one file: each overwrites"
        expected = f"a folder, '{where}/', in which each member has a part of its own"
        yield write.problem(f"{message} the others", expected)
    elif missing := write.axes_without_part:
        message = f"the {members} members of the family write the same part: each overwrites"
        placeholders = ", ".join(f'"{{axis:{axis}}}"' for axis in missing)
        beside = ", ".join(f'"{one}"' for one in partition)
        listed = ", ".join(filter(None, (placeholders, beside)))
        yield write.problem(f"{message} the others", f'"partition": [{listed}] in its Config')


def _of_two(write: _Write, other: _Write, *, same: bool) -> Problem:
    where = "the same place" if same else f"a place in or around it, {other.uri}"
    message = f"step {other.step.name} of {other.flow} writes {where}"
    hint = "give one of them another name in the data of its Config and of the Environment"
    return write.problem(f"{message}: each overwrites the other", "a place of its own", hint)


def _meet(write: _Write, place: str, other: _Write, there: str) -> bool:
    """Tell whether two flows write places of which one is the other, or in it.

    Within one flow, that is asked of data sets with two names.
    """
    if write.flow == other.flow and write.source.source.name == other.source.source.name:
        return False
    if place == there:
        return not (write.adds and other.adds)
    return place.startswith(f"{there}/") or there.startswith(f"{place}/")


def _place(write: _Write, root: str) -> str:
    """Return a place in one way of writing it, without a slash at the end."""
    where = write.where
    if where.is_sql:
        return f"{where.uri}:{where.table}"
    scheme, _, rest = where.uri.partition(":")
    if scheme == "project" and root:
        return posixpath.normpath(f"{root}/{rest}")
    if is_file_uri(where.uri):
        return posixpath.normpath(str(path_of(where.uri)))
    return f"{scheme}:{posixpath.normpath(rest)}"


def names_written(checked: Iterable[Checked], environment: Environment) -> set[str]:
    """Return the names of the data sets that Configs write, and of others at the same places."""
    uris = {write.uri.rstrip("/") for write in _writes(checked, environment)}
    return {
        name
        for name, where in environment.data.items()
        if any(f"{where.uri.rstrip('/')}/".startswith(f"{uri}/") for uri in uris)
        or any(f"{uri}/".startswith(f"{where.uri.rstrip('/')}/") for uri in uris)
    }


def _writes(checked: Iterable[Checked], environment: Environment) -> Iterator[_Write]:
    for config in (config for config in checked if not config.broken):
        for subject in config.subjects.values():
            for step in subject.flat.steps.values():
                signature = subject.signatures.get(step.name)
                for name in signature.writes if signature else ():
                    source = step.inputs.get(name)
                    where = environment.data.get(source.source.name) if source else None
                    if source and source.source.kind == "data" and where:
                        yield _Write(config, subject, step, source, where)
