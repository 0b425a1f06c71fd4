"""The one way to reproduce a model: found, prepared, run once more, compared."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.lineage.sources import LineageSources
from atlas.load import load_environment
from atlas.load.projects import project_at
from atlas.reproduce.comparing import DIFFERENT, RepeatedRun, Verdict, parsed_tolerance
from atlas.reproduce.original import original_of
from atlas.reproduce.preparing import changed_data, data_read, put_code, put_inputs
from atlas.reproduce.running import isolation_for, own_variables, run_again
from atlas.reproduce.software import differences_of
from atlas.runner.events import ignore
from atlas.runner.process_environment import process_environment
from atlas.store import open_store
from atlas.tracking.mlflow import MlflowTracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.reproduce.original import OriginalRun
    from atlas.runner.events import Listener
    from atlas.step.outcome import Outcome


@dataclass(frozen=True, slots=True)
class ReproduceQuery:
    """What is asked for.

    Attributes:
        thing: a model version, or a training run.
        path: where the project is.
        environment: name of the Environment, which says where the store is.
        tolerance: ``1e-6``, and ``step.metric=0.01`` for metrics with one of their own.
        out: folder to keep what was made in; None to remove it.
        changed_data: whether to run although data have other content by now.
    """

    thing: str
    path: Path
    environment: str = "local"
    tolerance: tuple[str, ...] = ()
    out: Path | None = None
    changed_data: bool = False


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of it.

    Attributes:
        thing: what was asked for.
        model: ``name/version``, or empty.
        run: ``pipeline/run`` that was run once more.
        verdict: how the two compare.
        statements: what differs in how it was run: code, images, packages, data.
        store: URL of the store with what was made; empty where that is removed.
    """

    thing: str
    model: str
    run: str
    verdict: Verdict
    statements: tuple[str, ...]
    store: str

    @property
    def is_equal(self) -> bool:
        """Whether the verdict is one of the equal ones."""
        return self.verdict.verdict != DIFFERENT

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        raw = {name: getattr(self, name) for name in ("thing", "model", "run", "store")}
        verdict = asdict(self.verdict)
        metrics = {
            name: dict(zip(("then", "now", "tolerance"), values, strict=True))
            for name, values in self.verdict.metrics.items()
        }
        return {
            "version": 1,
            **raw,
            **verdict,
            "metrics": metrics,
            "statements": list(self.statements),
        }

    def lines(self) -> list[str]:
        """Return it in words, the verdict last."""
        verdict, lines = self.verdict, [f"note: {text}" for text in self.statements]
        if verdict.first is not None:
            first = verdict.first
            name = f"{first.unit}.{first.output}" if first.output else f"step {first.unit}"
            lines.append(f"first different: {name}: {first.detail or first.found}")
            if first.detail:
                lines.append(f"  sha256 {first.found}, expected {first.expected}")
        for name, (then, now, tolerance) in verdict.metrics.items():
            lines.append(f"metric {name}: was {then:.9g}, is {now:.9g} (tolerance {tolerance:g})")
        outputs = f"{verdict.equal} of {verdict.compared} outputs are the same to the byte"
        return [*lines, f"{self.model or self.run}: {verdict.verdict}: {outputs}"]


def reproduce(query: ReproduceQuery, listener: Listener = ignore) -> Reproduction:
    """Run the training of a model once more, and say whether the same came of it.

    Args:
        query: what is asked for.
        listener: gets each event of the run.

    Raises:
        AtlasError: it can't be run again: its Plan or code is gone, or data have changed.
        StoreError: a record, the code or an artifact isn't what its digest says; nothing was run.
    """
    tolerance = parsed_tolerance(query.tolerance)
    project = project_at(query.path)
    with process_environment(project, load_environment(project, query.environment)) as process:
        url = os.environ.get("ATLAS_MLFLOW_URL", "")
        sources = LineageSources(process.store, project.root, MlflowTracker(url) if url else None)
        original = original_of(sources, query.thing)
        data = changed_data(sources, original)
        if data and not query.changed_data:
            raise AtlasError(
                f"{'; '.join(data)}: bring that content back, or run it on what is there with "
                "--changed-data"
            )
        with _folder(query.out) as folder:
            store = open_store(str(folder / "store"))
            code, about_code = put_code(sources, original, store)
            run = put_inputs(sources, original, store)
            isolation = isolation_for(original, project.state)
            with own_variables(store, folder / "state"):
                local = run_again(
                    original, run, code, store, isolation=isolation, listener=listener
                )
            if local.error:
                raise AtlasError(f"{original.run.pipeline}: can't be run again: {local.error}")
            outcomes = {_unit(unit): outcome for unit, outcome in local.outcomes.items()}
            comparison = RepeatedRun(original, sources.store, outcomes, store)
            statements = (
                *original.statements,
                *filter(None, (about_code,)),
                *isolation.statements,
                *sources.unasked,
                *data,
                *_other_data(original, outcomes),
                *differences_of(original.outcomes, outcomes),
            )
            return Reproduction(
                query.thing,
                original.model,
                f"{run.pipeline}/{run.id}",
                comparison.verdict(tolerance),
                tuple(dict.fromkeys(statements)),
                store.url if query.out else "",
            )


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """Give a folder of its own, which is removed afterwards unless it was asked for."""
    if out is None:
        folder = Path(tempfile.mkdtemp(prefix="atlas-reproduce-")).resolve()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    if out.exists() and any(out.iterdir()):
        raise AtlasError(f"--out {out}: there is something in it; expected a new or empty folder")
    out.mkdir(parents=True, exist_ok=True)
    yield out.resolve()


def _unit(unit: Any) -> str:
    step, item = unit
    return step if item is None else f"{step}/{item:04d}"


def _other_data(original: OriginalRun, outcomes: dict[str, Outcome]) -> Iterator[str]:
    """Give what the steps have read now and not then: of data that weren't compared before."""
    then = {use.name: use.sha256 for use in data_read(original.outcomes.values())}
    for use in data_read(outcomes.values()):
        if use.name in then and then[use.name] != use.sha256:
            yield f"data.{use.name}: {use.uri} has sha256 {use.sha256}; the run has read sha256 " \
                  f"{then[use.name]}"  # fmt: skip
