"""PromQL from parts: literals, patterns, durations, and the tree of a union."""

from __future__ import annotations

import re

import pytest

from atlas.alerts.promql import (
    duration,
    either,
    labelled,
    literal,
    number,
    pattern,
    plain,
    selector,
)


def test_a_literal_holds_any_text() -> None:
    assert literal('a"b\\c\n\u0001é') == '"a\\"b\\\\c\\n\\u0001é"'


@pytest.mark.parametrize("text", ["a.b", "a|b", "(a)*[b]{c}^$+?\\", "tumour-emea_1"])
def test_a_pattern_matches_just_its_text(text: str) -> None:
    assert re.fullmatch(pattern(text), text)
    assert not re.fullmatch(pattern(text), f"{text}x")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["tumour"], 'm{flow="inference",pipeline="tumour"}'),
        (["tumour-emea", "tumour-apac"], 'm{flow="inference",pipeline=~"tumour-.+"}'),
        (["tumour", "tumour-apac"], 'm{flow="inference",pipeline=~"tumou.+"}'),
        (["a", "b"], 'm{flow="inference",pipeline=~".+"}'),
    ],
)
def test_several_pipelines_are_chosen_by_what_they_begin_with(
    names: list[str], expected: str
) -> None:
    found = selector("m", {"flow": "inference"}, names)
    assert found == expected
    chosen = re.search(r'pipeline=~?"(.*)"', found)
    assert chosen
    assert all(re.fullmatch(chosen[1], name) for name in names)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0d"), (7200, "2h"), (5400, "90m"), (86400, "1d"), (1.5, "1500ms"), (61, "61s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers() -> None:
    values = [0.9, 90000, -1.5, 1e300, 2.0**60]
    assert [number(value) for value in values] == [
        "0.9",
        "90000",
        "-1.5",
        "1e+300",
        "1.152921504606847e+18",
    ]


def test_a_union_is_a_tree() -> None:
    assert either(["a"]) == "a"
    assert either(["a", "b", "c"]) == "(a or (b or c))"
    deep = either(["x"] * 512)
    assert max(len(run) for run in re.findall(r"\(+", deep)) == 9


def test_texts_that_look_like_templates_or_groups_are_texts() -> None:
    assert plain("{{ x }} {{y") == '{{"{{"}} x }} {{"{{"}}y'
    assert labelled("pipeline", "a$1") == 'label_replace(vector(1), "pipeline", "a$$1", "", "")'
