"""How often promotions have used a test set: each use costs confidence.

Who tries many versions on the same rows finds one that is better by chance. So the k-th use of a
test set may only be wrong with a probability of (1 - confidence) / (k (k + 1)). These add up to
1 - confidence however many there are: the chance that any of the promotions on it was wrong.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.models.log_folder import FOLDER
from atlas.store.exclusive import exclusive
from atlas.values import canonical

if TYPE_CHECKING:
    from atlas.store import Store

_FOLDER = f"{FOLDER}/testsets"
_WAIT_SECONDS = 60.0
_NAME_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a test set.

    Attributes:
        testset: digest of the test set.
        number: which use it is: 1, 2, …
        confidence: the rule's.
    """

    testset: str
    number: int
    confidence: float

    @property
    def alpha(self) -> float:
        """Probability of being wrong that this use may have."""
        return (1.0 - self.confidence) / (self.number * (self.number + 1))

    @property
    def left(self) -> float:
        """What remains of 1 - confidence for all uses to come."""
        return (1.0 - self.confidence) / (self.number + 1)

    def to_json(self) -> dict[str, str | int | float]:
        """Return it as plain data."""
        return {**asdict(self), "alpha": self.alpha, "left": self.left}


def use(
    store: Store, testset: str, evidence: str, confidence: float, *, model: str, spend: bool = True
) -> Use:
    """Return which use of a test set a decision is; the same evidence is the same use.

    Args:
        store: the store.
        testset: digest of the test set.
        evidence: digest of what is compared on it.
        confidence: the rule's.
        model: the model, for who looks at the folder.
        spend: whether it is recorded; else nothing is written, and the number is what it would be.

    Raises:
        PlatformError: another process records a use of the test set for too long.
    """
    if not spend:
        return Use(testset, _number(store, testset, evidence), confidence)
    with exclusive(store.location, f"test set {testset}", wait=_WAIT_SECONDS) as is_held:
        if not is_held:
            raise PlatformError(f"test set {testset[:12]}: another process records its use of it")
        number = _number(store, testset, evidence)
        facts = {"model": model, "time": datetime.now(UTC).isoformat(timespec="seconds")}
        store.location.create(_key(testset, number, evidence), canonical(facts).encode())
        return Use(testset, number, confidence)


def _number(store: Store, testset: str, evidence: str) -> int:
    """Return the number that evidence has, or the next one."""
    names = store.location.names(f"{_FOLDER}/{testset}")
    known = {name[7:]: int(name[:6]) for name in names if name[:6].isdecimal()}
    return known.get(evidence[:_NAME_DIGITS]) or max(known.values(), default=0) + 1


def _key(testset: str, number: int, evidence: str) -> str:
    return f"{_FOLDER}/{testset}/{number:06}-{evidence[:_NAME_DIGITS]}"
