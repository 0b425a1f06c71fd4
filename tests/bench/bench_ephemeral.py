"""What an ephemeral platform takes: up, down, and four at once beside one; its databases' templates are there."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryFile

from atlas_deploy.platforms.ephemeral import start
from tests.bench.table import Row, at_most

_LIFE_SECONDS = 900.0


def run() -> list[Row]:
    up_and_down(["mlflow", "airflow"])  # Makes the templates, where there are none.
    up, down = (
        min(times) for times in zip(*(up_and_down(["mlflow"]) for _ in range(3)), strict=True)
    )
    whole, whole_down = up_and_down(["mlflow", "airflow"])
    four = several(4)
    return [
        at_most("ephemeral, MLflow: up", up, 10, "s"),
        at_most("ephemeral, MLflow: down", down, 5, "s"),
        at_most("ephemeral, MLflow and Airflow: up", whole, 30, "s"),
        at_most("ephemeral, MLflow and Airflow: down", whole_down, 5, "s"),
        at_most("ephemeral, MLflow: 4 at once, beside one", four / up, 2, "x"),
    ]


def up_and_down(services: list[str]) -> tuple[float, float]:
    """Return how long a platform takes to come up, and to go down, in seconds."""
    with TemporaryFile() as output:
        begin = time.perf_counter()
        platform = start(services, _LIFE_SECONDS, output)
        up = time.perf_counter() - begin
        begin = time.perf_counter()
        platform.close()
        return up, time.perf_counter() - begin


def several(count: int) -> float:
    """Return how long it takes until as many are up, in seconds."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(count) as pool, TemporaryFile() as output:
        started = [pool.submit(start, ["mlflow"], _LIFE_SECONDS, output) for _ in range(count)]
        platforms = [one.result() for one in started]
    seconds = time.perf_counter() - begin
    for platform in platforms:
        platform.close()
    return seconds
