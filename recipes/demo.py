"""The whole way on one machine: platform, training, deployment, a scored batch, its metrics.

`make demo` runs it. It calls the same commands that a person would type, shows each of them, and
leaves everything up. Running it again is quick: what is there already stays as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from atlas.http.credentials import basic, read_private
from atlas.http.service import Service

HERE = Path(__file__).resolve().parent
ATLAS = Path(sys.executable).with_name("atlas")
PIPELINE = Path(os.path.relpath(HERE / "tumour"))
WAIT = 180
"""How long to wait for the scored batch and for its metrics, in seconds."""


def main() -> int:
    """Run the demo; return the exit code."""
    started = time.monotonic()
    stage("1/6", "the platform: MLflow, Airflow, Prometheus, Pushgateway")
    atlas("up")
    services = outputs()["services"]
    stage("2/6", "the data: 569 tumours to learn from, 100 patients to score")
    store = Path(urlsplit(services["store"]["url"]).path)
    command([sys.executable, str(PIPELINE / "make_data.py"), str(store / "data")])
    stage("3/6", "checked before anything runs")
    atlas("validate", str(PIPELINE))
    stage("4/6", "training, here and now; the model goes to MLflow, and if it is good, is champion")
    atlas("run", str(PIPELINE), "--flow", "training")
    stage("5/6", "deployed: a Kubeflow package for training, an Airflow DAG for inference")
    atlas("deploy", str(PIPELINE))
    stage("6/6", "Airflow scores the latest batch with the champion; Prometheus has its metrics")
    scored = wait_for("the batch's scores", lambda: newest(store / "data" / "scores"))
    print(f"      {wait_for('its metrics in Prometheus', lambda: metric(services))}")
    show(services, scored, time.monotonic() - started)
    return 0


def show(services: dict[str, Any], scores: str, seconds: float) -> None:
    """Say what was made, where it is, and how to take it down."""
    print(f"\nDone in {seconds:.0f} s. What was made:")
    print(f"  scores       {scores}")
    for name in ("mlflow", "airflow", "prometheus"):
        print(f"  {name:<12} {services[name]['url']}")
    print("`.venv/bin/atlas open mlflow` opens a page with its user and password, others likewise.")
    print("Everything stays up. `.venv/bin/atlas down` takes it down; the data and models stay.")


def newest(folder: Path) -> str:
    """Return the latest batch of scores and its number of rows; empty when there is none yet."""
    parts = sorted(folder.rglob("part.parquet"))
    if not parts:
        return ""
    from pyarrow import parquet

    rows = parquet.read_metadata(parts[-1]).num_rows
    return f"{os.path.relpath(parts[-1])} ({rows} rows)"


def stage(number: str, what: str) -> None:
    """Print the headline of a stage."""
    print(f"\n[{number}] {what}", flush=True)


def atlas(*arguments: str) -> None:
    """Show an atlas command, and run it."""
    print(f"      $ atlas {' '.join(arguments)}", flush=True)
    command([str(ATLAS), *arguments])


def command(line: list[str]) -> None:
    """Run a command with its output indented; leave with its code when it fails."""
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        for text in process.stdout or ():
            print(f"      {text}", end="", flush=True)
    if process.returncode:
        print(f"\nThe demo stopped: `{Path(line[0]).name} {line[1]}` failed.", file=sys.stderr)
        raise SystemExit(process.returncode)


def outputs() -> Any:
    """Return the platform's outputs."""
    line = [str(ATLAS), "outputs", "--json"]
    done = subprocess.run(line, stdout=subprocess.PIPE, check=True)  # noqa: S603
    return json.loads(done.stdout)


def prometheus(services: dict[str, Any]) -> Service:
    """Return the platform's Prometheus, asked with the secret that the outputs name."""
    folder = Path(urlsplit(services["secrets"]["url"]).path)
    secret = folder / f"{services['prometheus']['credentials']}.json"
    user = read_private(str(secret), "prometheus")
    return Service("prometheus", services["prometheus"]["url"], lambda: basic(*user))


def metric(services: dict[str, Any]) -> str:
    """Ask Prometheus how many rows the pipeline scored, by model version; empty when none yet."""
    rows = 'atlas_model_metric{pipeline="tumour", metric="score.rows_scored"}'
    version = "on (environment, pipeline, flow) group_left (model_version) atlas_batch_info"
    query = urlencode({"query": f"{rows} * {version}"})
    answer = prometheus(services).send("GET", f"api/v1/query?{query}")
    found = answer.json()["data"]["result"]
    if not found:
        return ""
    labels = found[0]["metric"]
    shown = ", ".join(f'{k}="{labels[k]}"' for k in ("metric", "pipeline", "model_version"))
    return f"atlas_model_metric{{{shown}}} = {found[0]['value'][1]}"


def wait_for(what: str, ask: Any) -> str:
    """Ask until there is an answer.

    Raises:
        SystemExit: there is none after `WAIT` seconds.
    """
    for _ in range(WAIT):
        answer = ask()
        if answer:
            return str(answer)
        time.sleep(1)
    print(f"\nThe demo stopped: after {WAIT} s, {what} weren't there.", file=sys.stderr)
    print("`.venv/bin/atlas status recipes/tumour` and Airflow's page say more.", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
