"""The formats of models: skops, and pickle where a Recipe asks for it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from atlas.formats.format import PROVEN, Facts, Format, ancestry
from atlas.formats.trust import Trust

if TYPE_CHECKING:
    from pathlib import Path


class Skops(Format):
    """A scikit-learn model, or lists and dicts of models and arrays, without pickle.

    Writing and reading refuse what neither `trusted.json` lists nor the local Plan trusts, before
    anything is made of it. Equal models give equal bytes, in whatever process they were made.
    """

    name = "skops"
    suffix = ".skops"
    proves_itself = True
    shows = "model"
    makes_objects = True
    takes_trust = True

    def accepts(self, value: Any) -> bool:
        """Take estimators, and containers with estimators or arrays in them."""
        if isinstance(value, dict | list | tuple):
            items = value.values() if isinstance(value, dict) else value
            return any(self.accepts(item) or _is_array(item) for item in items)
        return "sklearn.BaseEstimator" in ancestry(value)

    def write(self, value: Any, path: Path) -> Facts:
        """Write a model of what is listed."""
        return self.write_trusting(value, path, Trust())

    def read(self, path: Path, facts: Facts) -> Any:
        """Read a model of what is listed."""
        return self.read_trusting(path, facts, Trust())

    def write_trusting(self, value: Any, path: Path, trust: Trust) -> Facts:
        """Write a model, when it is made of what is trusted."""
        import skops.io

        from atlas.formats.archives import reproducible
        from atlas.formats.audit import audit
        from atlas.formats.proof import prove, unkept

        try:
            content = reproducible(skops.io.dumps(value))
        except Exception as error:
            raise unkept(value, error) from error
        audit(io.BytesIO(content), trust)
        path.write_bytes(content)
        if len(content) <= PROVEN:
            prove(value, lambda: self.read_trusting(path, {}, trust))
        return {}

    def read_trusting(self, path: Path, facts: Facts, trust: Trust) -> Any:
        """Read a model, once it has been found to be made of what is trusted.

        The file is opened once: what was looked through is what is read.
        """
        import skops.io

        from atlas.formats.audit import audit

        with path.open("rb") as file:
            audit(file, trust)
            types = skops.io.get_untrusted_types(file=file)
            return skops.io.load(file, trusted=types)


class Pickle(Format):
    """Any value, by pickle: only where a Recipe says so for the output."""

    name = "pickle"
    suffix = ".pickle"
    proves_itself = True
    makes_objects = True
    is_unsafe = True

    def write(self, value: Any, path: Path) -> Facts:
        """Pickle the value."""
        import pickle

        with path.open("wb") as file:
            pickle.dump(value, file, protocol=5)
        if path.stat().st_size <= PROVEN:
            self.read(path, {})
        return {}

    def read(self, path: Path, facts: Facts) -> Any:
        """Unpickle; the store has checked that the local Plan allows it."""
        import pickle

        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301


def _is_array(value: Any) -> bool:
    return bool(ancestry(value) & {"numpy.ndarray", "numpy.generic"})
