"""From a prediction back to the commit, from a commit on to the predictions, by whatever name."""

from __future__ import annotations

import json
import shutil

import jsonschema_rs
import pytest

from atlas.draw import html
from atlas.errors import AtlasError
from atlas.lineage.drawing import drawing_of
from atlas.lineage.text import text
from atlas.load.schema import _FOLDER
from tests.chains import edges, states

WAY_BACK = {
    ("run", "wrote", "data"),
    ("model", "was used by", "run"),
    ("data", "was read as offers by", "run"),
    ("data", "was read as houses by", "run"),
    ("run", "registered", "model"),
    ("decision", "promoted", "model"),
    ("plan", "was run as", "run"),
    ("code", "is the code of", "plan"),
    ("commit", "was checked out for", "run"),
}


def test_from_the_delivered_predictions_back_to_the_commit(chain):
    lineage = chain.lineage("scores.csv")
    assert edges(lineage) == WAY_BACK
    assert (lineage.broken, lineage.unasked, states(lineage)) == ((), (), {})
    (commit,) = lineage.of_kind("commit")
    assert commit.ref.key == chain.git("rev-parse", "HEAD")
    assert commit.facts["subject"] == "Prices"
    assert {node.ref.key for node in lineage.of_kind("run")} == {
        f"prices/{chain.training}", f"prices/{chain.inference}",
    }  # fmt: skip


def test_a_copy_of_the_predictions_elsewhere_is_known_by_its_content(chain, tmp_path):
    copy = shutil.copy(chain.root / "scores.csv", tmp_path / "mail.csv")
    assert chain.lineage(copy, "up").roots == chain.lineage("scores.csv", "up").roots
    (artifact,) = chain.store.glob("prices/inference-*/score/rows/data.parquet")
    elsewhere = shutil.copy(artifact, tmp_path / "rows.parquet")
    roots = chain.lineage(elsewhere, "up").roots
    assert roots == (f"artifact:prices/{chain.inference}/score/rows",)
    assert chain.lineage(artifact, "up").roots == roots
    assert chain.lineage(artifact.parent, "up").roots == roots


@pytest.mark.parametrize("thing", ["../mail.csv", "./../mail.csv", "file:{}/mail.csv"])
def test_a_path_is_no_model(chain, monkeypatch, thing):
    shutil.copy(chain.root / "scores.csv", chain.root.parent / "mail.csv")
    monkeypatch.chdir(chain.root)
    named = thing.format(chain.root.parent)
    assert chain.lineage(named, "up").roots == chain.lineage("scores.csv", "up").roots


def test_from_the_commit_on_to_the_predictions(chain):
    lineage = chain.lineage(chain.git("rev-parse", "--short", "HEAD"), "down")
    assert {kind for kind in (node.ref.kind for node in lineage.nodes)} == {
        "commit", "run", "model", "data",
    }  # fmt: skip
    (data,) = lineage.of_kind("data")
    assert data.facts["uri"].endswith("/scores.csv")


@pytest.mark.parametrize(
    "thing",
    ["models:/prices/local-1", "prices/local-1", "prices@champion", "models:/prices@champion"],
)
def test_a_model_version_by_its_names(chain, thing):
    lineage = chain.lineage(thing)
    assert lineage.roots == ("model:prices/local-1",)
    (model,) = lineage.of_kind("model")
    assert model.facts["aliases"] == "champion"
    assert lineage.of_kind("decision")[0].facts["reason"] == "train.error is 0"


def test_a_run_by_its_names(chain):
    name = chain.inference
    things = (name, f"prices/{name}", name.removeprefix("inference-"), f"prices-inference/{name}")
    assert {chain.lineage(thing).roots for thing in things} == {(f"run:prices/{name}",)}


def test_by_a_digest(chain):
    plan = chain.project.plan("prices")
    assert chain.lineage(plan.digest).roots == (f"plan:{plan.digest}",)
    code = chain.lineage(plan.code, "down")
    assert code.roots == (f"code:{plan.code}",)
    assert len(code.of_kind("plan")) == 2
    (data,) = chain.lineage("scores.csv", "up", depth=1).roots
    assert chain.lineage(data.removeprefix("data:"), "up", depth=1).roots == (data,)


def test_data_lead_to_every_run_that_read_them(chain):
    again = chain.train(off=1)
    lineage = chain.lineage("houses.csv", "down")
    assert {f"prices/{again}", f"prices/{chain.training}"} <= {
        node.ref.key for node in lineage.of_kind("run")
    }
    assert len(lineage.of_kind("model")) == 2


def test_the_depth_is_how_many_links_are_followed(chain):
    assert len(chain.lineage("prices@champion", depth=1).nodes) < len(
        chain.lineage("prices@champion").nodes
    )
    near = {node.ref.kind for node in chain.lineage("prices@champion", depth=1).nodes}
    assert near == {"model", "run", "decision"}


def test_uncommitted_changes_are_told(project):
    from tests.chains import SOURCE, Chain

    chain = Chain(project)
    chain.write(SOURCE + "\n# changed\n")
    chain.train()
    lineage = chain.lineage("prices@champion", "up")
    assert ("commit", "with uncommitted changes was used for", "run") in edges(lineage)
    assert lineage.is_sound


def test_a_result_of_the_cache_leads_to_where_it_was_made(project):
    from tests.chains import Chain

    chain = Chain(project)
    project.environment(
        data={
            name: {"uri": f"project:{name}.csv", "version": "1"}
            for name in ("houses", "offers", "scores")
        }
    )
    chain.train()
    first, second = chain.score(), chain.score()
    lineage = chain.lineage(f"{chain.store}/prices/{second}/score/rows", "up", depth=1)
    assert ("artifact", "was taken from the cache for", "artifact") in edges(lineage)
    assert f"artifact:prices/{first}/score/rows" in lineage.by_id
    assert "data" in {node.ref.kind for node in chain.lineage(second, "up", depth=1).nodes}


@pytest.mark.parametrize(
    ("thing", "hint"),
    [
        ("prices@challenger", "nothing here is"),
        ("models:/price/3", "there is no such model version"),
        ("nothing", "expected a model version"),
        ("deadbeef", "nothing here is"),
    ],
)
def test_what_is_nothing_here_is_refused(chain, thing, hint):
    with pytest.raises(AtlasError, match=hint):
        chain.lineage(thing)


def test_a_file_that_nobody_wrote_is_refused(chain, tmp_path):
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(AtlasError, match=r"no run of .* has made or read this file"):
        chain.lineage(tmp_path / "x.csv")


def test_the_json_is_what_the_schema_says(chain):
    schema = json.loads((_FOLDER / "lineage.v1.json").read_text())
    validator = jsonschema_rs.validator_for(schema)
    lineage = chain.lineage("scores.csv").to_json()
    validator.validate(lineage)
    with pytest.raises(jsonschema_rs.ValidationError):
        validator.validate({**lineage, "more": 1})


def test_as_text_each_node_is_told_once(chain):
    lines = text(chain.lineage("scores.csv")).splitlines()
    (commit,) = [line for line in lines if "commit" in line and "Prices (Ann" in line]
    assert commit.endswith("(was checked out for it)")
    assert sum("see above" in line for line in lines) == 2
    assert lines[-2:] == ["led to", "└─ nothing so far"]


def test_many_of_a_kind_are_counted(chain):
    for _ in range(13):
        chain.score()
    shown = text(chain.lineage("prices@champion", "down", depth=1))
    assert shown.count("was used by run") == 12
    assert "… and 2 earlier runs; --json lists all of them" in shown


def test_a_drawing_has_every_node(chain):
    lineage = chain.lineage("scores.csv")
    page = html(drawing_of(lineage))
    assert "2 runs" in page
    assert all(node.ref.key in page for node in lineage.nodes)
    assert "pipeline" not in page.partition("<main>")[0]
