"""What a service's data must say is checked when it is read, with a message that says what is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from atlas_toolchain import catalog

CONTRIBUTING = Path(__file__).parents[3] / "CONTRIBUTING.md"
DATA = {"description": "Shows one page.", "version": "1.0"}
PROGRAM = {"programs": ["toy"], "needed": ">=1", "without": "all but toys", "home": "https://toy"}
LIBRARY = {"distribution": "toy", "extra": "toy", "without": "all but toys"}


@pytest.mark.parametrize("more", [{}, PROGRAM, LIBRARY, {**PROGRAM, **LIBRARY}])
def test_whole_data_pass(more: dict[str, Any]) -> None:
    assert catalog._checked("toy", {**DATA, **more}) == {**DATA, **more}


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({}, "version"),
        *((PROGRAM, key) for key in ("needed", "without", "home")),
        *((LIBRARY, key) for key in ("extra", "without")),
    ],
)
def test_a_missing_key_is_named(more: dict[str, Any], missing: str) -> None:
    data = {key: value for key, value in {**DATA, **more}.items() if key != missing}
    with pytest.raises(ValueError, match=rf"services/toy/service.json: .* expected '{missing}'"):
        catalog._checked("toy", data)


def test_every_key_of_the_services_is_documented() -> None:
    section = (
        CONTRIBUTING.read_text("utf-8").split("## Add a platform service")[1].split("\n## ")[0]
    )
    documented = set(re.findall(r"`(\w+)`", section))
    used = {key for data in catalog._SERVICES.values() for key in data}
    assert used - documented == set()
