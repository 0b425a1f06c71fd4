"""The artifact store: what runs leave behind, whole and verified, on files or S3."""

from atlas.formats import Encoded, Format, register
from atlas.formats.trust import Trust
from atlas.store.code import add_code, code_folder
from atlas.store.folder import FolderLocation
from atlas.store.keys import RESERVED, artifact_key, run_key, unit_key
from atlas.store.location import Location, StoredFile
from atlas.store.manifest import Manifest
from atlas.store.opening import open_location, open_store
from atlas.store.run import ModelPart, ModelVersion, Run
from atlas.store.store import Store

__all__ = [
    "RESERVED",
    "Encoded",
    "StoredFile",
    "FolderLocation",
    "Format",
    "Manifest",
    "ModelVersion",
    "ModelPart",
    "Location",
    "Run",
    "Store",
    "Trust",
    "add_code",
    "artifact_key",
    "code_folder",
    "open_location",
    "open_store",
    "register",
    "run_key",
    "unit_key",
]
