"""What comes back of each type that a step can return: tried, and written down as a page."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import re
import sys
import tempfile
import uuid
import warnings
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing

import atlas.template
from atlas.errors import StoreError
from atlas.formats import BUILT_IN, built_in
from atlas.store import Store, Trust, open_store

STEPS = ModuleType("steps")
"""Stands for a module of the pipeline's own code."""
sys.modules.setdefault("kept_steps", STEPS)


class Mode(str, enum.Enum):  # noqa: UP042 - as users have it
    """An Enum of the pipeline's own code."""

    FAST = "fast"


class Point(tuple):
    """A class of the pipeline's own code that nothing keeps."""

    __slots__ = ()


for one in (Mode, Point):
    one.__module__ = "kept_steps"
    setattr(STEPS, one.__name__, one)

TRUST = Trust(own="kept_steps")
NAMES = {
    "np": np,
    "pd": pd,
    "pa": pa,
    "dt": datetime,
    "Mode": Mode,
    "Point": Point,
    "BERLIN": ZoneInfo("Europe/Berlin"),
    **{name: getattr(collections, name) for name in ("Counter", "OrderedDict")},
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "UUID": uuid.UUID,
    "Html": atlas.template.Html,
    "Markdown": atlas.template.Markdown,
    "StandardScaler": sklearn.preprocessing.StandardScaler,
    "FunctionTransformer": sklearn.preprocessing.FunctionTransformer,
    "LogisticRegression": sklearn.linear_model.LogisticRegression,
    "make_pipeline": sklearn.pipeline.make_pipeline,
}
"""What the cases below may name."""

PYTHON = """
None
True
3
2**70
10**5000
1.5
1e-12
-0.0
float("nan")
float("-inf")
1 + 2j
"text"
"\\ud800"
b"bytes"
bytearray(b"bytes")
[1, "a", None]
(1, "a")
[(1, 2), [3]]
{"a": {"b": [1.5]}}
{1: "a", "1": "b"}
{("a", 1): 2, None: 3}
{"$tuple": [1]}
{1, 2}
frozenset({"a"})
OrderedDict(a=1)
Counter("aab")
range(3)
Mode.FAST
[Mode.FAST]
{Mode.FAST: 1}
dt.date(2024, 2, 29)
dt.time(1, 2, 3, 4)
dt.datetime(2024, 1, 2, 3, 4, 5, 678901)
dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)
dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN)
dt.timedelta(days=-1, microseconds=1)
Decimal("1.10")
Fraction(1, 3)
UUID(int=7)
Html("<p>")
Markdown("# a")
Point((1, 2))
object()
lambda rows: rows
"""
NUMPY = """
np.int64(3)
np.float32(0.1)
np.float64("nan")
np.bool_(True)
np.str_("text")
np.datetime64("2024-01-01T00:00")
np.timedelta64(3, "s")
{"accuracy": np.float64(0.5)}
np.arange(3)
np.array([[1.5, np.nan]], dtype="float32")
np.array([1, 2], dtype=">i4")
np.array(["a", "bcd"])
np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")
np.array([1 + 2j])
np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
np.asfortranarray(np.ones((2, 3)))
np.array(1.5)
np.array([])
np.array([1, "a", None], dtype=object)
np.ma.array([1, 2], mask=[True, False])
np.matrix([[1, 2]])
np.rec.array([(1, 2.0)], names="a,b")
{"weights": np.ones(2), "n": 2}
"""
SCALARS = """
pd.Timestamp("2024-01-01 12:00")
pd.Timestamp("2024-01-01 12:00", tz="Europe/Berlin")
pd.Timedelta("1s")
pd.Period("2024-01", freq="M")
pd.Interval(0, 1, closed="left")
pd.NaT
pd.NA
"""
COLUMNS = """
[1, 2]
np.array([1], "int8")
np.array([2**64 - 1], "uint64")
np.array([1.5], "float16")
np.array([1.5, np.nan, np.inf, -0.0], "float32")
np.array([1 + 2j])
np.array([1], ">i4")
np.array([1.5], "longdouble")
[True, False]
pd.array([True, None], dtype=object)
pd.array([1, None], dtype=object)
pd.array([1, "b", 2.5], dtype=object)
pd.array([None, "b", float("nan")], dtype=object)
["a", None]
pd.array(["a", None], dtype=object)
pd.array(["a", None], dtype="string")
pd.array(["a"], dtype="string[python]")
pd.array([1, None], dtype="Int64")
pd.array([1, None], dtype="UInt8")
pd.array([1.5, None], dtype="Float64")
pd.array([True, None], dtype="boolean")
pd.array([1, None], dtype="int64[pyarrow]")
pd.array(["a"], dtype="string[pyarrow]")
pd.array([[1], [2, 3]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))
pd.to_datetime(["2024-01-01"])
pd.array([np.datetime64("0001-01-01", "s")])
pd.to_datetime([1], unit="ns")
pd.date_range("2024-03-31", periods=3, freq="h", tz="Europe/Berlin")
pd.to_datetime(["2024-01-01T00:00+05:30"])
pd.to_timedelta([1], unit="s")
pd.period_range("2024-01", periods=2, freq="M")
pd.arrays.IntervalArray.from_breaks([0, 1, 2])
pd.cut([1, 5], [0, 4, 8])
pd.Categorical(["x", None], categories=["y", "x"])
pd.Categorical([3, 1], categories=[1, 2, 3], ordered=True)
pd.Categorical(pd.to_datetime(["2024-01-01"]))
pd.Categorical([True, False])
pd.arrays.SparseArray([0, 0, 1])
[dt.date(2024, 1, 1)]
[dt.time(1, 2)]
pd.array([dt.datetime(2024, 1, 1)], dtype=object)
[Decimal("1.10"), Decimal("2")]
[b"bytes", None]
[2**70]
[[1, 2], []]
[["a"], ["b", "c"]]
[[1, None]]
[[[1], [2]]]
[(1, 2)]
[{1, 2}]
[{"x": 1}, {"y": 2}]
[np.array([1.0, 2.0]), np.array([3.0])]
[np.ones((2, 2))]
[Mode.FAST]
[pd.Timestamp("2024-01-01"), "text"]
[None, None]
[object()]
"""
FRAMES = """
pd.DataFrame()
pd.DataFrame(index=[1, 2])
pd.DataFrame(columns=["a", "b"])
pd.DataFrame({"a": pd.Series([], dtype="int64")})
pd.DataFrame([[1, 2]])
pd.DataFrame([[1, 2]], columns=[0, "0"])
pd.DataFrame([[1, 2]], columns=[1, "a"])
pd.DataFrame([[1, 2]], columns=[True, False])
pd.DataFrame([[1, 2]], columns=[0.5, None])
pd.DataFrame([[1, 2]], columns=["a", "a"])
pd.DataFrame([[1, 2]], columns=pd.to_datetime(["2024-01-01", "2024-01-02"]))
pd.DataFrame([[1, 2]], columns=pd.Index(["a", "b"], name="metric"))
pd.DataFrame([[1, 2]], columns=pd.Index(["a", "b"], dtype=object))
pd.DataFrame([[1, 2]], columns=pd.CategoricalIndex(["a", "b"]))
pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None]))
pd.DataFrame([[1, 2]], columns=["", "a\\nb"])
pd.DataFrame({"a": [1]}, index=pd.RangeIndex(10, 12, 2, name="n"))
pd.DataFrame({"a": [1, 2]}, index=["x", "x"])
pd.DataFrame({"a": [1]}, index=pd.Index([5], name="a"))
pd.DataFrame({"a": [1]}, index=pd.Index([(1, 2)], tupleize_cols=False))
pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2024", periods=2, freq="D"))
pd.DataFrame({"a": [1, 2]}, index=pd.period_range("2024-01", periods=2, freq="M"))
pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None]))
pd.DataFrame({"a": [1]}, index=pd.CategoricalIndex(["x"], ["y", "x"]))
pd.crosstab(["a", "b"], [True, False])
pd.Series([1.5], name="q")
pd.Series([1], name=0)
pd.Series([1], name=("a", 1))
pd.Series([1])
pd.Series([1], name=True)
pd.Series(["a", "b", "a"]).value_counts()
pa.table({"a": [1, None]})
pa.table({"a": pa.array(["x"]).dictionary_encode()})
"""
MODELS = """
StandardScaler()
make_pipeline(StandardScaler(), LogisticRegression())
FunctionTransformer(np.log1p)
FunctionTransformer(np.loadtxt)
FunctionTransformer(lambda rows: rows)
StandardScaler(copy=Mode.FAST)
make_pipeline(StandardScaler(), memory="/tmp/cache")
[StandardScaler(), {"limits": np.ones(2)}]
{"model": StandardScaler(), True: 1}
{"model": StandardScaler(), ("a", 1): 1}
"""
HEAD = """# What comes back

A step's input is what the other step returned: of the same type, with the same labels, index and cells, to the last
digit. What can't be kept so is refused when it is written, with the column or attribute and the way out; the step
that made it fails, and not a later one. This page is written by the test that tries each
(`pytest tests/docs --update-golden`).

`Mode` is an Enum of the pipeline's own code: an Enum comes back as its member where the reading pipeline's code
defines it. What is refused can be kept as `"format": "pickle"` if you trust what reads it.
"""


def page() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        parts = [
            HEAD,
            _formats(),
            _section("Python", PYTHON, store),
            _section("NumPy", NUMPY, store),
            _section("pandas: single values", SCALARS, store),
            _section("pandas: a column", COLUMNS, store, column=True),
            _section("pandas and pyarrow: tables, labels and index", FRAMES, store),
            _section("Models", MODELS, store),
        ]
    return "\n".join(parts)


def _formats() -> str:
    """Return the table of Atlas's own formats, as their classes say."""
    rows = []
    for format in filter(None, map(built_in, BUILT_IN)):
        types = ", ".join(f"`{name.removeprefix('atlas.template.')}`" for name in format.types)
        duty = (type(format).__doc__ or "").partition("\n")[0].rstrip(".")
        rows.append(f"| {format.name} | {format.suffix} | {types} | {duty} |")
    head = "## Formats\n\nIn the order in which a value's is looked for; `register` adds one before them.\n\n"
    return f"{head}| name | file | types | keeps |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _section(title: str, cases: str, store: Store, *, column: bool = False) -> str:
    intro = "As Parquet and as Arrow alike.\n\n" if column else ""
    rows = [f"## {title}\n\n{intro}| given | kept as | comes back |\n|---|---|---|"]
    for text in cases.strip().splitlines():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of its own matrix
            value = eval(text, NAMES)
        formats = ("parquet", "arrow") if column else ("",)
        given = pd.DataFrame({"a": pd.Series(value)}) if column else value
        results = [outcome(store, given, one) for one in formats]
        assert len({result for _, result in results}) == 1, (text, results)
        format, result = results[0]
        rows.append(f"| `{_cell(text)}` | {format} | {_cell(result)} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def outcome(store: Store, value: Any, format: str = "") -> tuple[str, str]:
    """Return the format that keeps a value, and what comes back; it fails on anything changed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            manifest = store.put("p", "r", "s", "o", value, format=format, trust=TRUST)
    except StoreError as error:
        message = re.sub(r"^(p/r/s/o: )?(can't be written as \w+: )?", "", str(error))
        return "", f"refused: {_without_addresses(message)}"
    back = store.get("p", "r", "s", "o", trust=TRUST)
    changed = difference(value, back)
    assert not changed, changed
    return manifest.format, "the same"


def _without_addresses(text: str) -> str:
    return text.replace("tests.docs.kept", "steps").replace("kept_steps", "steps")


def difference(given: Any, back: Any) -> str:
    """Return how a value differs from what came back, or nothing."""
    if type(given) is not type(back):
        return f"{type(back)} for {type(given)}"
    kinds = (one for one in type(given).__mro__ if one in _COMPARED)
    compared = _COMPARED.get(next(kinds, object))
    same = compared(given, back) if compared else repr(given) == repr(back)
    return "" if same else f"{back!r} for {given!r}"


def _same_frames(given: pd.DataFrame, back: pd.DataFrame) -> bool:
    return not _of_frames(given, back)


def _same_series(given: pd.Series, back: pd.Series) -> bool:
    named = repr(given.name) == repr(back.name) and type(given.name) is type(back.name)
    return named and not _of_frames(given.to_frame("a"), back.to_frame("a"))


def _same_arrays(given: Any, back: Any) -> bool:
    same = given.dtype == back.dtype and given.shape == back.shape
    return same and given.tobytes("A") == back.tobytes("A")


def _same_items(given: Any, back: Any) -> bool:
    return not any(difference(a, b) for a, b in zip(given, back, strict=True))


def _same_pairs(given: Any, back: Any) -> bool:
    return _same_items([*given, *given.values()], [*back, *back.values()])


_COMPARED: dict[type, Any] = {
    pd.DataFrame: _same_frames,
    pd.Series: _same_series,
    np.ndarray: _same_arrays,
    pa.Table: lambda one, other: one.equals(other) and one.schema == other.schema,
    list: _same_items,
    tuple: _same_items,
    dict: _same_pairs,
    int: lambda one, other: one == other,
    set: lambda one, other: one == other,
    frozenset: lambda one, other: one == other,
}


def _of_frames(given: pd.DataFrame, back: pd.DataFrame) -> str:
    exact = {"check_freq": True, "check_exact": True, "check_names": True}
    pd.testing.assert_frame_equal(
        back, given, check_column_type=True, check_index_type=True, **exact
    )
    for one, other in ((given.columns, back.columns), (given.index, back.index)):
        if type(one) is not type(other) or [*map(type, one)] != [*map(type, other)]:
            return f"labels {other} for {one}"
    if list(map(repr, given.dtypes)) != list(map(repr, back.dtypes)):
        return f"types {list(back.dtypes)} for {list(given.dtypes)}"
    cells = zip(given.to_numpy(object).flat, back.to_numpy(object).flat, strict=True)
    return next((found for a, b in cells if (found := difference(a, b))), "")
