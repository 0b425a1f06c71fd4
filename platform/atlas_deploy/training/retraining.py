"""Retrainings of the pipelines of a PATH: their events, and what has them done from a checkout."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.config_retraining import MANUAL
from atlas.errors import AtlasError, PlatformError
from atlas.runner.events import ignore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from atlas.environment import Environment, Project
    from atlas.monitor.events import TriggerEvent
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.plan import Plan
    from atlas.retraining import Retraining, RetrainingPlace
    from atlas.runner import Event
    from atlas.store import Store
    from atlas.targets.launcher import Launcher


@dataclass(frozen=True, slots=True)
class OpenedRetrainings:
    """The monitored pipelines of a PATH in an Environment.

    Attributes:
        monitored: the pipelines, with the rules of their Configs.
        place: where their retrainings are recorded, and what has them done.
    """

    monitored: tuple[MonitoredPipeline, ...]
    place: RetrainingPlace

    @property
    def store(self) -> Store:
        """The artifact store."""
        return self.place.store

    def open_events(self) -> list[tuple[MonitoredPipeline, TriggerEvent]]:
        """Return the events that something is still to come of, the oldest first."""
        from atlas.monitor.events import open_events

        found = [
            (monitored, event)
            for monitored in self.monitored
            for event in open_events(self.store, monitored.pipeline)
        ]
        return sorted(found, key=lambda pair: (pair[1].created, pair[1].id))

    def retrain(
        self,
        events: Sequence[tuple[MonitoredPipeline, TriggerEvent]],
        *,
        wait: float = 0.0,
        again: bool = False,
        say: Callable[[str], None] = print,
    ) -> list[Retraining]:
        """Bring retrainings as far as they get, show that, and return how each stands.

        It is shown where a monitor shows it: on the pipeline's page, in MLflow and in Prometheus.

        Args:
            events: the events, each with its pipeline; the oldest first begins first.
            wait: seconds to wait for those that are under way on an orchestrator.
            again: whether those that failed are tried once more.
            say: takes a line for each that has come to another state, and warnings.
        """
        from atlas.retraining.every import retrain_every
        from atlas.retraining.showing import show_again

        found = retrain_every(self.place, events, wait=wait, again=again, say=say)
        for monitored in {monitored.pipeline: monitored for monitored, _ in events}.values():
            own = [one for one in found if one.pipeline == monitored.pipeline]
            shown = show_again(self.store, self.place.registry, monitored, own)
            for warning in shown.warnings:
                say(f"warning: {warning}")
        return found

    def event(self, identity: str) -> tuple[MonitoredPipeline, TriggerEvent]:
        """Return an event by its id, or by the first digits that no other's begins with.

        Raises:
            AtlasError: there is none, or several begin so.
        """
        from atlas.monitor.events import event, event_ids

        found = [
            (monitored, known)
            for monitored in self.monitored
            for known in event_ids(self.store, monitored.pipeline)
            if identity and known.startswith(identity)
        ]
        if len(found) != 1:
            number = f"{len(found)} events begin" if found else "no event begins"
            hint = command("retrain", "--dry-run")
            raise AtlasError(f"{number} with '{identity[:80]}'; {hint} lists those that are open")
        monitored, known = found[0]
        return monitored, event(self.store, monitored.pipeline, known)

    def asked_for(self, reason: str, key: str) -> tuple[MonitoredPipeline, TriggerEvent]:
        """Return the event by which a person asks for a retraining; the same key is the same.

        Args:
            reason: why, in their words.
            key: what the event is called by; empty for one of its own.

        Raises:
            AtlasError: several pipelines are meant, or there is no champion.
        """
        from atlas.monitor.events import TriggerEvent, events, record_event
        from atlas.tracking.registry import CHAMPION

        if len(self.monitored) != 1:
            names = ", ".join(one.pipeline for one in self.monitored[:5])
            raise AtlasError(f"--reason is of one pipeline; expected one of {names} as PATH")
        monitored = self.monitored[0]
        for known in events(self.store, monitored.pipeline) if key else ():
            if (known.trigger, known.watermark) == (MANUAL, key):  # Of whichever champion.
                return monitored, known
        champion = self.place.registry.find(monitored.model, CHAMPION)
        if champion is None:
            text = f"model {monitored.model}: no version is the {CHAMPION}, so none is retrained"
            raise AtlasError(f"{text}; {command('train')} makes one")
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        wanted = TriggerEvent(
            pipeline=monitored.pipeline,
            model=monitored.model,
            version=champion.version,
            digest=champion.resolved().digest,
            trigger=MANUAL,
            watermark=key or now,
            created=now,
            why=reason,
        )
        event, _ = record_event(self.store, wanted)
        return monitored, event


@contextmanager
def opened_retrainings(
    path: Path,
    env: str,
    names: Sequence[str] = (),
    *,
    listener: Callable[[Event], None] = ignore,
    say: Callable[[str], None] = print,
) -> Iterator[OpenedRetrainings]:
    """Open the retrainings of a PATH, for as long as the context lasts.

    Args:
        path: a Config, a pipeline's folder, or a folder that is scanned.
        env: the Environment's name.
        names: only pipelines, or Configs, of these names; none for all.
        listener: takes the events of runs.
        say: takes a line of progress.

    Raises:
        AtlasError: no pipeline there has ``retraining`` in its Config.
        PlatformError: a service that the Environment names doesn't answer.
    """
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.monitor.spec import monitored_pipelines
    from atlas.plan import resolve
    from atlas.retraining import RetrainingPlace
    from atlas.runner.process_environment import process_environment
    from atlas.step.versions import registry

    pipelines = [
        pipeline
        for pipeline in resolve(path, environment=env)
        if not names or {pipeline.name, pipeline.config} & set(names)
    ]
    monitored = tuple(monitored_pipelines(pipelines))
    if not monitored:
        text = "no pipeline there is retrained; expected `retraining` and a model in a Config"
        raise AtlasError(f"{path}: {text}")
    project = project_at(path)
    environment = load_environment(project, env)
    with process_environment(project, environment) as process:
        if process.missing:
            raise PlatformError(process.missing[0])
        checkout = _Checkout(project, environment, process.store, say)
        place = RetrainingPlace(
            process.store,
            registry(process.store),
            checkout.launcher,
            checkout.restored,
            listener,
            _report,
        )
        yield OpenedRetrainings(monitored, place)


@dataclass(frozen=True, slots=True)
class _Checkout:
    """A checkout of the project, from which retrainings are had done."""

    project: Project
    environment: Environment
    store: Store
    say: Callable[[str], None]

    def launcher(self, target: str, plan: Plan) -> Launcher:
        """Return the launcher of a target, for a Plan as it was published."""
        from atlas.load import platform_services
        from atlas.plan import Pipeline
        from atlas.store import code_folder
        from atlas_deploy.platforms.references import follow
        from atlas_deploy.training.launchers import launcher

        follow(self.project, self.environment, needed=True)
        pipeline = Pipeline(
            name=plan.pipeline,
            config=plan.config,
            folder=code_folder(self.store, plan.code),
            plans={plan.flow: plan},
            project=self.project,
            environment=self.environment,
            axes=plan.axes,
        )
        services = platform_services(self.project, self.environment)
        return launcher(
            target, [pipeline], services, self.store, self.say, deployed=True, published=True
        )

    def restored(self, plan: Plan, commit: str) -> Path:
        """Return the folder of a Plan's code, brought back into the store from its commit.

        Raises:
            AtlasError: the repository hasn't got the commit, or that has other code.
        """
        from atlas.lineage.code import code_at_commit
        from atlas.plan.code import code_digest
        from atlas.store import add_code, code_folder

        clean = commit.removesuffix("-dirty")
        with code_at_commit(self.project.root, clean, plan) as places:
            same = [place for place in places if code_digest(place) == plan.code]
            if not same:
                raise AtlasError(self._lost(plan, clean, found=bool(places)))
            add_code(self.store, same[0], plan.code)
        self.say(f"{plan.name}: the snapshot of its code was gone: taken from {clean[:12]}")
        return code_folder(self.store, plan.code)

    def _lost(self, plan: Plan, commit: str, *, found: bool) -> str:
        what = f"{plan.name}: the store has lost code {plan.code[:12]}, which made the champion"
        if not commit:
            return f"{what}, and its run recorded no commit; train a version again"
        why = "has other code" if found else f"isn't in the repository of {self.project.root}"
        return f"{what}, and commit {commit[:12]} {why}; fetch it, or train a version again"


def _report(*facts: object) -> str:
    """Return a run's report; what draws it is imported once there is one to draw."""
    from atlas.draw.report import report

    return report(*facts)  # type: ignore[arg-type]
