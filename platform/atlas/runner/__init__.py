"""The local engine: pipelines on this machine, concurrently, and nothing lost when killed."""

from atlas.runner.events import Event, Listener
from atlas.runner.pipelines import run_pipelines
from atlas.runner.run import RunResult
from atlas.runner.selection import Selection
from atlas.runner.settings import PROCESSES, THREADS, RunSettings

__all__ = [
    "PROCESSES",
    "THREADS",
    "Event",
    "Listener",
    "RunResult",
    "Selection",
    "RunSettings",
    "run_pipelines",
]
