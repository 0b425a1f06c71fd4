"""A card as a page: everything that people wrote is text, and the page loads nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from atlas.cards import ModelCard, html, markdown
from atlas.cards.card import CardBatch, CardDecision, CardMetric, CardTable

HOSTILE = "<script>alert(1)</script> \"'& [x](javascript:1) ![i](http://e.org/x.png) | a\u202eb \x1b[31m `c` # h"
CARD = ModelCard(
    model="m", version="3", pipeline="p", trained="2026-03-01T10:00:00+00:00", champion="3",
    texts={"purpose": f"One.\n\nTwo, {HOSTILE}", "limits": "# none\n- two\n---"}, owners=(HOSTILE,),
    data={"houses": {"uri": HOSTILE, "version": "", "sha256": ["a" * 64, "b" * 64]}},
    inputs=(CardTable("train.rows", ({"name": HOSTILE, "type": "int64"},), 1234567),),
    metrics=(
        CardMetric("e.accuracy", 0.91234, "", 400, 0.88, 0.94, "exact", rule=True),
        CardMetric("e.accuracy", 0.5, f"region={HOSTILE}", 4, None, None, "fewer than 17 rows"),
        CardMetric("e.roc_auc", 0.97, method="not a mean of rows"),
    ),
    decisions=(CardDecision("2026-03-01T10:00:00+00:00", "promoted", "ann@host", "3", HOSTILE, number=2),),
    faults=(HOSTILE,),
    batches=(CardBatch("2026-03-02T00:00:00+00:00", 10, 7, {"accuracy": 0.9}),),
    lineage={"Plan": "c" * 64, "Git commit": HOSTILE}, notes=(HOSTILE,),
)  # fmt: skip


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br", "line", "path", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


def test_a_page_is_well_formed_and_runs_and_loads_nothing():
    page = Page(html(CARD))
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "object"} & {*page.tags}
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "srcset")}
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert "default-src 'none'; style-src 'unsafe-inline'" in html(CARD)
    assert "url(" not in html(CARD)
    assert "@import" not in html(CARD)


def test_what_people_wrote_is_shown_as_it_is():
    page = Page(html(CARD))
    assert "<script>alert(1)</script> \"'& [x](javascript:1)" in page.text
    assert r"\u202e" in page.text
    assert r"\x1b" in page.text
    assert "\u202e" not in html(CARD) + markdown(CARD)
    assert "\x1b" not in html(CARD) + markdown(CARD)


def test_a_page_has_landmarks_and_headers():
    page = Page(html(CARD))
    assert {"header", "nav", "main", "footer", "section"} <= {*page.tags}
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") == page.tags.count("caption") == page.tags.count("thead") > 4
    assert ("lang", "en") in page.attributes
    assert '<th scope="col"></th>' not in html(CARD)
    for place in re.findall(r'aria-labelledby="(.*?)"', html(CARD)):
        assert f'id="{place}"' in html(CARD)


def test_a_page_follows_the_reader_s_screen():
    assert "color-scheme: light dark" in html(CARD)
    assert "@media (prefers-color-scheme: dark)" in html(CARD)


def test_markdown_has_no_html_and_no_markup_of_the_texts():
    text = markdown(CARD)
    assert not re.search(r"(?<!\\)<", text)
    assert not re.search(r"(?<!\\)\]\(", text)
    rows = [line for line in text.splitlines() if line.startswith("| e.accuracy")]
    assert rows[0] == "| e.accuracy | all | 0.9123 | 0.88 to 0.94 | exact | 400 |"
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 7 for row in rows)
    assert "\\# none" in text
    assert "\\-\\-\\-" in text


@pytest.mark.parametrize("write", [html, markdown])
def test_an_empty_card_says_what_isn_t_known(write):
    card = ModelCard("m", "1", champion="2", notes=("the training run: it is gone",))
    text = write(card)
    assert "not the champion" in text
    assert "version 2" in text.replace("\\", "")
    assert "the training run: it is gone" in text


def test_data_are_the_same():
    raw = CARD.to_json()
    assert raw["status"] == "champion"
    assert raw["metrics"][0]["low"] == 0.88
    assert ModelCard(CARD.model, "9").status == "not the champion (there is none)"
