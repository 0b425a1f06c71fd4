"""Parameters: their own bounds and choices, and the values that they are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.atlas.shop import checked, shop, write

R = "training.json"
LEAST = "parameters.least"


def declared(**more: Any) -> tuple[str, str, Any]:
    return (R, LEAST, {"type": "number", "default": 1.5, **more})


DECLARED = {
    "bounds the wrong way round": (declared(minimum=3, maximum=2, default=None), [f"R021 {R} {LEAST}.minimum"]),
    "bounds of a text": (
        [(R, LEAST, {"type": "string", "default": "a", "maximum": 3}),
         ("steps.py", "least: float = 0.0", 'least: str = ""'), ("config.json", "parameters", {})],
        [f"R021 {R} {LEAST}"],
    ),
    "a choice of another type": (declared(choices=[1.5, 2.5, "2"]), [f"R021 {R} {LEAST}.choices[2]"]),
    "a choice out of bounds": (declared(choices=[1.5, 2.5, 20], maximum=9), [f"R021 {R} {LEAST}.choices[2]"]),
    "a default of another type": (declared(default="1"), [f"R034 {R} {LEAST}.default"]),
    "a bool for a number": (declared(default=True), [f"R034 {R} {LEAST}.default"]),
    "a default below": (declared(minimum=2), [f"R034 {R} {LEAST}.default"]),
    "a default above": (declared(maximum=1, choices=[1]), [f"R034 {R} {LEAST}.default", "R034 config.json parameters.least"]),
    "a default that is no choice": (declared(choices=[1, 2.5]), [f"R034 {R} {LEAST}.default"]),
    "the Config's value of another type": (("config.json", "parameters.least", "2"), ["R034 config.json parameters.least"]),
    "the Config's value out of bounds": (("config.json", "parameters.least", -1), ["R034 config.json parameters.least"]),
    "a fraction for an integer": (
        [(R, LEAST, {"type": "integer", "default": 1}), ("config.json", "parameters.least", 2.5)],
        ["R034 config.json parameters.least"],
    ),
    "a whole float for an integer": (
        [(R, LEAST, {"type": "integer", "default": 1}), ("config.json", "parameters.least", 2.0)],
        ["R034 config.json parameters.least"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DECLARED)
def test_a_parameter_that_is_wrong(name: str, tmp_path: Path) -> None:
    changes, expected = DECLARED[name]
    files = shop(*(changes if isinstance(changes, list) else [changes]))
    if files[R]["parameters"]["least"].get("default", 0) is None:
        del files[R]["parameters"]["least"]["default"]
    found = checked(write(tmp_path, files))
    assert [one for one in found if not one.startswith("R017")] == sorted(expected, reverse=True)[
        ::-1
    ] or (sorted(found) == sorted(expected))


@pytest.mark.parametrize(
    "change",
    [
        declared(minimum=1.5, maximum=2.5),
        declared(choices=[1.5, 2.5]),
        declared(default=2),
        declared(minimum=2.5, maximum=2.5, default=2.5),
        (R, LEAST, {"type": "integer", "default": 1}),
        (R, LEAST, {"type": "number"}),
    ],
)
def test_a_parameter_that_is_right(change: tuple[str, str, Any], tmp_path: Path) -> None:
    value = 2 if change[2]["type"] == "integer" else 2.5
    files = shop(change, ("config.json", "parameters.least", value))
    assert checked(write(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("number", float("nan"), "found nan, expected a finite number"),
        ("number", float("inf"), "found inf, expected a finite number"),
        ("number", 10**400, "expected a finite number"),
        ("integer", 1.5, "found 1.5, expected an integer"),
        ("integer", True, "found True, expected an integer"),
        ("string", 1, "found 1, expected a string"),
        ("boolean", "yes", "found 'yes', expected a boolean"),
    ],
)
def test_a_run_refuses_what_validation_would(kind, value, said):
    from atlas.errors import AtlasError
    from atlas.plan import Plan
    from atlas.recipe import Parameter
    from atlas.step.parameters import checked_parameters

    plan = Plan("p", "p", "p", "training", "r", "e", "local", (), parameters={"x": Parameter(kind)})
    with pytest.raises(AtlasError, match=r"parameters\.x: ") as error:
        checked_parameters(plan, {"x": value})
    assert said in str(error.value)
