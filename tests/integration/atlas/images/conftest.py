"""Fixtures: a pipeline with two images, and doubles of what builds and keeps them."""

from tests.images import builder, no_own, pipeline, program, project, registry, store

__all__ = ["builder", "no_own", "pipeline", "program", "project", "registry", "store"]
