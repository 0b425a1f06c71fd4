"""Every format gives back what it was given, without pickle; what it can't keep it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import pandas as pd
import PIL.Image
import plotly.graph_objects
import pyarrow as pa
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler

from atlas.errors import StoreError
from atlas.formats import registration
from atlas.formats.packing import is_plain
from atlas.formats.plain import Json
from atlas.store import Encoded, Store, Trust, open_store, register
from atlas.template import Html, Markdown

FRAME = pd.DataFrame(
    {"a": [1, 2], "b": ["x", None], "t": pd.to_datetime(["2026-01-01", "2026-01-02"])}
)


def through(store: Store, value: Any, format: str = "") -> Any:
    store.put("p", "r", "s", "o", value, format=format)
    return store.get("p", "r", "s", "o")


@pytest.mark.parametrize(
    "value", [None, True, 3, -2.5, "", "zwölf\n", [1, [2]], {"a": {"b": None}}, "\ud800"]
)
def test_plain_values(store, value):
    assert through(store, value) == value


@pytest.mark.parametrize(
    ("value", "name", "ending"),
    [
        ("text", "text", ".txt"),
        (Html("<p>ä"), "html", ".html"),
        (Markdown("# ä"), "markdown", ".md"),
        (b"\x00\xff", "bytes", ".bin"),
        ([1, 2], "json", ".json"),
        (np.arange(3), "npy", ".npy"),
        (FRAME, "parquet", ".parquet"),
        (pa.table({"a": [1]}), "arrow", ".arrow"),
        (StandardScaler(), "skops", ".skops"),
        ({"model": StandardScaler(), "limits": np.ones(2)}, "skops", ".skops"),
    ],
)
def test_the_type_chooses_the_format(store, value, name, ending):
    manifest = store.put("p", "r", "s", "o", value)
    assert manifest.format == name
    assert manifest.data.endswith(f"/o/data{ending}")


def test_reports_come_back_as_what_they_are(store):
    for value in (Html("<p>ä"), Markdown(""), Html("\ud800")):
        back = through(store, value)
        assert (back, type(back)) == (value, type(value))
    assert type(through(store, "<p>", format="html")) is Html
    with pytest.raises(StoreError, match="as html: found an int, expected Html or str"):
        through(store, 3, format="html")


def test_tables(store):
    indexed = FRAME.set_index("a")
    pd.testing.assert_frame_equal(through(store, FRAME), FRAME)
    pd.testing.assert_frame_equal(through(store, indexed), indexed)
    pd.testing.assert_frame_equal(through(store, FRAME, format="arrow"), FRAME)
    assert through(store, pa.table({"a": [1, None]})) == pa.table({"a": [1, None]})
    assert len(through(store, FRAME.iloc[:0])) == 0


@pytest.mark.parametrize("name", ["q", None])
def test_a_column(store, name):
    column = pd.Series([1.0, 2.0], name=name)
    pd.testing.assert_series_equal(through(store, column), column)


def test_arrays(store):
    array = np.array([[1.5, np.nan]])
    np.testing.assert_array_equal(through(store, array), array)


def test_numbers_of_numpy_stay_numpy_s(store):
    given = {"n": np.int64(3), "x": np.float32(0.5), "b": np.bool_(True)}
    back = through(store, given)
    assert back == given
    assert [type(one) for one in back.values()] == [np.int64, np.float32, np.bool_]


def test_models(store):
    rows = np.random.RandomState(0).rand(40, 3)
    model = RandomForestClassifier(5, random_state=0).fit(rows, rows[:, 0] > 0.5)
    again = through(store, model)
    np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(rows))


def test_files_and_folders(store, tmp_path):
    folder = tmp_path / "made"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("b")
    assert through(store, folder / "a.txt").read_text() == "a"
    kept = through(store, folder)
    assert (kept / "deep" / "b.txt").read_text() == "b"
    assert through(store, folder).is_dir()


class Pair(NamedTuple):
    a: int


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "a value of type object"),
        ({"a": [1, object()]}, r"a value of type dict with an object at \['a'\]\[1\]"),
        (Pair(1), r"a value of type .*Pair"),
        (np.array([object()]), r"an array of objects \(object\) needs pickle; return a list"),
        (pd.DataFrame({"a": [1, object()]}), "row 1 of column 'a' is an object"),
        (Path("/nowhere/at/all"), "there is no file"),
    ],
)
def test_what_can_t_be_kept_is_refused_with_words(store, value, words):
    with pytest.raises(StoreError, match=words):
        store.put("p", "r", "s", "o", value)
    with pytest.raises(StoreError, match=r"isn't there|half written"):
        store.get("p", "r", "s", "o")


def test_pickle_only_where_a_recipe_says_so(store):
    store.put("p", "r", "s", "o", {1, 2}, format="pickle")
    with pytest.raises(StoreError, match="doesn't name that format"):
        store.get("p", "r", "s", "o")
    assert store.get("p", "r", "s", "o", trust=Trust(format="pickle")) == {1, 2}


def test_unknown_formats_are_named(store):
    with pytest.raises(
        StoreError, match="there is no format 'parket'; expected html, markdown, png"
    ):
        store.put("p", "r", "s", "o", 1, format="parket")


class Point(NamedTuple):
    x: int
    y: int


class Points(Encoded):
    name = "point"
    suffix = ".point"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Point)

    def encode(self, value: Any) -> bytes:
        return f"{value.x},{value.y}".encode()

    def decode(self, content: bytes) -> Any:
        return Point(*map(int, content.split(b",")))


def figure() -> Figure:
    made = Figure(figsize=(2, 1))
    made.subplots().plot([1, 2], [2, 1])
    return made


BUILT_IN_VALUES: dict[str, Any] = {
    "html": Html("<p>ä"), "markdown": Markdown("# ä"), "png": figure(), "svg": figure(),
    "image": PIL.Image.new("RGB", (2, 3), "red"), "plotly": plotly.graph_objects.Figure(),
    "plotly-json": plotly.graph_objects.Figure(), "text": "ä", "bytes": b"\x00", "json": [1],
    "file": Path(__file__), "folder": Path(__file__).parent, "parquet": FRAME, "arrow": FRAME,
    "npy": np.arange(3),
    "xgboost": xgboost.XGBRegressor(n_estimators=1).fit([[1], [2]], [1, 2]),
    "lightgbm": lightgbm.LGBMRegressor(n_estimators=1, verbose=-1).fit(np.ones((3, 1)), [1, 2, 3]),
    "catboost": None, "safetensors": None, "keras": None, "skops": StandardScaler(), "pickle": {1, 2},
}  # fmt: skip
"""A value for each built-in format: a format that is new has one here.

Those without one are formats of libraries that weigh gigabytes: they were tried by hand alone.
"""


def test_every_built_in_format_is_tried():
    assert [*BUILT_IN_VALUES] == [*registration.BUILT_IN]


@pytest.mark.parametrize(
    "name", [name for name, value in BUILT_IN_VALUES.items() if value is not None]
)
def test_what_a_built_in_format_writes_is_proven(store, name, monkeypatch):
    """By the format, where it says so; by the store otherwise, which then finds what it can't read."""
    form = type(registration.built_in(name))

    def unreadable(*_: Any) -> Any:
        raise ValueError("unreadable")

    monkeypatch.setattr(form, "proves_itself", False)
    for method in ("read", "read_trusting", "unpack", "decode"):
        monkeypatch.setattr(form, method, unreadable, raising=False)
    with pytest.raises(StoreError, match="unreadable"):
        store.put("p", "r", "s", "o", BUILT_IN_VALUES[name], format=name)


def test_a_subclass_of_a_format_proves_nothing_by_its_base(store, monkeypatch):
    class Odd(Json):
        name = "odd"

        def unpack(self, content: bytes, facts: Any, trust: Trust) -> Any:
            raise ValueError("unreadable")

    monkeypatch.setattr(registration, "_registered", {})
    register(Odd())
    with pytest.raises(StoreError, match="can't be read back as odd: unreadable"):
        store.put("p", "r", "s", "o", [1], format="odd")


def test_types_of_two_built_in_formats_do_not_overlap():
    forms = [registration.built_in(name) for name in registration.BUILT_IN]
    types = [type for form in forms for type in (*form.types, *form.aliases)]
    assert len(types) == len(set(types))


def test_a_format_of_one_s_own(store, monkeypatch):
    monkeypatch.setattr(registration, "_registered", {})
    register(Points())
    assert through(store, Point(1, 2)) == Point(1, 2)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_gives_back_what_it_was_given(value):
    form, trust = Json(), Trust()
    content, facts = form.pack(value, trust)
    assert form.unpack(content, facts, trust) == value
    assert facts == ({} if is_plain(value) else {"packed": True})


def test_big_files_are_checked_while_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("atlas.store.artifacts._CONCURRENT", 10)
    store = open_store(str(tmp_path))
    manifest = store.put("p", "r", "s", "o", FRAME)
    pd.testing.assert_frame_equal(store.get("p", "r", "s", "o"), FRAME)
    path = store.location.local(manifest.data)
    content = bytearray(path.read_bytes())
    content[8] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match="corrupt"):
        store.get("p", "r", "s", "o")
