"""The page of a search."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from atlas.search.history import added
from atlas.search.page import page_of
from atlas.search.spec import SearchSpec
from atlas.search.table import table_of
from tests.unit.atlas.search.test_proposing import result

SPEC = SearchSpec.parse(
    {
        "space": {
            "rate": {"low": 0.001, "high": 0.1, "log": True},
            "<b>": {"choices": ["x&y", None]},
        },
        "metric": "loss",
        "goal": "minimize",
    }
)
HISTORY = added(
    [],
    [
        result({"<b>": "x&y", "rate": 0.01}, 3.0),
        result({"<b>": None, "rate": 0.001}, 1.0),
        result({"<b>": None, "rate": 0.1}, 7.0, "pruned", [[0, 7.0]]),
        {**result({"<b>": "x&y", "rate": 0.05}, None, "failed"), "error": "it <broke>"},
    ],
)


def lines(page: str) -> dict[str, str]:
    """Return the kind of each trial's line."""
    start, end = page.index("<svg"), page.index("</svg>") + len("</svg>")
    svg = ET.fromstring(page[start:end])
    groups = [one for one in svg.iter() if one.tag.endswith("}g")]
    return {one.attrib["id"]: one.attrib["class"] for one in groups}


def test_each_trial_is_a_line():
    page = page_of("train", HISTORY, SPEC)
    assert lines(page) == {
        "trial-0": "trial done",
        "trial-1": "trial best",
        "trial-2": "trial pruned",
        "trial-3": "trial failed",
    }


def test_it_loads_nothing_and_runs_nothing():
    page = page_of("train", HISTORY, SPEC)
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_what_others_wrote_is_text():
    page = page_of("a<b>", HISTORY, SPEC)
    assert "it &lt;broke&gt;" in page
    assert "x&amp;y" in page
    assert "<b>" not in page.replace('<b class="', "")


def test_a_search_with_nothing_done_has_a_page():
    failed = [trial for trial in HISTORY if trial["state"] == "failed"]
    assert "<td>none</td>" in page_of("train", added([], failed), SPEC)
    assert "<td>none</td>" in page_of("train", [], SPEC)


def test_the_table_has_a_row_for_each_trial():
    table = table_of(HISTORY)
    assert list(table["state"]) == ["done", "done", "pruned", "failed"]
    assert list(table["param.rate"]) == [0.01, 0.001, 0.1, 0.05]
    assert table["value"].isna().tolist() == [False, False, False, True]
