"""Retraining: an event leads to one training from the champion's lineage, and to its end.

`records` are the files of an event's retraining, `ledger` says when one may start, `lineage` what
is trained again, `starting` has it done on the target, `retrain` goes through all of it: from
whatever a killed process has left, the same call again comes to the same end.
"""

from atlas.retraining.approving import approve
from atlas.retraining.retrain import RetrainingPlace, retrain
from atlas.retraining.state import Retraining, retraining_of

__all__ = [
    "Retraining",
    "RetrainingPlace",
    "approve",
    "retrain",
    "retraining_of",
]
