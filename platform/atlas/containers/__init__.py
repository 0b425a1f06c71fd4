"""Container engines: which one answers on this machine, and running one container in it."""

from atlas.containers.api import docker_api
from atlas.containers.engine import ENGINES, ContainerEngine, find_engine, need_engine
from atlas.containers.failure import why
from atlas.containers.running import (
    Container,
    ContainerExit,
    container_name,
    run_container,
    stop_container,
    sweep,
)

__all__ = [
    "ENGINES",
    "Container",
    "ContainerExit",
    "ContainerEngine",
    "container_name",
    "docker_api",
    "find_engine",
    "need_engine",
    "run_container",
    "stop_container",
    "sweep",
    "why",
]
