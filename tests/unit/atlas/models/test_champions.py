"""The champion's log, its lease, and what is left of a promotion that ended halfway."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from atlas.errors import PlatformError, RefusedError, StoreError
from atlas.models import lease as lease_module
from atlas.models import log
from atlas.models.actor import this_process
from atlas.models.champions import Champions, Ruling
from atlas.models.lease import leased
from atlas.models.log import champion_at
from atlas.models.log_folder import HEAD
from atlas.models.promotion import Candidate, preview, promote
from atlas.store import Store, open_store
from atlas.tracking.registry import (
    CHALLENGER,
    CHAMPION,
    LocalRegistry,
    ModelRegistration,
    identity_of,
)

MODEL = "m"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store((tmp_path / "store").as_uri())


@pytest.fixture
def champions(store: Store) -> Champions:
    return Champions(store, LocalRegistry(store), MODEL)


def version(champions: Champions, run: str) -> str:
    return champions.registry.register(ModelRegistration(champions.model, run, {}))


def passes(_champion: object) -> Ruling:
    return Ruling(True, "it passes")


def fails(_champion: object) -> Ruling:
    return Ruling(False, "it fails", evidence={"run": "r"})


def promoted(champions: Champions, run: str, judge=passes):
    return promote([Candidate(champions, version(champions, run), judge)])[0]


def actions(champions: Champions) -> list[tuple[str, str]]:
    return [(entry.action, entry.champion) for entry in champions.log.entries()]


def alias(champions: Champions, name: str = CHAMPION) -> str:
    found = champions.registry.find(champions.model, name)
    return found.version if found else ""


def test_every_decision_is_in_the_log(champions):
    assert promoted(champions, "a").promoted
    assert alias(champions) == "local-1"
    kept = promoted(champions, "b", fails)
    assert (kept.promoted, kept.reason, kept.previous) == (False, "it fails", "local-1")
    assert (alias(champions), alias(champions, CHALLENGER)) == ("local-1", "local-2")
    assert promoted(champions, "c").previous == "local-1"
    assert alias(champions, CHALLENGER) == ""
    assert actions(champions) == [
        (log.INTENDED, ""), (log.PROMOTED, "local-1"), (log.KEPT, "local-1"),
        (log.INTENDED, "local-1"), (log.PROMOTED, "local-3"),
    ]  # fmt: skip
    entries = list(champions.log.entries())
    assert entries[2].evidence == {"run": "r"}
    assert entries[2].who["user"] == this_process().user
    assert champions.faults() == []


def test_the_same_decision_twice_is_one_entry(champions):
    for _ in range(3):
        promoted(champions, "a")
    for _ in range(3):
        promoted(champions, "b", fails)
    assert [action for action, _ in actions(champions)] == [log.INTENDED, log.PROMOTED, log.KEPT]


def test_the_champion_at_a_moment(champions):
    for run in "abc":
        promoted(champions, run)
        time.sleep(0.005)
    entries = list(champions.log.entries())
    done = [entry for entry in entries if entry.action == log.PROMOTED]
    for entry in done:
        assert champion_at(iter(entries), entry.time).champion == entry.champion
    assert champion_at(iter(entries), "2000-01-01") is None


def test_preview_changes_nothing(champions, store):
    promoted(champions, "a")
    new = version(champions, "b")
    before = {entry.key: entry.modified for entry in store.location.entries("champions")}
    shown = preview([Candidate(champions, new, passes)])
    assert (shown[0].promoted, shown[0].previous) == (True, "local-1")
    assert {e.key: e.modified for e in store.location.entries("champions")} == before
    assert alias(champions) == "local-1"


# Which log ------------------------------------------------------------------------------------


class Named(LocalRegistry):
    """A registry among several of its kind; its own store stands for its server."""

    kind = "mlflow"
    identity = "mlflow-1"


class OtherNamed(Named):
    identity = "mlflow-2"


def test_registries_of_a_kind_have_logs_of_their_own(store, tmp_path):
    first = Champions(store, Named(open_store(str(tmp_path / "1"))), MODEL)
    second = Champions(store, OtherNamed(open_store(str(tmp_path / "2"))), MODEL)
    promoted(first, "a")
    promoted(second, "b", fails)
    assert actions(first) == [(log.INTENDED, ""), (log.PROMOTED, "local-1")]
    assert actions(second) == [(log.KEPT, "")]
    assert (first.faults(), second.faults()) == ([], [])


def test_a_log_that_all_registries_of_a_kind_shared_goes_on_for_the_one_whose_it_is(
    store, tmp_path, monkeypatch
):
    servers = [kind(open_store(str(tmp_path / kind.identity))) for kind in (Named, OtherNamed)]
    monkeypatch.setattr(Named, "identity", "mlflow")
    promoted(Champions(store, servers[0], MODEL), "a")
    monkeypatch.setattr(Named, "identity", "mlflow-1")
    for run in "bc":  # The second time, the folder says whose it is.
        other = Champions(store, servers[1], MODEL)
        promoted(other, run)
        assert other.folder == f"champions/mlflow-2/{MODEL}"
        champions = Champions(store, servers[0], MODEL)
        promoted(champions, run)
        assert champions.folder == f"champions/mlflow/{MODEL}"
        assert champions.faults() == other.faults() == []
    assert len(list(champions.log.entries())) == 6
    assert len(list(other.log.entries())) == 4
    assert not store.location.exists("champions/mlflow-1")


def test_the_identity_of_an_mlflow():
    assert identity_of("mlflow", 17, "http://a") == identity_of("mlflow", 17, "https://b/c")
    assert identity_of("mlflow", 17, "http://a") != identity_of("mlflow", 18, "http://a")
    without = {identity_of("mlflow", None, f"http://{of}") for of in ("a:1", "u:p@a:1/", "u@a:1")}
    assert len(without) == 1
    assert identity_of("mlflow", None, "http://a:2") not in without


# Tampering ------------------------------------------------------------------------------------


def entry_file(store: Store, number: int) -> Path:
    return store.location.local(f"champions/store/{MODEL}/log/{number:09}.json")


def altered(file: Path) -> None:
    raw = json.loads(file.read_text())
    file.write_text(json.dumps({**raw, "reason": "another"}))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_altered_entry_is_found(champions, store, number):
    promoted(champions, "a")
    promoted(champions, "b")
    altered(entry_file(store, number))
    (fault, *_) = champions.faults()
    expected = "doesn't follow the entry before it" if number < 4 else "entry 4 is another"
    assert expected in fault


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_removed_entry_is_found(champions, store, number):
    promoted(champions, "a")
    promoted(champions, "b")
    entry_file(store, number).unlink()
    assert f"{number:09}.json: the entry is gone" in "".join(champions.faults())


def test_a_log_that_was_cut_and_went_on_shows_it_for_ever(champions, store):
    promoted(champions, "a")
    promoted(champions, "b")
    for number in (3, 4):
        entry_file(store, number).unlink()
    promoted(champions, "c")
    assert [action for action, _ in actions(champions)] == [
        log.INTENDED, log.PROMOTED, log.DAMAGED, log.NOTICED, log.INTENDED, log.PROMOTED,
    ]  # fmt: skip
    (fault,) = champions.faults()
    assert "entries are missing here, or were replaced" in fault
    assert alias(champions) == "local-3"


def test_a_head_beside_the_log_that_was_cut_too_leaves_the_registrys(champions, store):
    promoted(champions, "a")
    head = champions.log.head()
    promoted(champions, "b")
    for number in (3, 4):
        entry_file(store, number).unlink()
    store.location.write(f"{champions.folder}/head", head.encode())
    champions.registry.set_alias(MODEL, CHAMPION, "local-1")
    (fault,) = champions.faults()
    assert fault.startswith(f"store tag {HEAD}: ")
    assert "the entry is gone" in fault


def test_an_end_that_cant_be_read_stops_promotions(champions, store):
    promoted(champions, "a")
    entry_file(store, 2).write_text("{")
    with pytest.raises(StoreError, match="the entry was altered"):
        promoted(champions, "b")
    assert alias(champions) == "local-1"


def test_an_alias_that_was_moved_by_hand_is_reported_and_noticed(champions):
    promoted(champions, "a")
    other = version(champions, "b")
    champions.registry.set_alias(MODEL, CHAMPION, other)
    (fault,) = champions.faults()
    assert fault == (
        "the log has version local-1 as the champion, the registry local-2: it was moved by hand"
    )
    promoted(champions, "c", fails)
    assert actions(champions)[2:] == [(log.NOTICED, "local-2"), (log.KEPT, "local-2")]
    assert champions.faults() == []


def test_a_champion_from_before_the_log(champions):
    champions.registry.set_alias(MODEL, CHAMPION, version(champions, "a"))
    assert champions.faults() == []
    assert promoted(champions, "b").previous == "local-1"
    first = next(champions.log.entries())
    assert (first.action, first.reason) == (log.NOTICED, "it was the champion before the log began")


def test_a_champion_that_was_removed(champions):
    promoted(champions, "a")
    champions.registry.remove_alias(MODEL, CHAMPION)
    assert promoted(champions, "b").promoted
    noticed = list(champions.log.entries())[2]
    assert noticed.reason == "version local-1 or its alias was removed by hand"


# Crashes --------------------------------------------------------------------------------------


class CrashError(BaseException):
    """The process ends here."""


@dataclass
class Breaking:
    """A registry, or a store's location, whose nth change is the last thing that the process does."""

    of: object
    left: list[int] = field(default_factory=lambda: [10**9])
    before: bool = False

    def __getattr__(self, name: str):
        target = getattr(self.of, name)
        if name not in ("set_alias", "remove_alias", "set_tag", "create", "write", "remove"):
            return target

        def call(*args, **more):
            self.left[0] -= 1
            if self.left[0] == 0 and self.before:
                raise CrashError
            result = target(*args, **more)
            if self.left[0] <= 0:
                raise CrashError
            return result

        return call


def breaking(store: Store, left: list[int], *, before: bool, runs: str):
    location = Breaking(store.location, left, before)
    registry = Breaking(LocalRegistry(store), left, before)
    broken = Champions(replace(store, location=location), registry, MODEL)
    return promote(
        [Candidate(broken, version(Champions(store, LocalRegistry(store), MODEL), runs), passes)]
    )


@pytest.mark.parametrize("before", [False, True])
def test_a_crash_between_any_two_writes_converges(tmp_path, monkeypatch, before):
    monkeypatch.setattr("atlas.models.actor.Actor.is_gone", property(lambda _: True))
    number, crashed = 0, True
    while crashed:
        number += 1
        store = open_store((tmp_path / f"{number}-{before}").as_uri())
        champions = Champions(store, LocalRegistry(store), MODEL)
        promoted(champions, "a")
        champions.registry.set_alias(MODEL, CHALLENGER, "local-1")
        try:
            breaking(store, [number], before=before, runs="b")
            crashed = False
        except CrashError:
            assert alias(champions) in ("local-1", "local-2")
        result = promoted(champions, "b")
        assert result.promoted
        assert (alias(champions), alias(champions, CHALLENGER)) == ("local-2", "")
        assert [champion for _, champion in actions(champions)][-1] == "local-2"
        assert [action for action, _ in actions(champions)].count(log.PROMOTED) == 2
        assert champions.faults() == []
    assert number > 8


def test_a_registry_that_is_down_between_intent_and_move(champions, monkeypatch):
    promoted(champions, "a")
    new = version(champions, "b")
    down = Breaking(champions.registry)
    monkeypatch.setattr(Breaking, "set_alias", _unreachable, raising=False)
    with pytest.raises(PlatformError, match="no answer"):
        promote([Candidate(replace(champions, registry=down), new, passes)])
    assert alias(champions) == "local-1"
    monkeypatch.undo()
    with champions.held():
        pass
    assert alias(champions) == new
    assert champions.faults() == []


def _unreachable(*_: object) -> None:
    raise PlatformError("mlflow: no answer")


def test_a_version_that_was_deleted_leaves_the_old_champion(champions, monkeypatch):
    promoted(champions, "a")
    new = version(champions, "b")

    def refuse(*_: object) -> None:
        raise RefusedError("there is no such version", 404)

    monkeypatch.setattr(LocalRegistry, "set_alias", refuse)
    result = promote([Candidate(champions, new, passes)])[0]
    assert (result.promoted, result.reason) == (False, "there is no such version")
    assert alias(champions) == "local-1"
    assert actions(champions)[-1] == (log.ABANDONED, "local-1")


# The lease ------------------------------------------------------------------------------------


def test_who_comes_second_reads_who_was_first(store):
    with (
        leased(store.location, "l"),
        pytest.raises(PlatformError) as error,
        leased(store.location, "l", wait=0.0),
    ):
        pass
    assert f"{this_process()} is promoting a version of this model" in str(error.value)
    with leased(store.location, "l", wait=0.0) as lease:
        assert lease.number == 2
    assert store.location.names("l") == ["000000002.json"]


def test_a_lease_ends_with_its_time_and_its_holder_finds_out(store, monkeypatch):
    clock = [time.time()]
    monkeypatch.setattr(lease_module.time, "time", lambda: clock[0])
    with leased(store.location, "l") as first:
        first.check()
        clock[0] += lease_module.LEASE_SECONDS + 1
        with pytest.raises(PlatformError, match="stopped for too long"):
            first.check()
        with leased(store.location, "l", wait=0.0) as second:
            second.check()


def test_a_lease_of_a_process_that_is_gone_is_free(store, monkeypatch):
    with leased(store.location, "l") as first:
        gone = replace(this_process(), process="999999999.1.x")
        raw = {"holder": gone.to_json(), "until": first.until}
        store.location.write("l/000000001.json", json.dumps(raw).encode())
        with pytest.raises(PlatformError), leased(store.location, "l", wait=0.0):
            pass
        own = this_process()
        pid, started, boot = own.process.split(".")
        gone = replace(own, process=f"{pid}.{int(started) - 1}.{boot}")
        raw = {"holder": gone.to_json(), "until": first.until}
        store.location.write("l/000000001.json", json.dumps(raw).encode())
        with leased(store.location, "l", wait=0.0) as second:
            assert second.number == 2
        with pytest.raises(PlatformError):
            first.check()


def test_a_holder_of_another_machine_is_waited_for(store):
    other = replace(this_process(), host="elsewhere", process="1.1.x")
    assert not other.is_gone


# Families -------------------------------------------------------------------------------------


def family(store: Store) -> list[Champions]:
    found = [Champions(store, LocalRegistry(store), name) for name in ("m-apac", "m-emea")]
    for one in found:
        promoted(one, "a")
    return found


def test_a_family_is_promoted_whole_or_not_at_all(store):
    first, second = family(store)
    candidates = [
        Candidate(first, version(first, "b"), passes),
        Candidate(second, version(second, "b"), fails),
    ]
    one, other = promote(candidates)
    assert (one.promoted, other.promoted) == (False, False)
    assert one.reason == "a family is promoted as a whole, and m-emea doesn't pass; it passes"
    assert {alias(first), alias(second)} == {"local-1"}
    assert all(one.promoted for one in promote([replace(c, judge=passes) for c in candidates]))
    assert {alias(first), alias(second)} == {"local-2"}
    ids = {one.log.last().family for one in (first, second)}
    assert len(ids) == 1
    assert "" not in ids


def test_a_family_s_promotion_that_ended_halfway_is_whole_or_undone(tmp_path, monkeypatch):
    monkeypatch.setattr("atlas.models.actor.Actor.is_gone", property(lambda _: True))
    ends, number, crashed = set(), 0, True
    while crashed:
        number += 1
        store = open_store((tmp_path / str(number)).as_uri())
        both = family(store)
        new = [version(one, "b") for one in both]
        left = [number]
        location = Breaking(store.location, left)
        registry = Breaking(LocalRegistry(store), left)
        broken = [Champions(replace(store, location=location), registry, one.model) for one in both]
        try:
            promote([Candidate(one, v, passes) for one, v in zip(broken, new, strict=True)])
            crashed = False
        except CrashError:
            pass
        for one in both:
            with one.held():
                pass
            assert one.faults() == []
        ends.add(frozenset(alias(one) for one in both))
    assert ends == {frozenset({"local-1"}), frozenset({"local-2"})}
    assert number > 15


@pytest.mark.parametrize("until", ["NaN", "Infinity", "1e300", "-1"])
def test_a_lease_whose_end_is_no_time_is_over(champions, store, until):
    key = f"{champions.folder}/lease/000000001.json"
    store.location.write(key, f'{{"holder": {{}}, "until": {until}}}'.encode())
    with leased(store.location, f"{champions.folder}/lease", wait=0.0) as lease:
        assert lease.number == 2


def test_a_head_with_too_long_a_number_is_a_fault(champions):
    promoted(champions, "a")
    champions.registry.set_tag(MODEL, HEAD, "9" * 5000)
    (fault,) = champions.faults()
    assert "isn't a head" in fault
    assert promoted(champions, "b").promoted
