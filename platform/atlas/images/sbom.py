"""An image's bill of materials, in CycloneDX."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.images.records import ROOT

if TYPE_CHECKING:
    from atlas.images.final import Contents
    from atlas.images.records import Built


SBOM_NAME = "sbom.cdx.json"
"""What a file of a bill of materials is called, where it is attached to its image."""


def sbom_key(built: Built) -> str:
    """Return the key in the store of an image's bill of materials."""
    return f"{ROOT}/{built.repository}/{built.tag}.cdx.json"


def sbom(built: Built, contents: Contents) -> bytes:
    """Return an image's bill of materials, CycloneDX 1.6 as JSON; the same for equal contents.

    Args:
        built: the image.
        contents: what was found in it when it was started.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    bom = Bom(serial_number=_serial(built))
    subject, components = _subject(built), _components(contents)
    bom.metadata.component = subject
    bom.components.update(components)
    bom.register_dependency(subject, components)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    raw = json.loads(text)
    raw["metadata"].pop("timestamp", None)
    return json.dumps(raw, indent=2, sort_keys=True).encode()


def _serial(built: Built) -> Any:
    from uuid import NAMESPACE_URL, uuid5

    return uuid5(NAMESPACE_URL, built.digest or built.name)


def _subject(built: Built) -> Any:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType

    algorithm, _, value = built.digest.partition(":")
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=value)] if algorithm == "sha256" else []
    return Component(
        name=built.repository,
        version=built.tag,
        type=ComponentType.CONTAINER,
        bom_ref=built.name,
        hashes=hashes,
    )


def _components(contents: Contents) -> list[Any]:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    kinds = (("pypi", None, contents.python), ("deb", "debian", contents.debian))
    components = []
    for kind, namespace, packages in kinds:
        for name, number in sorted(packages.items()):
            purl = PackageURL(kind, namespace, name.lower(), number)
            components.append(
                Component(
                    name=name,
                    version=number,
                    type=ComponentType.LIBRARY,
                    bom_ref=str(purl),
                    purl=purl,
                )
            )
    return components
