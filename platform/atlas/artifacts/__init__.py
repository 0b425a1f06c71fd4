"""Artifacts outside of a run: found by their addresses, and loaded as values."""

from atlas.artifacts.finding import Artifact, find, of_run
from atlas.artifacts.loading import load
from atlas.artifacts.opening import OpenedArtifacts, opened

__all__ = ["Artifact", "OpenedArtifacts", "find", "load", "of_run", "opened"]
