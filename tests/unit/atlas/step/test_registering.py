"""A version's registration that ended halfway: the next attempt does what is left."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atlas.errors import PlatformError
from atlas.models.champions import Ruling
from atlas.step import registering
from atlas.step.finished import Finished
from atlas.step.outcome import DONE
from atlas.store import ModelPart, Store, open_store
from atlas.tracking.registry import CHAMPION, LocalRegistry, ModelRegistration

PART = ModelPart("file:///store/p/r/s/o", "0" * 64, "1" * 64)
REGISTRATION = ModelRegistration("m", "r", {"model": PART}, {"atlas.digest.plan": "2" * 64})
PLAN = SimpleNamespace(
    model=SimpleNamespace(name="m", parts={"model": "s.o"}),
    promotion={},
    family=None,
    statistics={},
    skippable=frozenset(),
)
RUN = SimpleNamespace(hold="", flow="training")


class Server:
    """A registry that isn't the store's own, as MLflow is."""

    kind = identity = "mlflow"

    def __init__(self, store: Store) -> None:
        self._registry = LocalRegistry(store)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(registering, "registration_of", lambda *_: REGISTRATION)
    monkeypatch.setattr(registering, "judge_of", lambda *_: lambda _: Ruling(True, "it passes"))
    monkeypatch.setattr(registering, "_notes", lambda *_: ())
    return open_store((tmp_path / "store").as_uri())


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(open_store((tmp_path / "server").as_uri()))


def registered(store: Store, server: Server) -> Finished:
    return registering.registered(store, PLAN, RUN, server, Finished(DONE))  # type: ignore[arg-type]


def test_a_champion_that_the_store_has_not_yet_is_mirrored_by_the_next_attempt(
    store: Store, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(registering, "mirror", killed)
        with pytest.raises(KilledError):
            registered(store, server)
    assert server.find("m", CHAMPION) is not None
    assert LocalRegistry(store).find("m", CHAMPION) is None
    finished = registered(store, server)
    assert finished.promotion is not None
    assert finished.promotion.reason == "this run made the very same"
    mirrored = LocalRegistry(store).find("m", CHAMPION)
    assert mirrored is not None
    assert mirrored.version == finished.version


def test_a_mirror_whose_log_was_altered_does_not_fail_the_run(store: Store, server: Server) -> None:
    registered(store, server)
    for file in store.location.entries("champions/store/m/log"):
        store.location.write(file.key, b"{")
    with pytest.raises(PlatformError, match=r"model m, version local-1: can't be promoted: .*log"):
        registered(store, server)
