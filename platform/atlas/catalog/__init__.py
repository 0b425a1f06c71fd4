"""The catalogue: a static site with every pipeline of a project, and what is known of each."""

from atlas.catalog.entries import Catalog, CatalogEntry, Link, counted
from atlas.catalog.gathering import gather
from atlas.catalog.site import write_site

__all__ = ["Catalog", "CatalogEntry", "Link", "counted", "gather", "write_site"]
