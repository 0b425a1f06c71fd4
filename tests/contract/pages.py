"""The pages of docs/problems: their examples as files of a project, and what they must give."""

from __future__ import annotations

import argparse
import os
import re
import runpy
from dataclasses import dataclass
from pathlib import Path

from atlas import policies
from atlas.errors import InvalidError, Problem
from atlas.images.content import environment_digest
from atlas.plan import resolve
from atlas.step.imported import OPEN, import_problems
from atlas.targets.limits import limits
from atlas.validate import check

FOLDER = Path(__file__).parents[2] / "docs" / "problems"
INDEX = FOLDER / "README.md"
SCRIPT = "make.py"
"""A file of this name is run in the example's folder: it makes what no page can show."""
PLAN = "plan.py"
"""A file of this name leaves a list ``problems``: what only a program can get wrong."""
_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n\$ atlas (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One page: a title, a wrong example and a right one."""

    path: Path

    @property
    def code(self) -> str:
        return self.path.stem

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0].removeprefix("# ")

    @property
    def has_examples(self) -> bool:
        """Whether files can show it; an engine that isn't there, for one, can't be shown."""
        return "\n## Wrong\n" in self.text

    def part(self, name: str) -> str:
        """Return the text below a heading."""
        _, _, rest = self.text.partition(f"\n## {name}\n")
        return rest.partition("\n## ")[0]

    @property
    def arguments(self) -> str:
        """What stands behind `atlas`."""
        match = _CONSOLE.search(self.text)
        assert match, f"{self.path.name} has no console block"
        return match[1].strip()

    @property
    def says(self) -> str:
        """What the page says that `atlas validate` prints."""
        match = _CONSOLE.search(self.text)
        assert match
        return match[2]

    def with_says(self, printed: str) -> str:
        """Return the page with another output."""
        match = _CONSOLE.search(self.text)
        assert match
        start, end = match.span(2)
        return self.text[:start] + printed + self.text[end:]


def files_of(text: str) -> dict[str, str]:
    """Return the files that the labelled fences of a text hold."""
    return {name: content for _, name, content in _FENCE.findall(text) if name}


def pages() -> list[Page]:
    """Return all pages, by code."""
    return [Page(path) for path in sorted(FOLDER.glob("*.md")) if path != INDEX]


def problems_of(page: Page, part: str, folder: Path) -> list[Problem]:
    """Write the files of an example into a folder, and return what is wrong with them.

    The folder must be the working directory.
    """
    files = {**files_of(INDEX.read_text("utf-8")), **files_of(page.part(part))}
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    for name in (PLAN, SCRIPT):
        if name in files:
            found = runpy.run_path(name)
            os.remove(name)
            if name == PLAN:
                return list(found["problems"])
    command, _, arguments = page.arguments.partition(" ")
    return {"validate": validated, "build": built}[command](arguments)


def built(_arguments: str) -> list[Problem]:
    """Return what `atlas build` tells before it builds."""
    found = {}
    for pipeline in resolve(Path()):
        for plan in pipeline.plans.values():
            for image in plan.images.values():
                try:
                    environment_digest(image, pipeline.folder)
                except InvalidError as error:
                    found |= dict.fromkeys(error.problems)
    return list(found)


def validated(arguments: str) -> list[Problem]:
    """Return what `atlas validate` with some arguments tells."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", nargs="?", type=Path, default=Path())
    parser.add_argument("--env", default="local")
    parser.add_argument("--import", action="store_true", dest="imports")
    parser.add_argument("--warnings", action="store_true")
    parser.add_argument("--policy", type=Path)
    given = parser.parse_args(arguments.split())
    if given.policy:
        return policies.check(policies.read(given.policy))
    report = check(given.path, given.env)
    found = [*report.problems]
    if given.imports:
        found = [*(one for one in found if one.code != OPEN), *import_problems(report)]
    return [*found, *limits(report, warnings=given.warnings)]
