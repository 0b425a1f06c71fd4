"""A process that promotes some versions of a model at the same time; started by a test."""

from __future__ import annotations

import sys
import threading

from atlas.errors import PlatformError
from atlas.models.champions import Champions, Ruling
from atlas.models.promotion import Candidate, promote
from atlas.store import open_store
from atlas.tracking.mlflow import MlflowTracker


def main(url: str, store: str, model: str, versions: list[str]) -> None:
    champions = Champions(open_store(store), MlflowTracker(url), model)
    begin = threading.Barrier(len(versions))

    def run(version: str) -> None:
        begin.wait()
        try:
            result = promote(
                [Candidate(champions, version, lambda _: Ruling(True, "it passes"))], wait=600.0
            )
            print(f"{version} {result[0].promoted}", flush=True)
        except PlatformError as error:
            print(f"{version} {error}", flush=True)

    threads = [threading.Thread(target=run, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:4], sys.argv[4:])
