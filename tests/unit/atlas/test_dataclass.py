"""Atlas's dataclass beside the standard library's: whatever is asked of both, they answer alike."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
import threading
import typing
from dataclasses import KW_ONLY, MISSING, InitVar, field, fields
from typing import Annotated, Any, ClassVar

import pytest

from atlas.dataclass import dataclass

FORMS = [
    {},
    {"frozen": True},
    {"slots": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "kw_only": True},
    {"frozen": True, "slots": True, "repr": False},
]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {"a": 1}),
    ((), {"a": 1, "b": "x", "c": [2], "e": 3.0}),
    ((1,), {}),
    ((1, "x", [2]), {}),
    ((), {}),
    ((), {"a": 1, "unknown": 2}),
    ((1, 2, 3, 4, 5, 6), {}),
]


def made(decorate: Any, form: dict[str, Any]) -> Any:
    class Base:
        """A base."""

        a: int
        kind: ClassVar[str] = "base"

        @property
        def twice(self) -> int:
            return self.a * 2

    base = decorate(**form)(Base)

    class Example(base):
        """An example."""

        b: str = "b"
        c: list[int] = field(default_factory=list)
        d: int = field(default=4, compare=False)
        e: float = field(default=0.5, repr=False, kw_only=True)
        later: int = field(init=False, default=7)
        fresh: list[int] = field(init=False, default_factory=lambda: [8])

        def __post_init__(self) -> None:
            object.__setattr__(self, "later", self.a + 7)

    return decorate(**form)(Example)


@pytest.fixture(params=FORMS, ids=str)
def pair(request):
    return made(dataclass, request.param), made(dataclasses.dataclass, request.param)


def answers(cls, ask):
    """Return what a class answers, or the kind of error and its words."""
    try:
        return ask(cls)
    except Exception as error:
        return type(error), str(error)


def same(pair, ask):
    ours, theirs = (answers(cls, ask) for cls in pair)
    assert ours == theirs
    return ours


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_instances_are_alike(pair, call):
    args, kwargs = call
    shown = same(pair, lambda cls: dataclasses.asdict(cls(*args, **kwargs)))
    assert shown
    if "repr=False" not in str(pair) and isinstance(shown, dict):
        same(pair, lambda cls: repr(cls(*args, **kwargs)).split(" object at ")[0])


@pytest.mark.parametrize(
    "ask",
    [
        lambda cls: cls(a=1) == cls(a=1, d=9),
        lambda cls: cls(a=1) == cls(a=2),
        lambda cls: cls(a=1) == (1,),
        lambda cls: {cls(a=1, c=()), cls(a=1, c=(), d=3)} and True,
        lambda cls: hash(cls(a=1, c=(), fresh=())) is not None,
        lambda cls: dataclasses.asdict(dataclasses.replace(cls(a=1), a=2, d=3)),
        lambda cls: dataclasses.replace(cls(a=1), later=3),
        lambda cls: [(one.name, one.type, one.kw_only, one.init) for one in fields(cls)],
        lambda cls: [one.default for one in fields(cls) if one.default is not MISSING],
        lambda cls: cls.__match_args__,
        lambda cls: setattr(cls(a=1), "a", 2),
        lambda cls: delattr(cls(a=1), "a"),
        lambda cls: [hasattr(cls(a=1), "__dict__"), cls(a=1).twice, cls.kind],
        lambda cls: dataclasses.asdict(copy.deepcopy(cls(a=1))),
        lambda cls: [cls.__doc__, cls.__name__, cls.__qualname__, cls.__module__],
        dataclasses.is_dataclass,
        lambda cls: type(cls.__dict__.get("b", "none")).__name__,
        lambda cls: "c" in vars(cls) and isinstance(vars(cls)["c"], list),
    ],
)
def test_classes_are_alike(pair, ask):
    same(pair, ask)


@dataclass(frozen=True, slots=True)
class Pickled:
    """Known by its module."""

    a: int
    rest: tuple[Pickled, ...] = ()


def test_an_instance_is_pickled():
    value = Pickled(1, (Pickled(2),))
    assert pickle.loads(pickle.dumps(value)) == value
    assert hash(value) == hash(pickle.loads(pickle.dumps(value)))


def test_the_standard_one_may_stand_on_it():
    @dataclasses.dataclass(frozen=True)
    class Wider(Pickled):
        b: str = ""

    assert dataclasses.asdict(Wider(1, (), "x")) == {"a": 1, "rest": (), "b": "x"}


def test_an_instance_in_itself_is_shown():
    @dataclass
    class Knot:
        inner: Any = None

    knot = Knot()
    knot.inner = knot
    assert repr(knot).endswith("Knot(inner=...)")


def test_what_a_class_writes_itself_stays():
    @dataclass(frozen=True)
    class Own:
        a: int

        def __init__(self) -> None:
            object.__setattr__(self, "a", 5)

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 3

    assert (repr(Own()), Own() == 1, hash(Own()), Own().a) == ("own", True, 3, 5)


@pytest.mark.parametrize("slots", [False, True])
def test_a_frozen_instance_takes_no_new_attribute(slots):
    """The standard library's raises a TypeError of its own here, where there are slots."""
    value = made(dataclass, {"frozen": True, "slots": slots})(a=1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'new'"):
        value.new = 2


def first_together(cls, start, results):
    start.wait()
    results.append(cls(a=1))


def test_threads_may_make_the_first_instance_together():
    for _ in range(50):
        cls = made(dataclass, {"frozen": True, "slots": True})
        start, results = threading.Barrier(4), []
        arguments = (cls, start, results)
        threads = [threading.Thread(target=first_together, args=arguments) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [cls(a=1)] * 4


def test_what_it_cant_do_is_refused_where_the_class_is_made():
    with pytest.raises(ValueError, match="found a default that can change"):

        @dataclass
        class _Shared:
            a: list[int] = []  # noqa: RUF012

    with pytest.raises(TypeError, match="expected a field"):

        @dataclass
        class _Init:
            a: InitVar[int]


REAL: dict[str, Any] = {
    "a": Annotated[int, ["unhashable"]],
    "b": int | None,
    "kind": ClassVar[str],
    "bare": ClassVar,
}
"""Annotations as a module has them without `from __future__ import annotations`."""


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_annotations_may_be_types(form):
    body = {"__annotations__": REAL, "b": None, "kind": "k", "bare": 1}
    pair = [
        decorate(**form)(type("Real", (), dict(body)))
        for decorate in (dataclass, dataclasses.dataclass)
    ]
    shown = same(pair, lambda cls: [(item.name, item.type, item.default) for item in fields(cls)])
    assert [name for name, *_ in shown] == ["a", "b"]
    assert same(pair, lambda cls: dataclasses.asdict(cls(a=1))) == {"a": 1, "b": None}
    same(pair, lambda cls: [cls.kind, cls.bare, typing.get_type_hints(cls)])


@pytest.mark.parametrize(
    "annotation",
    [InitVar, InitVar[int], KW_ONLY, "InitVar[int]", "dataclasses.InitVar[int]", "KW_ONLY"],
    ids=["type", "of int", "KW_ONLY", "text of int", "text with module", "text KW_ONLY"],
)
def test_what_is_no_field_is_refused_as_text_and_as_a_type(annotation):
    with pytest.raises(TypeError, match=r"a: found .*; expected a field"):
        dataclass(type("Refused", (), {"__annotations__": {"a": annotation}}))


def test_nothing_is_compiled_until_there_is_an_instance(monkeypatch):
    compiled = []
    module = sys.modules["atlas.dataclass"]
    original = module._compiled
    monkeypatch.setattr(
        module, "_compiled", lambda *args, **more: compiled.append(1) or original(*args, **more)
    )

    @dataclass(frozen=True)
    class Late:
        a: int

    assert compiled == []
    assert (Late(1).a, Late(2).a, len(compiled)) == (1, 2, 1)
