"""What is written is what is read; the rest is refused where it is written, with the way out."""

from __future__ import annotations

import enum
import json
import math
import sys
import threading
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sklearn.cluster import Birch
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from atlas.errors import StoreError
from atlas.formats import registration
from atlas.formats.packing import is_plain, packed, takes
from atlas.formats.unpacking import unpacked
from atlas.store import Encoded, Format, Manifest, Trust, register

OWN = ModuleType("own_of_kept")


class Mode(enum.Enum):
    FAST = 1
    SLOW = (2, "x")


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Rank(enum.IntEnum):
    LOW = 1


for one in (Mode, Access, Rank):
    one.__module__ = "own_of_kept"
    setattr(OWN, one.__name__, one)
TRUST = Trust(own="own_of_kept")


@pytest.fixture(autouse=True)
def own(monkeypatch):
    monkeypatch.setitem(sys.modules, "own_of_kept", OWN)


def through(store, value, format="", trust=TRUST):
    store.put("p", "r", "s", "o", value, format=format, trust=trust)
    return store.get("p", "r", "s", "o", trust=trust)


# Values ---------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.fractions()
    | st.uuids()
    | st.complex_numbers()
    | st.sampled_from([*Mode, *Access, *Rank]),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.just("$tuple"), inner)
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return all(same(a[0], b[0]) and same(a[1], b[1]) for a, b in pairs)
    return repr(one) == repr(other) if isinstance(one, complex) else bool(one == other)


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_values_come_back_through_json(value):
    sys.modules["own_of_kept"] = OWN
    assert takes(value)
    text = json.dumps(packed(value, TRUST), allow_nan=False)
    assert same(unpacked(json.loads(text), TRUST), value)


@pytest.mark.parametrize("value", [Mode.FAST, Mode.SLOW, Access.READ | Access.WRITE, Rank.LOW])
def test_an_enum_of_the_pipeline_s_comes_back_as_its_member(store, value):
    assert through(store, value) is value or through(store, value) == value
    assert type(through(store, {"a": [value]})["a"][0]) is type(value)


def test_an_enum_of_elsewhere_is_refused(store):
    with pytest.raises(StoreError, match="only those that the pipeline's own code defines"):
        through(store, [Mode.FAST], trust=Trust())
    import http

    with pytest.raises(StoreError, match=r"it is a http\.HTTPStatus.*return its value instead"):
        through(store, http.HTTPStatus.OK)


@pytest.mark.parametrize(
    "forged",
    [
        {"$enum": ["os", "system", "true"]}, {"$enum": ["builtins", "eval", "1"]},
        {"$enum": ["own_of_kept", "pickle", 1]}, {"$enum": ["http", "HTTPStatus", 200]},
        {"$enum": [3, None, 1]}, {"$import": "os"}, {"$": 1}, {"$numpy.ndarray": ["O", [1], ""]},
        {"$numpy": ["O", {"$bytes": "AAAAAAAAAAA="}]}, {"$enum": ["own_of_kept", "Mode", 9]},
        {"$tuple": {"$object": []}}, {"$date": "x"}, {"$pandas.Period": [1, "__import__('os')"]},
    ],
)  # fmt: skip
def test_a_forged_value_makes_nothing_else(store, forged):
    OWN.pickle = __import__("pickle")
    manifest = store.put("p", "r", "s", "o", (1,))
    content = json.dumps(forged).encode()
    store.location.write(manifest.data, content)
    import hashlib

    forged_manifest = Manifest(
        "json", "x", hashlib.sha256(content).hexdigest(), len(content), manifest.data,
        {"packed": True},
    )  # fmt: skip
    store.location.write("p/r/s/o/manifest.json", forged_manifest.text)
    with pytest.raises(StoreError, match="can't be read as json"):
        store.get("p", "r", "s", "o", trust=TRUST)


def test_what_json_knows_is_plain_json(store):
    value = {"a": [1, 2.5, None, "x", True], "b": {"c": {}}}
    manifest = store.put("p", "r", "s", "o", value)
    assert not manifest.facts
    assert json.loads(store.location.read(manifest.data)) == value
    assert is_plain(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1, {"b": object()}]}, r"with an object at \['a'\]\[1\]\['b'\]"),
        ((1, lambda: 1), r"with a function at \[1\]"),
        ([threading.Lock()], r"with a _thread\.lock at \[0\]"),
        (pd.Timestamp("2024", tz="dateutil/Europe/Berlin"), "a pandas.Timestamp"),
    ],
)
def test_refusals_say_where(store, value, words):
    with pytest.raises(StoreError, match=words):
        store.put("p", "r", "s", "o", value)


def test_a_value_in_itself_is_refused(store):
    value: list[Any] = []
    value.append(value)
    with pytest.raises((StoreError, RecursionError)):
        store.put("p", "r", "s", "o", value)


# Tables ---------------------------------------------------------------------------------------

LABELS = (
    st.text(max_size=5) | st.integers(-5, 5) | st.booleans() | st.floats(allow_nan=False)
    | st.none() | st.tuples(st.integers(0, 3), st.text(max_size=2))
)  # fmt: skip
CELLS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.dates()
    | st.lists(st.integers(0, 3), max_size=2) | st.dictionaries(st.text(max_size=2), st.integers())
    | st.just(Decimal("1.50"))
)  # fmt: skip


@given(
    st.lists(LABELS, max_size=4), st.lists(CELLS, min_size=1, max_size=4),
    st.sampled_from(["parquet", "arrow"]), LABELS,
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_labels_and_cells_come_back(tmp_path_factory, labels, cells, kind, name):
    column = pd.Series(cells, dtype=object, name=name if _hashable(name) else None)
    frame = pd.concat([column] * len(labels), axis=1) if labels else pd.DataFrame(index=[1, 2])
    if labels:
        frame.columns = pd.Index(labels, dtype=object, tupleize_cols=False)
    path = tmp_path_factory.mktemp("t") / "t"
    form = registration.named(kind)
    for value in (frame, column):
        path.unlink(missing_ok=True)
        facts = json.loads(json.dumps(dict(form.write_trusting(value, path, TRUST))))
        back = form.read_trusting(path, facts, TRUST)
        if isinstance(value, pd.Series):
            assert same(back.name, value.name)
            assert same(back.tolist(), value.tolist())
            continue
        assert same(list(back.columns), list(value.columns))
        assert back.index.equals(value.index)
        for i in range(value.shape[1]):
            assert same(back.iloc[:, i].tolist(), value.iloc[:, i].tolist())


def _hashable(value: Any) -> bool:
    return not isinstance(value, float) or not math.isnan(value)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"a": [1], "b": [object()]}), "row 0 of column 'b' is an object"),
        (pd.DataFrame({"b": np.array([1.0], "longdouble")}), "column 'b' is of the type float128"),
        (pd.DataFrame([[1]], columns=pd.Index([object()])), "the label of a column is an object"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([object()])), "row 0 of level 0 of the index"),
        (pd.Series([1], name=frozenset({object()})), "the name of the Series"),
    ],
)
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_what_a_table_can_t_keep_is_named(store, frame, words, kind):
    with pytest.raises(StoreError, match=words) as refused:
        store.put("p", "r", "s", "o", frame, format=kind)
    assert "pickle" in str(refused.value) or "plain data" in str(refused.value)
    with pytest.raises(StoreError, match=r"isn't there|half written"):
        store.get("p", "r", "s", "o")


def test_attributes_and_flags_of_a_table_come_back(store):
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    frame.attrs = {"unit": "mm", "range": (0, 1)}
    back = through(store, frame)
    assert back.attrs == {"unit": "mm", "range": (0, 1)}
    assert not back.flags.allows_duplicate_labels
    frame.attrs = {"f": object()}
    with pytest.raises(StoreError, match=r"its attrs\['f'\] is an object"):
        store.put("p", "r", "s", "o", frame)


class Geo(pd.DataFrame):
    pass


def test_a_subclass_would_come_back_as_its_base(store):
    with pytest.raises(
        StoreError, match=r"Geo would come back as a plain pandas.DataFrame; return"
    ):
        store.put("p", "r", "s", "o", Geo({"a": [1]}))


def test_a_plain_table_is_a_plain_file(store):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])})
    manifest = store.put("p", "r", "s", "o", frame)
    found = parquet.read_table(store.location.local(manifest.data)).to_pandas()
    assert list(found.columns) == ["a", "b", "c"]
    assert found["a"].tolist() == [1, 2]
    assert found["c"].tolist() == ["u", "v"]
    named = frame.set_index("b")
    manifest = store.put("p", "r", "s", "o", named)
    found = parquet.read_table(store.location.local(manifest.data))
    assert set(found.column_names) == {"a", "b", "c"}


def test_many_categories_are_in_the_file_and_not_in_the_manifest(store):
    for categories in (range(20_000), np.arange(20_000) * 2.5, pd.to_timedelta(range(20_000))):
        frame = pd.DataFrame({"c": pd.Categorical(categories)})
        manifest = store.put("p", "r", "s", "o", frame)
        assert len(manifest.text) < 2000
        pd.testing.assert_frame_equal(store.get("p", "r", "s", "o"), frame)


def test_tables_of_earlier_versions_are_read_as_before(store):
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    for value, facts in (
        (frame, {"library": "pandas"}),
        (frame["a"].rename(None), {"library": "series", "unnamed": True}),
    ):
        manifest = store.put("p", "r", "s", "o", frame)
        path = store.location.local(manifest.data)
        plain = value if isinstance(value, pd.DataFrame) else value.to_frame("values")
        parquet.write_table(pa.Table.from_pandas(plain), path)
        from atlas.store.manifest import file_digest

        sha256, size = file_digest(path)
        old = Manifest("parquet", "pandas.DataFrame", sha256, size, manifest.data, facts)
        back = store.read(old)
        assert back.equals(value)


def test_pyarrow_s_tables_are_compared_too(store):
    table = pa.table({"a": pa.array([1], pa.timestamp("s"))})
    assert through(store, table).schema == table.schema
    with pytest.raises(StoreError, match=r"column .a. is timestamp.* .arrow. keeps it"):
        store.put("p", "r", "s", "o", table, format="parquet")
    with pytest.raises(StoreError, match="found an int; expected a DataFrame"):
        store.put("p", "r", "s", "o", 3, format="parquet")


# Arrays, files, models, and formats of the user's ---------------------------------------------


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3)[:, ::2], np.asfortranarray(np.ones((2, 3))), np.array(1.5),
        np.array([], "int8"), np.array([1], ">u2"), np.array(["2024", "NaT"], "datetime64[D]"),
    ],
)  # fmt: skip
def test_arrays_come_back(store, array):
    back = through(store, array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("model.onnx", ".onnx"), ("rows.csv.zip", ".csv.zip"), ("a.tar.gz", ".tar.gz"),
        ("Makefile", ""), (".hidden", ""), ("a.", ""), ("a.b c", ""), ("v1.2.3.json", ".3.json"),
        ("x." + "y" * 40, ""), ("ä.ö", ""),
    ],
)  # fmt: skip
def test_a_file_keeps_its_ending(store, tmp_path, name, ending):
    (tmp_path / name).write_bytes(b"x")
    manifest = store.put("p", "r", "s", "o", tmp_path / name)
    assert manifest.data == f"p/r/s/o/data{ending}"
    back = store.get("p", "r", "s", "o")
    assert back.read_bytes() == b"x"
    assert back.name == f"data{ending}"


def test_a_folder_keeps_its_ending(store, tmp_path):
    (tmp_path / "rows.zarr").mkdir()
    (tmp_path / "rows.zarr" / "a").write_text("x")
    for _ in range(2):
        back = through(store, tmp_path / "rows.zarr")
        assert back.suffix == ".zarr"
        assert (back / "a").read_text() == "x"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            FunctionTransformer(lambda rows: rows),
            r"attribute func is .*<lambda>, which can't be found",
        ),
        (
            StandardScaler(copy=Rank.LOW),
            r"attribute copy is an? .*Rank, and would come back as an int",
        ),
        ([StandardScaler(), threading.Lock()], r"attribute \[1\] is _thread\.lock"),
        (Birch(), r"which skops doesn't keep: Objects of type Birch"),
        ({"m": StandardScaler(), "x": np.matrix([[1]])}, r"numpy\.matrix"),
        ({"m": StandardScaler(), True: 1}, "keys of type bool"),
        ({"m": StandardScaler(), 1: 1, "1": 2}, "keys that are the same as text"),
    ],
)
def test_a_model_that_would_not_come_back_is_refused_where_it_is_written(store, value, words):
    with pytest.raises(StoreError, match=words):
        store.put("p", "r", "s", "o", value)
    with pytest.raises(StoreError, match=r"isn't there|half written"):
        store.get("p", "r", "s", "o")


class Bad:
    def __reduce__(self):
        return int, ("x",)


def test_a_pickle_that_can_t_be_read_is_refused_where_it_is_written(store):
    with pytest.raises(StoreError, match="as pickle: invalid literal for int"):
        store.put("p", "r", "s", "o", Bad(), format="pickle")


class Broken(Encoded):
    name = "broken"
    suffix = ".broken"

    def encode(self, value: Any) -> bytes:
        return b"x"

    def decode(self, content: bytes) -> Any:
        raise ValueError("no such thing")


class BrokenFile(Format):
    name = "broken-file"
    suffix = ".broken"

    def write(self, value: Any, path: Path) -> Any:
        path.write_text("x")
        return {}

    def read(self, path: Path, facts: Any) -> Any:
        raise ValueError("no such thing")


@pytest.mark.parametrize("broken", [Broken(), BrokenFile()])
def test_a_format_of_one_s_own_is_read_once_before_the_manifest(store, monkeypatch, broken):
    monkeypatch.setattr(registration, "_registered", {})
    register(broken)
    with pytest.raises(StoreError, match=f"can't be read back as {broken.name}: no such thing"):
        store.put("p", "r", "s", "o", 1, format=broken.name)
    with pytest.raises(StoreError, match=r"isn't there|half written"):
        store.get("p", "r", "s", "o")
