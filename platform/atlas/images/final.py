"""The last layer of an image, Atlas and the pipeline's code; and the proof that it starts."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import CommandError, DeployError
from atlas.images.builders import LOCAL
from atlas.images.content import FORM, reference
from atlas.images.environments import assembled, tried
from atlas.images.layers import CODE_VARIABLE, ROOT, USER, final_dockerfile
from atlas.images.requirements import DISTRIBUTION
from atlas.images.venv import add_atlas, add_code, compile_modules, settle
from atlas.plan import code_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.images.desired import DesiredImage
    from atlas.images.environments import ImageEnvironment
    from atlas.images.work import Work
    from atlas.plan import Plan

_PROOF = f"""
import json, os, re
from importlib.metadata import distributions
import atlas.step.__main__
from atlas.plan import code_digest
from pathlib import Path
status = Path("/var/lib/dpkg/status")
text = status.read_text(errors="replace") if status.exists() else ""
packages = r"^Package: (\\S+)\\n(?:(?!Package:).*\\n)*?Version: (\\S+)$"
print(json.dumps({{
    "user": os.getuid(),
    "code": code_digest(Path(os.environ["{CODE_VARIABLE}"])),
    "python": {{one.metadata["Name"]: one.version for one in distributions()}},
    "debian": dict(re.findall(packages, text, re.M)),
}}))
"""


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in an image when it was started.

    Attributes:
        python: version of each Python distribution.
        debian: version of each Debian package; empty on another system.
    """

    python: Mapping[str, str]
    debian: Mapping[str, str]


def local_name(desired: DesiredImage) -> str:
    """Return the name of an image in the engine."""
    return f"{LOCAL}{desired.full}"


def in_engine(plan: Plan, image_name: str, folder: Path) -> str:
    """Return what the engine calls one of a Plan's images, once it is built or pulled."""
    ready = plan.images[image_name].reference if image_name else ""
    return ready or f"{LOCAL}{reference(plan, image_name, folder)}"


def build_final(
    work: Work,
    desired: DesiredImage,
    environment: ImageEnvironment,
    labels: dict[str, str],
    log: Path,
) -> None:
    """Build an image on its lower layers.

    Raises:
        DeployError: I204, the build failed.
    """
    work.say(f"{desired.full}: adding Atlas and the code")
    with work.context() as context:
        root = context / ROOT
        add_atlas(root, environment.python)
        add_code(root, desired.folder, code_files(desired.folder))
        compile_modules(root, environment.python, lambda _: None)
        settle(root)
        text = final_dockerfile(environment.name)
        tried(work, assembled(context, text, local_name(desired), log, labels), desired.full)


def labels_of(desired: DesiredImage, environment: ImageEnvironment, commit: str) -> dict[str, str]:
    """Return an image's labels: OCI's own where there is one for it."""
    known = {
        "org.opencontainers.image.title": desired.repository,
        "org.opencontainers.image.version": desired.tag,
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.base.name": desired.base,
        "org.opencontainers.image.base.digest": environment.base_digest,
        "org.atlas.config": desired.config,
        "org.atlas.recipe": ",".join(desired.recipes),
        "org.atlas.code": desired.code,
        "org.atlas.environment": desired.environment,
        "org.atlas.version": version(DISTRIBUTION),
        "org.atlas.python": environment.python.version,
        "org.atlas.form": str(FORM),
    }
    return {key: value for key, value in known.items() if value}


def prove(work: Work, desired: DesiredImage) -> Contents:
    """Start an image as a step would be, and return what is in it.

    Raises:
        DeployError: I205, it doesn't start, runs as root, or holds other code.
    """
    name = local_name(desired)
    try:
        report = json.loads(work.builder.run(name, _PROOF).strip().splitlines()[-1])
    except (CommandError, ValueError, IndexError) as error:
        detail = getattr(error, "output", "") or str(error)
        raise DeployError(
            f"{desired.full}: doesn't start: {_last_lines(detail)}", code="I205"
        ) from None
    facts = work.builder.facts(name)
    wrong = _wrong(desired, report, facts.entrypoint if facts else ())
    if wrong:
        raise DeployError(f"{desired.full}: {wrong}", code="I205")
    return Contents(report["python"], report["debian"])


def _wrong(desired: DesiredImage, report: Mapping[str, object], entrypoint: tuple[str, ...]) -> str:
    """Return what is wrong with an image that starts; empty when nothing is."""
    if report["user"] != int(USER.partition(":")[0]):
        return f"runs as user {report['user']}, expected {USER}"
    if report["code"] != desired.code:
        return "the code in it isn't the pipeline's; it has changed meanwhile, build again"
    return f"has the entry point {list(entrypoint)}, expected none" if entrypoint else ""


def _last_lines(text: str) -> str:
    lines = [re.sub(r"\s+$", "", line) for line in text.splitlines() if line.strip()]
    return "\n  ".join(lines[-5:])
