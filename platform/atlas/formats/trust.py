"""What a stored model may be made of: an allow-list that is data, and what the local Plan adds.

Nothing that comes with an artifact widens it: not its manifest, not a registry's record.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.recipe import UNTRUSTED

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLES = ("objects", "functions", "constructors", "losses", "types", "mappings")
"""What a name in a stored model is used for.

``objects`` are classes whose instances are made without their constructor and get their
attributes; ``functions`` are kept by an attribute, and called by the model later;
``constructors`` are classes that are called with what is stored; ``losses`` are those of
scikit-learn's Cython; ``types`` are named only; ``mappings`` are kinds of dict.
"""


@dataclass(frozen=True, slots=True)
class Trust:
    """What the local Plan allows an artifact to be; by default what `trusted.json` lists.

    Attributes:
        format: name of the format that the Recipe gives it, or empty; one that runs what it reads
            is read only so.
        own: the module, or package of modules, with the pipeline's own code, of which a class or a
            function is allowed where it is defined there; empty for none.
        packages: packages that the project allows, of which a class is allowed likewise.
        names: full names of further classes and functions: the output's ``trust`` in the Recipe.
        type: full name of the type that the step's hint gives the output, or empty. A format of an
            installed package is looked for by it, never by what the artifact says.
    """

    format: str = ""
    own: str = ""
    packages: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    type: str = ""

    def allows(self, role: str, module: str, name: str) -> bool:
        """Tell whether a name may be used in a role.

        Args:
            role: one of `ROLES`.
            module: where it is imported from.
            name: its name there.
        """
        if name in listed()[role].get(module, ()):
            return True
        if f"{module}.{name}" in self.names and module.partition(".")[0] not in UNTRUSTED:
            return role != "losses"
        if role == "losses":
            return False
        if self.own and f"{module}.".startswith(f"{self.own}."):
            return _is_defined(module, name, type if role != "functions" else (type, FunctionType))
        inside = any(f"{module}.".startswith(f"{package}.") for package in self.packages)
        return inside and role in ("objects", "types") and _is_defined(module, name, type)


@cache
def listed() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Return the allow-list: role → module → names."""
    raw = json.loads(Path(__file__).with_name("trusted.json").read_bytes())
    return {
        role: {module: frozenset(names) for module, names in raw[role].items()} for role in ROLES
    }


def _is_defined(module: str, name: str, kind: type | tuple[type, ...]) -> bool:
    """Tell whether a module of the pipeline defines a name, rather than only imports it."""
    try:
        member = getattr(sys.modules.get(module) or import_module(module), name, None)
    except ImportError:
        return False
    return isinstance(member, kind) and member.__module__ == module
