"""What the rules look at: one flow of one Config, flat, with the signatures of its classes."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import SourceError
from atlas.formats import arrival
from atlas.validate.enums import members_of
from atlas.validate.flat import DocumentPath
from atlas.validate.signature import Signatures
from atlas.validate.source import Sources
from atlas.validate.types import DATA, UNKNOWN, Type, lineage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.environment import Environment, Project
    from atlas.load import ConfigFile, Document
    from atlas.recipe import Reference
    from atlas.validate.flat import Flat, FlatStep
    from atlas.validate.signature import Signature


@dataclass
class Subject:
    """One flow of one Config, flat, and what is known of its classes.

    Attributes:
        file: the Config.
        flat: the flow's steps.
        environment: where it would run.
        project: the project it is in.
        signatures: step → signature; steps whose class can't be read are left out.
        siblings: the Config's other flow, for what one takes from the other.
        environment_document: the Environment's document, if it has one and it is right.
        is_placed: whether the Environment is known, so that what it lacks can be reported.
        shared: reads signatures; the flows of one folder share one.
    """

    file: ConfigFile
    flat: Flat
    environment: Environment
    project: Project
    signatures: dict[str, Signature] = field(default_factory=dict)
    siblings: Mapping[str, Subject] = field(default_factory=dict)
    environment_document: Document | None = None
    is_placed: bool = True
    shared: Signatures | None = None
    reader: Signatures = field(init=False)

    def __post_init__(self) -> None:
        """Read classes from the pipeline's folder and what the project allows."""
        self.reader = self.shared or Signatures(Sources(self.folder, self.project.allow))

    @property
    def folder(self) -> Path:
        """The pipeline's folder."""
        return self.file.folder

    @property
    def config_place(self) -> DocumentPath:
        """Where the Config is."""
        return DocumentPath(self.file.document, ())

    @property
    def environment_place(self) -> DocumentPath:
        """Where the Environment is; the Config, where the Environment has no file."""
        return DocumentPath(self.environment_document or self.file.document, ())

    def ancestors(self, full: str) -> tuple[str, ...] | None:
        """Return the bases of a class whose source is known, else None."""
        try:
            return self.reader.ancestors(full)
        except SourceError:
            return None

    def members(self, full: str) -> tuple[Any, ...] | None:
        """Return the values of an Enum's members, or None where its source doesn't tell."""
        try:
            owned, bases = self.reader.sources.find_class(full), self.reader.ancestors(full)
        except SourceError:
            return None
        return members_of(*owned, bases or ()) if owned else None

    def member(self, _full: str, value: Any) -> Any:
        """Return an Enum's member of a value: the value stands for it."""
        return value

    def holds(self, full: str, _value: Any) -> bool | None:
        """Return False for a class of known source, as no JSON value is one of it; else None."""
        return None if self.ancestors(full) is None or not self._is_known(full) else False

    def _is_known(self, full: str) -> bool:
        """Tell whether the sources of a class and of all that it inherits from are known."""
        return lineage(full, self.ancestors)[1]

    def outputs(self, step: str) -> Mapping[str, Type] | None:
        """Return the outputs of a step, or None when they are not known."""
        signature = self.signatures.get(step)
        return signature.outputs if signature else None

    def type_of(self, source: Reference) -> Type:
        """Return the type that a source gives; `UNKNOWN` when that isn't known."""
        if source.kind == "step":
            return self._gathered(source)
        if source.kind == "data":
            return DATA
        if source.kind == "model":
            return self._model_part(source.name)
        return UNKNOWN

    def part_source(self, reference: Reference) -> Reference:
        """Return the step's output that a part of the model is, Recipes that are steps opened."""
        return self.flat.exports.get(str(reference), reference)

    def _gathered(self, source: Reference) -> Type:
        step = self.flat.steps.get(source.name)
        kind = (self.outputs(source.name) or {}).get(source.output, UNKNOWN)
        if step is not None and (back := arrival(kind.name, step.formats.get(source.output, ""))):
            kind = kind if back == kind.name else Type(back)
        is_list = step is not None and step.foreach is not None and not source.same_key
        return Type("list", (kind,)) if is_list else kind

    def _model_part(self, part: str) -> Type:
        training = self.siblings.get("training")
        model = self.file.config.model
        source = model.parts.get(part) if model else None
        if training is None or source is None:
            return UNKNOWN
        return training.type_of(training.part_source(source))


def step_subjects(subject: Subject) -> list[tuple[FlatStep, Signature]]:
    """Return the steps whose class is known, with their signatures."""
    steps = subject.flat.steps
    return [(steps[name], signature) for name, signature in subject.signatures.items()]
