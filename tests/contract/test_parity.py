"""Parity: whatever a Recipe says, local, Kubeflow and Airflow do it, or say beforehand that they don't.

What a target would do in a run is read back from its compiled files as a Trace, and compared with
the Plan's. Every difference must be a Problem that the target tells of, and every such Problem a
difference.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from atlas.errors import InvalidError
from atlas.registered import TARGETS
from atlas.targets.protocol import Origin
from tests.contract import covering, features
from tests.contract.feature_documents import row_documents
from tests.contract.flavours import FLAVOURS
from tests.contract.projects import resolved, write_project
from tests.contract.random_recipes import random_documents
from tests.contract.reading.airflow import REGISTRY, airflow_trace, imported
from tests.contract.reading.kubeflow import kubeflow_trace
from tests.contract.reading.plan import plan_trace
from tests.contract.trace import Request, Trace, differences
from tests.scoring import Project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.targets import Target
    from atlas.targets.airflow.compiler import AirflowCompiler
    from atlas.targets.kubeflow.compiler import KubeflowCompiler

pytest.importorskip("kfp")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

FEW, MANY = 250, 1000
KUBEFLOW, AIRFLOW = FLAVOURS["kubeflow"](), FLAVOURS["airflow"]()
COMPARED = {"kubeflow": KUBEFLOW, "airflow": AIRFLOW}
"""The targets whose files are read back here, in a section each."""
ENVIRONMENT = {
    "cluster": "pods", "kfp.local": "machine",
    "process": "worker", "docker": "worker", "kubernetes": "pods",
}  # fmt: skip
"""Target → the Environment whose secrets it can read."""
ORIGIN = Origin(commit="c0" * 20, release="row-7")
VALUES = {"string": "given", "integer": 5, "number": 1.5, "boolean": True}


class Written:
    """The Recipes that cover every feature and every pair of features."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents = row_documents()
        write_project(folder, self.documents)

    def recipes(self) -> list[Path]:
        return [one for one in (self.folder / "pipelines").glob("*.json")]

    def plans(self, environment: str) -> dict[str, Plan]:
        return resolved(self.folder, self.documents, environment)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Written:
    return Written(tmp_path_factory.mktemp("written"))


@pytest.fixture(scope="module", params=[FEW, pytest.param(MANY, marks=pytest.mark.long)])
def generated(request, tmp_path_factory) -> dict[str, Plan]:
    """The Plans of generated Recipes."""
    folder, documents = tmp_path_factory.mktemp("generated"), random_documents(request.param)
    write_project(folder, documents)
    return resolved(folder, documents)


@pytest.fixture(scope="module")
def rivalled(tmp_path_factory) -> dict[str, Plan]:
    """The Plans of a shadow and of a canary, whose challenger runs steps of its own."""
    columns = {"predictions": {"version": "model_version"}}
    ways = {"shadow": {"shadow": True}, "canary": {"canary": {"share": 0.5, "key": "house"}}}
    return {
        name: Project(tmp_path_factory.mktemp(name), name=name, model=way, **columns).plan()
        for name, way in ways.items()
    }


def images_of(plan: Plan) -> dict[str, str]:
    """Return a pinned reference for each image, as a build would give it."""
    made = {
        name: image.reference or f"{REGISTRY}/atlas/{name}@sha256:{_sha(name)}"
        for name, image in plan.images.items()
    }
    return {"": f"{REGISTRY}/atlas/default@sha256:{_sha('')}", **made}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def request_of(plan: Plan) -> Request:
    """Return a run that sets what has no default."""
    needed = {n: one for n, one in plan.parameters.items() if one.default is None}
    given = {n: one.choices[0] if one.choices else VALUES[one.type] for n, one in needed.items()}
    return Request(
        id=f"{plan.flow}-one", parameters=given, commit=ORIGIN.commit, release=ORIGIN.release
    )


# What a Problem says --------------------------------------------------------------------------------

_FIELDS = {
    "foreach": ("command_index", "keys"),
    "retries": ("waits",),
    "resources.cpu": ("cpu",),
    "resources.gpu": ("gpu",),
}
"""Setting in a Problem's path → fields of a StepTrace that may differ for it."""
_FOR_ALL_STEPS = {"T205": ("image", "cpu", "memory")}
_NO_DIFFERENCE = ("T105", "T207")
"""Notes of what no Trace shows: what becomes of late retries, and who starts a run."""
_HELD_BY_THE_STEP = ("minimum", "maximum", "choices")
"""Bounds that Kubeflow doesn't know: `atlas.step` holds every run to them when it is bound."""


def explained(problem: Problem, plan: Plan) -> set[str]:
    """Return the differences that a note tells of."""
    if problem.code in _FOR_ALL_STEPS:
        fields = _FOR_ALL_STEPS[problem.code]
        return {f"steps.{step.name}.{field}" for step in plan.steps for field in fields}
    for step in plan.steps:
        prefix = f"steps.{step.name}."
        if problem.path.startswith(prefix):
            setting = problem.path.removeprefix(prefix)
            return {f"{prefix}{field}" for field in _FIELDS.get(setting, (setting,))}
    return {problem.path}


@dataclass(frozen=True)
class Compared:
    """A Plan on a target: how it differs from what it should do, and what was reported of it."""

    found: set[str]
    notes: list[Problem]

    def unexplained(self, plan: Plan) -> set[str]:
        return self.found - {path for note in self.notes for path in explained(note, plan)}

    def untrue(self, plan: Plan) -> list[str]:
        """Return the notes that tell of no difference."""
        return [
            str(note)
            for note in self.notes
            if note.code not in _NO_DIFFERENCE and not explained(note, plan) & self.found
        ]


def errors_of(target: Target, plan: Plan) -> list[Problem]:
    return [one for one in target.problems(plan) if one.severity == "error"]


def codes_of(target: Target, plan: Plan) -> set[str]:
    return {one.code for one in errors_of(target, plan)}


def wrong(plans: Mapping[str, Plan], compared: Mapping[str, Compared]) -> dict[str, Any]:
    """Return what isn't as it should be, by name."""
    found = {
        name: (one.unexplained(plans[name]), one.untrue(plans[name]))
        for name, one in compared.items()
    }
    return {name: both for name, both in found.items() if any(both)}


# Kubeflow -------------------------------------------------------------------------------------------


def on_kubeflow(plan: Plan, target: KubeflowCompiler) -> Compared:
    images, request = images_of(plan), request_of(plan)
    (content,) = target.compile(plan, images, ORIGIN).values()
    trace = kubeflow_trace(content, {plan.digest: plan}, request)
    found = differences(plan_trace(plan, images, request), trace)
    held = {f"parameters.{n}.{field}" for n in plan.parameters for field in _HELD_BY_THE_STEP}
    notes = [one for one in target.problems(plan) if one.severity == "warning"]
    return Compared(found - held - only_order(plan, trace, target), notes)


def only_order(plan: Plan, trace: Trace, target: KubeflowCompiler) -> set[str]:
    """Return the inputs that are no artifacts to KFP, which gathers nothing from loop to loop.

    They are read all the same, by `atlas.step` from the store; what is missing must be that only.
    """
    paths = set()
    for step in plan.steps:
        wired = trace.steps[step.name].inputs
        missing = {n for n, s in step.inputs.items() if s.kind == "step" and n not in wired}
        loops = {n for n in missing if plan.step(step.inputs[n].name).foreach}
        ends = {n: {step.name, step.inputs[n].name} for n in loops}
        branches = {n for n in loops if ends[n] & plan.skippable}
        gathered = loops if step.foreach or target.local else branches
        if missing and missing == gathered:
            paths.add(f"steps.{step.name}.inputs")
    return paths


def compare_on_kubeflow(plans: Mapping[str, Plan], flavours: Iterable[str]) -> dict[str, Any]:
    """Compare each Plan on the next of some flavours; one that is refused must say why."""
    flavours = list(flavours)
    compared = {}
    for number, (name, plan) in enumerate(plans.items()):
        target = KUBEFLOW[flavours[number % len(flavours)]]
        if errors_of(target, plan):
            with pytest.raises(InvalidError):
                target.compile(plan, images_of(plan))
        else:
            compared[name] = on_kubeflow(plan, target)
    assert len(compared) > len(plans) / 2
    return wrong(plans, compared)


def test_generated_recipes_on_kubeflow(generated):
    assert compare_on_kubeflow(generated, KUBEFLOW) == {}


@pytest.mark.parametrize("flavour", KUBEFLOW)
def test_written_recipes_on_kubeflow(written, flavour):
    plans = written.plans(ENVIRONMENT[flavour])
    assert [name for name, plan in plans.items() if errors_of(KUBEFLOW[flavour], plan)] == []
    assert compare_on_kubeflow(plans, [flavour]) == {}


@pytest.mark.parametrize("flavour", KUBEFLOW)
def test_challengers_on_kubeflow(rivalled, flavour):
    assert compare_on_kubeflow(rivalled, [flavour]) == {}


# Airflow --------------------------------------------------------------------------------------------


def compare_on_airflow(plans: Mapping[str, Plan], kinds: Mapping[str, str], folder: Any) -> Any:
    """Compare each Plan with a kind of tasks, all imported by one Airflow."""
    targets = {name: AIRFLOW[kinds[name]] for name in plans}
    fine = {name: plan for name, plan in plans.items() if not errors_of(targets[name], plan)}
    for name in plans.keys() - fine.keys():
        with pytest.raises(InvalidError):
            targets[name].compile(plans[name], images_of(plans[name]))
    files: dict[str, bytes] = {}
    for name, plan in fine.items():
        files |= targets[name].compile(plan, images_of(plan), ORIGIN)
    dags = {name: f"{plan.name}-{plan.flow}" for name, plan in fine.items()}
    errors, found = imported(files, {dags[n]: request_of(plan) for n, plan in fine.items()}, folder)
    assert errors == {}
    assert {*found} == {*dags.values()}
    compared = {
        name: on_airflow(plan, targets[name], found[dags[name]]) for name, plan in fine.items()
    }
    assert len(compared) > len(plans) / 2
    return wrong(plans, compared)


def on_airflow(plan: Plan, target: AirflowCompiler, dag: Mapping[str, Any]) -> Compared:
    assert {f"plan:{plan.digest[:12]}", f"release:{ORIGIN.release}"} <= {*dag["tags"]}
    trace = airflow_trace(dag, {plan.digest: plan})
    wanted = plan_trace(plan, images_of(plan), request_of(plan))
    unnamed = {f"steps.{s.name}.image" for s in plan.steps if not (s.image or target.uses_images)}
    notes = [one for one in target.problems(plan) if one.severity == "warning"]
    return Compared(differences(wanted, trace) - unnamed, notes)


def test_generated_recipes_on_airflow(generated, tmp_path):
    kinds = [*AIRFLOW]
    chosen = {name: kinds[number % len(kinds)] for number, name in enumerate(generated)}
    assert compare_on_airflow(generated, chosen, tmp_path) == {}


@pytest.mark.parametrize("tasks", AIRFLOW)
def test_written_recipes_on_airflow(written, tasks, tmp_path):
    plans = written.plans(ENVIRONMENT[tasks])
    refused = {code for plan in plans.values() for code in codes_of(AIRFLOW[tasks], plan)}
    assert refused == {"T202"}, "only a schedule, which can give no parameter, is a reason"
    assert compare_on_airflow(plans, dict.fromkeys(plans, tasks), tmp_path) == {}


@pytest.mark.parametrize("tasks", AIRFLOW)
def test_challengers_on_airflow(rivalled, tasks, tmp_path):
    assert compare_on_airflow(rivalled, dict.fromkeys(rivalled, tasks), tmp_path) == {}


def test_every_target_of_atlas_is_compared():
    assert {*COMPARED} == {*TARGETS} == {*FLAVOURS}
    assert {*ENVIRONMENT} == {flavour for each in COMPARED.values() for flavour in each}


# The Recipes themselves -----------------------------------------------------------------------------


def test_written_recipes_cover_every_pair_of_features():
    rows = features.rows()
    covered = set().union(*map(features.covered, rows))
    assert features.pairs() <= covered
    assert all(map(features.stands, rows))
    assert 40 <= len(rows) <= 64


def test_written_recipes_use_all_that_the_schema_lets_a_recipe_say(written):
    """A field that is new to the schema needs a feature here."""
    recipes = [json.loads(file.read_text("utf-8")) for file in written.recipes()]
    assert sorted(covering.places() - covering.used(recipes) - {".$schema"}) == []


def test_recipes_are_the_same_each_time():
    assert random_documents(20) == random_documents(20)
    assert features.rows() == features.rows()
