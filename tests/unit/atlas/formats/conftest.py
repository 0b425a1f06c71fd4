"""Fixtures: a project in a folder, and a store."""

from tests.projects import project, store

__all__ = ["project", "store"]
