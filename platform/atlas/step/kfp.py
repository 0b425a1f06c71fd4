"""What Kubeflow gives a step's container, and what it wants back: its executor input and output."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.formats import named
from atlas.plan import output_names
from atlas.step.execute import recorded

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from atlas.step.job import Job
    from atlas.store import Manifest, Store

_PARAMETER = "parameter."
_JOB = "run.job"
_FACTS = {
    "run.job": "run", "run.id": "run", "run.index": "index",
    "run.interval_start": "interval_start", "run.interval_end": "interval_end",
}  # fmt: skip
"""Input of a component → the option that it fills; of two for one, the later that isn't empty."""
_MOUNTS = {"gs": "/gcs", "s3": "/s3", "minio": "/minio"}
"""Scheme of an artifact's URI → where Kubeflow's launcher mounts it in the container."""

_SHOWN = ("system.HTML", "system.Markdown")
_PAGES = ("html", "markdown", "picture")
_MOST_BYTES = 10 << 20
_MOST_NUMBERS = 100


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


def ids_in(executor_input: str) -> dict[str, str]:
    """Return what Kubeflow calls the run, by the names of `atlas.store.orchestrated`."""
    inputs = json.loads(executor_input).get("inputs", {}).get("parameterValues", {})
    job = inputs.get(_JOB)
    return {"kubeflow.run": str(job)} if job else {}


def give_parameter(executor_input: str, name: str, value: Any) -> None:
    """Give Kubeflow an output parameter."""
    outputs = json.loads(executor_input).get("outputs", {})
    declared = outputs.get("parameters", {}).get(name, {})
    if declared.get("outputFile"):
        text = value if isinstance(value, str) else json.dumps(value)
        _write(Path(declared["outputFile"]), text)
    _write_output(outputs, {"parameterValues": {name: value}})


def give_artifacts(executor_input: str, job: Job) -> None:
    """Give Kubeflow its output artifacts: small files that say where the real ones are.

    Reports and metrics are what Kubeflow's pages show, so it gets these themselves. An artifact
    that the step doesn't have is Kubeflow's own, and stays as it is: its launcher (2.5 and newer,
    unless PUBLISH_LOGS is false) adds ``executor-logs``, and writes there what the step prints.
    """
    outputs = json.loads(executor_input).get("outputs", {})
    own = output_names(job.plan)[job.step.name]
    given = {
        name: {"artifacts": [_given(job, name, listed["artifacts"][0])]}
        for name, listed in outputs.get("artifacts", {}).items()
        if name in own
    }
    _write_output(outputs, {"artifacts": given})


def give_decision(executor_input: str, job: Job, name: str, value: str) -> None:
    """Give Kubeflow whether a step runs, and what stands for the outputs of one that doesn't."""
    outputs = json.loads(executor_input).get("outputs", {})
    if name in outputs.get("parameters", {}):
        give_parameter(executor_input, name, value)
    else:
        give_artifacts(executor_input, job)


def _given(job: Job, name: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Write the file of one output artifact, and return its description for Kubeflow.

    Where a challenger's step has failed, there is no such artifact, and Kubeflow's own is empty.
    """
    try:
        manifest = job.store.manifest(*job.address, name, index=job.index)
    except StoreError:
        if not job.step.rival_of and not _is_skipped(job):
            raise
        manifest = None
    if manifest is None or _is_skipped(job):
        return _nothing(job, declared)
    facts = {"uri": f"{job.store.url}/{manifest.data}", "sha256": manifest.sha256,
             "format": manifest.format, "type": manifest.type}  # fmt: skip
    kind = declared.get("type", {}).get("schemaTitle", "")
    path = _local(declared)
    if path is not None:
        text = _report(job.store, manifest) if kind in _SHOWN else None
        _write(path, json.dumps(facts) if text is None else text)
    numbers = _numbers(job.store, manifest) if kind == "system.Metrics" else {}
    metadata = {**declared.get("metadata", {}), **numbers, "atlas": facts}
    return {**declared, "metadata": metadata}


def _is_skipped(job: Job) -> bool:
    if job.step.name not in job.plan.skippable:
        return False
    outcome = recorded(job.store, job.run, job.step.name)
    return outcome is not None and outcome.is_skipped


def _nothing(job: Job, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands for an output that a step hasn't got; of one that was skipped, a file.

    Kubeflow's launcher fetches each input's file before a step begins.
    """
    path = _local(declared) if _is_skipped(job) else None
    if path is not None:
        _write(path, json.dumps({"skipped": job.step.name}))
    return dict(declared)


def _report(store: Store, manifest: Manifest) -> str | None:
    """Return the page of a report or picture; None for one that is too long, or for others."""
    form = named(manifest.format)
    if form.shows not in _PAGES or manifest.size > _MOST_BYTES:
        return None
    return form.page(store.content(manifest))


def _numbers(store: Store, manifest: Manifest) -> dict[str, float]:
    """Return numbers by name, which Kubeflow shows one by one; of more than fit a page, none."""
    if manifest.format != "json" or manifest.size > _MOST_BYTES:
        return {}
    value = store.read(manifest)
    entries = value.items() if isinstance(value, dict) and len(value) <= _MOST_NUMBERS else ()
    plain = (
        (name, number.item() if hasattr(number, "item") else number) for name, number in entries
    )
    return {name: number for name, number in plain if isinstance(name, str) and _is_number(number)}


def _is_number(value: Any) -> bool:
    """Tell whether a value is a number that a double holds, which is what Kubeflow keeps."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max


def _local(artifact: Mapping[str, Any]) -> Path | None:
    """Return where in the container an artifact's file is, or None when it can't be known.

    The same as the launcher's ``retrieveArtifactPath``: a custom path goes before the URI, which is
    taken as it is written.
    """
    uri = artifact["uri"]
    scheme, mark, rest = uri.partition("://")
    if artifact.get("customPath"):
        return Path(artifact["customPath"])
    if not mark or scheme == "file":
        return Path(rest if mark else uri)
    if scheme == "oci":
        return Path(f"/oci/{rest.replace('/', '_')}/models")
    return Path(_MOUNTS[scheme], rest) if scheme in _MOUNTS else None


def _write_output(outputs: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Write the executor output, where Kubeflow says that it looks for it."""
    if outputs.get("outputFile"):
        _write(Path(outputs["outputFile"]), json.dumps(content))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "replace"))
