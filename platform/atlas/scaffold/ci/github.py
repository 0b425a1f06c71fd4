"""The workflow of GitHub Actions: three jobs; the environment `production` asks for approval."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.scaffold.ci.stages import ALWAYS, CHANGE, MAIN, RETRAINING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.scaffold.ci.stages import Stage, Stages

_RETRAINS = "github.event_name == 'schedule' || inputs.retrain"
_MAIN = "github.ref == 'refs/heads/main' && github.event_name != 'pull_request'"
_HEAD = """\
# Written by `atlas init --github`; docs/jenkins.md says what GitHub needs for it.
name: atlas
on:
  push:
  pull_request:
  schedule:
    - cron: "0 4 * * *"
  workflow_dispatch:
    inputs:
      retrain:
        type: boolean
        default: false
        description: Look for reasons to retrain, and release what comes of it.
      since:
        type: string
        default: ""
        description: The commit that changes count from; by default, the one before the push.
permissions:
  contents: read
jobs:
"""
_START = """\
    runs-on: ubuntu-latest
    env:
      SINCE: ${{ inputs.since || github.event.before || github.event.pull_request.base.sha }}
    steps:
      - uses: actions/checkout@v5
        with:
          fetch-depth: 0
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      - run: echo "$PWD/.venv/bin" >> "$GITHUB_PATH"
"""
_REPORTS = """\
      - uses: actions/download-artifact@v5
        with:
          name: reports-{before}
          path: reports
"""
_END = """\
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: reports-{job}
          path: reports
          if-no-files-found: ignore
"""
_JOBS = {
    "check": "",
    "staging": f"""\
    needs: check
    if: {_MAIN}
    permissions:
      contents: write
    environment: staging
    concurrency:
      group: atlas-staging
      cancel-in-progress: false
""",
    "production": f"""\
    needs: staging
    if: {_MAIN}
    environment: production
    concurrency:
      group: atlas-production
      cancel-in-progress: false
""",
}
_BEFORE = {"staging": "check", "production": "staging"}


def workflow(found: Stages) -> str:
    """Return the workflow of the stages."""
    return _HEAD + "".join(_job(found, job) for job in _JOBS)


def _job(found: Stages, job: str) -> str:
    before = _REPORTS.format(before=_BEFORE[job]) if job in _BEFORE else ""
    steps = "".join(
        line + "\n"
        for stage in found.of(job, MAIN, CHANGE, RETRAINING)
        for line in _step(stage, found.secrets)
    )
    start = f"  {job}:\n{_JOBS[job]}{_START}{before}"
    return start + steps + _END.format(job=job)


def _step(stage: Stage, secrets: tuple[str, ...]) -> Iterator[str]:
    yield f"      - name: {stage.name}"
    if stage.when in {CHANGE, RETRAINING}:
        negated = "!" if stage.when == CHANGE else ""
        yield f"        if: ${{{{ {negated}({_RETRAINS}) }}}}"
    if stage.secrets and stage.when != ALWAYS:
        yield "        env:"
        yield from (f"          {name}: ${{{{ secrets.{name} }}}}" for name in secrets)
    yield f"        run: {json.dumps(stage.command)}"
