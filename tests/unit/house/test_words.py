"""Words that Atlas used once are retired: the glossary has those of the field in their place."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = ("platform", "infra", "atlas_cli", "docs", "recipes", "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile")
ENDINGS = (".py", ".md", ".json", ".toml", ".cfg", ".yml", ".yaml")
RETIRED = {
    "flight": "run",
    "fly": "run",
    "flying": "under way",
    "outlook": "diff",
    "world": "snapshot, or live state",
    "sight": "snapshot",
    "standing": "state",
    "material": "bundle",
    "basis": "fingerprint",
    "held": "paused",
    "claim": "ownership",
    "spool": "outbox",
    "surroundings": "environment of a process",
    "Place": "location, key or reference",
    "is told": "is reported",
    "was told": "was reported",
    "anew": "again",
    "half a character": "part of a character",
    "tells its": "reports its",
}
"""Retired word → what is written in its place."""
USUAL = (
    r"[Bb]ills?[ _]of[ _]materials?",
    r"on the basis of",
    r"\bheld back\b",
    r"[Ii]n plain sight",
    r"[Oo]ut of sight",
    r"\bin_flight\b",
    r"[Pp]ersistent[Vv]olume[Cc]laims?|volumeClaimTemplates?|claimName|mysql-pv-claim",
)
"""What is usual English, or the field's own word."""
_PAUSE = r"\b(?:DAGs?|pauses?|paused|operators?|stopped)\b"
PATTERNS = {
    # Locks and leases are held, too: that is the field's word.
    "held": rf"[`\"']held[`\"':]|\boutputs\.held\b|\bheld=(?!held)|{_PAUSE}.{{0,60}}\bheld\b|\bheld\b.{{0,60}}{_PAUSE}",
}
"""Word → what finds it in the sense that is retired."""
_KEY = "the output `held` of resources, which is in Pulumi's state"
_PACKAGE = "a package is called so"
_EXAMPLE = "the example's data are departures of planes"
ALLOWED = {
    "flight": dict.fromkeys(
        (
            *("CHANGELOG.md", "README.md", "docs/README.md"),
            *("tests/docs/test_examples.py", "tests/docs/test_notebooks.py"),
            *("recipes/flights/README.md", "recipes/flights/config.json"),
            *("recipes/flights/features.json", "recipes/flights/inference.json"),
            *("recipes/flights/make_data.py", "recipes/flights/steps.py"),
            *("recipes/flights/tests/test_steps.py", "recipes/flights/training.json"),
            "tests/contract/test_bundled_examples.py",
            "tests/kubeflow/runs/test_examples.py",
            "tests/stack/test_examples_on_airflow.py",
        ),
        _EXAMPLE,
    ),
    "basis": {
        "tests/unit/atlas_deploy/diff/test_plan_file.py": "a key of plan files of earlier versions",
        "platform/atlas_deploy/diff/plan_file.py": "a key of plan files of earlier versions",
        "platform/atlas_deploy/history/fingerprints.py": "a folder of the store",
    },
    "flying": {"CHANGELOG.md": "how it was called before"},
    "held": {
        "CHANGELOG.md": "how it was called before",
        **dict.fromkeys(
            (
                "tests/kubeflow/api/test_deployments.py",
                "docs/architecture.md",
                "docs/pulumi.md",
                "docs/resources.md",
                "platform/atlas/targets/airflow/monitor_resource.py",
                "platform/atlas/targets/airflow/resource.py",
                "platform/atlas/targets/kubeflow/resource.py",
                "platform/atlas_deploy/live/snapshot.py",
                "platform/atlas_deploy/operations/status.py",
                "platform/atlas_provider/resources/airflow_dags.py",
                "platform/atlas_provider/resources/kubeflow_pipelines.py",
                "platform/atlas_provider/resources/retraining_monitor.py",
                "tests/integration/atlas/targets/test_airflow_dags.py",
                "tests/integration/atlas/targets/test_server_pipelines.py",
                "tests/integration/kubeflow_scenario.py",
                "tests/recorded/resources.json",
                "tests/recorded/kubeflow.json",
                "tests/recorded/kubeflow-multiuser.json",
                "tests/stack/test_plain_program.py",
                "tests/unit/atlas_deploy/diff/test_agreement.py",
            ),
            _KEY,
        ),
    },
    "world": dict.fromkeys(
        (
            "tests/integration/atlas/images/test_lock.py",
            "tests/unit/atlas/images/test_content.py",
            "tests/unit/atlas/images/test_requirements.py",
        ),
        _PACKAGE,
    ),
    "spool": dict.fromkeys(
        (
            "platform/atlas/files.py",
            "platform/atlas/tracking/outbox.py",
            "tests/unit/atlas/tracking/test_outbox.py",
        ),
        "the folder of the outbox in earlier versions",
    ),
}
"""Word → file in which it stays → why."""
NOT_YET: dict[str, set[str]] = {}
"""Word → files in which it still is. This only gets shorter."""


@cache
def texts() -> dict[str, str]:
    """Return what is in the sources and docs, by path; what is usual is left out."""
    files = [ROOT / name for name in PAGES]
    files += [file for folder in SOURCES for file in sorted((ROOT / folder).rglob("*"))]
    usual = re.compile("|".join(USUAL))
    return {
        path.as_posix(): usual.sub("", f"{path.as_posix()}\n{file.read_text('utf-8')}")
        for file in files
        if (file.suffix in ENDINGS or file.name == "Makefile") and file.name != Path(__file__).name
        for path in [file.relative_to(ROOT)]
        if not any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    }


def pattern(word: str) -> re.Pattern[str]:
    """Return what finds a word by itself and in names: ``fly``, ``is_fly``, ``FlyTo``, ``toFly``."""
    if word in PATTERNS:
        return re.compile(PATTERNS[word])
    if word[0].isupper():
        return re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])")
    lower, upper = f"{word}s?", f"{word[0].upper()}{word[1:]}s?"
    return re.compile(rf"(?<![A-Za-z])(?:{lower}|{upper})(?![a-z])|(?<=[a-z]){upper}(?![a-z])")


@cache
def places(word: str) -> frozenset[str]:
    """Return the files that have a word."""
    found, spellings = pattern(word), (word, word.capitalize())
    return frozenset(
        path
        for path, text in texts().items()
        if any(spelling in text for spelling in spellings) and found.search(text)
    )


@pytest.mark.parametrize("word", RETIRED)
def test_a_retired_word_is_nowhere(word: str) -> None:
    excused = {*ALLOWED.get(word, ()), *NOT_YET.get(word, ())}
    again = sorted(places(word) - excused)
    assert again == [], f"'{word}' is retired; write {RETIRED[word]}"


@pytest.mark.parametrize("word", RETIRED)
def test_no_excuse_is_left_over(word: str) -> None:
    assert {*ALLOWED.get(word, ()), *NOT_YET.get(word, ())} - places(word) == set()


@pytest.mark.parametrize(
    ("word", "text", "has"),
    [
        ("spool", "a spool", True),
        ("spool", "_spool_folder", True),
        ("spool", "SpoolFolder", True),
        ("spool", "OldSpool", True),
        ("spool", "spools", True),
        ("spool", "spooler", False),
        ("Place", "Place", True),
        ("Place", "Placement", False),
        ("Place", "place", False),
        ("held", "a DAG is held by its operator", True),
        ("held", "state.outputs.held", True),
        ("held", "the lock is held", False),
    ],
)
def test_what_finds_a_word(word: str, text: str, *, has: bool) -> None:
    assert bool(pattern(word).search(text)) is has


def test_there_are_sources_to_look_at() -> None:
    assert len(texts()) > 400
