"""One at a time, in a folder and in a place without locks."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from atlas.store import FolderLocation, open_location
from atlas.store import exclusive as module
from atlas.store.exclusive import LOCKS, exclusive


class Leases:
    """A folder that is taken for a place without locks."""

    def __init__(self, place: FolderLocation) -> None:
        self.place = place

    def __getattr__(self, name: str):
        return getattr(self.place, name)


@pytest.fixture(params=["file", "leases"])
def place(request: pytest.FixtureRequest, tmp_path: Path):
    found = open_location(tmp_path.as_uri())
    return found if request.param == "file" else Leases(found)


def test_one_at_a_time(place):
    with exclusive(place, "a") as first, exclusive(place, "a") as second:
        assert (first, second) == (True, False)
        with exclusive(place, "b") as other:
            assert other
    with exclusive(place, "a") as again:
        assert again


def test_nothing_is_left(place):
    with exclusive(place, "../a/b\n*"):
        pass
    assert [e for e in place.entries(LOCKS) if not e.key.endswith("/")] == []


def test_who_waits_gets_it(place):
    order: list[str] = []

    def hold(name: str) -> None:
        with exclusive(place, "a", wait=30) as held:
            assert held
            order.append(f"+{name}")
            time.sleep(0.01)
            order.append(f"-{name}")

    threads = [threading.Thread(target=hold, args=(str(n),)) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(order) == 16
    assert all(
        a[0] == "+" and b == f"-{a[1:]}" for a, b in zip(order[::2], order[1::2], strict=True)
    )


def test_waiting_ends(place):
    with exclusive(place, "a"), exclusive(place, "a", wait=0.1) as second:
        assert not second


def test_an_error_inside_lets_go(place):
    with pytest.raises(RuntimeError), exclusive(place, "a"):
        raise RuntimeError
    with exclusive(place, "a") as held:
        assert held


def test_a_lease_of_a_lost_machine_ends(tmp_path, monkeypatch):
    place = Leases(FolderLocation(tmp_path))
    monkeypatch.setattr(module, "_LEASE_SECONDS", -1.0)
    lost = exclusive(place, "a")
    assert lost.__enter__()
    monkeypatch.undo()
    winners = []

    def take() -> None:
        held = exclusive(place, "a")
        if held.__enter__():
            winners.append(held)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(winners) == 1
    lost.__exit__(None, None, None)
    with exclusive(place, "a") as held:
        assert not held, "who comes back late takes nothing of another's away"
    winners[0].__exit__(None, None, None)


def test_who_comes_back_late_takes_no_lease_of_the_same_number_away(tmp_path, monkeypatch):
    place = Leases(FolderLocation(tmp_path))
    monkeypatch.setattr(module, "_LEASE_SECONDS", -1.0)
    late = exclusive(place, "a")
    assert late.__enter__()
    monkeypatch.undo()
    with exclusive(place, "a") as second:
        assert second
    with exclusive(place, "a") as third:
        assert third
        late.__exit__(None, None, None)
        with exclusive(place, "a") as held:
            assert not held


def test_a_lease_that_can_t_be_read_is_held(tmp_path):
    place = Leases(FolderLocation(tmp_path))
    with exclusive(place, "a"):
        (file,) = tmp_path.rglob("*-*/0*")
        assert json.loads(file.read_text())["until"] > time.time()
        file.write_text("[]")
        with exclusive(place, "a") as held:
            assert not held


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_t_be_written(tmp_path):
    from atlas.errors import StoreError

    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="can't lock"), exclusive(FolderLocation(tmp_path), "a"):
        pass
