"""The flat form of a Recipe: its steps with inlined Recipes, every reference resolved.

Each value keeps its place in the documents, so that a Problem found later still names the line.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.recipe import KEY, LITERAL_KEYS
from atlas.search.part import BEST, TRIAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.condition import Condition
    from atlas.errors import Problem
    from atlas.load import Document, JsonPath
    from atlas.recipe import Image, Parameter, Reference
    from atlas.search.part import SearchPart
    from atlas.validate.searching import FlatSearch


@dataclass(frozen=True)
class DocumentPath:
    """Where a value stands in a document."""

    document: Document
    at: JsonPath

    def __truediv__(self, part: str | int) -> DocumentPath:
        """Return the place of a member."""
        return DocumentPath(self.document, (*self.at, part))

    def problem(self, code: str, message: str, **more: Any) -> Problem:
        """Return a Problem at this place."""
        return self.document.problem(code, self.at, message, **more)


@dataclass(frozen=True)
class Input:
    """One resolved input.

    What can't be resolved is a Problem already; its source is of the kind ``broken``.

    Attributes:
        source: where it comes from; of the kind ``one_of`` where it is one of several.
        place: where that was written.
        options: those of ``one_of``, in the order in which they are looked at.
        keys: the keys themselves, where the source is of the kind ``literal``.
    """

    source: Reference
    place: DocumentPath
    options: tuple[Input, ...] = ()
    keys: tuple[Any, ...] = ()

    def each(self) -> tuple[Input, ...]:
        """Return what it may be: itself, or its options."""
        return self.options or (self,)


@dataclass(frozen=True)
class FlatForeach:
    """What a step runs once for each of.

    Attributes:
        axes: name → where its keys come from; of several, each combination, the first slowest.
        group: full name of the Recipe that runs once per key as a whole; empty for a class's step.
    """

    axes: Mapping[str, Input]
    group: str = ""

    def taken(self) -> Mapping[str, Input]:
        """Return the parameters of ``run`` that get keys; in a Recipe its inputs say which."""
        return {} if self.group else self.axes

    def reads(self) -> list[Input]:
        """Return where its keys come from, those left out that the documents give."""
        return [keys for keys in self.axes.values() if keys.source.kind != LITERAL_KEYS]


@dataclass(frozen=True)
class Param:
    """One param: a literal (``value``), or what the run or the member binds.

    Attributes:
        kind: ``value``, ``parameter``, ``run`` or ``axis``; ``open`` where it isn't known: it is a
            Problem already, or a Recipe is checked alone and only a Config could say.
        value: the literal, or the name.
        place: where it was written.
    """

    kind: str
    value: Any
    place: DocumentPath


@dataclass
class FlatStep:
    """One step after inlining.

    Attributes:
        name: full name.
        place: where the step was written.
        cls: ``module:Class``.
        cls_place: where that was written.
        origin: the Recipe file that the step was inlined from; empty for the Recipe's own.
        settings: the step's own over the defaults above it.
        places: where each setting was written, and each member of one: ``env``, ``env.TZ``.
        formats: output → format, where one is named.
        trust: output → full names of classes and functions that its model may be made of.
        when: the condition under which it runs, over `Input`s; None for always.
        search: what it does for a search; None for a step that is none of one.
    """

    name: str
    place: DocumentPath
    cls: str
    cls_place: DocumentPath
    description: str = ""
    origin: str = ""
    inputs: dict[str, Input] = field(default_factory=dict)
    params: dict[str, Param] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    trust: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    foreach: FlatForeach | None = None
    when: Condition | None = None
    search: SearchPart | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    places: dict[str, DocumentPath] = field(default_factory=dict)

    def setting_place(self, name: str, member: str = "") -> DocumentPath:
        """Return where a setting, or a member of it, was written."""
        own = self.place / name
        return self.places.get(f"{name}.{member}", self.places.get(name, own))

    def reads(self) -> list[Input]:
        """Return all inputs one by one, those of the keys and of the condition last."""
        given = (one for read in self.inputs.values() for one in read.each())
        inputs = [one for one in given if one.source.kind != KEY]
        keys = self.foreach.reads() if self.foreach else []
        return [*inputs, *keys, *(self.when.sources() if self.when else ())]

    @property
    def resourced(self) -> str:
        """Name under which an Environment gives it resources; empty for a step that needs none."""
        if self.search is None:
            return self.name
        trains = self.search.role == TRIAL or (self.search.role == BEST and self.search.refit)
        return self.search.of if trains else ""

    def upstream(self) -> tuple[str, ...]:
        """Return the names of the steps that must be over first."""
        read = (item.source.name for item in self.reads() if item.source.kind == "step")
        return tuple(dict.fromkeys((*read, *self.after)))


@dataclass
class Flat:
    """One flow of a Config, flat.

    Attributes:
        recipe: the Recipe's name.
        flow: ``training`` or ``inference``.
        place: the Recipe's document.
        steps: by full name, in an order that respects every edge once it is known.
        image_places: where each image was declared.
        exports: output of a Recipe that is a step (``features.rows``) → the step's that it is.
        searches: step → its search.
        is_whole: whether every step could be read; if not, those that are missing are not reported.
        digest: of the Recipe with everything that it includes.
    """

    recipe: str
    flow: str
    place: DocumentPath
    description: str = ""
    steps: dict[str, FlatStep] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    image_places: dict[str, DocumentPath] = field(default_factory=dict)
    exports: dict[str, Reference] = field(default_factory=dict)
    searches: dict[str, FlatSearch] = field(default_factory=dict)
    is_whole: bool = True
    digest: str = ""


def names(known: Iterable[str]) -> str:
    """Return names as a message lists what is expected; eight at most, nothing for none."""
    ordered = list(known)
    more = f" … ({len(ordered)})" if len(ordered) > 8 else ""  # noqa: PLR2004 - fits one line
    return ", ".join(ordered[:8]) + more
