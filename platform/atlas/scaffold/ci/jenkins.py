"""The Jenkinsfile: declarative, each stage one command, with no logic in Groovy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.scaffold.ci.stages import ALWAYS, CHANGE, RETRAINING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.scaffold.ci.stages import Stage, Stages

_HEAD = """\
// Written by `atlas init --jenkins`; docs/jenkins.md says what Jenkins needs for it.
pipeline {
  agent { label 'atlas' }
  options {
    disableConcurrentBuilds()
    buildDiscarder(logRotator(numToKeepStr: '50'))
    timeout(time: 2, unit: 'DAYS')
    timestamps()
  }
  triggers { cron('H 4 * * *') }
  parameters {
    booleanParam(
      name: 'RETRAIN', defaultValue: false,
      description: 'Look for reasons to retrain, and release what comes of it.')
    string(
      name: 'SINCE', defaultValue: '',
      description: 'Changes count from this commit; by default, of the last good build.')
  }
  environment {
    PATH = "${WORKSPACE}/.venv/bin:${env.PATH}"
  }
  stages {
"""
_FOOT = """\
  }
  post {
    always {
      junit(testResults: 'reports/*.xml', allowEmptyResults: true)
      publishHTML(target: [
        reportName: 'Catalogue', reportDir: 'reports/catalog', reportFiles: 'index.html',
        allowMissing: true, keepAll: true, alwaysLinkToLastBuild: true])
      archiveArtifacts(artifacts: 'reports/**', allowEmptyArchive: true)
    }
    cleanup {
      deleteDir()
    }
  }
}
"""
_RELEASED = "expression { fileExists('reports/released') }"
"""Nobody is asked about nothing: the stage that releases leaves this file when it has."""
_RETRAINS = "anyOf { triggeredBy 'TimerTrigger'; expression { params.RETRAIN } }"
_GIT = "gitUsernamePassword(credentialsId: 'atlas-git')"


def jenkinsfile(found: Stages) -> str:
    """Return the Jenkinsfile of the stages."""
    lines = [f"    {line}" for stage in found.stages for line in _stage(stage, found.secrets)]
    return _HEAD + "\n".join(lines) + "\n" + _FOOT


def _stage(stage: Stage, secrets: tuple[str, ...]) -> Iterator[str]:
    yield f"stage({quoted(stage.name)}) {{"
    yield from (f"  {line}" for line in (*_when(stage), *_options(stage)))
    yield "  steps {"
    yield from (f"    {line}" for line in _steps(stage, secrets))
    yield "  }"
    yield "}"


def _when(stage: Stage) -> Iterator[str]:
    """Yield the condition; the parts of a `when` must all hold."""
    more = {CHANGE: f"; not {{ {_RETRAINS} }}", RETRAINING: f"; {_RETRAINS}"}
    released = f"; {_RELEASED}" if stage.approval else ""
    if stage.when != ALWAYS:
        # Else a build of any branch would wait for the lock first, and then skip the stage.
        yield f"when {{ beforeOptions true; branch 'main'{more.get(stage.when, '')}{released} }}"


def _options(stage: Stage) -> Iterator[str]:
    if stage.lock:
        yield f"options {{ lock(resource: 'atlas-{stage.lock}') }}"
    if stage.approval:
        yield "options { timeout(time: 1, unit: 'DAYS') }"


def _steps(stage: Stage, secrets: tuple[str, ...]) -> Iterator[str]:
    if stage.approval:
        yield f"input(message: {quoted(stage.approval)}, ok: 'Deploy')"
        return
    bound = [_binding(name) for name in secrets if stage.secrets] + [_GIT] * stage.git
    if bound:
        yield f"withCredentials([{', '.join(bound)}]) {{"
        yield f"  sh {quoted(stage.command)}"
        yield "}"
    else:
        yield f"sh {quoted(stage.command)}"


def _binding(name: str) -> str:
    identity = name.lower().replace("_", "-")
    return f"string(credentialsId: 'atlas-{identity}', variable: '{name}')"


def quoted(text: str) -> str:
    """Return a string of Groovy in single quotes: nothing in it is replaced."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
