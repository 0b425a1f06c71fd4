"""Plans made by hand, which between them use everything that a target has to compile."""

from __future__ import annotations

from atlas.plan import (
    Foreach,
    InputSource,
    Model,
    Output,
    Plan,
    PlanData,
    PlanStep,
    Schedule,
    Value,
)
from atlas.recipe import Image, Parameter, Resources, Retries


def read(step: str, output: str) -> InputSource:
    return InputSource("step", step, output)


TABLE = Output("pandas.DataFrame")

TRAINING = Plan(
    name="dev-tumour",
    pipeline="tumour",
    config="tumour",
    flow="training",
    recipe="tumour-training",
    environment="dev",
    target="kubeflow",
    description="Learn to tell malignant from benign tumours.",
    code="c0de" * 16,
    digests={"recipe": "4ec1be" + "0" * 58, "config": "c0f1" * 16},
    parameters={
        "test_fraction": Parameter("number", 0.25, 0.05, 0.5, (), "What is kept for the test."),
        "trees": Parameter("integer", 100, 1),
        "criterion": Parameter("string", "gini", choices=("gini", "entropy")),
        "verbose": Parameter("boolean", False),
    },
    images={"base": Image(requirements="requirements.txt"), "trees": Image(dockerfile="Dockerfile")},
    secrets={"warehouse": {"kubernetes": "warehouse/password"}},
    data={"tumours": PlanData(uri="file:///data/tumours.parquet", credential="warehouse")},
    model=Model("dev-tumour", parts={"classifier": "train.model", "scaler": "features.scale.fitted"}),
    steps=(
        PlanStep(
            "load",
            "steps:LoadTumours",
            inputs={"source": InputSource("data", "tumours")},
            outputs={"rows": TABLE, "regions": Output("list[str]")},
            image="base",
            retries=Retries(2, 1.5, 3.0, 60.0),
            timeout=1800.0,
            env={"OMP_NUM_THREADS": "2", "GREETING": "it's {% raw %} a \"day\"\n"},
        ),
        PlanStep(
            "features.scale",
            "steps:Scale",
            inputs={"rows": read("load", "rows")},
            outputs={"rows": TABLE, "fitted": Output("sklearn.preprocessing.StandardScaler")},
            image="base",
            retries=Retries(1),
            description="One scaler for both flows.",
        ),
        PlanStep(
            "train",
            "steps:TrainForest",
            inputs={"rows": read("features.scale", "rows")},
            params={"trees": Value("parameter", "trees")},
            foreach=Foreach((("region", read("load", "regions")),)),
            outputs={"model": Output("sklearn.ensemble.RandomForestClassifier")},
            image="trees",
            resources=Resources(1.5, 2 * 2**30, 1),
            node_selector={"pool": "gpu"},
            tolerations=({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},),
        ),
        PlanStep(
            "evaluate",
            "steps:Evaluate",
            inputs={"models": read("train", "model"), "rows": read("features.scale", "rows")},
            outputs={"metrics": Output("dict[str, float]")},
            after=("load",),
            image="base",
        ),
        PlanStep("report", "steps:Report", after=("evaluate", "train"), image="base"),
    ),
)  # fmt: skip

INFERENCE = Plan(
    name="dev-tumour",
    pipeline="tumour",
    config="tumour",
    flow="inference",
    recipe="tumour-inference",
    environment="dev",
    target="airflow",
    description="Score the day's batch.",
    code="c0de" * 16,
    digests={"recipe": "4ec1be" + "1" * 58, "config": "c0f1" * 16},
    schedule=Schedule("0 6 * * *", "Europe/Berlin", "2026-01-01"),
    data={
        "batch": PlanData(uri="file:///data/batch.parquet"),
        "scores": PlanData(uri="file:///scores/"),
    },
    model=Model("dev-tumour"),
    steps=(
        PlanStep(
            "load",
            "steps:LoadTumours",
            inputs={"source": InputSource("data", "batch")},
            outputs={"rows": TABLE},
            retries=Retries(1),
        ),
        PlanStep(
            "score",
            "steps:Score",
            inputs={"rows": read("load", "rows"), "model": InputSource("model", "classifier")},
            outputs={"scores": TABLE},
        ),
        PlanStep(
            "write",
            "steps:Write",
            inputs={"rows": read("score", "scores"), "target": InputSource("data", "scores")},
        ),
    ),
)

IMAGES = {
    "": "registry.example/atlas@sha256:" + "0" * 64,
    "base": "registry.example/base@sha256:" + "1" * 64,
    "trees": "registry.example/trees@sha256:" + "2" * 64,
}
