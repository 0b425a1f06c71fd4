"""The format of numpy's arrays; numpy is imported when a value needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from atlas.errors import StoreError
from atlas.formats.format import Facts, Format, article, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.formats.format import WiderTypes


class Npy(Format):
    """A numpy array, without pickle."""

    name = "npy"
    suffix = ".npy"
    proves_itself = True
    types: ClassVar[WiderTypes] = {"numpy.ndarray": ("Collection",)}
    aliases: ClassVar[Mapping[str, str]] = {"numpy.typing.NDArray": "numpy.ndarray"}
    shows = "table"

    def write(self, value: Any, path: Path) -> Facts:
        """Write the array, and compare what its file says of it.

        Raises:
            StoreError: it is of objects, or of a subclass, which wouldn't come back.
        """
        import numpy

        name = type_name(value)
        if name not in ("numpy.ndarray", "numpy.memmap"):
            raise StoreError(
                f"{article(name)} would come back as a plain array; {_ARRAY_HINTS.get(name, '')}"
            )
        if value.dtype.hasobject:
            types = (
                sorted({type_name(element) for element in value.flat[:1000]})
                if value.dtype == object
                else []
            )
            of = f" ({', '.join(types[:5])})" if types else ""
            raise StoreError(f"an array of objects{of} needs pickle; return a list, or numbers")
        with path.open("wb") as file:
            numpy.save(file, value, allow_pickle=False)
        read = (
            numpy.load(path, mmap_mode="r", allow_pickle=False)
            if value.size
            else self.read(path, {})
        )
        if (read.shape, read.dtype) != (value.shape, value.dtype):
            raise StoreError(f"an array of {value.dtype} would come back as one of {read.dtype}")
        return {}

    def read(self, path: Path, facts: Facts) -> Any:
        """Read the array."""
        import numpy

        return numpy.load(path, allow_pickle=False)


_ARRAY_HINTS = {
    "numpy.MaskedArray": "return value.filled(…), or data and mask as two outputs",
    "numpy.matrix": "return numpy.asarray(value)",
    "numpy.recarray": "return value.view(numpy.ndarray)",
}
