"""The champion is scored in processes."""

from __future__ import annotations

import pytest

from tests.projects import project
from tests.unit.atlas.runner.test_champion import train, verdict

__all__ = ["project"]


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_both_are_scored_on_the_same_rows(project, isolate):
    first = train(project, top=4.0, off=0.125, isolate=isolate)
    assert verdict(first) == "measure.error is 0.125"
    # Its own scaler makes of these rows ten times what the champion has learnt from.
    second = train(project, top=40.0, off=0.25, isolate=isolate)
    assert second.outcome("measure").metrics == {"error": 0.25, "champion.error": 5.75}
    same = "measure.error is 0.25, and the champion's is 5.75 on the same test set"
    assert verdict(second) == same
    assert second.first.finished.promotion.promoted
    third = train(project, top=40.0, off=0.5, isolate=isolate)
    assert verdict(third) == "measure.error is 0.5, and the champion's is 0.25 on the same test set"
    assert not third.first.finished.promotion.promoted
