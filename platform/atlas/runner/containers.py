"""Each step in a container of its own image, through Docker or Podman: as on a cluster.

The container runs ``python -m atlas.step``, as everywhere. It sees the store and the step's data at
the same paths, runs as the user who called, and may use no more than the step asks for.
"""

from __future__ import annotations

import threading
import time
from dataclasses import field
from itertools import count
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.containers import Container, container_name, run_container, stop_container, sweep
from atlas.containers.reaper import Reaper
from atlas.dataclass import dataclass
from atlas.errors import AtlasError, CommandError
from atlas.http.variables import IMAGE
from atlas.runner.isolation import UnitEnd, unrecorded
from atlas.runner.streams import StepLog
from atlas.step import Outcome, contained, recorded
from atlas.step.execute import refuse
from atlas.step.lost import lost
from atlas.step.secrets import secrets_of, variable_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from queue import SimpleQueue

    from atlas.containers import ContainerEngine
    from atlas.step import Job

_KILLED = 137
_OURS = ("--no-finish", "--no-log", "--attended")
"""What the runner does itself: it ends the run, keeps logs, and records how containers end."""
_counter = count()


@dataclass(frozen=True)
class Images:
    """The images that steps run in, and the engine that has them.

    Attributes:
        engine: the container engine.
        references: digest of a Plan and name of an image → its reference in the engine.
        network: the containers' network.
    """

    engine: ContainerEngine
    references: Mapping[tuple[str, str], str]
    network: str = field(default_factory=contained.network)

    def of(self, job: Job) -> str:
        """Return the image of a job's step.

        Raises:
            AtlasError: there is none.
        """
        reference = self.references.get((job.plan.digest, job.step.image))
        if reference is None:
            name = job.step.image or "default"
            raise AtlasError(
                f"step {job.step.name}: its image '{name}' isn't built; {command('build')}"
            )
        return reference


class ContainerIsolation:
    """Runs units in containers."""

    def __init__(
        self, ended: SimpleQueue[UnitEnd], images: Images, echo: Callable[[Job, str], None]
    ) -> None:
        """Run units in these images, and give each line of their logs to `echo`."""
        self._ended = ended
        self._images = images
        self._echo = echo
        self._names: dict[int, str] = {}
        sweep(images.engine)
        self._reaper = Reaper(images.engine)
        self._lock = threading.Lock()

    def start(self, number: int, job: Job) -> None:
        """Start a unit's container, watched by a thread."""
        name = container_name(self._images.engine, next(_counter))
        with self._lock:
            self._names[number] = name
        arguments = (number, job, name)
        threading.Thread(target=self._serve, args=arguments, name=name, daemon=True).start()

    def stop(self, number: int) -> bool:
        """Kill a unit's container, with all that runs in it."""
        with self._lock:
            name = self._names.pop(number, None)
        if name is not None:
            stop_container(self._images.engine, name)
        return True

    def close(self) -> None:
        """Kill what still runs."""
        for number in list(self._names):
            self.stop(number)
        self._reaper.close()

    def _serve(self, number: int, job: Job, name: str) -> None:
        outcome = _run(self._images, job, name, lambda line: self._echo(job, line))
        with self._lock:
            is_awaited = self._names.pop(number, None) is not None
        if is_awaited:
            self._ended.put(UnitEnd(number, outcome))


def _run(images: Images, job: Job, name: str, echo: Callable[[str], None]) -> Outcome:
    """Run a job in a container; whatever goes wrong is an outcome."""
    before = recorded(job.store, job.run, job.step.name, job.index)
    started = time.monotonic()
    log = StepLog(job, echo)
    try:
        container = container_of(images, job, name)
        code = run_container(images.engine, container, lambda line: log.write(f"{line}\n")).code
        log.close()
        after = recorded(job.store, job.run, job.step.name, job.index)
        if after is not None and after != before:
            return after
        return _failed(job, _last_words(job, code), started, lost)
    except (AtlasError, CommandError, OSError) as error:
        return _failed(job, str(error), started)
    finally:
        log.abandon()


def _failed(
    job: Job, text: str, started: float, write: Callable[[Job, str, float], Outcome] = refuse
) -> Outcome:
    try:
        return write(job, text, time.monotonic() - started)
    except AtlasError as error:
        return unrecorded(job, f"{text}; {error}")


def _last_words(job: Job, code: int) -> str:
    """Say how a container ended that recorded nothing."""
    memory = job.step.resources.memory
    if code == _KILLED and memory is not None:
        return f"its container was killed; it may use {memory // 2**20} MiB of memory"
    return f"its container ended by itself, with exit code {code}; its log says more"


def container_of(images: Images, job: Job, name: str) -> Container:
    """Return the container that a job runs in.

    Raises:
        AtlasError: the step has no image, one of its secrets isn't there, or the store is neither a
            folder nor a service that a container can reach.
    """
    resources = job.step.resources
    return Container(
        image=images.of(job),
        name=name,
        command=_command(job),
        environment={**_environment(job), IMAGE: images.of(job)},
        mounts=_mounts(job),
        user=contained.user(),
        network=images.network,
        cpu=resources.cpu,
        memory=resources.memory,
        gpu=resources.gpu,
    )


def _command(job: Job) -> tuple[str, ...]:
    """Return what the container runs: the one entry point of steps."""
    options = {
        "--store": job.store.url,
        "--plan": job.plan.digest,
        "--run": job.run.id,
        "--step": job.step.name,
        "--index": "" if job.index is None else str(job.index),
        "--adopt": job.adopt,
    }
    given = [part for option, value in options.items() if value for part in (option, value)]
    cache = () if job.use_cache else ("--no-cache",)
    return ("python", "-m", "atlas.step", *given, *_OURS, *cache)


def _environment(job: Job) -> dict[str, str]:
    secrets = {variable_of(name): text for name, text in secrets_of(job.plan, job.step).items()}
    return {**contained.variables(), **job.step.env, **secrets}


def _mounts(job: Job) -> dict[Path, bool]:
    """Return what a step sees of this machine, and whether it may write there."""
    folders = contained.folders(job.store, job.plan, [job.step], job.folder)
    return dict.fromkeys(folders, True) | dict.fromkeys(contained.credentials(), False)
