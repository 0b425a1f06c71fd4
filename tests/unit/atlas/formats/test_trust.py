"""The allow-list is data: every entry is there, is what its role says, and runs no code itself."""

from __future__ import annotations

import ast
import inspect
import textwrap
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from atlas.formats.trust import ROLES, listed
from atlas.recipe import UNTRUSTED
from atlas.store import Trust

MODULES = [(role, module) for role in ROLES for module in sorted(listed()[role])]
PACKAGES = {
    "builtins", "collections", "datetime", "decimal", "fractions", "math", "numpy", "scipy",
    "sklearn", "uuid", "zoneinfo",
}  # fmt: skip
BUILTINS = {
    "functions": {"abs", "len", "max", "min", "round", "sorted", "sum"},
    "constructors": {"complex", "frozenset", "range"},
    "types": {"bool", "bytes", "complex", "dict", "float", "int", "list", "set", "str", "tuple"},
    "mappings": {"dict"},
}
RUNS_CODE = {
    "__import__", "compile", "eval", "exec", "import_module", "load", "loads", "open", "read_pickle",
    "run", "system", "Popen", "fromfile", "genfromtxt", "loadtxt", "memmap", "mmap", "unlink",
}  # fmt: skip
SET_STATE = {
    "BaseEstimator", "BinaryTree32", "BinaryTree64", "DistanceMetric", "DistanceMetric32",
    "DistanceMetric64", "IsotonicRegression", "MahalanobisDistance32", "MahalanobisDistance64",
    "TreePredictor",
}  # fmt: skip
"""Classes whose ``__setstate__`` was read: it sets attributes and runs nothing that these name."""


def found(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def of_role(role: str) -> list[str]:
    return [module for one, module in MODULES if one == role]


@pytest.mark.parametrize(("role", "module"), MODULES)
def test_every_entry_is_there_and_is_what_its_role_says(role, module):
    for name in listed()[role][module]:
        _check_entry(role, module, name)


def _check_entry(role, module, name):
    thing = found(module, name)
    package = module.partition(".")[0]
    assert package in PACKAGES
    if package == "builtins":
        assert name in BUILTINS[role]
    if role == "functions":
        assert callable(thing)
        assert not isinstance(thing, type)
    else:
        assert isinstance(thing, type)
    if isinstance(thing, type) and package in ("sklearn", "scipy"):
        assert thing.__module__ == module


@pytest.mark.parametrize("module", of_role("functions"))
def test_no_function_runs_code_opens_files_or_imports_by_name(module):
    for name in listed()["functions"][module]:
        _check_function(module, name)


def _check_function(module, name):
    thing = found(module, name)
    if isinstance(thing, np.ufunc) or module in ("math", "builtins"):
        return
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))
    except (OSError, TypeError):
        assert module == "numpy" or "scipy.special" in module, "no source to look at"
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            assert called not in RUNS_CODE


@pytest.mark.parametrize("module", of_role("objects"))
def test_no_object_s_state_runs_code(module):
    for name in listed()["objects"][module]:
        _check_class(module, name)


def _check_class(module, name):
    cls = found(module, name)
    for hook in ("__setstate__", "__new__"):
        owner = next((one for one in cls.__mro__ if hook in vars(one)), object)
        made_by = getattr(vars(owner).get(hook), "__qualname__", "")
        if hook == "__new__" and inspect.isfunction(getattr(cls, hook)):
            assert made_by.startswith("deprecated."), "Python code that runs as it is made"
        if hook == "__setstate__" and owner not in (object, dict):
            assert owner.__name__ in SET_STATE


def test_every_estimator_is_listed_but_for_what_skops_doesn_t_keep():
    from sklearn.utils import all_estimators

    missing = {
        cls.__name__
        for _, cls in all_estimators()
        if cls.__name__ not in listed()["objects"].get(cls.__module__, ())
    }
    assert missing == {"Birch"}


@pytest.mark.parametrize(
    "full",
    [
        "os.system", "posix.system", "subprocess.Popen", "builtins.eval", "builtins.exec",
        "builtins.open", "builtins.getattr", "builtins.__import__", "builtins.map",
        "functools.partial", "functools.reduce", "operator.methodcaller", "operator.attrgetter",
        "operator.call", "operator.itemgetter", "pickle.loads", "_pickle.loads", "marshal.loads",
        "importlib.import_module", "types.FunctionType", "types.CodeType", "code.interact",
        "runpy.run_path", "timeit.timeit", "cProfile.run", "pdb.run", "doctest.testfile",
        "ctypes.CDLL", "shutil.rmtree", "socket.socket", "webbrowser.open", "tempfile.mkdtemp",
        "numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile", "numpy.memmap",
        "numpy.save", "numpy.frompyfunc", "numpy.vectorize", "numpy.apply_along_axis",
        "numpy.lib.npyio.NpzFile", "numpy.lib._npyio_impl.load", "numpy.f2py.compile",
        "numpy.ctypeslib.load_library", "numpy.testing.rundocs", "numpy.testing.runstring",
        "numpy.testing._private.utils.runstring", "numpy.distutils.exec_command",
        "pandas.read_pickle", "pandas.io.pickle.read_pickle", "pandas.eval",
        "pandas.core.computation.eval.eval", "pandas.read_csv", "pandas.HDFStore",
        "joblib.load", "joblib.numpy_pickle.load", "joblib.memory.Memory", "joblib.Parallel",
        "scipy.io.loadmat", "scipy.stats._distn_infrastructure.rv_frozen",
        "scipy.stats._continuous_distns.norm_gen", "scipy.optimize._minimize.minimize",
        "sklearn.datasets._svmlight_format_io.load_svmlight_file",
        "sklearn.datasets._base.load_files", "sklearn.datasets._openml.fetch_openml",
        "sklearn.externals._packaging.version.parse", "sklearn.utils._testing.raises",
        "sklearn.utils._joblib.load", "sklearn.utils.fixes.parse_version",
        "sklearn.metrics._dist_metrics.PyFuncDistance64", "skops.io.load",
        "asyncio.run", "multiprocessing.Process", "concurrent.futures.ProcessPoolExecutor",
        "logging.config.dictConfig", "http.server.test", "site.main", "zipimport.zipimporter",
    ],
)  # fmt: skip
def test_gadgets_are_in_no_role(full):
    module, _, name = full.rpartition(".")
    assert not any(Trust().allows(role, module, name) for role in ROLES)


def test_a_recipe_can_name_more_but_nothing_that_runs_code():
    named = Trust(names=frozenset({"xgboost.sklearn.XGBClassifier", "os.system", "builtins.eval"}))
    assert named.allows("objects", "xgboost.sklearn", "XGBClassifier")
    assert not named.allows("losses", "xgboost.sklearn", "XGBClassifier")
    assert not named.allows("functions", "os", "system")
    assert not named.allows("functions", "builtins", "eval")
    assert {"os", "builtins", "pickle", "functools"} <= UNTRUSTED


def test_only_what_a_module_of_the_pipeline_s_defines_is_its_own(tmp_path, monkeypatch):
    folder = tmp_path / "mine_of_trust"
    folder.mkdir()
    text = "from os import system\nimport pickle\nclass Own: ...\ndef own(x): return x\nN = 1\n"
    (folder / "__init__.py").write_text("")
    (folder / "steps.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    trust = Trust(own="mine_of_trust")
    assert trust.allows("objects", "mine_of_trust.steps", "Own")
    assert trust.allows("functions", "mine_of_trust.steps", "own")
    for name in ("system", "pickle", "N", "missing", "__builtins__", "__loader__"):
        assert not any(trust.allows(role, "mine_of_trust.steps", name) for role in ROLES)
    assert not trust.allows("objects", "mine_of_trust_too.steps", "Own")
    assert not trust.allows("objects", "mine_of_trust.nowhere", "Own")
    package = Trust(packages=("mine_of_trust",))
    assert package.allows("objects", "mine_of_trust.steps", "Own")
    assert not package.allows("functions", "mine_of_trust.steps", "own")
    assert not package.allows("constructors", "mine_of_trust.steps", "Own")


def test_an_estimator_s_state_is_only_set():
    assert "__dict__.update" in inspect.getsource(BaseEstimator.__setstate__)
