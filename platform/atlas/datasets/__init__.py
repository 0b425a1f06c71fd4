"""Data sets: files of every format, folders of parts, databases; read, written and checked."""

from atlas.datasets.checks import broken_checks
from atlas.datasets.fields import RunFacts
from atlas.datasets.files import read_file, write_file
from atlas.datasets.locations import open_data_location

__all__ = ["RunFacts", "broken_checks", "open_data_location", "read_file", "write_file"]
