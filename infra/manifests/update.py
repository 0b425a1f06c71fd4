"""`make update-services`: which services have newer manifests, and what a newer version changes.

`python -m infra.manifests.update` shows what is newer. With a service and a version it renders that
version, shows which objects differ from those that are pinned, and pins it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi import RunError

from infra.manifests import programs
from infra.manifests.objects import ObjectKey, digest
from infra.manifests.rendering import SECONDS, Manifests, render
from infra.manifests.sources import renderings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from infra.manifests.objects import Manifest
    from infra.manifests.sources import Rendering

SERVICES = Path(__file__).resolve().parents[2] / "platform" / "services"
_RELEASE = re.compile(r"v?\d+(?:\.\d+){2}")


def main(arguments: Sequence[str], folder: Path = SERVICES) -> int:
    """Show what is newer, or pin a version; return 0, or 1 when something couldn't be found out."""
    options = _options(arguments)
    if not options.service:
        return _show([partial(newer, path) for path in _folders(folder)])
    known = [path.name for path in _folders(folder)]
    if options.service not in known:
        names = ", ".join(known)
        sys.stderr.write(f"found service '{options.service}'; expected one of {names}\n")
        return 1
    return _show([partial(pin, folder / options.service, options.version)])


def _show(reports: Iterable[Callable[[], list[str]]]) -> int:
    """Print each report, or why there is none; return 1 where one couldn't be had, else 0."""
    code = 0
    for report in reports:
        try:
            sys.stdout.write("".join(f"{line}\n" for line in report()))
        except RunError as error:
            sys.stderr.write(f"{error}\n")
            code = 1
    return code


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser("python -m infra.manifests.update", description=__doc__)
    parser.add_argument("service", nargs="?", default="", help="folder of platform/services")
    parser.add_argument("version", nargs="?", default="", help="version to render and pin")
    options = parser.parse_args(arguments)
    if options.service and not options.version:
        parser.error("a service needs a version to pin")
    return options


def _folders(folder: Path) -> list[Path]:
    """Return the folders of the services that have manifests."""
    folders = [path.parent for path in sorted(folder.glob("*/service.json"))]
    return [path for path in folders if renderings(path)]


def newer(folder: Path) -> list[str]:
    """Return a line about a service: its pinned version, and the newest that there is."""
    rendering = next(iter(renderings(folder).values()))
    newest = newest_version(rendering)
    is_newer = _numbers(newest) > _numbers(rendering.version)
    note = f"{newest} is there" if is_newer else "nothing newer"
    return [f"{rendering.service} {rendering.version}: {note}"]


def newest_version(rendering: Rendering) -> str:
    """Return the newest version of what is rendered, as its source has it.

    Raises:
        RunError: the source can't be asked.
    """
    if rendering.tool == "helm":
        helm = programs.find("helm")
        words = [helm, "show", "chart", rendering.chart, "--repo", rendering.source]
        found = re.findall(r"^version: [\"']?([\w.+-]+)", _answer(words, rendering), re.MULTILINE)
    else:
        words = ["git", "ls-remote", "--tags", "--refs", rendering.source]
        tags = re.findall(r"refs/tags/(\S+)", _answer(words, rendering))
        found = sorted(filter(_RELEASE.fullmatch, tags), key=_numbers)
    if not found:
        raise RunError(f"{rendering}: {rendering.source} names no version; expected one")
    return str(found[-1])


def _answer(words: Sequence[str], rendering: Rendering) -> str:
    """Return what a program prints that asks a source."""
    try:
        return subprocess.run(  # noqa: S603 - a list, no shell; the words are the pins'
            words, capture_output=True, text=True, timeout=SECONDS, check=True,
            cwd=Path.home().anchor, env={**os.environ, **programs.GIT},
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise RunError(f"{rendering}: {rendering.source}: {said.strip()[-300:]}") from error


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, which sort as versions do."""
    return tuple(map(int, re.findall(r"\d+", version)))


def pin(folder: Path, version: str, known: Manifests | None = None) -> list[str]:
    """Render a version of a service's manifests and pin it; return what it changes, in lines.

    Args:
        folder: the service's folder.
        version: the version to pin.
        known: where the objects come from that are pinned so far; rendered, by default.

    Raises:
        RunError: it can't be rendered; nothing is pinned then.
    """
    known = known or Manifests()
    lines: list[str] = []
    pins: dict[str, str] = {}
    for name, rendering in renderings(folder).items():
        found = render(replace(rendering, version=version))
        pins[name] = digest(found)
        lines += [f"{rendering.service} {name}: {rendering.version} -> {version}"]
        lines += [f"  {line}" for line in differences(known.objects(rendering), found)]
    if not pins:
        raise RunError(f"{folder.name}: has no manifests; expected a service that does")
    path = folder / "service.json"
    text = path.read_text("utf-8")
    manifests = json.loads(text)["manifests"]
    head, key, tail = text.partition('"manifests"')
    tail = tail.replace(f'"version": "{manifests["version"]}"', f'"version": "{version}"', 1)
    for name, rendering in renderings(folder).items():
        tail = tail.replace(rendering.sha256, pins[name])
    path.write_text(head + key + tail, "utf-8")
    return lines


def differences(old: Iterable[Manifest], new: Iterable[Manifest]) -> list[str]:
    """Return what differs between two renderings, an object a line: +, - or ~ and its key."""
    before = {ObjectKey.of(one): one for one in old}
    after = {ObjectKey.of(one): one for one in new}
    marks = {
        **{key: "-" for key in before.keys() - after.keys()},
        **{key: "+" for key in after.keys() - before.keys()},
        **{key: "~" for key in before.keys() & after.keys() if before[key] != after[key]},
    }
    return [f"{marks[key]} {key}" for key in sorted(marks)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
