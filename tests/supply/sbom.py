"""`make sbom`: the wheel's bill of materials, CycloneDX 1.6 as JSON.

It lists every distribution that ``atlas-ml[platform]`` brings in the versions of the lock, with the
digests of the files that the lock accepts, the licence that each declares, and which needs which.
It is the same, byte for byte, for the same lock.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from atlas.values import digest
from atlas_toolchain.tree import normal, pins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cyclonedx.model import ExternalReference
    from cyclonedx.model.component import Component

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
PROJECT, EXTRA = "atlas-ml", "platform"
_LONGEST = 100
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def requirements(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Return the distributions that one needs here, with the extras that it asks of each."""
    from packaging.requirements import Requirement

    for line in distribution(name).requires or ():
        one = Requirement(line)
        wanted = [{"extra": extra} for extra in extras or {""}]
        if one.marker is None or any(one.marker.evaluate(each) for each in wanted):
            yield normal(one.name), frozenset(one.extras)


def closure(name: str, extras: frozenset[str]) -> dict[str, set[str]]:
    """Return all that a distribution needs, by name, each with what that needs in turn."""
    needs: dict[str, set[str]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    left = [(name, extras)]
    while left:
        one = left.pop()
        if one in seen:
            continue
        seen.add(one)
        found = list(requirements(*one))
        needs.setdefault(one[0], set()).update(other for other, _ in found)
        left += found
    return needs


def hashes(lock: str) -> dict[str, list[str]]:
    """Return the SHA-256 digests of the files that a lock accepts, by distribution."""
    starts = [*_ENTRY.finditer(lock)]
    ends = [*(match.start() for match in starts[1:]), len(lock)]
    return {
        normal(match[1]): sorted(_HASH.findall(lock, match.start(), end))
        for match, end in zip(starts, ends, strict=True)
    }


def bill(lock: str) -> str:
    """Return the bill of materials.

    Args:
        lock: text of requirements.lock, from which this environment was filled.

    Raises:
        ValueError: the environment isn't that of the lock, or the bill breaks CycloneDX's schema.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    needs, versions, files = closure(PROJECT, frozenset({EXTRA})), pins(lock), hashes(lock)
    needs[PROJECT].discard(PROJECT)
    _require_locked(needs, versions)
    made = {name: _component(name, files.get(name, ())) for name in sorted(needs)}
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, digest(lock)))
    bom.metadata.component = made[PROJECT]
    bom.components.update(one for name, one in made.items() if name != PROJECT)
    for name, others in needs.items():
        bom.register_dependency(made[name], [made[other] for other in sorted(others)])
    raw = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del raw["metadata"]["timestamp"]
    text = json.dumps(raw, indent=2, sort_keys=True)
    _require_valid(text)
    return f"{text}\n"


def _require_locked(needs: Mapping[str, set[str]], versions: Mapping[str, str]) -> None:
    for name in {*needs} - {PROJECT}:
        found = distribution(name).version
        if found != versions.get(name):
            expected = versions.get(name, "a version in the lock")
            raise ValueError(f"{name}: found {found}, expected {expected}; to mend it: make setup")


def _require_valid(text: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise ValueError(f"the bill of materials breaks CycloneDX's schema: {error.data.message}")


def _component(name: str, files: Iterable[str]) -> Component:
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    there = distribution(name)
    purl = PackageURL("pypi", None, name, there.version)
    page = f"https://pypi.org/project/{name}/{there.version}/#files"
    licence = _licence(there)
    return Component(
        name=name,
        version=there.version,
        type=ComponentType.APPLICATION if name == PROJECT else ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        external_references=[_file(page, content) for content in files],
    )


def _file(page: str, content: str) -> ExternalReference:
    """Return the reference to a file that the lock accepts, by its digest."""
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model import HashAlgorithm as Algorithm
    from cyclonedx.model import HashType as Hash

    found = Hash(alg=Algorithm.SHA_256, content=content)
    kind = ExternalReferenceType.DISTRIBUTION
    return ExternalReference(type=kind, url=XsUri(page), hashes=[found])


def _licence(there: Distribution) -> str:
    """Return the licence that a distribution declares, on one line; empty for none."""
    facts = there.metadata
    given = next((facts[name] for name in ("License-Expression", "License") if name in facts), "")
    if given and "\n" not in given and len(given) < _LONGEST:
        return given
    named = [one for one in facts.get_all("Classifier", ()) if one.startswith("License :: ")]
    return " OR ".join(one.rpartition(" :: ")[2] for one in named[:1])


def main() -> int:
    """Write the wheel's bill of materials into ``dist``, and say where."""
    version = distribution(PROJECT).version
    path = ROOT / "dist" / f"atlas_ml-{version}.cdx.json"
    try:
        text = bill(LOCK.read_text("utf-8"))
    except (ValueError, PackageNotFoundError) as error:
        print(f"no bill of materials was written: {error}", file=sys.stderr)
        return 1
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
