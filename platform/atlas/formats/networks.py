"""Formats of neural networks: tensors of PyTorch as safetensors, models of Keras as ``.keras``.

A module of PyTorch is code and state; its state is what is kept, and the code that reads it makes
the module: ``model.load_state_dict(state)``. A model of Keras is read only once its file has been
found to be made of Keras's own parts (`atlas.formats.keras_audit`).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

from atlas.errors import StoreError
from atlas.formats.format import Encoded, Facts, Format, ancestry, article, type_name
from atlas.formats.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.formats.format import WiderTypes

_TENSOR = "torch.Tensor"


class Safetensors(Encoded):
    """A tensor of PyTorch, or a dict of tensors such as a module's ``state_dict()``."""

    name = "safetensors"
    suffix = ".safetensors"
    proves_itself = True
    types: ClassVar[WiderTypes] = {_TENSOR: ()}
    shows = "model"

    def accepts(self, value: Any) -> bool:
        """Take a tensor, and a dict of nothing but tensors."""
        if type(value) in (dict, OrderedDict):
            return bool(value) and all(_TENSOR in ancestry(part) for part in value.values())
        return _TENSOR in ancestry(value) or "torch.Module" in ancestry(value)

    def pack(self, value: Any, trust: Trust) -> tuple[bytes, Facts]:
        """Return the tensors' bytes, and in which order they were; they come back on the CPU.

        Raises:
            StoreError: it is neither a tensor nor a dict of tensors by name.
        """
        if "torch.Module" in ancestry(value):
            raise StoreError(
                f"{article(type_name(value))} is code and state; return its state, "
                "model.state_dict(), with the hint dict[str, torch.Tensor]"
            )
        if not self.accepts(value):
            found = f"found {article(type_name(value))}"
            raise StoreError(f"{found}, expected a tensor, or a dict of tensors by name")
        from safetensors.torch import save

        tensors = value if isinstance(value, dict) else {"": value}
        if not all(type(name) is str for name in tensors):
            raise StoreError("the dict has keys that aren't strings")
        if not isinstance(value, dict):
            return save({"value": _bare(value)}), {"kind": "tensor"}
        kind = "ordered" if isinstance(value, OrderedDict) else "dict"
        content = save({name: _bare(tensor) for name, tensor in tensors.items()})
        return content, {"kind": kind, "names": list(tensors)}

    def unpack(self, content: bytes, facts: Facts, trust: Trust) -> Any:
        """Return the tensors."""
        from safetensors.torch import load

        tensors = load(content)
        if facts.get("kind") == "tensor":
            return tensors["value"]
        made = OrderedDict if facts.get("kind") == "ordered" else dict
        return made((name, tensors[name]) for name in facts.get("names", tensors))


def _bare(tensor: Any) -> Any:
    """Return a tensor's numbers in memory of their own, for safetensors refuses what is shared.

    Raises:
        StoreError: it would come back as another: a parameter, a sparse tensor.
    """
    if type_name(tensor) != _TENSOR:
        found = article(type_name(tensor))
        raise StoreError(f"{found} would come back as a plain tensor; return its detach()")
    if str(tensor.layout) != "torch.strided":
        raise StoreError(f"the tensor is {tensor.layout}, expected a dense one: its to_dense()")
    return tensor.detach().cpu().contiguous().clone()


class Keras(Format):
    """A model of Keras in its own format, of Keras's own layers, or of those that are trusted."""

    name = "keras"
    suffix = ".keras"
    types: ClassVar[WiderTypes] = {
        "keras.Model": (),
        "keras.Sequential": ("keras.Model",),
    }
    aliases: ClassVar[Mapping[str, str]] = {
        "keras.models.Model": "keras.Model",
        "keras.models.Sequential": "keras.Sequential",
    }
    shows = "model"
    makes_objects = True
    takes_trust = True

    def write(self, value: Any, path: Path) -> Facts:
        """Write a model of Keras's own parts."""
        return self.write_trusting(value, path, Trust())

    def read(self, path: Path, facts: Facts) -> Any:
        """Read a model of Keras's own parts."""
        return self.read_trusting(path, facts, Trust())

    def write_trusting(self, value: Any, path: Path, trust: Trust) -> Facts:
        """Write a model; equal models give equal bytes.

        Raises:
            StoreError: it isn't a model of Keras, or made of what isn't trusted.
        """
        if not self.accepts(value):
            raise StoreError(f"found {article(type_name(value))}, expected a model of Keras")
        from atlas.formats.keras_audit import audit, reproducible

        made = path.with_name(f"{path.name}.made.keras")
        try:
            value.save(made)
            path.write_bytes(reproducible(made))
        finally:
            made.unlink(missing_ok=True)
        audit(path, trust)
        return {}

    def read_trusting(self, path: Path, facts: Facts, trust: Trust) -> Any:
        """Read a model, once it has been found to be made of what is trusted."""
        from keras.saving import load_model

        from atlas.formats.keras_audit import audit

        own = audit(path, trust)
        return load_model(path, custom_objects=own, safe_mode=True)
