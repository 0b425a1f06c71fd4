"""What the builders of both documents share: one JSON object, its checks, and its file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from atlas import files
from atlas.builder.text import pretty
from atlas.builder.words import plain
from atlas.environment import find_project
from atlas.errors import AtlasError, InvalidError
from atlas.load import Document, read_document, structure_problems

if TYPE_CHECKING:
    from collections.abc import Mapping


class DocumentBuilder:
    """Builds one JSON document, section by section."""

    kind: ClassVar[str]
    """``recipe`` or ``config``."""

    def __init__(self, name: str, **fields: Any) -> None:
        """Begin with the fields that are given; None leaves one out."""
        self._document: dict[str, Any] = {"version": 1, "name": name, **given(fields)}

    def to_json(self) -> dict[str, Any]:
        """Return the document as plain data.

        Raises:
            InvalidError: its structure is wrong; it carries every Problem.
        """
        value: dict[str, Any] = plain(self._document)
        shown = f"{value.get('name', self.kind)} (built in Python)"
        problems = structure_problems(self.kind, Document(Path(shown), shown, value))
        if problems:
            raise InvalidError(problems)
        return value

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the document, in place of what is there; a reader never sees half of it.

        In a project, the document names its schema, for editors.

        Raises:
            InvalidError: its structure is wrong; nothing is written then.
            AtlasError: the file can't be written.
        """
        file = Path(path)
        text = pretty(self._with_schema(self.to_json(), file))
        try:
            files.write_shared(file, text.encode())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise AtlasError(f"{file}: can't be written: {reason}") from None
        return file

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Return a builder that goes on from a file.

        Raises:
            DocumentError: it can't be read.
            InvalidError: its structure is wrong.
        """
        document = read_document(Path(path))
        problems = structure_problems(cls.kind, document)
        if problems:
            raise InvalidError(problems)
        return cls.from_json(document.value)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Return a builder that goes on from a document; `to_json` gives the same back."""
        raise NotImplementedError

    def _section(self, name: str) -> dict[str, Any]:
        section: dict[str, Any] = self._document.setdefault(name, {})
        return section

    def _with_schema(self, value: dict[str, Any], file: Path) -> dict[str, Any]:
        """Say where the project's schema is; one that is named already is not ours to move."""
        name = f"{self.kind}.v1.json"
        schema = find_project(file).root / ".atlas" / "schemas" / name
        if not value.get("$schema", name).endswith(name) or not schema.is_file():
            return value
        relative = os.path.relpath(schema, file.resolve().parent)
        rest = {key: member for key, member in value.items() if key != "$schema"}
        return {"$schema": Path(relative).as_posix(), **rest}


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that were given: those that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
