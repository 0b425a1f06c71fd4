"""The page: everything that isn't Atlas's is text, it loads nothing, and it says what was found."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy
import pytest

from atlas.monitor import drift
from atlas.monitor.budget import Budget
from atlas.monitor.report import MonitorPage, html
from atlas.monitor.report.content import (
    FIRED,
    NEAR,
    QUIET,
    WARNS,
    Course,
    Happening,
    Line,
    TriggerLine,
)
from atlas.monitor.report.suspects import LEAST, MOST, LookedTable, PastLook, suspects_of
from atlas.profiles import measure
from atlas.profiles.profile import Profile

HOSTILE = "<script>alert(1)</script> \"'& a\u202eb \x1b[31m ]]> --> &lt;"
RULE = drift.DriftRule(Budget(0.01, 100), {"age": 0.02})


def table(seed: int, rows: int, shift: float = 0.0) -> dict[str, object]:
    rng = numpy.random.default_rng(seed)
    return {
        "age": rng.normal(40 + 10 * shift, 10, rows),
        "region": rng.choice(["north", "south", HOSTILE], rows, p=[0.5 - 0.4 * shift, 0.3, 0.2 + 0.4 * shift]),
        HOSTILE: rng.normal(0, 1, rows),
        "gaps": numpy.where(rng.random(rows) < 0.01 + 0.3 * shift, numpy.nan, rng.normal(0, 1, rows)),
        "same": numpy.ones(rows),
    }  # fmt: skip


def seen(reference: Profile, batches: list[Profile], rule: drift.DriftRule = RULE) -> LookedTable:
    """Return what looks at each of some batches saw."""
    looks = [
        drift.look(reference, batches[:number], number, rule)
        for number in range(1, len(batches) + 1)
    ]
    worst = [{m.feature: m for m in reversed(look.measured)} for look in looks]
    past = [
        PastLook(f"2026-03-{day:02d}T00:00:00+00:00", tests)
        for day, tests in enumerate(worst, start=1)
    ]
    return LookedTable("features", looks[-1].measured, past, reference, batches[-8:])


@pytest.fixture(scope="module")
def looked() -> LookedTable:
    """Ten looks, of which the last three are drifted."""
    reference = measure.reference(table(0, 5000))
    shifts = [0.0] * 7 + [1.0] * 3
    return seen(
        reference,
        [measure.batch(table(n + 1, 500, shift), reference) for n, shift in enumerate(shifts)],
    )


@pytest.fixture(scope="module")
def page(looked: LookedTable) -> MonitorPage:
    names = [look.name for look in looked.past]
    course = Course(
        HOSTILE, names, (Line(HOSTILE, "now", [1.0, None, 2.0, *[float("nan")] * 7]),), text=HOSTILE
    )
    band = Course("loss", names, (Line("loss", "now", [0.2] * 10),), ([0.1] * 10, [0.3] * 10))
    return MonitorPage(
        pipeline=HOSTILE, environment=HOSTILE, model=HOSTILE, version="7",
        checked="2026-03-11T06:00:00+00:00", facts={HOSTILE: HOSTILE},
        triggers=(
            TriggerLine("drift", FIRED, HOSTILE, 0.31, 0.12, "share", 0.002, 0.01),
            TriggerLine(HOSTILE, HOSTILE, HOSTILE, 3000, 2500, HOSTILE),
            TriggerLine("degradation", NEAR), TriggerLine("estimate", WARNS),
        ),
        budgets=(course,), suspects=suspects_of(looked),
        measured={HOSTILE: looked.measured}, gone=(HOSTILE,),
        unseen={HOSTILE: {f"{HOSTILE}{n}": n for n in range(20)}},
        performance=(band, course), counts=(course,), breaches=((HOSTILE, HOSTILE),),
        happenings=(Happening("2026-03-11T06:00:00+00:00", HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        warnings=(HOSTILE,),
    )  # fmt: skip


class Parsed(HTMLParser):
    """What a page is made of."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


def test_it_is_well_formed_and_runs_and_loads_nothing(page: MonitorPage) -> None:
    text = html(page)
    parsed = Parsed(text)
    assert parsed.open == []
    names = {tag for tag, _ in parsed.tags}
    assert (
        not {"script", "img", "link", "iframe", "object", "image", "use", "foreignobject"} & names
    )
    for _, attributes in parsed.tags:
        assert not {
            name for name in attributes if name.startswith("on") or name in ("src", "style")
        }
        assert (attributes.get("href") or "#").startswith("#")
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert "url(" not in text
    assert "@import" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "<script" not in text


def test_names_are_shown_as_they_are(page: MonitorPage) -> None:
    text = Parsed(html(page)).text
    assert text.count("<script>alert(1)</script> \"'& a\\u202eb \\x1b[31m ]]> --> &lt;") > 15


def test_it_can_be_read_without_seeing_it(page: MonitorPage) -> None:
    """Headings in order, each picture and table with its words, each section named by its heading."""
    text = html(page)
    parsed = Parsed(text)
    headings = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    pictures = [attributes for tag, attributes in parsed.tags if tag == "svg"]
    assert len(pictures) > 10
    assert all(own.get("aria-label") or own.get("aria-hidden") == "true" for own in pictures)
    tags = [tag for tag, _ in parsed.tags]
    assert tags.count("table") == tags.count("caption") == tags.count("thead") > 5
    assert all(own.get("scope") for tag, own in parsed.tags if tag == "th")
    ids = [own["id"] for _, own in parsed.tags if "id" in own]
    assert len({*ids}) == len(ids)
    named = [own["aria-labelledby"] for _, own in parsed.tags if "aria-labelledby" in own]
    assert {*named} <= {*ids}
    assert {"header", "nav", "main", "footer", "section", "article", "figure"} <= {*tags}
    assert dict(parsed.tags[0][1]) == {"lang": "en"}


def test_numbers_of_pictures_are_numbers(page: MonitorPage) -> None:
    """A value that isn't there, or is none, is a gap and no coordinate."""
    text = html(page)
    places = re.findall(r' (?:d|x|y|cx|cy|r|width|height|points)="([^"]*)"', text)
    assert len(places) > 100
    assert not [place for place in places if re.search("nan|inf|None", place)]


def test_it_says_what_has_drifted_and_since_when(looked: LookedTable, page: MonitorPage) -> None:
    by_name = {suspect.name: suspect for suspect in page.suspects}
    assert {"age", "region", "gaps"} <= {*by_name}
    assert all(by_name[name].measured.alarms for name in ("age", "region", "gaps"))
    age = by_name["age"]
    assert age.course is not None
    assert age.course.alarms
    assert min(age.course.alarms) >= 7
    shares = age.course.lines[0].values
    assert shares[-1] == pytest.approx(age.measured.distance / age.measured.threshold)
    assert all((share > 1.0) == (n in age.course.alarms) for n, share in enumerate(shares))
    assert age.course.text.endswith(f"First alarm: 2026-03-{min(age.course.alarms) + 1:02d}.")
    text = Parsed(html(page)).text
    assert "drift: fired" in text
    assert f"The threshold is {100 * age.measured.threshold:.3g} %: 2 % of tolerance" in text
    assert f"threshold {100 * age.measured.threshold:.3g} %" in age.course.said[-1]
    assert age.course.said[-1].replace("<", "&lt;") in html(page)


def test_of_a_quiet_pipeline_the_nearest_are_shown(looked: LookedTable) -> None:
    quiet = seen(looked.reference, [*looked.window[:3]])
    assert not any(one.alarms for one in quiet.measured)
    suspects = suspects_of(quiet)
    assert len(suspects) == LEAST < MOST
    page = MonitorPage(
        "p",
        "local",
        "m",
        "1",
        "2026-03-03T00:00:00+00:00",
        triggers=(TriggerLine("drift", QUIET),),
        suspects=suspects,
    )
    assert "nothing has fired" in Parsed(html(page)).text
    assert "drifted" not in Parsed(html(page)).text


def test_what_was_looked_at_is_shown_without_its_counts(looked: LookedTable) -> None:
    """Counts may be gone, the record of what each look saw stays."""
    suspects = suspects_of(LookedTable("features", looked.measured, looked.past))
    assert [one.name for one in suspects] == [one.name for one in suspects_of(looked)]
    assert all(one.shape is None and one.course is not None for one in suspects)
    page = MonitorPage("p", "local", "m", "1", "2026-03-03T00:00:00+00:00", suspects=suspects)
    assert Parsed(html(page)).open == []


def test_what_is_empty_is_a_page_too() -> None:
    text = html(
        MonitorPage("p", "local", "", "", "2026-03-03T00:00:00+00:00", warnings=("no champion",))
    )
    parsed = Parsed(text)
    assert parsed.open == []
    assert "nothing was looked at" in parsed.text
    assert "no champion" in parsed.text


def test_a_page_of_500_features_is_small() -> None:
    rng = numpy.random.default_rng(3)
    names = [f"sensor_{n:03d}" for n in range(500)]
    reference = measure.reference({name: rng.normal(0, 1, 200) for name in names})
    batches = [
        measure.batch({name: rng.normal(3, 1, 100) for name in names}, reference) for _ in range(3)
    ]
    looked = seen(reference, batches, drift.DriftRule(Budget(0.01)))
    assert sum(one.alarms for one in looked.measured) > 500
    page = MonitorPage(
        "p",
        "local",
        "m",
        "1",
        "2026-03-03T00:00:00+00:00",
        suspects=suspects_of(looked),
        measured={"features": looked.measured},
    )
    text = html(page)
    assert len(page.suspects) == MOST
    assert len(text.encode()) < 600_000
    assert "more are left out" in text
