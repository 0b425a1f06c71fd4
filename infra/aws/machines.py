"""Types of machines by their names: families, generations, processors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIZE = r"(nano|micro|small|medium|large|\d*xlarge|metal(-\d+xl)?)"
TYPE = re.compile(rf"(?P<family>[a-z]+)(?P<generation>\d+)(?P<attributes>[a-z0-9-]*)\.{_SIZE}")
DATABASE = re.compile(rf"db\.[a-z]+\d+[a-z0-9-]*\.{_SIZE}")
_GPU = ("g", "gr", "p")


def checked_types(key: str, types: Iterable[str], *, gpu: bool = False) -> tuple[str, ...]:
    """Return types of machines that one group of nodes may have.

    Args:
        key: the setting that they are of.
        types: the types, such as ``m7i.xlarge``.
        gpu: whether they must have GPUs of NVIDIA.

    Raises:
        pulumi.RunError: one isn't an instance type, has no GPU, or their processors differ.
    """
    found = tuple(types)
    for one in found:
        match = TYPE.fullmatch(one)
        if not match:
            raise pulumi.RunError(
                f"atlas:{key}: found '{one}'; expected a type of EC2's machines, such as m7i.xlarge"
            )
        if gpu != (match["family"] in _GPU):
            expected = (
                "with a GPU, such as g6.xlarge" if gpu else "without a GPU, such as m7i.xlarge"
            )
            raise pulumi.RunError(f"atlas:{key}: found '{one}'; expected types {expected}")
    if not found or len({is_arm(one) for one in found}) > 1:
        raise pulumi.RunError(
            f"atlas:{key}: found {', '.join(found) or 'nothing'}; expected types of one processor: "
            "Intel and AMD, or Graviton"
        )
    return found


def is_arm(type_: str) -> bool:
    """Tell whether a type's processor is Graviton (arm64), and not Intel's or AMD's (x86-64)."""
    match = TYPE.fullmatch(type_)
    return match is not None and (match["family"] == "a" or "g" in match["attributes"])


def ami_type(types: Iterable[str], *, gpu: bool) -> str:
    """Return the image of Amazon Linux 2023 that EKS has for types of machines."""
    processor = "ARM_64" if is_arm(next(iter(types))) else "x86_64"
    return f"AL2023_{processor}_{'NVIDIA' if gpu else 'STANDARD'}"
