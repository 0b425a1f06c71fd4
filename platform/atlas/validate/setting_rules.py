"""Rules about a step's settings: images, variables, secrets, formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.formats import BUILT_IN, built_in, is_installed
from atlas.load import below, is_file, missing_file, nearest
from atlas.recipe import UNTRUSTED
from atlas.validate.flat import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.errors import Problem
    from atlas.validate.flat import DocumentPath, FlatStep
    from atlas.validate.subject import Subject


def check_images(subject: Subject) -> Iterator[Problem]:
    """Check that images are declared, and that their files are in the pipeline's folder."""
    flat = subject.flat
    for step in flat.steps.values():
        name = step.settings.get("image", "")
        if name and name not in flat.images:
            message = f"the Recipe has no image '{name}'"
            hint = nearest(name, flat.images)
            place = step.setting_place("image")
            expected = names(flat.images)
            yield place.problem("R025", message, found=name, expected=expected, hint=hint)
    for name, image in flat.images.items():
        path = image.requirements or image.dockerfile
        if path:
            kind = "requirements" if image.requirements else "dockerfile"
            yield from _image_file(subject, flat.image_places[name] / kind, path)


def _image_file(subject: Subject, place: DocumentPath, path: str) -> Iterator[Problem]:
    file = below(subject.folder, path)
    if file is None or not file.is_relative_to(subject.folder.resolve()):
        message = f"'{path}' is outside of the pipeline's folder"
        hint = "an image is built from the pipeline's folder alone: move the file into it"
        yield place.problem("R023", message, found=path, hint=hint)
    elif not is_file(file):
        yield missing_file(place.document, place.at, file, "R026", "file")


def check_variables(subject: Subject) -> Iterator[Problem]:
    """Check that no variable of a step is one that the platform sets."""
    for step in subject.flat.steps.values():
        for name in step.settings.get("env", {}):
            if name.startswith("ATLAS_"):
                message = f"'{name}' is taken: variables that begin with ATLAS_ are the platform's"
                place = step.setting_place("env", name)
                yield place.problem("R042", message, found=name, hint="choose another name")


def check_secrets(subject: Subject) -> Iterator[Problem]:
    """Check that the Environment knows the secrets that steps name."""
    known = subject.environment.secrets
    for step in subject.flat.steps.values() if subject.is_placed else ():
        for index, name in enumerate(step.settings.get("secrets", ())):
            if name not in known:
                place = step.setting_place("secrets") / index
                yield unknown_secret(subject, place, name)


def unknown_secret(subject: Subject, place: DocumentPath, name: str) -> Problem:
    """Return the Problem of a secret that the Environment doesn't know."""
    known, environment = subject.environment.secrets, subject.environment.name
    message = f"the environment '{environment}' has no secret '{name}'"
    hint = nearest(name, known) or f"add secrets.{name} to environments/{environment}.json"
    return place.problem("E003", message, found=name, expected=names(known), hint=hint)


def check_known_formats(subject: Subject) -> Iterator[Problem]:
    """Warn of formats that neither Atlas nor an installed package has: a module may add them."""
    for step in subject.flat.steps.values():
        for name, format in step.formats.items():
            if format not in BUILT_IN and not is_installed(format):
                place = step.place / "outputs" / name / "format"
                message = f"'{format}' isn't one of Atlas's own formats"
                hint = nearest(format, BUILT_IN) or "a module that steps.py imports has to add it"
                expected = names(BUILT_IN)
                yield place.problem(
                    "N003", message, severity="warning", found=format, expected=expected, hint=hint
                )


def check_trust(subject: Subject) -> Iterator[Problem]:
    """Check that trust is given to a model's classes, and to nothing that runs code."""
    for step in subject.flat.steps.values():
        for output, trusted in step.trust.items():
            place = step.place / "outputs" / output
            format = step.formats.get(output, "")
            if format not in (trusting := _trusting()):
                expected = names(trusting)
                message = f"only models kept as {expected} are made of what is trusted"
                yield (place / "format").problem("R044", message, found=format, expected=expected)
            for index, name in enumerate(trusted):
                package = name.partition(".")[0]
                if package in UNTRUSTED:
                    message = f"'{name}' can't be trusted: {package} gives what runs any code"
                    hint = 'keep the model as "pickle" if it needs that'
                    here = place / "trust" / index
                    yield here.problem("R044", message, found=name, hint=hint)


def check_windows(subject: Subject) -> Iterator[Problem]:
    """Check that a step that reads earlier runs says how far back, and no other step does."""
    for step in subject.flat.steps.values():
        histories = [read for read in step.inputs.values() if read.source.kind == "history"]
        if histories and "window" not in step.settings:
            message = f"{histories[0].source} needs a window: how far back earlier runs are read"
            expected = '"window": "30d" at the step'
            yield histories[0].place.problem("R047", message, expected=expected)
        elif not histories and step.setting_place("window").at == (*step.place.at, "window"):
            yield from _needless_window(step)


def _needless_window(step: FlatStep) -> Iterator[Problem]:
    if "window" in step.settings:
        message = f"the step '{step.name}' has a window, and reads no earlier runs"
        hint = "give it an input history:NAME/step.output, or remove the window"
        place = step.setting_place("window")
        yield place.problem("N002", message, severity="warning", hint=hint)


def _trusting() -> list[str]:
    """Return the formats whose values may be made of what a Recipe trusts."""
    return [name for name in BUILT_IN if (format := built_in(name)) and format.takes_trust]


RULES = (
    check_images, check_variables, check_secrets, check_known_formats, check_trust, check_windows,
)  # fmt: skip
"""Every rule about settings."""
