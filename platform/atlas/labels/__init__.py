"""Late labels: joined to earlier predictions, and the deployed model measured batch by batch."""

from atlas.labels.join import LabelJoin

__all__ = ["LabelJoin"]
