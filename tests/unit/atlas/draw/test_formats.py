"""Every format: well formed whatever the names are, deterministic, and saying what it has to."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.draw import (
    FORMATS,
    diff,
    dot,
    drawn,
    format_of,
    html,
    mermaid,
    of_plan,
    of_plans,
    svg,
    text,
)
from atlas.draw.layout.geometry import DETAIL, LEAST_LABEL, SHOWN_WIDTH, group_label
from atlas.draw.model import KINDS, OUTCOMES, Drawing, Group, Node
from atlas.draw.palette import COLOURS, GROUP, PAGE, SIGNS, TEXT
from atlas.pages.texts import clip, fit, visible, width, wrapped
from tests.golden.graphs import HOSTILE, HUNDRED, chain, family, fan, hostile, plan, step, tangle
from tests.golden.plans import INFERENCE, TRAINING
from tests.watchdog import ends

SVG = "{http://www.w3.org/2000/svg}"
MARKS = {"load": "cached", "features.scale": "ran", "train": "failed", "evaluate": "skipped"}
TEXTS = {"text": text, "mermaid": mermaid, "dot": dot, "svg": svg, "html": html}
every_text = pytest.mark.parametrize("form", TEXTS)


def parsed(drawing, marks=None):
    return ET.fromstring(svg(drawing, marks))


def classes(root):
    return [item.get("class", "").split() for item in root.iter(f"{SVG}g")]


@every_text
def test_hostile_names_never_reach_a_reader_as_they_are(form):
    written = TEXTS[form](of_plan(hostile()))
    assert "\x1b" not in written
    assert "\u202e" not in written
    if form in ("svg", "html"):
        assert HOSTILE not in written
        assert "<script>alert" not in written


@every_text
def test_nothing_to_draw(form):
    assert "nothing" in TEXTS[form](Drawing("nothing"))


def test_svg_is_well_formed_whatever_the_names():
    root = parsed(of_plan(hostile()), {HOSTILE: "failed"})
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    shown = [item.text for item in root.iter(f"{SVG}text")]
    assert HOSTILE in shown


def test_svg_says_what_it_is_to_who_cannot_see_it():
    root = parsed(of_plan(TRAINING))
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "tumour · training"
    assert desc.text == "5 steps, 1 data set, 1 model."


def test_svg_needs_nothing_from_elsewhere():
    written = svg(of_plan(hostile()))
    urls = set(re.findall(r"https?://[^\"' )]+", written))
    assert urls == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(href|src|@import|on\w+)\s*=", written)


def test_two_svgs_fit_in_one_page():
    ids = [parsed(of_plan(p)).get("id") for p in (TRAINING, INFERENCE)]
    assert ids[0] != ids[1]
    written = svg(of_plan(TRAINING))
    assert all(found.startswith(ids[0]) for found in re.findall(r' id="([^"]+)"', written))
    rules = (
        re.search(r"<style>(.*)</style>", written)
        .group(1)
        .replace("@media (prefers-color-scheme:dark){", "")
    )
    assert all(rule.strip().startswith(f"#{ids[0]}") for rule in rules.split("}") if rule.strip())


def test_svg_shows_each_outcome_by_class_and_sign():
    root = parsed(of_plan(TRAINING), MARKS)
    for told in set(MARKS.values()):
        assert any(told in names and "node" in names for names in classes(root))
        assert SIGNS[told] in [item.text for item in root.iter(f"{SVG}text")]
    assert "outcome: failed" in svg(of_plan(TRAINING), MARKS)


def test_an_unknown_outcome_is_shown_as_waiting():
    assert any("waiting" in names for names in classes(parsed(of_plan(TRAINING), {"load": "new"})))


def test_svg_shows_what_there_is_many_times_as_a_stack():
    root = parsed(of_plan(TRAINING))
    train = next(g for g in root.iter(f"{SVG}g") if "steps:TrainForest" in (g[0].text or ""))
    assert len(train.findall(f"{SVG}rect")) == 3
    assert "\N{MULTIPLICATION SIGN} load.regions" in [
        item.text for item in train.iter(f"{SVG}text")
    ]


KIND_OF = Drawing(
    "kinds", tuple(Node(kind, f"the {kind}", kind, many="x" * (kind == "family")) for kind in KINDS)
)


def test_every_kind_has_an_outline_of_its_own():
    outlines = set()
    for group in parsed(KIND_OF).iter(f"{SVG}g"):
        if group.get("data-node"):
            shapes = [item for item in group if item.tag in (f"{SVG}path", f"{SVG}rect")]
            outlines.add(
                tuple(
                    (item.tag, item.get("class"), "".join(filter(str.isalpha, item.get("d", ""))))
                    for item in shapes
                )
            )
    assert len(outlines) == len(KINDS)


def test_every_kind_has_a_sign_in_text_and_a_shape_in_dot_and_mermaid():
    rows = text(KIND_OF).splitlines()[2 : 2 + len(KINDS)]
    assert len({row[0] for row in rows}) == len(KINDS)
    assert len(set(re.findall(r"shape=(\w+), label", dot(KIND_OF)))) == len(KINDS) - 1
    assert len(set(re.findall(r"n\d(\W+)the", mermaid(KIND_OF)))) == len(KINDS) - 1


def test_svg_draws_a_hundred_steps_with_labels_that_can_be_read():
    for one in HUNDRED.values():
        root = parsed(of_plan(one))
        shrunk = min(1, SHOWN_WIDTH / float(root.get("width")))
        assert shrunk * DETAIL >= LEAST_LABEL
        assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"


def test_text_in_every_colour_can_be_read():
    """WCAG 2.2, success criterion 1.4.3: a contrast of 4.5 to 1."""
    for colours in (*COLOURS.values(), PAGE, GROUP):
        for shift in (0, 2):
            fill, line = colours[shift], colours[shift + 1]
            assert contrast(TEXT[shift], fill) >= 4.5
            assert contrast(TEXT[shift + 1], fill) >= 4.5
            if colours not in (PAGE, GROUP):
                assert contrast(PAGE[shift], line) >= 4.5, "a sign on its badge"


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_signs_and_colours_cover_everything():
    assert set(COLOURS) == {*KINDS, *SIGNS}
    assert set(OUTCOMES) <= set(SIGNS)
    assert len(set(SIGNS.values())) == len(SIGNS)


class Page(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.data = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.data.append(data)


def test_the_page_has_one_script_and_loads_nothing():
    page = Page(html(of_plan(hostile())))
    assert page.tags.count("script") == 1
    assert not {"link", "img", "iframe", "object", "base"} & set(page.tags)
    assert not [
        name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")
    ]


def test_the_page_allows_its_own_script_only():
    import base64
    import hashlib

    written = html(of_plan(TRAINING))
    script = re.search(r"<script>(.*)</script>", written, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in written


def test_the_page_tells_everything_without_hovering():
    data = Page(html(of_plan(TRAINING), MARKS)).data
    assert {"features.scale", "steps:TrainForest", "step, failed", "test_fraction"} <= {
        part.removeprefix("parameters.") for part in data
    }


def test_mermaid():
    written = mermaid(of_plans([TRAINING, INFERENCE]))
    lines = written.splitlines()
    assert lines[:4] == ["---", 'title: "tumour · training and inference"', "---", "flowchart TB"]
    assert sum(line.strip() == "end" for line in lines) == 3
    assert '[("tumours<br/>table")]' in written
    assert "-.->" in written


def test_mermaid_has_no_character_with_a_meaning_in_a_name():
    labels = re.findall(r'"([^"]*)"', mermaid(of_plan(hostile())).split("flowchart")[1])
    assert labels
    for label in labels:
        assert not re.search(r"[<>`\[\]{}()|\\]", label.replace("<br/>", ""))


def test_dot_quotes_names():
    written = dot(of_plan(hostile()))
    assert r'"a\"b' in written
    assert '"<script>alert(\\"x\\")</script>"' in written


def test_dot_marks_order_and_many():
    written = dot(of_plan(TRAINING))
    assert written.count("style=dashed") == 3
    assert "peripheries=2" in written
    assert 'subgraph "cluster_features"' in written


def test_text_of_a_small_pipeline():
    written = text(of_plan(INFERENCE))
    assert written.splitlines()[2].startswith("◇")
    order = [line.split()[1] for line in written.splitlines() if "●" in line]
    assert [word for word in order if word in ("load", "score", "write")] == [
        "load",
        "score",
        "write",
    ]


@pytest.mark.parametrize("columns", [20, 60, 80, 200])
def test_text_keeps_to_the_terminal(columns):
    for one in (TRAINING, hostile(), tangle(60), fan(60)):
        for line in text(of_plan(one), MARKS, columns=columns).splitlines():
            assert width(line) <= columns


def test_text_in_ascii():
    written = text(
        of_plans([TRAINING, INFERENCE]), {"tumour/training/load": "ran"}, ascii_only=True
    )
    assert written.isascii()
    assert text(of_plan(hostile()), ascii_only=True).isascii()


def test_text_in_colour_says_the_same():
    plain, coloured = (text(of_plan(TRAINING), MARKS, colour=c) for c in (False, True))
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain
    assert f"\x1b[31m{SIGNS['failed']}" in coloured


def test_text_of_a_comparison_says_what_changed():
    new = plan(step("load"), step("train", "load"), step("report", "train"))
    old = plan(step("load", cache=False), step("train", "load"), step("score", "train"))
    lines = text(diff(of_plan(old), of_plan(new))).splitlines()
    assert "~ ●   load       Load    ← data.rows" in lines
    assert "        cache: off -> nothing" in lines
    assert any(line.startswith("+ ") and "report" in line for line in lines)
    assert any(line.startswith("\N{MINUS SIGN} ") and "score" in line for line in lines)


def test_lanes_lead_from_what_is_read_to_who_reads_it():
    lines = text(
        of_plan(plan(step("a"), step("b", "a"), step("c", "a", "b"), data={}))
    ).splitlines()
    assert [line.split(" ")[0] for line in lines[2:6]] == ["◇", "●", "├─●", "●─╯"]


def test_a_chain_needs_one_lane():
    lines = text(of_plan(chain(50))).splitlines()[2:53]
    assert {line[0] for line in lines[1:]} == {"●"}
    names = [line.split()[1] for line in lines]
    assert all(a < b for a, b in pairwise(names[1:]))


def test_ten_thousand_steps_are_written():
    drawing = of_plan(tangle(10_000))
    with ends():
        assert text(drawing, columns=120).count("\n") > 10_000


def test_a_thousand_steps_are_drawn():
    drawing = of_plan(tangle(1_000))
    with ends():
        assert svg(drawing).count("<text") >= 1_000


def test_the_formats_by_name_and_by_file():
    assert {
        format_of(Path(f"a.{end}")) for end in ("txt", "mmd", "gv", "SVG", "png", "html")
    } == set(FORMATS)
    assert format_of(Path("a.pdf")) == ""
    assert drawn(of_plan(INFERENCE), "svg") == svg(of_plan(INFERENCE)).encode()


def test_a_family_says_how_many_members_it_has_in_every_format():
    for make in TEXTS.values():
        assert "12 members" in make(of_plans(family(12)))


def test_visible():
    assert visible("plain ü 日本") == "plain ü 日本"
    assert visible("a\nb\x1b\u202e\ud800\u2028") == r"a\nb\x1b\u202e\ud800\u2028"


def test_fit_and_clip():
    assert fit("abcdefghij", 5) == "ab…ij"
    assert width(fit("日本語の手順", 7)) <= 7
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcdef", 0) == "abcdef"
    assert fit("e\u0301" * 3, 3) == "e\u0301" * 3


def test_long_names_are_broken_where_words_end_and_not_cut():
    assert wrapped("short", 28, 3) == ["short"]
    assert wrapped("", 28, 3) == [""]
    assert wrapped("train_the_model_of_one_region_with_trees", 28, 3) == [
        "train_the_model_of_",
        "one_region_with_trees",
    ]
    assert wrapped("TrainTheModelOfOneRegionWithTrees", 28, 3) == [
        "TrainTheModelOfOne",
        "RegionWithTrees",
    ]
    assert wrapped("a" * 60, 28, 3) == ["a" * 20] * 3


@given(st.text(max_size=200), st.integers(4, 40), st.integers(1, 4))
def test_broken_lines_fit_and_keep_all_that_has_room(text, columns, most):
    lines = wrapped(text, columns, most)
    assert 1 <= len(lines) <= most
    assert all(width(line) <= columns for line in lines)
    kept = "".join(lines).replace(" ", "")
    assert "…" in kept or kept == visible(text).replace(" ", "")


def test_a_page_has_its_title_once():
    drawing = of_plans([TRAINING, INFERENCE])
    page = html(replace(drawing, notes=("said once",)))
    heads = re.findall(r'<h1>[^<]*</h1>|<text class="title"[^>]*>', page)
    assert heads == [f"<h1>{drawing.title}</h1>"]
    assert page.count("said once") == 1
    assert svg(drawing).count('<text class="title"') == 1


def test_a_groups_own_name_is_whole_and_its_file_is_told_on_hover():
    file = f"../shared/{'recipes/' * 12}features.json"
    assert group_label(Group("g", "features", "features.json")) == "features · features.json"
    written = group_label(Group("g", "features", file))
    assert written.startswith("features · ../shared/")
    assert width(written) <= 80
    assert group_label(Group("g", "f" * 75, file)) == "f" * 75
    drawing = Drawing("d", (Node("a", "a", group="g"),), groups=(Group("g", "features", file),))
    assert f"<title>features · {file}</title>" in svg(drawing)
