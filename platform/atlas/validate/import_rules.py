"""Rules about what a pipeline's modules import: nothing that stays behind when the code moves."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from atlas.errors import Problem, SourceError
from atlas.load import below, clean, is_file, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.validate.leaving import LeavingImport
    from atlas.validate.subject import Subject

_LARGEST = 2**20
"""Bytes of a requirements file that are looked at."""


def check_own_name(subject: Subject) -> Iterator[Problem]:
    """Check that nothing in the folder is called as Atlas is."""
    taken = _called_atlas(subject)
    if taken:
        message = "has the name of Atlas itself, which the pipeline's modules import"
        hint = "rename it"
        yield Problem(code="R046", message=message, file=shown(subject.folder / taken), hint=hint)


def _called_atlas(subject: Subject) -> str:
    """Return the module or package at the top of the folder that is called atlas, if any."""
    if "atlas" not in subject.reader.sources.top:
        return ""
    if is_file(subject.folder / "atlas.py"):
        return "atlas.py"
    return "atlas" if any((subject.folder / "atlas").rglob("*.py")) else ""


def check_imports(subject: Subject) -> Iterator[Problem]:
    """Check that the modules of the steps' classes import nothing that only this machine has."""
    modules = {step.cls.partition(":")[0] for step in subject.flat.steps.values()}
    left: dict[LeavingImport, None] = {}
    for module in sorted(modules):
        try:
            left |= dict.fromkeys(subject.reader.leaving.of(module, subject.project.root))
        except SourceError:
            continue  # It is a Problem already.
    required = _required(subject) if left else set()
    ready = any(image.dockerfile or image.reference for image in subject.flat.images.values())
    for leaving in left:
        if not (leaving.is_installed and ready) and _as_distribution(leaving.top) not in required:
            yield _problem(leaving)


def _required(subject: Subject) -> set[str]:
    """Return the distributions that the requirements of the pipeline's images name.

    Most are called as their module is.
    """
    files = (below(subject.folder, image.requirements) for image in subject.flat.images.values())
    texts = [_text(file) for file in files if file is not None and os.path.isfile(file)]
    lines = (line for text in texts for line in text.splitlines())
    names = (re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0] for line in lines)
    return {_as_distribution(name) for name in names}


def _text(file: os.PathLike[str]) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return stream.read(_LARGEST)
    except OSError:
        return ""


def _as_distribution(name: str) -> str:
    """Return a name as indexes compare it.

    Source: PEP 503.
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _problem(left: LeavingImport) -> Problem:
    if left.place:
        where = clean(shown(left.place))
        message = f"imports '{left.name}', which is {where}: outside of the pipeline's folder"
        hint = (
            "only the folder goes along to where the pipeline runs: move the module into it, or "
            "install it as a package and name that in the requirements, or in [tool.atlas] allow"
        )
    else:
        message = f"imports '{left.name}', which leaves the pipeline's folder"
        hint = "an import may go up as far as the pipeline's folder: move the module into it"
    return Problem(
        code="R045",
        message=message,
        file=clean(shown(left.file)),
        line=left.line,
        column=left.column,
        found=left.name,
        hint=hint,
    )


RULES = (check_own_name, check_imports)
"""The rules about imports."""
