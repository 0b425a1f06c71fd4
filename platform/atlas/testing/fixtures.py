"""Fixtures of pytest for a pipeline's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from atlas.testing.bench import Bench


@pytest.fixture
def bench_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Bench]:
    """Return what puts a pipeline of the test's folder on the bench, by its name."""

    def get(name: str = "") -> Bench:
        from atlas.errors import AtlasError
        from atlas.plan import resolve
        from atlas.testing.bench import Bench
        from atlas.testing.own_modules import pipeline_of

        located = pipeline_of(request.path.parent)
        if located is None:
            raise AtlasError(f"{request.path}: is in no pipeline's folder")
        pipelines = resolve(located[1])
        chosen = [pipeline for pipeline in pipelines if name in ("", pipeline.name)]
        if not chosen:
            known = ", ".join(pipeline.name for pipeline in pipelines)
            raise AtlasError(f"no pipeline '{name}' in {located[1]}; there are {known}")
        folder = tmp_path / "bench" / chosen[0].name
        folder.mkdir(parents=True, exist_ok=True)
        return Bench(chosen[0], folder)

    return get


@pytest.fixture
def bench(bench_of: Callable[[str], Bench]) -> Bench:
    """Return the pipeline of the test's folder, on the bench; of several, the first."""
    return bench_of("")
