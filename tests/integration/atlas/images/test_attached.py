"""Bills of materials attached to images, in a real registry that keeps no list of referrers itself."""

from __future__ import annotations

import json

import pytest

from atlas.errors import PlatformError
from atlas.images import attach, attached, delete_image, detach
from atlas.images.attached import CYCLONEDX
from tests.servers import registry_server

__all__ = ["registry_server"]

BILL = b'{"bomFormat": "CycloneDX"}'
NAME = "sbom.cdx.json"


@pytest.fixture
def image(registry_server, request):
    repository = f"atlas/attached/{request.node.name.replace('_', '-')}"
    return registry_server.client(), repository, registry_server.add_image(repository, "x")


def listed(client, repository, digest):
    return client.document(repository, f"manifests/{digest.replace(':', '-')}")


def test_it_names_its_image_and_is_found_from_it(image):
    client, repository, digest = image
    artifact = attach(client, repository, digest, BILL, NAME)
    (found,) = listed(client, repository, digest)["manifests"]
    assert (found["digest"], found["artifactType"]) == (artifact, CYCLONEDX)
    manifest = client.document(repository, f"manifests/{artifact}")
    assert manifest["subject"]["digest"] == digest
    assert manifest["subject"]["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    (layer,) = manifest["layers"]
    assert layer["annotations"] == {"org.opencontainers.image.title": NAME}
    assert client.document(repository, f"blobs/{layer['digest']}") == json.loads(BILL)


def test_a_repeat_does_nothing(image):
    client, repository, digest = image
    first = attach(client, repository, digest, BILL, NAME)
    index = client.digest(repository, digest.replace(":", "-"))
    assert attach(client, repository, digest, BILL, NAME) == first
    assert client.digest(repository, digest.replace(":", "-")) == index


def test_a_newer_one_takes_its_place_and_what_others_attached_stays(image):
    client, repository, digest = image
    first = attach(client, repository, digest, BILL, NAME)
    (own,) = attached(client, repository, digest)
    signature = {**own, "artifactType": "application/vnd.example.signature"}
    index = {**listed(client, repository, digest), "manifests": [signature, own]}
    kind = index["mediaType"]
    client.add_manifest(repository, json.dumps(index).encode(), kind, digest.replace(":", "-"))
    second = attach(client, repository, digest, b'{"version": 2}', NAME)
    assert second != first
    assert [one["digest"] for one in attached(client, repository, digest)] == [second]
    kinds = [one["artifactType"] for one in listed(client, repository, digest)["manifests"]]
    assert kinds == ["application/vnd.example.signature", CYCLONEDX]


def test_it_goes_with_its_image(image):
    client, repository, digest = image
    artifact = attach(client, repository, digest, BILL, NAME)
    assert delete_image(client, repository, digest)
    for one in (digest, artifact, digest.replace(":", "-")):
        assert client.digest(repository, one) == "", one
    detach(client, repository, digest)
    assert not delete_image(client, repository, digest)


def test_an_image_that_is_gone(image):
    client, repository, _ = image
    with pytest.raises(PlatformError, match=r"I206.*doesn't have .*build again"):
        attach(client, repository, "sha256:" + "0" * 64, BILL, NAME)
