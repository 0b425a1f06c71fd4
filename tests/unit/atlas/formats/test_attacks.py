"""skops archives made by hand: each is refused, and nothing of it is made or imported."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from atlas.errors import StoreError
from atlas.formats import registration
from atlas.formats.audit import audit
from atlas.store import Trust, open_store

ROWS = np.random.RandomState(0).rand(20, 2)
MARK = "made-by-an-attack"


def node(loader: str, full: str, **fields: Any) -> dict[str, Any]:
    module, _, name = full.rpartition(".")
    return {"__class__": name, "__module__": module, "__loader__": loader, **fields}


def text(value: Any) -> dict[str, Any]:
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def several(*content: Any, loader: str = "TupleNode", full: str = "builtins.tuple") -> Any:
    return node(loader, full, content=list(content))


def mapping(content: dict[str, Any], full: str = "builtins.dict", key: str = "builtins.str") -> Any:
    types = several(
        *(node("TypeNode", key) for _ in content), loader="ListNode", full="builtins.list"
    )
    return node("DictNode", full, content=content, key_types=types)


def function(full: str) -> dict[str, Any]:
    return node("FunctionNode", full)


def partial(full: str, *arguments: Any) -> dict[str, Any]:
    content = {"func": function(full), "args": several(*map(text, arguments)),
               "kwds": mapping({}), "namespace": text(None)}  # fmt: skip
    return node("PartialNode", "functools.partial", content=content)


def instance(full: str, **attributes: Any) -> dict[str, Any]:
    return node("ObjectNode", full, content=mapping(attributes))


def transformer(func: Any) -> dict[str, Any]:
    full = "sklearn.preprocessing._function_transformer.FunctionTransformer"
    return instance(full, func=func, validate=text(False))


def archive(root: Any, protocol: Any = 2, packed: int = zipfile.ZIP_STORED) -> io.BytesIO:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", packed) as content:
        content.writestr("schema.json", json.dumps({**root, "protocol": protocol}))
        content.writestr("0.npy", _npy(np.arange(3.0)))
        content.writestr("0.bin", b"import os")
    target.seek(0)
    return target


def _npy(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def call(full: str, *arguments: Any) -> dict[str, Any]:
    return node("ConstructorFromReduceNode", full, content=several(*arguments))


def operation(name: str, *arguments: Any, module: str = "operator") -> dict[str, Any]:
    return node("OperatorFuncNode", f"{module}.{name}", attrs=several(*arguments))


PIPELINE = "sklearn.pipeline.Pipeline"
SCALER = "sklearn.preprocessing._data.StandardScaler"
WARD = "sklearn.cluster._agglomerative.AgglomerativeClustering"
ARRAY = node("NdArrayNode", "numpy.ndarray", type="numpy", file="0.npy")
JSON_STATE = node("JsonNode", "builtins.str", content=json.dumps({"memory": "/tmp/pickles"}))

ATTACKS: dict[str, Any] = {
    # Called as the archive is read.
    "a call of eval": call("builtins.eval", text(f"open('{MARK}', 'w')")),
    "a call of exec": call("builtins.exec", text(f"open('{MARK}', 'w')")),
    "a call of os.system": call("os.system", text(f"touch {MARK}")),
    "a call of posix.system": call("posix.system", text(f"touch {MARK}")),
    "a process": call("subprocess.Popen", several(text("touch"), text(MARK))),
    "open": call("builtins.open", text(MARK), text("w")),
    "open by io": call("io.open", text(MARK), text("w")),
    "open by _io": call("_io.FileIO", text(MARK), text("w")),
    "an import by name": call("importlib.import_module", text("antigravity")),
    "getattr": call("builtins.getattr", text("a"), text("upper")),
    "a module that acts on import": instance("antigravity.geohash"),
    "a pickle in a zip": call("pickle.loads", node("BytesNode", "builtins.bytes", file="0.bin")),
    "marshal": call("marshal.loads", node("BytesNode", "builtins.bytes", file="0.bin")),
    "runpy": call("runpy.run_path", text("/tmp/x.py")),
    "timeit": call("timeit.timeit", text(f"open('{MARK}', 'w')")),
    "cProfile": call("cProfile.run", text(f"open('{MARK}', 'w')")),
    "doctest": call("doctest.testfile", text("/tmp/x")),
    "numpy runs a string": call(
        "numpy.testing._private.utils.runstring", text(f"open('{MARK}', 'w')"), mapping({})
    ),
    "numpy reads a pickle": call("numpy.load", text("/tmp/x.npy"), text(None), text(True)),
    "numpy maps a file": node("NdArrayNode", "numpy.memmap", type="numpy", file="0.npy"),
    "numpy's DataSource": call("numpy.lib.npyio.DataSource", text("/tmp")),
    "pandas reads a pickle": call("pandas.read_pickle", text("/tmp/x.pickle")),
    "pandas evaluates": call("pandas.eval", text("@__import__('os').system('true')")),
    "joblib reads a pickle": call("joblib.load", text("/tmp/x.joblib")),
    "joblib by its inner name": call("joblib.numpy_pickle.load", text("/tmp/x.joblib")),
    "skops reads another file": call("skops.io.load", text("/tmp/x.skops")),
    "a listed function that is called": call("numpy.add", text(1), text(2)),
    "a listed class that is called": call(PIPELINE, text([])),
    "a listed object as a tuple": several(text(1), full=PIPELINE),
    "a constructor as a list": several(text("touch x"), loader="ListNode", full="os.popen"),
    "a constructor as a set": several(text("touch x"), loader="SetNode", full="subprocess.Popen"),
    "a constructor as a mapping": mapping({}, full="threading.Thread"),
    "keys made by a call": mapping({f"open('{MARK}', 'w')": text(1)}, key="builtins.eval"),
    "keys made by a listed class": mapping({"a": text(1)}, key="builtins.list"),
    "keys that come back wrong": mapping({"False": text(1)}, key="builtins.bool"),
    "operator.call": operation("call", function("os.system"), text(f"touch {MARK}")),
    "operator.call of what is listed": operation("call", function("numpy.add"), text(1)),
    "a random state of another class": node(
        "RandomStateNode", "subprocess.Popen", content=mapping({})
    ),
    "a generator of another class": node(
        "RandomGeneratorNode", "subprocess.Popen",
        content={"bit_generator": mapping({"bit_generator": text("seed")}), "seed_seq": mapping({})},
    ),
    "a bit generator that is a function": node(
        "RandomGeneratorNode", "numpy.random._generator.Generator",
        content={"bit_generator": mapping({"bit_generator": text("seed")}), "seed_seq": mapping({})},
    ),
    "a tree of another class": node(
        "TreeNode", "os.system", content=mapping({}), **{"__reduce__": {"args": several(text("x"))}}
    ),
    "a loss of another class": node(
        "LossNode", "os.system", content=mapping({}), **{"__reduce__": {"args": several(text("x"))}}
    ),
    "a scipy distribution, whose state is executed": instance(
        "scipy.stats._continuous_distns.norm_gen",
        _parse_arg_template=text(f"open('{MARK}', 'w')"),
    ),
    "a class from an inner module": instance("sklearn.externals._packaging.version.Version"),
    "a class through another module's import": instance("sklearn.pipeline.Memory"),
    "a dotted name in a class": node("ObjectNode", "sklearn.pipeline.Pipeline") | {
        "__module__": "sklearn", "__class__": "pipeline.Pipeline"
    },
    # Called later, by the model that is made.
    "a transformer that evaluates": transformer(function("builtins.eval")),
    "a transformer that reads a pickle": transformer(function("pandas.io.pickle.read_pickle")),
    "a transformer that reads with joblib": transformer(function("joblib.numpy_pickle.load")),
    "a transformer that reads with numpy": transformer(function("numpy.load")),
    "a transformer that maps": transformer(function("numpy.apply_along_axis")),
    "a partial of os.system": transformer(partial("os.system", f"touch {MARK}")),
    "a partial of numpy.load": transformer(partial("numpy.load", "/tmp/x.npy")),
    "a partial of sklearn's downloads": transformer(
        partial("sklearn.datasets._openml.fetch_openml", "x")
    ),
    "a partial of a partial": transformer(partial("functools.partial", "x")),
    "a subclass of partial": node(
        "PartialNode", "functools.partialmethod", content=partial("numpy.add")["content"]
    ),
    "a method caller": transformer(operation("methodcaller", text("tofile"), text(MARK))),
    "an attribute getter": transformer(operation("attrgetter", text("__globals__"))),
    "an operator of another module": transformer(operation("system", text("x"), module="os")),
    "a method of a listed object": transformer(
        node("MethodNode", SCALER, content={"func": "fit", "obj": instance(SCALER)})
    ),
    "a method of another object than it says": transformer(
        node("MethodNode", SCALER, content={"func": "fit", "obj": call("os.system", text("x"))})
    ),
    "a type as a function": transformer(node("TypeNode", "subprocess.Popen")),
    "a type that maps": transformer(node("TypeNode", "builtins.map")),
    "an attribute of an estimator's instance": instance(SCALER, transform=function("os.system")),
    "a factory of a defaultdict": node(
        "DefaultDictNode", "collections.defaultdict",
        content={"main": mapping({}), "default_factory": function("os.getcwd")},
    ),
    "a pipeline that caches": instance(PIPELINE, steps=text([]), memory=text("/tmp/pickles")),
    "a cluster that caches": instance(WARD, memory=text("/tmp/pickles")),
    "a cluster that caches, in text": node("ObjectNode", WARD, content=JSON_STATE),
    "a cluster that caches, in an ordered dict": node(
        "ObjectNode", WARD,
        content=mapping({"memory": text("/tmp/x")}, full="collections.OrderedDict"),
    ),
    "a cache that is an object": instance(
        PIPELINE, memory=instance("joblib.memory.Memory", location=text("/tmp/x"))
    ),
    "a state that is called": node("ObjectNode", SCALER, content=call("builtins.frozenset")),
    # Archives that say one thing and are another.
    "another object under one id": several(
        function("numpy.add") | {"__id__": 5}, node("TypeNode", "builtins.str", __id__=5)
    ),
    "another state under one id": several(
        mapping({"memory": text("/tmp/x")}) | {"__id__": 7},
        node("ObjectNode", WARD, content=mapping({"memory": text(None)}) | {"__id__": 7}),
    ),
    "an object in itself": several(several(text(1)) | {"__id__": 1})
    | {"__id__": 1},
    "an id that is no number": text(1) | {"__id__": True},
    "a kind of node that isn't written": node("CachedNode", "builtins.str", __id__=1),
    "a kind of node that isn't known": node("EvilNode", "builtins.str"),
    "a quantile forest": node("QuantileForestNode", "quantile_forest.Q", content=text(None)),
    "a file outside of the archive": node(
        "NdArrayNode", "numpy.ndarray", type="numpy", file="../../etc/passwd"
    ),
    "a node without a class": {"__loader__": "JsonNode", "content": "1"},
    "a node that is a list": several([1, 2]),
    "a malformed node": node("ListNode", "builtins.list"),
    "content that is no JSON": node("JsonNode", "builtins.str", content="{"),
    "a slice of objects": node(
        "SliceNode", "builtins.slice", content={"start": {"a": 1}, "stop": None, "step": None}
    ),
    "a dtype of something else": node("DTypeNode", "numpy.dtype", content=function("os.getcwd")),
    "a sparse matrix of another class": node(
        "SparseMatrixNode", "os.system", type="scipy", file="0.npy"
    ),
    "bytes of another class": node("BytesNode", "subprocess.Popen", file="0.bin"),
    "an object array with a call in it": node(
        "NdArrayNode", "numpy.ndarray", type="json", content=[call("os.system", text("x"))],
        shape=several(text(1)),
    ),
    "a masked array with a call in it": node(
        "MaskedArrayNode", "numpy.ma.MaskedArray",
        content={"data": ARRAY, "mask": call("os.system", text("x"))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_attack_is_refused(name, wrapped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = ATTACKS[name]
    if wrapped:
        root = instance(
            PIPELINE, steps=several(text("a"), root, loader="ListNode", full="builtins.list")
        )
    path = tmp_path / "a.skops"
    path.write_bytes(archive(root).getvalue())
    before = set(sys.modules)
    with pytest.raises(StoreError) as refused:
        registration.named("skops").read(path, {"trusted": ["posix.system", "builtins.eval"]})
    assert str(refused.value).startswith(("it ", "it's", "its ", "'"))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.skops"]
    new = {one.partition(".")[0] for one in set(sys.modules) - before}
    assert not new & {"antigravity", "runpy", "doctest", "timeit", "cProfile", "subprocess"}


@pytest.mark.parametrize("protocol", [0, 1, 3, True, "2", None, -1])
def test_other_protocols_are_refused(protocol):
    with pytest.raises(StoreError, match="of skops' protocol"):
        audit(archive(text(1), protocol), Trust())


def test_what_is_no_such_archive_is_refused():
    with pytest.raises(StoreError, match="a skops archive"):
        audit(io.BytesIO(b"PK nothing"), Trust())
    with pytest.raises(StoreError, match="is compressed"):
        audit(archive(text("a" * 10_000), packed=zipfile.ZIP_DEFLATED), Trust())
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as content:
        content.writestr("schema.json", '{"__class__": "a", "__class__": "b"}')
    with pytest.raises(StoreError, match="has a key twice"):
        audit(target, Trust())
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(StoreError, match="has no schema"):
        audit(empty, Trust())
    with pytest.raises(StoreError, match="nested too deep"):
        audit(_deep(), Trust())


def _deep() -> io.BytesIO:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as content:
        content.writestr("schema.json", '{"a":' * 100_000 + "1" + "}" * 100_000)
    return target


def test_the_attribute_and_the_way_out_are_named(tmp_path):
    model = make_pipeline(StandardScaler(), FunctionTransformer(np.loadtxt))
    with pytest.raises(StoreError) as refused:
        registration.named("skops").write(model, tmp_path / "m.skops")
    message = str(refused.value)
    assert "its attribute steps[1][1].func is numpy.loadtxt" in message
    assert '"trust": ["numpy.loadtxt"]' in message


def test_what_a_recipe_trusts_is_kept_and_read(tmp_path):
    trust = Trust(names=frozenset({"numpy.loadtxt"}))
    store = open_store(str(tmp_path))
    model = FunctionTransformer(np.loadtxt)
    store.put("p", "r", "s", "o", model, trust=trust)
    assert store.get("p", "r", "s", "o", trust=trust).func is np.loadtxt
    with pytest.raises(StoreError, match=r"its attribute func is numpy\.loadtxt"):
        store.get("p", "r", "s", "o")


def test_the_manifest_widens_nothing(tmp_path):
    store = open_store(str(tmp_path))
    manifest = store.put("p", "r", "s", "o", LinearRegression().fit(ROWS, ROWS[:, 0]))
    path = Path(tmp_path, manifest.data)
    skops.io.dump({"f": FunctionTransformer(np.loadtxt)}, path)
    with pytest.raises(StoreError, match="corrupt"):
        store.get("p", "r", "s", "o")
    import hashlib

    content = path.read_bytes()
    forged = {
        **manifest.to_json(), "sha256": hashlib.sha256(content).hexdigest(), "size": len(content),
        "facts": {"trusted": ["numpy.loadtxt"]},
    }  # fmt: skip
    store.location.write("p/r/s/o/manifest.json", json.dumps(forged).encode())
    with pytest.raises(StoreError, match=r"numpy\.loadtxt"):
        store.get("p", "r", "s", "o")


@pytest.mark.parametrize(
    "func", [np.log1p, np.abs, len, None], ids=["ufunc", "alias", "builtin", "none"]
)
def test_safe_functions_pass(func, tmp_path):
    form = registration.named("skops")
    form.write(FunctionTransformer(func), tmp_path / "m.skops")
    assert form.read(tmp_path / "m.skops", {}).func is func


def _forged(model: Any, field: str, value: int) -> io.BytesIO:
    """Return a model's archive with one field of the first inner node of each tree changed."""
    source = io.BytesIO()
    skops.io.dump(model, source)
    target = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(content))
                if array.dtype.names and field in array.dtype.names and array.size:
                    array[field][0] = value
                    content = _npy(array)
            new.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", 10**9), ("left_child", 0), ("right_child", -7), ("feature", 99),
     ("feature", -3)],
)  # fmt: skip
def test_a_tree_that_points_outside_of_itself_is_refused(field, value):
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(2, random_state=0).fit(ROWS, ROWS[:, 0] > 0.5)
    audit(_forged(model, "nothing", 0), Trust())
    with pytest.raises(StoreError, match=r"estimators_\[\d\]\.tree_ is a tree whose nodes point"):
        audit(_forged(model, field, value), Trust())


@pytest.mark.parametrize(("field", "value"), [("left", 10**9), ("right", 0)])
def test_a_predictor_that_points_outside_of_itself_is_refused(field, value, monkeypatch):
    from sklearn.ensemble import HistGradientBoostingRegressor

    # Without it, a library runs `lscpu` to count the cores.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    rows = np.random.RandomState(0).rand(60, 2)
    kinds = np.c_[rows, np.arange(60) % 3]
    model = HistGradientBoostingRegressor(max_iter=2, categorical_features=[2], min_samples_leaf=2)
    model.fit(kinds, rows[:, 0])
    audit(_forged(model, "nothing", 0), Trust())
    with pytest.raises(StoreError, match="is a tree whose nodes point outside of it"):
        audit(_forged(model, field, value), Trust())


def test_what_is_of_another_pipelines_own_code_is_refused_with_the_way_to_it():
    from atlas.formats.nodes import refused

    message = str(refused(".steps[0][1]", "atlas.step.code.tumour.steps.Clip"))
    assert message.startswith("its attribute steps[0][1] is steps.Clip of the pipeline tumour's")
    assert 'atlas.load(…, code="FOLDER")' in message
    assert '"trust": ["lib.Clip"]' in str(refused("", "lib.Clip"))
