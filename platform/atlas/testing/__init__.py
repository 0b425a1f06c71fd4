"""What tests of pipelines need; shipped, so that users need not write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.testing.doubles import MemoryData, recording

if TYPE_CHECKING:
    from atlas.testing.bench import Bench, Trial

__all__ = ["Bench", "MemoryData", "Trial", "recording"]


def __getattr__(name: str) -> Any:
    """Import what a bench needs only when somebody asks for it: pytest loads this package."""
    if name in ("Bench", "Trial"):
        from atlas.testing import bench

        return getattr(bench, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
