"""Running what was run before, in a store of its own: nothing leaves that."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from atlas.containers import find_engine
from atlas.dataclass import dataclass
from atlas.errors import CommandError
from atlas.http.variables import ADDRESSES, CREDENTIALS, STORE
from atlas.runner import RunSettings
from atlas.runner.containers import Images
from atlas.runner.local_run import LocalRun
from atlas.runner.run import run_all
from atlas.runner.settings import APART, IMAGES
from atlas.step.data import WRITES
from atlas.store.location import TEMPORARY
from atlas.uris import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.containers import ContainerEngine
    from atlas.reproduce.original import OriginalRun
    from atlas.runner.events import Listener
    from atlas.store import Run, Store

_PULL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class StepConditions:
    """How steps are run.

    Attributes:
        isolate: as `RunSettings.isolate` has it.
        images: the images that they run in; None in processes.
        statements: why that differs from how they were run, where it does.
    """

    isolate: str = APART
    images: Images | None = None
    statements: tuple[str, ...] = field(default_factory=tuple)


def isolation_for(original: OriginalRun, state: Path) -> StepConditions:
    """Return how steps are to be run: in the images that they ran in, where these are there.

    Args:
        original: the run.
        state: the state folder, for the container engine's settings.
    """
    used = {
        unit.partition("/")[0]: str(outcome.provenance["image"])
        for unit, outcome in original.outcomes.items()
        if outcome.provenance.get("image")
    }
    names = {original.plan.by_name[step].image: image for step, image in used.items()}
    if not names:
        return StepConditions()
    if set(used) != set(original.plan.by_name):
        return StepConditions(
            statements=("only some steps ran in images, so all run in processes",)
        )
    engine = find_engine(state)
    if engine is None:
        text = "the run was in images, and no container engine answers: its steps run in processes"
        return StepConditions(statements=(text,))
    missing = [image for image in names.values() if not _is_there(engine, image)]
    if missing:
        text = f"image {missing[0]} isn't there any more: the steps run in processes"
        return StepConditions(statements=(text,))
    digest = original.plan.digest
    references = {(digest, name): image for name, image in names.items()}
    return StepConditions(IMAGES, Images(engine, references))


def _is_there(engine: ContainerEngine, image: str) -> bool:
    """Tell whether an engine has an image, or gets it from its registry."""
    for words in (("image", "inspect", image), ("pull", image)):
        try:
            engine.call(*words, timeout=_PULL_SECONDS)
        except CommandError:
            continue
        return True
    return False


@contextmanager
def own_variables(store: Store, state: Path) -> Iterator[None]:
    """Let steps see this store alone: no service, and no data set that they could write to."""
    writes = path_of(store.url) / f"{TEMPORARY}writes"
    own = {STORE: store.url, "ATLAS_STATE": str(state), WRITES: str(writes)}
    gone = (*ADDRESSES.values(), *CREDENTIALS.values(), "ATLAS_RUN")
    before = {name: os.environ.get(name) for name in (*own, *gone)}
    os.environ.update(own)
    for name in gone:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def run_again(
    original: OriginalRun,
    run: Run,
    folder: Path,
    store: Store,
    *,
    isolation: StepConditions,
    listener: Listener,
) -> LocalRun:
    """Run a Plan again under the same id, and return the run; it is recorded in this store alone.

    Raises:
        StoreError: the store can't be written.
    """
    store.add_plan(original.plan)
    store.bind(run)
    settings = RunSettings(
        isolate=isolation.isolate,
        use_cache=False,
        resume=True,
        run=run.id,
        images=isolation.images,
        rehearsal=True,
    )
    local = LocalRun(original.plan, folder, store, settings)
    run_all([local], settings, listener)
    return local
