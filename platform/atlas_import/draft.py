"""What an importer has made of somebody else's pipeline, before any file is written."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST = 60
_OF_STEPS = frozenset({"context", "run"})
"""Names of a step's own that none of its arguments can have."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that wasn't taken over, or not as it was.

    Attributes:
        place: the file, and the line where there is one: ``nodes.py:12``.
        text: what it is, and what to do.
    """

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class StepInput:
    """An input of a step: what it reads, and the hint of the argument."""

    reference: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StepParam:
    """A param of a step: what the Recipe says, and the hint of the argument."""

    value: Any
    hint: str = "Any"


@dataclass(frozen=True, slots=True)
class StepDraft:
    """One step, and the function that it will be.

    Attributes:
        name: its name in the Recipe; the function has it as an identifier.
        inputs: argument → what it reads.
        params: keyword-only argument → its value.
        outputs: field → hint; ``value`` alone for a function that returns one thing.
        body: the function's lines.
        description: its docstring.
        after: steps that it waits for without reading anything of them.
        foreach: argument → where the list of its values comes from, or the list.
        settings: `retries`, `timeout`, `env`, `resources`, as the Recipe has them.
    """

    name: str
    body: tuple[str, ...]
    inputs: Mapping[str, StepInput] = field(default_factory=dict)
    params: Mapping[str, StepParam] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    after: tuple[str, ...] = ()
    foreach: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def function(self) -> str:
        """The function's name."""
        return identifier(self.name)


@dataclass(frozen=True, slots=True)
class PipelineDraft:
    """A pipeline that can be written.

    Attributes:
        name: what it was called.
        flow: ``training`` or ``inference``.
        steps: in the order in which they were found.
        imports: import statements of the steps module.
        files: further files of the pipeline's folder: path → text.
        data: data set → its type, and what the Environment says of it.
        config: further fields of the Config: `features`, `model`, `schedule`.
        requirements: lines of a requirements file.
        notes: what wasn't taken over.
    """

    name: str
    flow: str
    steps: tuple[StepDraft, ...]
    imports: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    description: str = ""


def identifier(text: str, taken: Iterable[str] = ()) -> str:
    """Return the nearest Python identifier that a step's argument may be, and nobody else is."""
    words = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")[:_LONGEST] or "value"
    if not _IDENTIFIER.fullmatch(words):
        words = f"n_{words}"
    if keyword.iskeyword(words) or keyword.issoftkeyword(words) or words in _OF_STEPS:
        words += "_"
    return _free(words, taken)


def recipe_name(text: str, taken: Iterable[str] = ()) -> str:
    """Return the nearest name that a step or a data set may have, and nobody else has."""
    tidy = re.sub(r"[^a-z0-9_]+", "_", text.lower()).lstrip("_0123456789").rstrip("_")
    name = tidy[:_LONGEST] or "step"
    return _free(f"{name}_" if keyword.iskeyword(name) else name, taken)


def camel(text: str) -> str:
    """Return a class's name made of a function's."""
    return "".join(word[:1].upper() + word[1:] for word in text.split("_"))


def _free(name: str, taken: Iterable[str]) -> str:
    return next(one for one in _numbered(name) if one not in set(taken))


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
