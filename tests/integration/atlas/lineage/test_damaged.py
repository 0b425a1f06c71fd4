"""Whatever a file of the store is replaced by, lineage ends with an answer or an error in words."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from atlas.errors import AtlasError
from tests.integration.atlas.lineage.test_deployed import deployed, image

GARBAGE = (b"", b"[]", b"{}", b"null", b'"x"', b"\xff\xfe", b"[" * 5000)


def wrong(text: bytes) -> list[bytes]:
    """Return a JSON object with each of its values of another type, one at a time."""
    try:
        raw = json.loads(text)
    except ValueError:
        return []
    if not isinstance(raw, dict):
        return []
    values = [(key, other) for key in raw for other in (5, {"a": 1})]
    return [json.dumps({**raw, key: other}).encode() for key, other in values]


@pytest.mark.parametrize(
    "pattern",
    [
        "prices/*/run.json", "prices/*/outcome.json", "prices/*/*/outcome.json",
        "prices/*/*/*/manifest.json", "plans/*.json", "models/prices/*/*.json",
        "champions/store/prices/log/*.json", "champions/store/prices/head",
        "deployments/history/*/*.json", "deployments/records/*.json", "images/**/*.json",
        ".atlas-index/**/*.json",
    ],
)  # fmt: skip
def test_no_file_of_the_store_makes_a_traceback(chain, pattern):
    deployed(chain)
    image(chain)
    things = ("scores.csv", chain.git("rev-parse", "HEAD"))
    chain.lineage(things[0])
    files = sorted(chain.store.glob(pattern))
    assert files
    for path in files[:1]:
        before = path.read_bytes()
        for content in (*GARBAGE, before[: len(before) // 2], *wrong(before)):
            path.write_bytes(content)
            for thing in things:
                with suppress(AtlasError):
                    chain.lineage(thing)
        path.write_bytes(before)
    assert chain.lineage(things[0]).is_sound
