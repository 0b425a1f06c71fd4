"""Whatever comes in whatever order: one look a batch, numbers without a gap, one event a cause."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import replace

import pytest

from atlas.monitor.batches import batches
from atlas.monitor.budget import Budget
from atlas.monitor.events import events
from atlas.store import Store, open_store
from tests.unit.atlas.monitor.lives import Shop, day
from tests.unit.atlas.monitor.test_check_drift import Killed, Mortal, looks

STEPS = 40


class Disorder:
    """A pipeline to which things happen at random."""

    def __init__(self, shop, random):
        self.shop, self.random, self.created = shop, random, 0

    def step(self):
        acts = (self.score, self.again, self.late, self.check, self.killed, self.end, self.lose)
        self.random.choice(acts, p=(0.3, 0.1, 0.1, 0.2, 0.2, 0.05, 0.05))()

    def score(self, number=None):
        """Score a batch, with a change from day 20 on; every run begins later than all before."""
        self.created += 1
        known = [record.time for record in batches(self.shop.store, "shop")]
        number = 2 * len(known) if number is None else number
        shift = 0.5 if number >= 20 else 0.0
        self.shop.score(number, rows=300, shift=shift, created=day(100 + self.created))

    def again(self):
        known = batches(self.shop.store, "shop")
        if known:
            record = known[self.random.integers(len(known))]
            self.score((record.time - batches(self.shop.store, "shop")[0].time).days)

    def late(self):
        self.score(2 * int(self.random.integers(0, 20)) + 1)

    def check(self):
        self.shop.check()

    def killed(self):
        left = int(self.random.integers(1, 12))
        location = Mortal(self.shop.store.location, left, after=bool(self.random.integers(2)))
        with contextlib.suppress(Killed):
            replace(self.shop, store=Store(location)).check(registry=self.shop.registry)

    def end(self):
        """Let the last event's retraining end: rejected or failed."""
        for event in events(self.shop.store, "shop")[-1:]:
            result = str(self.random.choice(["rejected", "failed"]))
            key = f"retrainings/shop/{event.id}/outcome.json"
            self.shop.store.location.write(key, json.dumps({"result": result}).encode())

    def lose(self):
        """Lose the summary, which is a copy."""
        for name in self.shop.store.location.names("monitor/shop"):
            self.shop.store.location.remove(f"monitor/shop/{name}/summary.json")


@pytest.mark.parametrize("seed", range(8))
def test_disorder_costs_no_promise(tmp_path, seed):
    shop = Shop(open_store(tmp_path.as_uri()), columns=1)
    shop.train(rows=2000)
    shop.random = type(shop.random)(type(shop.random.bit_generator)(seed))
    disorder = Disorder(shop, shop.random)
    for _ in range(STEPS):
        disorder.step()
    disorder.score()
    shop.check()
    found = looks(shop)
    numbers = [look.number for look, _ in found]
    assert numbers == [*range(1, len(found) + 1)]
    names = [look.batch for look, _ in found]
    assert sorted(names) == sorted({*names}) == [r.batch for r in batches(shop.store, "shop")]
    budget = Budget(0.01)
    risks = budget.reference + math.fsum(look.risk for look, _ in found)
    assert math.isclose(risks, budget.spent(len(found)))
    assert all(result.void == "" for _, result in found)
    chain = events(shop.store, "shop")
    watermarks = [event.watermark for event in chain]
    assert len({*watermarks}) == len(chain)
    assert {*watermarks} <= {"", *(event.id for event in chain)}
    alarms = [look.number for look, result in found if result.alarms]
    assert bool(chain) == bool(alarms)
    assert all(event.numbers["look"] in alarms for event in chain)
