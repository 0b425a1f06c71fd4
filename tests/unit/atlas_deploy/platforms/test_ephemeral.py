"""Why an ephemeral platform isn't up."""

from __future__ import annotations

import pytest

from atlas_deploy.platforms.ephemeral import _why_not_up


@pytest.mark.parametrize(
    ("code", "late", "told"),
    [
        (1, -10.0, "doesn't come up (exit code 1); see above"),
        (
            -15,
            0.5,
            "its time was over before it was up; give it more (--ttl; of pytest, --atlas-ttl)",
        ),
    ],
    ids=["failed", "late"],
)
def test_a_platform_whose_time_was_over_is_told_from_one_that_failed(code, late, told):
    assert _why_not_up(code, late) == told
