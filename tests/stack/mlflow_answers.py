"""All that an MLflow server answers, as text that a test can search."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from tests.stack.deployed import call


def mlflow_answers(platform: Any) -> Iterator[str]:
    """Return all that MLflow answers: experiments, runs with all that they have, and artifacts."""
    base, opens = f"{platform.url('mlflow')}/api/2.0/mlflow", platform.opens("mlflow")

    def get(method: str, **query: str) -> Any:
        return call(f"{base}/{method}?{urlencode(query)}", headers=opens)

    found = get("experiments/search", max_results="1000")
    yield json.dumps(found)
    for experiment in found["experiments"]:
        body = {"experiment_ids": [experiment["experiment_id"]], "max_results": 1000}
        for run in call(f"{base}/runs/search", body, headers=opens).get("runs", []):
            yield json.dumps(run)
            yield from _artifacts(platform, get, run["info"]["run_id"], "")


def _artifacts(platform: Any, get: Any, run: str, path: str) -> Iterator[str]:
    for file in get("artifacts/list", run_id=run, path=path).get("files", []):
        yield json.dumps(file)
        if file.get("is_dir"):
            yield from _artifacts(platform, get, run, file["path"])
            continue
        query = urlencode({"run_id": run, "path": file["path"]})
        url = f"{platform.url('mlflow')}/get-artifact?{query}"
        request = urllib.request.Request(url, headers=platform.opens("mlflow"))
        with urllib.request.urlopen(request, timeout=60) as answer:
            yield answer.read().decode("utf-8", "replace")
