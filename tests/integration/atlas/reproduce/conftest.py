"""A chain whose model is to be reproduced."""

from __future__ import annotations

import pytest

from tests.chains import Chain


@pytest.fixture
def chain(project) -> Chain:
    """A project that has trained once."""
    made = Chain(project)
    made.training = made.train()
    return made
