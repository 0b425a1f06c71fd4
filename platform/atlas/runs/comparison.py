"""What differs between two runs: params, code, data, images, artifacts, metrics, durations."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.plan.code import code_files
from atlas.store import code_folder
from atlas.tracking.record import outcomes_of
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.plan import Plan
    from atlas.recipe import Image
    from atlas.runs.summary import RunSummary
    from atlas.store import Run, Store

RUN, PARAMS, CODE, DATA, IMAGES = "run", "params", "code", "data", "images"
ARTIFACTS, METRICS, SECONDS = "artifacts", "metrics", "seconds"
SECTIONS = (RUN, PARAMS, CODE, DATA, IMAGES, ARTIFACTS, METRICS, SECONDS)
"""The sections of a comparison, in their order."""
NUMBERS = (METRICS, SECONDS)
"""Those whose facts are numbers."""
_SHOWN = (
    *("pipeline", "flow", "status", "started", "seconds", "trigger", "user", "target", "model"),
    "registered",
)


@dataclass(frozen=True, slots=True)
class RunFact:
    """One fact of two runs: a text, a number, or None where a run hasn't got it."""

    section: str
    name: str
    first: str | float | None
    second: str | float | None

    @property
    def differs(self) -> bool:
        """Whether the two runs differ in it."""
        return self.first != self.second

    @property
    def difference(self) -> float | None:
        """The second number less the first; None where one isn't a number."""
        if isinstance(self.first, float) and isinstance(self.second, float):
            return self.second - self.first
        return None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "section": self.section, "name": self.name, "first": self.first,
            "second": self.second, "differs": self.differs, "difference": self.difference,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two runs side by side.

    Attributes:
        first: one run.
        second: the other.
        facts: every fact of either, by section.
    """

    first: RunSummary
    second: RunSummary
    facts: tuple[RunFact, ...]

    def of(self, *sections: str) -> list[RunFact]:
        """Return the facts of some sections."""
        return [fact for fact in self.facts if fact.section in sections]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "facts": [fact.to_json() for fact in self.facts],
        }


def compare_runs(store: Store, first: RunSummary, second: RunSummary) -> RunComparison:
    """Compare two runs, of one pipeline or of two.

    Args:
        store: the artifact store.
        first: one run.
        second: the other.

    Raises:
        StoreError: the record of a run or its Plan isn't what Atlas writes.
    """
    sides = [_facts(store, run) for run in (first, second)]
    facts = tuple(
        RunFact(section, name, *(side[section].get(name) for side in sides))
        for section in SECTIONS
        for name in dict.fromkeys(name for side in sides for name in side[section])
    )
    return RunComparison(first, second, facts)


def _facts(store: Store, summary: RunSummary) -> dict[str, dict[str, Any]]:
    """Return section → name → fact of a run."""
    run = store.run(summary.pipeline, summary.run)
    plan = store.plan(run.plan)
    outcomes = dict(outcomes_of(store, plan, run))
    return {
        RUN: _about(summary, run),
        PARAMS: dict(summary.params),
        CODE: _code(store, plan, run),
        DATA: _data(plan, run),
        IMAGES: _images(plan),
        ARTIFACTS: {
            f"{step}.{name}": str(digest)
            for step, outcome in outcomes.items()
            for name, digest in outcome.get("outputs", {}).items()
        },
        METRICS: dict(summary.metrics),
        SECONDS: {step: float(outcome.get("seconds", 0)) for step, outcome in outcomes.items()},
    }


def _about(summary: RunSummary, run: Run) -> dict[str, str]:
    facts = {name: str(getattr(summary, name)) for name in _SHOWN}
    facts |= {"interval": f"{run.interval_start} to {run.interval_end}".strip(" to")}
    facts |= {f"tag {key}": value for key, value in summary.tags.items()}
    return {name: text for name, text in facts.items() if text}


def _code(store: Store, plan: Plan, run: Run) -> dict[str, str]:
    """Return the digests of documents and code, the class of each step, and of each file."""
    facts = {"commit": run.commit, "code": plan.code}
    facts |= {f"{name} document": digest for name, digest in plan.digests.items()}
    facts |= {f"class of {step.name}": step.cls for step in plan.steps}
    facts |= dict(_files(store, plan.code))
    return {name: text for name, text in facts.items() if text}


def _files(store: Store, digest: str) -> Iterator[tuple[str, str]]:
    """Give the digest of each file of a snapshot; of one that isn't there any more, none."""
    try:
        folder = code_folder(store, digest)
    except StoreError:
        return
    for file in code_files(folder):
        name = file.relative_to(folder).as_posix()
        yield f"file {name}", hashlib.sha256(file.read_bytes()).hexdigest()


def _data(plan: Plan, run: Run) -> dict[str, str]:
    """Return where each data set is, and which models and other runs were read."""
    facts = {
        f"{name}.{field}": getattr(data, field)
        for name, data in plan.data.items()
        for field in ("uri", "version", "format")
    }
    facts |= dict(run.upstream)
    for name, version in (("model", run.model), ("champion", run.champion)):
        facts[name] = f"{version.name}/{version.version}" if version else ""
    return {name: str(text) for name, text in facts.items() if text}


def _images(plan: Plan) -> dict[str, str]:
    facts = {name: _image(image) for name, image in plan.images.items()}
    return facts | {f"of {step.name}": step.image for step in plan.steps if step.image}


def _image(image: Image) -> str:
    fields: Mapping[str, str] = {
        name: getattr(image, name) for name in ("requirements", "dockerfile", "reference", "base")
    }
    return canonical({name: text for name, text in fields.items() if text})
