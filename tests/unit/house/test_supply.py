"""The supply chain: the bill of materials and the audit of the lock."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from atlas_toolchain.tree import pins
from tests.supply import audit, sbom
from tests.supply.audit import Accepted

LOCK = sbom.LOCK.read_text("utf-8")
TODAY = date(2026, 11, 30)
FINDING = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}


@pytest.fixture(scope="module")
def bill() -> dict:
    return json.loads(sbom.bill(LOCK))


def test_the_bill_names_the_wheel_and_all_that_it_needs(bill: dict) -> None:
    assert bill["metadata"]["component"]["name"] == "atlas-ml"
    found = {one["name"]: one["version"] for one in bill["components"]}
    assert {"typer", "pulumi", "apache-airflow", "kfp", "mlflow", "grpcio"} <= {*found}
    assert found.items() <= pins(LOCK).items()
    assert not {"pytest", "mypy", "ruff"} & {*found}


def test_every_component_has_the_digests_of_the_lock(bill: dict) -> None:
    for one in bill["components"]:
        digests = [each["hashes"][0]["content"] for each in one["externalReferences"]]
        assert digests
        assert all(f"--hash=sha256:{digest}" in LOCK for digest in digests)


def test_the_graph_of_dependencies_reaches_every_component(bill: dict) -> None:
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    left, seen = [bill["metadata"]["component"]["bom-ref"]], set()
    while left:
        ref = left.pop()
        if ref not in seen:
            seen.add(ref)
            left += needs[ref]
    assert seen >= {one["bom-ref"] for one in bill["components"]}


def test_the_same_lock_gives_the_same_bill() -> None:
    assert sbom.bill(LOCK) == sbom.bill(LOCK)


def test_an_environment_of_another_lock_is_refused() -> None:
    with pytest.raises(ValueError, match=r"typer: found .*, expected 0\.0\.1; .* make setup"):
        sbom.bill(LOCK.replace(f"typer=={pins(LOCK)['typer']}", "typer==0.0.1"))


def report(*packages: dict) -> dict:
    return {"dependencies": [*packages]}


def accepted(until: date, id: str = "PYSEC-1", package: str = "one") -> Accepted:
    return Accepted(id, package, "not reached", TODAY, until)


BROKEN = {"name": "one", "version": "1.0", "vulns": [FINDING]}


def test_a_finding_stops_a_release() -> None:
    result = audit.judged(report(BROKEN), [], TODAY)
    assert result.code == audit.FINDINGS
    assert result.lines()[0] == "one 1.0: PYSEC-1: fixed in 2.0"


@pytest.mark.parametrize("id", ["PYSEC-1", "CVE-1"])
def test_an_accepted_finding_does_not_until_its_day(id: str) -> None:
    known = [accepted(TODAY, id)]
    assert audit.judged(report(BROKEN), known, TODAY).code == 0
    assert audit.judged(report(BROKEN), known, TODAY + timedelta(1)).code == audit.FINDINGS


def test_what_is_accepted_for_one_package_is_not_for_another() -> None:
    known = [accepted(TODAY, package="two")]
    assert audit.judged(report(BROKEN), known, TODAY).code == audit.FINDINGS


def test_packages_that_were_not_audited_are_no_success() -> None:
    skipped = {"name": "two", "skip_reason": "not found"}
    result = audit.judged(report({"name": "one", "version": "1", "vulns": []}, skipped), [], TODAY)
    assert result.code == audit.NOT_AUDITED
    assert "1 packages were not audited" in result.lines()[0]


def test_no_service_in_reach_is_one_line_and_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(service: str) -> dict:
        raise OSError("Connection refused")

    monkeypatch.setattr(audit, "ask", ask)
    assert audit.main() == audit.NOT_AUDITED
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_accepted_findings_are_in_the_docs_for_90_days_at_the_most() -> None:
    page = (Path(audit.ROOT) / "docs" / "audit.md").read_text("utf-8")
    for one in audit.accepted(audit.ACCEPTED.read_text("utf-8")):
        assert one.id in page
        assert one.reason in page
        assert one.package in pins(LOCK)
        assert timedelta() < one.until - one.reviewed <= timedelta(90)
