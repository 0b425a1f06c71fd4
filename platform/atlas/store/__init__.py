"""The artifact store: what runs leave behind, whole and verified, on files or S3."""

from atlas.formats import Encoded, Format, register
from atlas.formats.trust import Trust
from atlas.store.code import add_code, code_folder
from atlas.store.folder import FilePlace
from atlas.store.keys import RESERVED, artifact_key, run_key, unit_key
from atlas.store.manifest import Manifest
from atlas.store.opening import open_place, open_store
from atlas.store.place import Entry, Place
from atlas.store.run import ModelVersion, Part, Run
from atlas.store.store import Store

__all__ = [
    "RESERVED",
    "Encoded",
    "Entry",
    "FilePlace",
    "Format",
    "Manifest",
    "ModelVersion",
    "Part",
    "Place",
    "Run",
    "Store",
    "Trust",
    "add_code",
    "artifact_key",
    "code_folder",
    "open_place",
    "open_store",
    "register",
    "run_key",
    "unit_key",
]
