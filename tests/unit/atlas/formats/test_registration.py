"""A built-in format is its class and one line: all that Atlas knows of it follows from them."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from atlas.errors import StoreError
from atlas.formats import (
    BUILT_IN,
    Encoded,
    Format,
    built_in,
    named,
    packages,
    register,
    registration,
)
from atlas.plan import Output
from atlas.store import Trust, open_store
from atlas.targets.kubeflow import artifacts
from atlas.validate.taking import takes
from atlas.validate.types import Type, fits


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_line_of_a_format_names_its_class(name: str) -> None:
    format = built_in(name)
    assert isinstance(format, Format)
    assert format.name == name
    assert format.shows in ("", "table", "model", "picture", "html", "markdown")
    assert set(format.aliases.values()) <= {
        *format.types,
        *(format.arrives if name == "svg" else ()),
    }


def test_no_two_formats_keep_the_same_type() -> None:
    types = [name for format in map(built_in, BUILT_IN) if format for name in format.types]
    assert len(types) == len(set(types))


class Grid(list):
    """A value that no other format keeps: a list of lists of objects."""


class Grids(Encoded):
    """Grids as text."""

    name = "grid"
    suffix = ".grid"
    types = {f"{__name__.partition('.')[0]}.Grid": ("Sequence",)}  # noqa: RUF012
    aliases = {"grids.core.Grid": f"{__name__.partition('.')[0]}.Grid"}  # noqa: RUF012
    shows = "table"

    def encode(self, value: Grid) -> bytes:
        return "\n".join(value).encode()

    def decode(self, content: bytes) -> Grid:
        return Grid(content.decode().split("\n"))


GRID = next(iter(Grids.types))
CACHED = ("built_in", "known_types", "type_aliases", "_format_of")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a built-in format: a module with its class, and the line."""
    module = ModuleType("atlas.formats.toy")
    module.Grids = Grids  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(BUILT_IN, "grid", "toy:Grids")  # type: ignore[arg-type]
    for name in CACHED:
        getattr(registration, name).cache_clear()
    yield
    for name in CACHED:
        getattr(registration, name).cache_clear()


def no_class(_name: str) -> None:
    return None


@pytest.mark.usefixtures("toy")
def test_validation_knows_its_types() -> None:
    assert fits(Type(GRID), Type("pandas.DataFrame"), no_class) is False
    assert fits(Type("int"), Type(GRID), no_class) is False
    assert fits(Type(GRID), Type(GRID), no_class) is True
    assert fits(Type(GRID), Type("Iterable"), no_class) is True
    assert not takes([["a"]], Type(GRID))
    assert registration.type_aliases()["grids.core.Grid"] == GRID


@pytest.mark.usefixtures("toy")
def test_plans_and_targets_know_what_it_is_shown_as() -> None:
    for output in (Output(GRID), Output("", "grid"), Output("builtins.object", "grid")):
        assert output.shows == "table"
        assert artifacts._type(output, False) == "Dataset"
        assert output.report == ""


@pytest.mark.usefixtures("toy")
def test_the_store_keeps_its_values(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    manifest = store.put("p", "r", "s", "o", Grid(["ab", "cd"]))
    assert (manifest.format, Path(manifest.data).name) == ("grid", "data.grid")
    assert store.get("p", "r", "s", "o") == Grid(["ab", "cd"])


def test_without_the_line_there_is_none() -> None:
    with pytest.raises(StoreError, match="there is no format 'grid'"):
        named("grid")


class Loose(Encoded):
    """Takes the name of one of Atlas's own formats."""

    name = "skops"


def test_a_name_of_a_built_in_format_can_not_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "_registered", {})
    with pytest.raises(StoreError, match="format 'skops': is one of Atlas's own; give yours"):
        register(Loose())
    assert named("skops") is built_in("skops")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("other", f"{__name__}:Grids", "gives a format with the name 'grid'; expected 'other'"),
        ("other", f"{__name__}:Nothing", "can't be loaded: .*Nothing"),
        ("other", "no_such_module_here:Grids", "can't be loaded: No module named"),
    ],
)
def test_an_entry_point_has_to_give_the_format_of_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    point = EntryPoint(name, value, packages.ENTRY_POINTS)
    monkeypatch.setattr(registration, "_registered", {})
    monkeypatch.setattr(registration, "entry_points_of", lambda _: (point,))
    with pytest.raises(StoreError, match=f"^format '{name}': the entry point {value}.* {message}"):
        named(name)
    assert registration._registered == {}


def test_a_manifest_makes_no_package_s_format_be_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only the Recipe, by the format's name, or the step's hint, by the type, has it imported."""
    loads: list[str] = []

    class Point(EntryPoint):
        def load(self) -> type[Grids]:
            loads.append(self.group)
            return Grids

    by_name = Point("grids", "grids_package:Grids", packages.ENTRY_POINTS)
    by_type = Point("grids_package.Grid", "grids_package:Grids", packages.TYPES)
    monkeypatch.setattr(Grids, "name", "grids")
    monkeypatch.setattr(registration, "_registered", {})
    monkeypatch.setattr(
        registration, "entry_points_of", lambda name: (by_name,) * (name == "grids")
    )
    monkeypatch.setattr(packages, "_type_points", lambda: (by_type,))
    for trust in (Trust(), Trust(format="json"), Trust(type="pandas.DataFrame")):
        with pytest.raises(StoreError, match='nothing here asks for it; expected "outputs"'):
            registration.readable("grids", trust)
    assert loads == []
    assert registration.readable("grids", Trust(type="grids_package.Grid")).name == "grids"
    monkeypatch.setattr(registration, "_registered", {})
    assert registration.readable("grids", Trust(format="grids")).name == "grids"
    assert loads == [packages.TYPES, packages.ENTRY_POINTS]
