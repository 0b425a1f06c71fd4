"""A model's training once more: equal, different and where first; and nothing of it gets out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from atlas.errors import AtlasError, StoreError
from atlas.reproduce.asking import ReproduceQuery, reproduce
from atlas.reproduce.comparing import parsed_tolerance
from atlas.runner import RunSettings
from tests.chains import SOURCE, Chain

MODEL = "prices@champion"
CHANCE = SOURCE.replace(
    "return Rows(source.read())",
    "rows = source.read()\n        import random\n"
    "        return Rows(rows.assign(chance=random.random()))",
)


def again(chain: Chain, thing: str = MODEL, **options):
    return reproduce(ReproduceQuery(thing, chain.root, **options))


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, but indexes and findings, which are copies."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {".atlas-index", "__pycache__"} & set(path.parts)
    }


def test_the_same_comes_of_it_and_nothing_else_has_changed(chain, monkeypatch):
    monkeypatch.setenv("ATLAS_PUSHGATEWAY_URL", "http://127.0.0.1:9")
    before = files(chain.root)
    reproduction = again(chain)
    assert reproduction.is_equal
    verdict = reproduction.verdict
    assert (verdict.verdict, verdict.first, verdict.equal) == ("bit-equal", None, 2)
    assert reproduction.statements == ()
    assert reproduction.run == f"prices/{chain.training}"
    assert files(chain.root) == before
    assert reproduction.lines()[-1] == (
        "prices/local-1: bit-equal: 2 of 2 outputs are the same to the byte"
    )


def test_a_run_by_its_id_with_its_parameters(chain):
    other = chain.train(off=2.5)
    reproduction = again(chain, other)
    assert (reproduction.verdict.verdict, reproduction.model) == ("bit-equal", "prices/local-2")


def test_a_step_that_draws_by_chance_is_the_first_difference(project):
    chain = Chain(project)
    chain.write(CHANCE)
    chain.train()
    reproduction = again(chain)
    first = reproduction.verdict.first
    assert (first.unit, first.output) == ("load", "rows")
    assert "column 'chance' differs in 3 of 3 elements" in first.detail
    # The metric doesn't depend on it: the model is as good.
    assert (reproduction.verdict.verdict, reproduction.is_equal) == ("metric-equal", True)


def test_a_metric_beyond_its_tolerance_makes_it_different(project):
    chain = Chain(project)
    chain.write(SOURCE.replace("abs(self.off))", "abs(self.off) + __import__('random').random())"))
    chain.train()
    reproduction = again(chain)
    assert (reproduction.verdict.verdict, reproduction.is_equal) == ("different", False)
    (name,) = reproduction.verdict.metrics
    assert name == "train.error"
    near = again(chain, tolerance=("train.error=2",))
    assert (near.verdict.verdict, near.verdict.first) == ("metric-equal", None)
    assert again(chain, tolerance=("2",)).is_equal


def test_changed_data_are_refused_or_shown_for_what_they_do(chain):
    chain.project.write("houses.csv", "size,price\n50,101\n70,150\n90,170\n")
    with pytest.raises(AtlasError, match=r"data\.houses: .*houses\.csv has sha256") as refused:
        again(chain)
    assert "--changed-data" in str(refused.value)
    reproduction = again(chain, changed_data=True)
    first = reproduction.verdict.first
    assert (first.unit, first.detail) == (
        "load", "column 'price' differs in 1 of 3 elements, first in 0: it was 100, and is 101, "
        "at most by 1",
    )  # fmt: skip
    assert any(text.startswith("data.houses") for text in reproduction.statements)
    (chain.root / "houses.csv").unlink()
    with pytest.raises(AtlasError, match="isn't there"):
        again(chain)


def test_the_recorded_code_runs_not_that_of_the_work_tree(chain):
    chain.write(SOURCE.replace("def run(self, source", "def run(self, source_of_rows"))
    chain.project.write("prices/steps.py", "raise SystemExit('the work tree runs')\n")
    assert again(chain).verdict.verdict == "bit-equal"


def test_without_the_snapshot_the_commit_has_the_code(chain):
    chain.project.write("prices/steps.py", "raise SystemExit('the work tree runs')\n")
    shutil.rmtree(chain.store / "code")
    reproduction = again(chain)
    assert reproduction.verdict.verdict == "bit-equal"
    assert any("was taken from commit" in text for text in reproduction.statements)
    assert not (chain.store / "code").exists()


def test_without_snapshot_and_commit_it_is_refused(chain):
    shutil.rmtree(chain.store / "code")
    shutil.rmtree(chain.root / ".git")
    with pytest.raises(AtlasError, match="hasn't got commit"):
        again(chain)


def test_a_commit_with_other_code_is_refused(project):
    chain = Chain(project)
    chain.write(SOURCE + "\n# not committed\n")
    chain.train()
    shutil.rmtree(chain.store / "code")
    with pytest.raises(AtlasError, match="has other code"):
        again(chain)


def test_of_a_snapshot_that_was_altered_nothing_runs(chain, tmp_path):
    code = chain.project.plan("prices").code
    marker = tmp_path / "it ran"
    steps = chain.store / "code" / code / "steps.py"
    steps.write_text(f"open({str(marker)!r}, 'w').close()\n{steps.read_text()}")
    with pytest.raises(StoreError, match="isn't the code of its name"):
        again(chain)
    assert not marker.exists()


def test_a_run_that_names_another_plan_is_refused(chain, tmp_path):
    """Whoever may write the store mustn't choose which code is run as a model's."""
    marker = tmp_path / "it ran"
    chain.write(f"open({str(marker)!r}, 'w').close()\n{SOURCE}")
    hostile = chain.train()
    marker.unlink()
    record = chain.store / "prices" / chain.training / "run.json"
    other = json.loads((chain.store / "prices" / hostile / "run.json").read_text())["plan"]
    raw = json.loads(record.read_text())
    record.write_text(json.dumps({**raw, "plan": other}))
    with pytest.raises(StoreError, match="one of the two was altered, so nothing is run"):
        again(chain, "prices/local-1")
    assert not marker.exists()


def test_a_plan_that_was_altered_or_removed_is_refused(chain):
    plan = chain.store / "plans" / f"{chain.project.plan('prices').digest}.json"
    text = plan.read_text()
    plan.write_text(text.replace("Load", "Loud"))
    with pytest.raises(StoreError, match="isn't the Plan of its name"):
        again(chain)
    plan.unlink()
    with pytest.raises(StoreError, match="there is no such Plan"):
        again(chain)


def test_of_a_run_that_was_removed_the_model_is_compared(chain):
    shutil.rmtree(chain.store / "prices" / chain.training)
    reproduction = again(chain)
    assert (reproduction.verdict.verdict, reproduction.verdict.compared) == ("bit-equal", 1)
    assert any("the training run was removed" in text for text in reproduction.statements)


def test_a_run_of_an_earlier_version_says_that_it_hasnt_recorded_packages(chain):
    for path in (chain.store / "prices" / chain.training).glob("*/outcome.json"):
        raw = json.loads(path.read_text())
        raw.pop("provenance", None)
        path.write_text(json.dumps(raw))
    reproduction = again(chain)
    assert reproduction.verdict.verdict == "bit-equal"
    assert any("has recorded neither Python nor packages" in s for s in reproduction.statements)


def test_packages_of_another_version_are_named(chain):
    for path in (chain.store / "prices" / chain.training).glob("*/outcome.json"):
        raw = json.loads(path.read_text())
        raw["provenance"]["packages"]["pandas"] = "1.0"
        raw["provenance"]["python"] = "3.9.0"
        path.write_text(json.dumps(raw))
    texts = again(chain).statements
    assert any(text.startswith("pandas was 1.0, and is ") for text in texts)
    assert any(text.startswith("Python was 3.9.0, and is ") for text in texts)


def test_a_missing_image_is_a_statement(chain, monkeypatch):
    from atlas.reproduce import running

    for path in (chain.store / "prices" / chain.training).glob("*/outcome.json"):
        raw = json.loads(path.read_text())
        raw["provenance"]["image"] = "localhost/atlas/prices/default@sha256:" + "0" * 64
        path.write_text(json.dumps(raw))
    monkeypatch.setattr(running, "find_engine", lambda _state: None)
    reproduction = again(chain)
    assert reproduction.verdict.verdict == "bit-equal"
    assert any("no container engine answers" in text for text in reproduction.statements)


def test_a_step_that_fails_now_is_named(chain, monkeypatch):
    chain.write(SOURCE.replace("return Model(", "assert not __import__('os').environ.get('ODD')\n"
                               "        return Model("))  # fmt: skip
    chain.train()
    monkeypatch.setenv("ODD", "1")
    reproduction = again(chain)
    assert (reproduction.verdict.verdict, reproduction.is_equal) == ("different", False)
    assert reproduction.verdict.first.unit == "train"
    assert "AssertionError" in reproduction.verdict.first.found


def test_what_a_training_delivers_goes_nowhere(project):
    chain = Chain(project)
    source = SOURCE.replace(
        "def run(self, rows: pd.DataFrame) -> Model:",
        "def run(self, rows: pd.DataFrame, target: Data) -> Model:\n        target.write(rows)",
    )
    names = ("houses", "offers", "scores", "audit")
    chain.write(source, data={name: {"type": "table"} for name in names})
    project.environment(data={name: {"uri": f"project:{name}.csv"} for name in names})
    training = json.loads((chain.root / "prices/training.json").read_text())
    training["steps"]["train"]["inputs"]["target"] = "data.audit"
    chain.project.write("prices/training.json", json.dumps(training))
    chain.train()
    chain.project.write("audit.csv", "mine\n")
    assert again(chain).is_equal
    assert (chain.root / "audit.csv").read_text() == "mine\n"


def test_data_of_the_store_and_runs_of_other_pipelines_are_taken_along(project):
    chain = Chain(project)
    (chain.store / "data").mkdir(parents=True)
    shutil.move(chain.root / "houses.csv", chain.store / "data/houses.csv")
    project.environment(
        data={
            "houses": {"uri": "store:data/houses.csv"},
            "offers": {"uri": "project:offers.csv"},
            "scores": {"uri": "project:scores.csv"},
        }
    )
    chain.train()
    project.pipeline(
        "second",
        "class Number(NamedTuple):\n    number: float\n\n"
        "class Double(Template):\n    def run(self, model: dict[str, float]) -> Number:\n"
        "        return Number(2 * model['price'])\n",
        {"double": {"class": "steps:Double", "inputs": {"model": "pipeline:prices/train.model"}}},
        config={"model": {"name": "second", "from": {"number": "double.number"}}},
    )
    ran = project.run(".", settings=RunSettings(isolate="none"), flows=("training",))
    assert ran.ok, ran.errors()
    assert again(chain, "prices@champion").verdict.verdict == "bit-equal"
    second = again(chain, "second/local-1")
    assert (second.verdict.verdict, second.verdict.compared) == ("bit-equal", 1)


def test_out_keeps_what_was_made(chain, tmp_path):
    out = tmp_path / "kept"
    reproduction = again(chain, out=out)
    assert reproduction.store == (out / "store").as_uri()
    assert list(out.glob("store/prices/training-*/train/model/data.json"))
    with pytest.raises(AtlasError, match="expected a new or empty folder"):
        again(chain, out=out)


@pytest.mark.parametrize("thing", ["HEAD", "houses.csv"])
def test_what_is_no_model_is_refused(chain, thing):
    named = chain.git("rev-parse", thing) if thing == "HEAD" else str(chain.root / thing)
    with pytest.raises(AtlasError, match="expected a model version or the id of a training run"):
        again(chain, named)


def test_a_run_of_inference_is_refused(chain):
    with pytest.raises(AtlasError, match="is a run of inference"):
        again(chain, chain.score())


@pytest.mark.parametrize("text", ["x", "-1", "nan", "inf", "a=b", "train.error="])
def test_a_tolerance_that_is_none_is_refused(text):
    with pytest.raises(AtlasError, match="expected a number that is 0 or more"):
        parsed_tolerance((text,))


def test_the_command_says_it_and_exits_1_when_it_is_different(chain):
    said = chain.project.atlas("reproduce", MODEL)
    assert (said.returncode, said.stdout.splitlines()[-1]) == (
        0, "prices/local-1: bit-equal: 2 of 2 outputs are the same to the byte",
    )  # fmt: skip
    chain.project.write("houses.csv", "size,price\n50,101\n70,150\n90,170\n")
    assert chain.project.atlas("reproduce", MODEL).returncode == 1
    raw = chain.project.atlas("reproduce", MODEL, "--changed-data", "--json")
    assert (raw.returncode, json.loads(raw.stdout)["verdict"]) == (0, "metric-equal")
