"""What tests of pipelines need; shipped, so that users need not write it."""

from atlas.testing.bench import Bench, Trial
from atlas.testing.doubles import MemoryData, recording

__all__ = ["Bench", "MemoryData", "Trial", "recording"]
