"""Looking through a ``.keras`` archive before anything of it is made.

Keras's own safe mode refuses lambdas, and has let through names that were imported and paths that
were read. Here each object that the archive asks for is one of Keras's own kinds, or of a class of
the pipeline's that the local Plan trusts; its weights are in the file itself; nothing else is in
the archive.
"""

from __future__ import annotations

import io
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.formats.trust import Trust

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_FILES = {_CONFIG, _METADATA, _WEIGHTS}
_MODULES = {
    "keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints",
    "keras.optimizers", "keras.optimizers.schedules", "keras.losses", "keras.metrics",
}  # fmt: skip
"""Modules of Keras of which a model may have any class, but those below."""
_SINGLE = {
    ("keras", "Sequential"), ("keras", "Functional"), ("keras", "Model"), ("keras", "DTypePolicy"),
    ("keras.models", "Sequential"), ("keras.models", "Functional"), ("keras.models", "Model"),
    ("keras.src.models.functional", "Functional"), ("keras.src.models.model", "Model"),
    ("keras.dtype_policies", "DTypePolicy"), ("keras.quantizers", "AbsMaxQuantizer"),
}  # fmt: skip
_REFUSED = {
    "Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer", "StringLookup",
    "IntegerLookup", "TextVectorization", "IndexLookup",
}  # fmt: skip
"""Layers that run code of the file, or read files that it names."""
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__slice__", "__ellipsis__", "__tuple__"}
"""Names under which Keras keeps plain values."""
_FUNCTIONS = ("keras.activations", "keras.losses", "keras.metrics")
_MOST_DEPTH = 200


def reproducible(path: Path) -> bytes:
    """Return an archive without the time, and with its objects' numbers in order."""
    target = io.BytesIO()
    with ZipFile(path) as archive, ZipFile(target, "w", ZIP_STORED) as written:
        numbers: dict[int, int] = {}
        config = _numbered(json.loads(archive.read(_CONFIG)), numbers)
        metadata = json.loads(archive.read(_METADATA))
        metadata.pop("date_saved", None)
        contents = {name: archive.read(name) for name in sorted(archive.namelist())}
        contents |= {_CONFIG: _text(config), _METADATA: _text(metadata)}
        for name, content in contents.items():
            written.writestr(ZipInfo(name), content)
    return target.getvalue()


def _text(raw: Any) -> bytes:
    return json.dumps(raw, separators=(",", ":")).encode()


def _numbered(raw: Any, numbers: dict[int, int]) -> Any:
    """Return a config whose shared objects, told apart by their addresses, have small numbers."""
    if isinstance(raw, list):
        return [_numbered(part, numbers) for part in raw]
    if not isinstance(raw, dict):
        return raw
    made = {key: _numbered(part, numbers) for key, part in raw.items()}
    if isinstance(made.get("shared_object_id"), int):
        made["shared_object_id"] = numbers.setdefault(made["shared_object_id"], len(numbers))
    return made


def audit(path: Path, trust: Trust) -> dict[str, Any]:
    """Check that an archive makes nothing but what is trusted; return the trusted own classes.

    Args:
        path: the archive.
        trust: what is trusted.

    Raises:
        StoreError: it isn't so, or it is no such archive.
    """
    try:
        with ZipFile(path) as archive:
            _check_files(archive)
            own = _checked(json.loads(archive.read(_CONFIG)), trust)
            if _WEIGHTS in archive.namelist():
                with archive.open(_WEIGHTS) as weights:
                    _check_weights(weights)
            return own
    except (BadZipFile, RecursionError, ValueError, OSError) as error:
        raise StoreError(f"it isn't a readable .keras archive: {error}") from None


def _check_files(archive: ZipFile) -> None:
    for file in archive.infolist():
        if file.filename not in _FILES:
            raise StoreError(
                f"it has a file '{clean(file.filename, 80)}', expected only "
                f"{', '.join(sorted(_FILES))}; a layer that keeps files of its own isn't kept"
            )
        if file.compress_type != ZIP_STORED:
            raise StoreError(f"'{file.filename}' in it is compressed; Atlas writes it as it is")


def _checked(config: Any, trust: Trust) -> dict[str, Any]:
    """Check each object of a config; return those of the pipeline's own by registered name."""
    own: dict[str, Any] = {}
    for node in _objects(config, 0):
        module, name = node.get("module"), node.get("class_name")
        if not _is_of_keras(node, module, name):
            if not (isinstance(module, str) and trust.allows("objects", module, str(name))):
                raise _refused(module, name)
            registered = node.get("registered_name") or name
            own[str(registered)] = getattr(import_module(module), str(name))
    return own


def _objects(raw: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _MOST_DEPTH:
        raise ValueError("nested too deep")
    if isinstance(raw, list):
        for part in raw:
            yield from _objects(part, depth + 1)
    elif isinstance(raw, dict):
        if "class_name" in raw:
            yield raw
        for part in raw.values():
            yield from _objects(part, depth + 1)


def _is_of_keras(node: dict[str, Any], module: Any, name: Any) -> bool:
    """Tell whether an object is one that Keras itself has, and that does nothing else."""
    if name in _VALUES:
        return module is None
    if node.get("registered_name") not in (None, name) or not isinstance(name, str):
        return False
    if (module, name) == ("builtins", "function"):
        return _is_function(node.get("config"))
    if (module, name) in _SINGLE:
        return True
    is_class = module in _MODULES and isinstance(getattr(import_module(module), name, None), type)
    return is_class and name not in _REFUSED


def _is_function(name: Any) -> bool:
    return isinstance(name, str) and any(
        callable(getattr(import_module(module), name, None)) for module in _FUNCTIONS
    )


def _refused(module: Any, name: Any) -> StoreError:
    full = clean(f"{module}.{name}" if module else str(name), 160)
    return StoreError(
        f"it has a {full}, which models may not be made of; if you trust it, name it in the "
        f'Recipe: "outputs": {{"NAME": {{"format": "keras", "trust": ["{full}"]}}}}'
    )


def _check_weights(weights: Any) -> None:
    """Refuse weights that are in another file: HDF5 can point to any that the process may read."""
    import h5py

    with h5py.File(weights, "r") as file:
        _check_group(file, 0)


def _check_group(group: Any, depth: int) -> None:
    import h5py

    if depth > _MOST_DEPTH:
        raise ValueError("nested too deep")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise StoreError(f"its weights '{clean(name, 80)}' are a link, expected numbers")
        part = group[name]
        if isinstance(part, h5py.Dataset) and part.external:
            raise StoreError(f"its weights '{clean(name, 80)}' are in another file")
        if isinstance(part, h5py.Group):
            _check_group(part, depth + 1)
