"""Starting a project and its pipelines: what `atlas init` writes."""

from atlas.scaffold.start import StartedProject, place, refresh_schemas, start

__all__ = ["StartedProject", "place", "refresh_schemas", "start"]
