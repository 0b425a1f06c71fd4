"""Waiting by a clock of the test's own: nothing really sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from atlas.waiting import Clock, wait_until, wait_while


@dataclass
class Time:
    """A clock that goes on when somebody sleeps."""

    moment: float = 100.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.moment += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.moment, self.sleep)


def test_it_asks_until_the_answer_is_true_and_returns_it():
    answers, time = iter(["", "", "there"]), Time()
    assert wait_until(lambda: next(answers), 10, 0.5, time.clock) == "there"
    assert time.pauses == [0.5, 0.5]


def test_it_returns_the_last_answer_when_the_time_is_over():
    asked, time = [], Time()
    assert wait_until(lambda: asked.append(1), 2, 0.5, time.clock) is None
    assert (time.pauses, len(asked)) == ([0.5] * 4, 5)


def test_it_asks_once_though_there_is_no_time():
    time = Time()
    assert wait_until(lambda: "now", 0, 1, time.clock) == "now"
    assert wait_while(lambda: ["left"], 0, 1, time.clock) == ["left"]
    assert time.pauses == []


def test_waiting_while_returns_what_is_left():
    left, time = [["a", "b"], ["b"], []], Time()
    assert wait_while(lambda: left.pop(0), 10, 1, time.clock) == []
    assert time.pauses == [1, 1]
