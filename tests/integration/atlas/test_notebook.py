"""Rich display in IPython: registered by `import atlas`, drawn only when shown, never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.errors import AtlasError, StepError
from atlas.notebook import run
from atlas.notebook.display import _of_ran, outcome_of
from atlas.scaffold import start
from atlas.store import Run, open_store
from atlas.tracking.registry import LocalRegistry
from tests.golden.plans import TRAINING

ROOT = Path(__file__).parents[3]
SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import atlas
assert "atlas.draw" not in sys.modules, "nothing is imported before it is shown"
def show(thing):
    data, _ = shell.display_formatter.format(thing)
    return data
from tests.golden.plans import TRAINING
"""


def shell(code: str, folder: Path) -> str:
    environment = {
        **os.environ,
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": str(ROOT),
        "ATLAS_STORE": str(folder / "store"),
    }
    done = subprocess.run(
        [sys.executable, "-c", SHELL + code],
        capture_output=True, text=True, env=environment, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("thing", "shown"),
    [
        ("TRAINING", "tumour · training"),
        ("__import__('atlas.draw').draw.of_plan(TRAINING)", "tumour · training"),
        ("__import__('atlas.recipe').recipe.Recipe('r', 'training', {})", "r · training"),
        ("__import__('atlas.builder').builder.RecipeBuilder('r', flow='training')", None),
        (f"__import__('atlas.plan').plan.resolve(__import__('pathlib').Path({str(ROOT / 'recipes' / 'tumour')!r}))[0]",
         "tumour · training and inference"),
    ],
    ids=["Plan", "Drawing", "Recipe", "a builder that isn't done", "Pipeline"],
)  # fmt: skip
def test_what_is_shown(thing: str, shown: str | None, tmp_path: Path) -> None:
    out = shell(
        f"data = show({thing})\nprint(data.get('text/html'))\nprint(data['text/plain'])", tmp_path
    )
    if shown is None:
        assert out.startswith("None\n")
        return
    assert "<svg " in out
    assert f">{shown}</title>" in out
    assert out.split("</div>")[-1].lstrip().startswith(shown)


def test_a_run_shows_how_each_step_ended(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    store.add_plan(TRAINING)
    run = store.bind(Run("r1", TRAINING.name, "training", TRAINING.digest, trigger="manual"))
    store.write_outcome(run.pipeline, run.id, "load", {"status": "done", "cached": True}, None)
    store.write_outcome(run.pipeline, run.id, "train", {"status": "done"}, 0)
    store.write_outcome(run.pipeline, run.id, "train", {"status": "failed"}, 1)
    assert [outcome_of(store, run, name) for name in ("load", "train", "report")] == [
        "cached", "failed", "",
    ]  # fmt: skip
    out = shell(
        "from atlas.store import open_store; import os\n"
        f"print(show(open_store(os.environ['ATLAS_STORE']).run({run.pipeline!r}, 'r1'))['text/html'])",
        tmp_path,
    )
    assert "outcome: cached" in out
    assert "outcome: failed" in out
    assert "run r1, manual" in out


def test_a_step_of_many_keys_is_done_when_all_are(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    run = store.bind(Run("r1", TRAINING.name, "training", TRAINING.digest))
    store.write_outcome(run.pipeline, run.id, "train", {"status": "done", "cached": True}, 0)
    store.write_outcome(run.pipeline, run.id, "train", {"status": "done"}, 1)
    assert outcome_of(store, run, "train") == "ran"


def test_a_run_of_another_store_shows_itself_plainly(tmp_path: Path) -> None:
    code = "from atlas.store import Run\ndata = show(Run('r', 'p', 'training', '0' * 64))\n"
    out = shell(f"{code}print('text/html' in data, data['text/plain'])", tmp_path)
    assert out.startswith("False Run(id='r'")


def test_it_can_be_taken_back(tmp_path: Path) -> None:
    code = "shell.run_line_magic('unload_ext', 'atlas.notebook')\n"
    code = f"shell.run_line_magic('load_ext', 'atlas.notebook')\n{code}"
    assert shell(f"{code}print('text/html' in show(TRAINING))", tmp_path) == "False\n"


def test_outside_of_ipython_nothing_happens() -> None:
    code = "import sys, atlas; print('IPython' in sys.modules, 'atlas.draw' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_ipython_without_a_shell_is_left_alone() -> None:
    code = "import IPython, atlas; print('fine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "fine\n"


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that `atlas init` writes, to run from cells."""
    return start(tmp_path_factory.mktemp("project"), "houses").folder


def test_run_up_to_a_step_and_look_at_its_outputs(houses: Path) -> None:
    ran = run(houses, until="train")
    assert repr(ran) == f"<run {ran.run.id} of houses, training>"
    assert len(ran.output("load.test")) > 0
    assert len(ran.output("data.houses")) > len(ran.output("load.test"))
    with pytest.raises(AtlasError, match="evaluate"):
        ran.output("evaluate.metrics")


def test_run_to_the_end_gives_metrics_and_takes_parameters(houses: Path) -> None:
    ran = run(houses, test_every=5)
    assert ran.run.parameters == {"test_every": 5}
    assert set(ran.metrics) >= {"evaluate"}


def test_a_cell_registers_nothing_unless_it_is_told(houses: Path) -> None:
    tried = run(houses, test_every=5)
    assert (tried.run.trigger, LocalRegistry(tried.store).versions("houses")) == ("sandbox", [])
    made = run(houses, test_every=5, register=True)
    assert made.run.trigger == "manual"
    (version,) = LocalRegistry(made.store).versions("houses")
    assert version.tags["atlas.run"] == made.run.id


def test_a_run_from_a_cell_shows_its_outcomes_and_metrics(houses: Path) -> None:
    drawing, marks = _of_ran(run(houses))
    assert set(marks.values()) <= {"ran", "cached"}
    assert drawing.notes[0].startswith("run training-")
    assert any(note.startswith("evaluate: ") for note in drawing.notes)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", r"'nothing' isn't a reference; expected step.output, such as load\."),
        ("trian.model", "no step 'trian'; there are load, train, evaluate"),
        ("train.modle", "modle"),
    ],
)
def test_an_output_that_is_not_there(houses: Path, name: str, message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        run(houses).output(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"until": "trian"}, "trian"),
        ({"flow": "inference"}, "inference"),
        ({"member": "flats"}, "0 pipelines are meant, expected one; give member=, of houses"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_run(houses: Path, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        run(houses, **arguments)  # type: ignore[arg-type]


def test_a_step_that_fails_is_raised_with_its_traceback(tmp_path: Path) -> None:
    folder = start(tmp_path, "broken").folder
    file = folder / "steps.py"
    file.write_text(file.read_text().replace("error = truth - ", "error = 1 / 0 - "))
    with pytest.raises(StepError, match=r"(?s)step evaluate: .*ZeroDivisionError.*1 / 0"):
        run(folder)
