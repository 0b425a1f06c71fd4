"""What steps tell of their secrets, in this process and in others: nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas.runner import RunSettings
from tests import canary
from tests.projects import project

__all__ = ["project"]

WAYS = pytest.mark.parametrize("isolate", ["none", "process"])


def ran(project, monkeypatch, isolate: str, *names: str, **options):
    for name, value in canary.VARIABLES.items():
        monkeypatch.setenv(name, value)
    project.environment(secrets=canary.SECRETS)
    project.pipeline("p", canary.SOURCE, canary.steps(*names))
    return project.run("p", RunSettings(isolate=isolate, jobs=1), **options)


def heard(done) -> str:
    return "\n".join(f"{one.text} {one.outcome}" for one in done.events)


@WAYS
def test_what_is_printed_logged_and_raised(project, monkeypatch, isolate):
    def report(plan, run, outcomes, skipped, left):
        return "".join(f"{one.error}\n{one.traceback}\n{one.metrics}" for one in outcomes.values())

    done = ran(project, monkeypatch, isolate, "Tell", "Raise", "Exit", report=report)
    assert not canary.traces_below(project.state)
    assert not canary.traces(heard(done))
    log = Path(done.first.place, "tell", "log.txt").read_text()
    assert "TOLD ALL\n" in log
    assert log.count("mark ") == log.count(" end\n") > 20
    assert "***" in log
    assert done.errors() == {
        "raise": "ValueError: refused ***",
        "exit": "called sys.exit('because of ***')",
    }
    assert "raise KeyError(self.context.secrets" in done.outcome("raise").traceback
    assert list(done.outcome("tell").metrics) == ["***"]


def test_what_is_printed_below_python(project, monkeypatch):
    done = ran(project, monkeypatch, "process", "Below")
    assert done.ok
    assert not canary.traces_below(project.state)
    assert not canary.traces(heard(done))
    log = Path(done.first.place, "below", "log.txt").read_text()
    assert "TOLD BELOW\n" in log
    assert log.count("fd one ") == log.count("fd two ") > 20


def test_a_thread_that_is_not_known(project, monkeypatch, capfd):
    assert ran(project, monkeypatch, "none", "Thread").ok
    said = capfd.readouterr().err
    assert "from a thread ***" in said
    assert not canary.traces(said)


def test_an_output_is_the_users_own_and_there_is_a_warning(project, monkeypatch):
    monkeypatch.setenv("THE_CANARY", canary.CANARY)
    project.environment(secrets=canary.SECRETS)
    source = """
    class Text(NamedTuple):
        text: str

    class Give(Template):
        def run(self) -> Text:
            return Text(self.context.secrets["canary"])
    """
    project.pipeline("p", source, {"give": {"class": "steps:Give", "secrets": ["canary"]}})
    done = project.run("p")
    assert done.ok
    assert done.value("give", "text") == canary.CANARY
    warning = "output 'text' contains the value of a secret; artifacts are stored as they are"
    assert done.outcome("give").notes == (warning,)
    assert warning in Path(done.first.place, "give", "log.txt").read_text()


def test_a_parameter_must_not_hold_a_secret(project, monkeypatch):
    monkeypatch.setenv("THE_CANARY", "s3cret-value")
    project.environment(secrets=canary.SECRETS)
    source = """
    class Text(NamedTuple):
        text: str

    class Give(Template):
        word: str
        def run(self) -> Text:
            return Text(self.word)
    """
    step = {"class": "steps:Give", "secrets": ["canary"], "params": {"word": {"parameter": "word"}}}
    parameters = {"word": {"type": "string", "default": "x"}}
    project.pipeline("p", source, {"give": step}, parameters=parameters)
    settings = RunSettings(parameters={"word": "Bearer s3cret-value"})
    done = project.run("p", settings)
    assert not done.ok
    assert done.first.error.startswith("parameters.word: contains the value of secret 'canary'")
    runs = [file.read_text() for file in project.state.rglob("*.json")]
    assert not any("s3cret-value" in text for text in runs)


def test_the_platforms_own_secrets_too(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "tracking-word")
    vault = project.state / "secrets"
    vault.mkdir(parents=True)
    (vault / "airflow.json").write_text(json.dumps({"username": "atlas", "password": "air-word-1"}))
    given = project.write("given.json", '{"username": "me", "password": "given-word"}')
    monkeypatch.setenv("ATLAS_PUSHGATEWAY_CREDENTIALS", str(given))
    source = """
    import os
    from pathlib import Path

    class Number(NamedTuple):
        number: int

    class Read(Template):
        def run(self) -> Number:
            print(Path(os.environ["ATLAS_STATE"], "secrets", "airflow.json").read_text())
            print(dict(os.environ))
            print(Path(os.environ["ATLAS_PUSHGATEWAY_CREDENTIALS"]).read_text())
            return Number(1)
    """
    project.pipeline("p", source, {"read": {"class": "steps:Read"}})
    done = project.run("p")
    log = Path(done.first.place, "read", "log.txt").read_text()
    assert '"username": "atlas", "password": "***"' in log
    assert "'MLFLOW_TRACKING_PASSWORD': '***'" in log
    assert '{"username": "me", "password": "***"}' in log
