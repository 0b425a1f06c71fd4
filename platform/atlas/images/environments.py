"""The lower layers of an image: a base or a user's Dockerfile, and the locked packages on it.

They are an image of their own in the engine, by the digest of what they are made from, so that an
edit of code builds nothing of them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from atlas import files
from atlas.dataclass import dataclass
from atlas.errors import CommandError, DeployError
from atlas.images.builders import LOCAL, Build, full_name
from atlas.images.dockerfile import BASE_ARGUMENT, context_files, read_dockerfile
from atlas.images.layers import ROOT, environment_dockerfile
from atlas.images.python import ImagePython, python_in
from atlas.images.venv import add_packages, compile_modules, settle

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.images.builders import Facts
    from atlas.images.desired import DesiredImage
    from atlas.images.work import Work

_SHOWN_LINES = 12


@dataclass(frozen=True, slots=True)
class ImageEnvironment:
    """The lower layers of an image, in the engine.

    Attributes:
        name: their name there.
        python: their Python.
        base_digest: digest of the base, where the engine knows it.
        built: whether they were built just now.
    """

    name: str
    python: ImagePython
    base_digest: str = ""
    built: bool = False


def have_environment(work: Work, desired: DesiredImage, log: Path) -> ImageEnvironment:
    """Return the lower layers of an image; build them unless the engine has them.

    Raises:
        DeployError: the base isn't there or isn't fit, or a build failed.
    """
    name = f"{LOCAL}atlas/environment:{desired.environment}"
    known = None if work.again else _known(work, desired, name)
    return known or _build(work, desired, name, log)


def _build(work: Work, desired: DesiredImage, name: str, log: Path) -> ImageEnvironment:
    base, base_digest = _foundation(work, desired, log)
    facts = _need(work, base, desired)
    python = python_in(work.builder, base, desired.image.dockerfile or desired.base)
    work.say(f"{desired.full}: putting {len(desired.lock.pins)} packages on {desired.base}")
    with work.context() as context:
        root = context / ROOT
        add_packages(root, desired.lock, python)
        compile_modules(root, python, work.say)
        settle(root)
        text = environment_dockerfile(base, facts.variables)
        build = assembled(context, text, name, log)
        tried(work, build, desired.full)
    environment = ImageEnvironment(name, python, base_digest, built=True)
    _remember(work, desired, environment)
    return environment


def assembled(
    context: Path, text: str, name: str, log: Path, labels: dict[str, str] | None = None
) -> Build:
    """Return the build of a Dockerfile that only copies, written beside what it copies."""
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(text)
    return Build(context=context, dockerfile=dockerfile, name=name, log=log, labels=labels or {})


def tried(work: Work, build: Build, shown: str) -> None:
    """Build.

    Raises:
        DeployError: I204, it failed; the message has the last lines that the builder printed.
    """
    try:
        work.builder.build(build)
    except CommandError as error:
        lines = [line for line in error.output.splitlines() if line.strip()][-_SHOWN_LINES:]
        output = "\n  ".join(lines)
        message = (
            f"{shown}: the build failed: {error}\n  {output}\n  the whole log is in {build.log}"
        )
        raise DeployError(message, code="I204") from None


def _foundation(work: Work, desired: DesiredImage, log: Path) -> tuple[str, str]:
    """Return the image that packages are put on, and the digest of the base where it is known."""
    if desired.image.dockerfile:
        return _from_dockerfile(work, desired, log), ""
    base = full_name(desired.base)
    facts = have_base(work, base, desired.base, log)
    return base, facts.digest


def have_base(work: Work, base: str, shown: str, log: Path) -> Facts:
    """Return what is known of a base image; get it from its registry where it isn't there.

    Raises:
        DeployError: I203, it is neither in the engine nor to be had.
    """
    facts = work.builder.facts(base)
    if facts is not None and not work.again:
        return facts
    if facts is None:
        work.say(f"getting the base image {shown}")
    try:
        with work.access(base) as access:
            work.builder.pull(base, access, log)
    except CommandError as error:
        if facts is not None:  # One that was only ever made here stays as it is.
            return facts
        hint = "set base-image in [tool.atlas], or the image's base, to one that is there"
        raise DeployError(
            f"base image {shown}: can't be pulled: {error}; {hint}", code="I203"
        ) from None
    return work.builder.facts(base) or facts or _gone(shown)


def _gone(shown: str) -> Facts:
    raise DeployError(
        f"base image {shown}: the engine pulled it and doesn't list it; build again", code="I203"
    )


def _need(work: Work, name: str, desired: DesiredImage) -> Facts:
    facts = work.builder.facts(name)
    return facts or _gone(desired.base)


def _from_dockerfile(work: Work, desired: DesiredImage, log: Path) -> str:
    """Build the user's Dockerfile from the files that it copies, and return its name."""
    name = f"{LOCAL}atlas/foundation:{desired.foundation}"
    if work.builder.facts(name) is not None and not work.again:
        return name
    text = read_dockerfile(desired.folder, desired.image.dockerfile)
    arguments = {BASE_ARGUMENT: full_name(desired.base)} if BASE_ARGUMENT in text else {}
    if arguments:
        have_base(work, full_name(desired.base), desired.base, log)
    work.say(f"{desired.full}: building {desired.image.dockerfile}")
    with work.context() as context:
        _copy_context(desired.folder, text, context / "files")
        dockerfile = context / "Dockerfile"
        dockerfile.write_text(text)
        build = Build(
            context=context / "files",
            dockerfile=dockerfile,
            name=name,
            log=log,
            arguments=arguments,
            assembled=False,
        )
        tried(work, build, f"{desired.folder.name}/{desired.image.dockerfile}")
    return name


def _copy_context(folder: Path, text: str, target: Path) -> None:
    target.mkdir()
    for file in context_files(folder, text):
        place = target / file.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    settle(target)


def _known(work: Work, desired: DesiredImage, name: str) -> ImageEnvironment | None:
    """Return the lower layers as they were remembered, if the engine still has just those."""
    facts = work.builder.facts(name)
    if facts is None:
        return None
    try:
        raw = json.loads(_file(work, desired).read_text("utf-8"))
        python = ImagePython(**{**raw["python"], "libc": tuple(raw["python"]["libc"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if raw.get("identity") != facts.identity:
        return None
    return ImageEnvironment(name, python, raw.get("base_digest", ""))


def _remember(work: Work, desired: DesiredImage, environment: ImageEnvironment) -> None:
    facts = _need(work, environment.name, desired)
    raw = {
        "identity": facts.identity,
        "python": asdict(environment.python),
        "base_digest": environment.base_digest,
    }
    file = _file(work, desired)
    files.write(file, json.dumps(raw, indent=2) + "\n")


def _file(work: Work, desired: DesiredImage) -> Path:
    return work.state / "builds" / "environments" / f"{desired.environment}.json"
