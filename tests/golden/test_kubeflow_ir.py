"""What Kubeflow is given: golden files, held to kfp's own loader and to what they must mean."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
import yaml

from atlas.plan import Output
from atlas.targets.kubeflow import words
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from tests.golden.plans import IMAGES, INFERENCE, TRAINING

if TYPE_CHECKING:
    from atlas.plan import Plan

kfp_components = pytest.importorskip("kfp.components")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def compiled(plan: Plan, **options: bool) -> bytes:
    files = KubeflowCompiler(**options).compile(plan, IMAGES)
    assert [*files] == [f"{plan.name}-{plan.flow}.yaml"]
    return files[f"{plan.name}-{plan.flow}.yaml"]


def by_any_kfp(content: bytes) -> bytes:
    """Return IR without the version of the compiler: 2.16 and 2.17 write the same but for that."""
    own = f"sdkVersion: kfp-{version('kfp')}\n".encode()
    assert content.count(own) == 1
    return content.replace(own, b"sdkVersion: kfp\n")


def documents(plan: Plan, **options: bool) -> tuple[dict, dict]:
    pipeline, platform = yaml.safe_load_all(compiled(plan, **options))
    return pipeline, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


@pytest.mark.parametrize("plan", [TRAINING, INFERENCE], ids=lambda plan: plan.flow)
def test_golden(plan, golden):
    content = compiled(plan)
    golden(f"{plan.name}-{plan.flow}.yaml", by_any_kfp(content))
    loaded = kfp_components.load_component_from_text(content.decode())
    assert loaded.name == f"{plan.name}-{plan.flow}"
    assert {*plan.parameters} <= {*loaded.component_spec.inputs}


def test_golden_with_exit_handler(golden):
    golden("dev-tumour-training.exit.yaml", by_any_kfp(compiled(TRAINING, exit_handler=True)))
    pipeline, _ = documents(TRAINING, exit_handler=True)
    finish = pipeline["root"]["dag"]["tasks"]["atlas-finish"]
    assert finish["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    inner = pipeline["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    assert {"load", "evaluate", "report"} <= {*inner}


def test_every_step_runs_atlas_step_in_its_image_by_digest():
    pipeline, _ = documents(TRAINING)
    executors = pipeline["deploymentSpec"]["executors"]
    for step in TRAINING.steps:
        container = executors[f"exec-{step.name.replace('.', '-')}"]["container"]
        assert container["command"] == [
            "python", "-m", "atlas.step", "--plan", TRAINING.digest, "--step", step.name
        ]  # fmt: skip
        assert container["args"] == ["--executor-input", "{{$}}"]
        assert container["image"] == IMAGES[step.image]


def test_edges_are_typed_artifacts():
    pipeline, _ = documents(TRAINING)
    scale = pipeline["root"]["dag"]["tasks"]["features-scale"]
    assert scale["inputs"]["artifacts"]["rows"] == {
        "taskOutputArtifact": {"outputArtifactKey": "rows", "producerTask": "load"}
    }
    made = {
        (step, name): spec["artifactType"]["schemaTitle"]
        for step in ("load", "features-scale", "train", "evaluate")
        for name, spec in pipeline["components"][f"comp-{step}"]["outputDefinitions"][
            "artifacts"
        ].items()
    }
    assert made == {
        ("load", "rows"): "system.Dataset",
        ("load", "regions"): "system.Artifact",
        ("features-scale", "rows"): "system.Dataset",
        ("features-scale", "fitted"): "system.Model",
        ("train", "model"): "system.Model",
        ("evaluate", "metrics"): "system.Metrics",
    }


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (Output("atlas.template.Html"), "HTML"), (Output("atlas.template.Markdown"), "Markdown"),
        (Output("str", "html"), "HTML"), (Output("atlas.template.Html", "text"), "Artifact"),
        (Output("str"), "Artifact"),
    ],
)  # fmt: skip
def test_a_report_is_one_to_kubeflow(output, kind):
    last = replace(TRAINING.steps[-1], outputs={"page": output})
    pipeline, _ = documents(replace(TRAINING, steps=(*TRAINING.steps[:-1], last)))
    made = pipeline["components"]["comp-report"]["outputDefinitions"]["artifacts"]["page"]
    assert made["artifactType"]["schemaTitle"] == f"system.{kind}"


def test_foreach_loops_over_indexes_and_gathers():
    pipeline, _ = documents(TRAINING)
    tasks = pipeline["root"]["dag"]["tasks"]
    assert tasks["train-keys"]["dependentTasks"] == ["load"]
    loop = tasks["for-loop-1"]
    assert loop["taskInfo"]["name"] == "train"
    assert loop["inputs"]["parameters"]["pipelinechannel--train-keys-indexes"] == {
        "taskOutputParameter": {"outputParameterKey": "indexes", "producerTask": "train-keys"}
    }
    models = pipeline["components"]["comp-evaluate"]["inputDefinitions"]["artifacts"]["models"]
    assert models["isArtifactList"] is True
    assert tasks["report"]["dependentTasks"] == ["evaluate", "for-loop-1"]


def test_a_foreach_over_the_outputs_of_a_foreach_is_an_order():
    second = replace(
        TRAINING.step("evaluate"), name="again", foreach=TRAINING.step("train").foreach, after=()
    )
    pipeline, _ = documents(replace(TRAINING, steps=(*TRAINING.steps, second)))
    loop = pipeline["root"]["dag"]["tasks"]["for-loop-2"]
    assert "for-loop-1" in loop["dependentTasks"]


def test_settings():
    pipeline, platform = documents(TRAINING)
    tasks = pipeline["root"]["dag"]["tasks"]
    assert tasks["load"]["retryPolicy"] == {
        "maxRetryCount": 2, "backoffDuration": "2s", "backoffFactor": 3.0,
        "backoffMaxDuration": "3600s",
    }  # fmt: skip
    assert all(not task.get("cachingOptions") for task in tasks.values())
    train = pipeline["deploymentSpec"]["executors"]["exec-train"]["container"]["resources"]
    assert train["resourceCpuLimit"] == train["resourceCpuRequest"] == "1.5"
    assert train["resourceMemoryLimit"] == train["resourceMemoryRequest"] == "2Gi"
    assert train["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert platform["exec-load"]["activeDeadlineSeconds"] == str(1800 + words.GRACE)
    assert platform["exec-load"]["secretAsEnv"][0]["keyToEnv"] == [
        {"envVar": "ATLAS_SECRET_WAREHOUSE", "secretKey": "password"}
    ]
    assert platform["exec-train"]["nodeSelector"] == {"labels": {"pool": "gpu"}}
    assert platform["exec-train"]["tolerations"][0]["effect"] == "NoSchedule"
    env = pipeline["deploymentSpec"]["executors"]["exec-load"]["container"]["env"]
    image = pipeline["deploymentSpec"]["executors"]["exec-load"]["container"]["image"]
    given = {item["name"]: item["value"] for item in env}
    assert given == {**TRAINING.step("load").env, "ATLAS_IMAGE": image}


def test_parameters_and_the_jobs_id_reach_every_step():
    pipeline, _ = documents(TRAINING)
    for task in ("load", "features-scale", "evaluate", "report", "train-keys"):
        given = pipeline["root"]["dag"]["tasks"][task]["inputs"]["parameters"]
        assert given["run.job"] == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}
        assert given["parameter.trees"] == {"componentInputParameter": "trees"}
    inside = pipeline["components"]["comp-for-loop-1"]["dag"]["tasks"]["train"]["inputs"]
    assert inside["parameters"]["run.index"]["componentInputParameter"].endswith("loop-item")


def test_digests_are_in_the_description():
    pipeline, _ = documents(TRAINING)
    described = pipeline["pipelineInfo"]["description"]
    for digest in (TRAINING.digest, TRAINING.code, *TRAINING.digests.values()):
        assert digest in described


def test_no_address_is_in_the_file():
    assert b"://" not in compiled(TRAINING)


def test_members_of_a_family_are_compiled_alike_however_they_are_compiled():
    members = [
        replace(TRAINING, name=f"dev-tumour_{n}", pipeline=f"tumour_{n}", axes={"region": n})
        for n in ("emea", "apac")
    ]
    target = KubeflowCompiler()
    for member in members:
        together = target.compile(member, IMAGES)
        assert together == KubeflowCompiler().compile(member, IMAGES)
        (content,) = together.values()
        pipeline, _ = yaml.safe_load_all(content)
        assert pipeline["pipelineInfo"]["displayName"] == f"{member.name}-training"
        assert pipeline["pipelineInfo"]["name"] == f"{member.name}-training".replace("_", "-")
        assert member.digest.encode() in content
    other = replace(TRAINING, steps=(replace(TRAINING.steps[0], env={}), *TRAINING.steps[1:]))
    assert target.compile(other, IMAGES) == KubeflowCompiler().compile(other, IMAGES)
