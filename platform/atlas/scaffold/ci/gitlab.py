"""The pipeline of GitLab CI: production is a manual job; secrets are protected variables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.scaffold.ci.stages import CHANGE, MAIN, RETRAINING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.scaffold.ci.stages import Stages

_MAIN = '$CI_COMMIT_BRANCH == "main"'
_RETRAINS = '($CI_PIPELINE_SOURCE == "schedule" || $RETRAIN == "true")'
_CHANGES = '$CI_PIPELINE_SOURCE != "schedule" && $RETRAIN != "true"'
_HEAD = """\
# Written by `atlas init --gitlab`; docs/jenkins.md says what GitLab needs for it.
stages: [check, staging, production]
variables:
  GIT_DEPTH: "0"
  RETRAIN:
    value: "false"
    description: Look for reasons to retrain, and release what comes of it.
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH
default:
  image: python:3.12
  artifacts:
    when: always
    paths: [reports]
    reports:
      junit: reports/*.xml
"""
_BEFORE = (
    'export PATH="$PWD/.venv/bin:$PATH" SINCE="${SINCE:-${CI_MERGE_REQUEST_DIFF_BASE_SHA:-'
    '$CI_COMMIT_BEFORE_SHA}}"'
)
_JOBS = (
    ("check", "check", (), ""),
    ("staging", "staging", (MAIN, CHANGE), f"{_MAIN} && {_CHANGES}"),
    ("retraining", "staging", (MAIN, RETRAINING), f"{_MAIN} && {_RETRAINS}"),
    ("production", "production", (MAIN,), _MAIN),
)


def pipeline(found: Stages) -> str:
    """Return the pipeline of the stages."""
    lines = [
        line for job, stage, whens, rule in _JOBS for line in _job(found, job, stage, whens, rule)
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _job(found: Stages, job: str, stage: str, whens: tuple[str, ...], rule: str) -> Iterator[str]:
    yield f"{job}:"
    yield f"  stage: {stage}"
    if rule:
        yield f"  environment: {stage}"
        yield f"  resource_group: atlas-{stage}"
        yield "  rules:"
        yield f"    - if: {json.dumps(rule)}"
    if job == "production":
        yield "      when: manual"
        yield "  needs:"
        yield from (
            f"    - {{job: {needed}, optional: true}}" for needed in ("staging", "retraining")
        )
    yield "  script:"
    yield f"    - {json.dumps(_BEFORE)}"
    yield from (f"    - {json.dumps(one.command)}" for one in found.of(stage, *whens))
