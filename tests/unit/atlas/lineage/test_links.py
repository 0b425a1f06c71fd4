"""What runs are linked with is read once: in a folder by its times, elsewhere by name and notes."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import replace

import pytest

from atlas.lineage import links as module
from atlas.lineage.links import links_of
from atlas.plan import Plan
from atlas.plan.parts import PlanStep
from atlas.store import Run, Store
from atlas.store.keys import index_key
from atlas.store.remote import BucketLocation

PLAN = Plan("p", "p", "p", "training", "p", "local", "local", (PlanStep("s", "steps:S"),))
OTHER = replace(PLAN, description="another")


@pytest.fixture(params=["folder", "bucket"])
def anywhere(request, store) -> Store:
    """A store in a folder, and one in what knows no folders' times."""
    if request.param == "folder":
        return store
    return Store(BucketLocation(f"memory://{secrets.token_hex(4)}"))


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """The runs that were read from their records."""
    seen: list[str] = []
    own = module.read_links

    def read(store, plans, pipeline, name):
        seen.append(name)
        return own(store, plans, pipeline, name)

    monkeypatch.setattr(module, "read_links", read)
    return seen


def run(store: Store, name: str, status: str = "done", plan: Plan = PLAN, **fields: str) -> None:
    store.add_plan(plan)
    store.bind(Run(name, "p", "training", plan.digest, **fields))
    outcome = {"status": "done", "plan": plan.digest, "outputs": {"model": "a" * 64}}
    store.write_outcome("p", name, "s", outcome, None)
    store.location.write(f"p/{name}/outcome.json", f'{{"status":"{status}"}}'.encode())
    age(store, name)


def age(store: Store, name: str) -> None:
    """Let a run be older than what is read again in any case."""
    before = time.time_ns() - 60_000_000_000
    root = getattr(store.location, "root", "")
    for top, _, _ in os.walk(f"{root}/p/{name}") if root else ():
        os.utime(top, ns=(before, before))


def test_each_run_is_read_once(anywhere, reads):
    run(anywhere, "a")
    run(anywhere, "b", commit="c0ffee")
    first = links_of(anywhere, "p")
    assert {links.run for links in first} == {"a", "b"}
    assert first[0].outputs == {"s/model": "a" * 16}
    run(anywhere, "c")
    assert {links.run for links in links_of(anywhere, "p")} == {"a", "b", "c"}
    assert sorted(reads) == ["a", "b", "c"]


def test_a_run_that_isnt_over_is_read_again(anywhere, reads):
    run(anywhere, "a", status="")
    links_of(anywhere, "p")
    links_of(anywhere, "p")
    assert reads == ["a", "a"]


def test_a_run_that_was_bound_again_is_read_again(anywhere, reads):
    run(anywhere, "a")
    assert links_of(anywhere, "p")[0].plan == PLAN.digest
    anywhere.add_plan(OTHER)
    anywhere.rebind(Run("a", "p", "training", OTHER.digest))
    (links,) = links_of(anywhere, "p")
    assert (links.plan, reads) == (OTHER.digest, ["a", "a"])
    (links,) = links_of(anywhere, "p")
    assert links.plan == OTHER.digest


def test_an_index_that_is_lost_or_damaged_is_made_again(anywhere, reads):
    run(anywhere, "a")
    links_of(anywhere, "p")
    key = index_key("p", "links")
    content = anywhere.location.read(key)
    for text in (content[:-5], b"", b"x" * 70, content.replace(b"done", b"dome")):
        anywhere.location.write(key, text)
        assert [links.run for links in links_of(anywhere, "p")] == ["a"]
    anywhere.location.remove(key)
    assert [links.run for links in links_of(anywhere, "p")] == ["a"]
    assert len(reads) == 6


def test_a_run_that_was_removed_isnt_there(anywhere):
    run(anywhere, "a")
    run(anywhere, "b")
    links_of(anywhere, "p")
    anywhere.location.remove("p/a")
    assert [links.run for links in links_of(anywhere, "p")] == ["b"]


def test_a_run_whose_plan_is_gone_has_links_all_the_same(anywhere):
    run(anywhere, "a", commit="c0ffee")
    anywhere.location.remove(f"plans/{PLAN.digest}.json")
    (links,) = links_of(anywhere, "p")
    assert (links.commit, links.outputs) == ("c0ffee", {"s/model": "a" * 16})


def test_an_index_is_no_pipeline(anywhere):
    run(anywhere, "a")
    links_of(anywhere, "p")
    assert anywhere.pipelines() == ["p"]
