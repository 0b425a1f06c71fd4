"""The local engine: pipelines on this machine, concurrently, and nothing lost when killed."""

from atlas.runner.events import Event, Listener
from atlas.runner.pipelines import run_pipelines
from atlas.runner.run import Result
from atlas.runner.selection import Selection
from atlas.runner.settings import PROCESSES, THREADS, Settings

__all__ = [
    "PROCESSES",
    "THREADS",
    "Event",
    "Listener",
    "Result",
    "Selection",
    "Settings",
    "run_pipelines",
]
