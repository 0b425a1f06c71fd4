"""A Plan is the same when it is read back from its text."""

from __future__ import annotations

import pytest

from atlas.plan import Plan
from tests.projects import project

__all__ = ["project"]

SOURCE = """
class Say(Template):
    what: Any = None
    def run(self) -> None: ...
"""


@pytest.mark.parametrize(
    ("kind", "default"), [("string", ""), ("integer", 0), ("number", 0.0), ("boolean", False)]
)
def test_a_default_that_is_nothing_is_a_default(project, kind, default):
    steps = {"say": {"class": "steps:Say", "params": {"what": {"parameter": "what"}}}}
    project.pipeline(
        "words", SOURCE, steps, parameters={"what": {"type": kind, "default": default}}
    )
    plan = project.plan("words")
    again = Plan.from_text(plan.text)
    assert again.parameters["what"].default == default
    assert again.digest == plan.digest
