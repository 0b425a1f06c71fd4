"""What Kubeflow gives a step's container, and what it wants back: its executor input and output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from atlas.step.job import Job

_PARAMETER = "parameter."
_FACTS = {
    "run.job": "run", "run.id": "run", "run.index": "index",
    "run.interval_start": "interval_start", "run.interval_end": "interval_end",
}  # fmt: skip
"""Input of a component → the option that it fills; of two for one, the later that isn't empty."""
_MOUNTS = {"gs": "/gcs", "s3": "/s3", "minio": "/minio", "oci": "/oci"}
"""Scheme of an artifact's URI → where Kubeflow's launcher mounts it in the container."""


def filled(options: argparse.Namespace) -> argparse.Namespace:
    """Fill the options that Kubeflow gives as inputs of the component; what is empty stays."""
    inputs = json.loads(options.executor_input).get("inputs", {}).get("parameterValues", {})
    given = vars(options).copy()
    for name, option in _FACTS.items():
        if inputs.get(name) not in (None, ""):
            given[option] = str(inputs[name])
    own = {
        name.removeprefix(_PARAMETER): value
        for name, value in inputs.items()
        if name.startswith(_PARAMETER)
    }
    if own:
        given["parameters"] = json.dumps({**json.loads(options.parameters or "{}"), **own})
    return type(options)(**given)


def give_parameter(executor_input: str, name: str, value: Any) -> None:
    """Give Kubeflow an output parameter."""
    outputs = json.loads(executor_input).get("outputs", {})
    declared = outputs.get("parameters", {}).get(name, {})
    if declared.get("outputFile"):
        _write(Path(declared["outputFile"]), json.dumps(value))
    _write_output(outputs, {"parameterValues": {name: value}})


def give_artifacts(executor_input: str, job: Job) -> None:
    """Give Kubeflow its output artifacts: small files that say where the real ones are."""
    outputs = json.loads(executor_input).get("outputs", {})
    given = {}
    for name, listed in outputs.get("artifacts", {}).items():
        artifact = dict(listed["artifacts"][0])
        manifest = job.store.manifest(*job.address, name, index=job.index)
        facts = {"uri": f"{job.store.url}/{manifest.data}", "sha256": manifest.sha256,
                 "format": manifest.format, "type": manifest.type}  # fmt: skip
        path = _local(artifact["uri"])
        if path is not None:
            _write(path, json.dumps(facts))
        artifact["metadata"] = {**artifact.get("metadata", {}), "atlas": facts}
        given[name] = {"artifacts": [artifact]}
    _write_output(outputs, {"artifacts": given})


def _local(uri: str) -> Path | None:
    """Return where in the container an artifact's file is, or None when it can't be known."""
    parts = urlsplit(uri)
    if parts.scheme in ("", "file"):
        return Path(parts.path)
    mount = _MOUNTS.get(parts.scheme)
    return Path(f"{mount}/{parts.netloc}{parts.path}") if mount else None


def _write_output(outputs: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Write the executor output, where Kubeflow says that it looks for it."""
    if outputs.get("outputFile"):
        _write(Path(outputs["outputFile"]), json.dumps(content))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
