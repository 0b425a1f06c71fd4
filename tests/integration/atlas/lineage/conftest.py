"""A chain from a commit to delivered predictions, made once for each test."""

from __future__ import annotations

import pytest

from tests.chains import Chain


@pytest.fixture
def chain(project) -> Chain:
    """A project that was trained and has scored."""
    made = Chain(project)
    made.training, made.inference = made.train(), made.score()
    return made
