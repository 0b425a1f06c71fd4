"""Starting a project and its pipelines: what `atlas init` writes."""

from atlas.scaffold.start import Started, refresh_schemas, start

__all__ = ["Started", "refresh_schemas", "start"]
