"""Families of Plans, and hand-written equivalents of what they compile to, for the benches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

from atlas.plan import InputSource, Output, Plan, PlanStep
from tests.contract.projects import STEPS

DIGEST = "1" * 64
IMAGE = f"registry.example/base@sha256:{DIGEST}"
STEPS_COUNT = 10


def plan(name: str = "bench") -> Plan:
    """A Plan of ten steps, each reading the one before."""
    first = PlanStep("step0", "steps:Work", outputs={"rows": Output("pandas.DataFrame")})
    steps = [first]
    for number in range(1, STEPS_COUNT):
        read = {"a": InputSource("step", f"step{number - 1}", "rows")}
        steps.append(replace(first, name=f"step{number}", inputs=read))
    return Plan(
        name=name, pipeline=name, config="bench", flow="training", recipe="bench",
        environment="local", target="kubeflow", steps=tuple(steps), code=DIGEST,
    )  # fmt: skip


def family(members: int) -> list[Plan]:
    """The members of a family: names and one axis differ."""
    return [
        replace(plan(f"bench-m{number}"), pipeline=f"bench-m{number}", axes={"m": f"m{number}"})
        for number in range(members)
    ]


def project(folder: Path, members: int = 0) -> Path:
    """Write the same as documents; a family where there are members."""
    (folder / "pyproject.toml").write_text("[tool.atlas]\n")
    (folder / "steps.py").write_text(STEPS)
    steps = {
        f"step{n}": {"class": "steps:Work", **({"inputs": {"a": f"step{n - 1}.rows"}} if n else {})}
        for n in range(STEPS_COUNT)
    }
    recipe = {"version": 1, "name": "bench", "flow": "training", "steps": steps}
    config = {"version": 1, "name": "bench", "recipes": {"training": "training.json"}}
    if members:
        config["matrix"] = {"m": [f"m{number}" for number in range(members)]}
    (folder / "training.json").write_text(json.dumps(recipe))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


KFP = dedent("""
    from kfp import compiler, dsl
    from kfp.dsl import Dataset, Input, Output

    {components}

    @dsl.pipeline(name="{name}")
    def bench():
    {tasks}

    compiler.Compiler().compile(bench, "{out}")
""")
COMPONENT = """
@dsl.container_component
def step{n}({inputs}rows: Output[Dataset]):
    return dsl.ContainerSpec(
        image="{image}", command=["python", "-m", "steps", "step{n}"], args=[rows.uri]
    )
"""


def kfp_by_hand(out: Path, name: str = "bench") -> str:
    """What somebody would write with kfp for the same ten steps."""
    components = "".join(
        COMPONENT.format(n=n, image=IMAGE, inputs="a: Input[Dataset], " if n else "")
        for n in range(STEPS_COUNT)
    )
    reads = ["", *(f"a=t{n}.outputs['rows']" for n in range(STEPS_COUNT - 1))]
    tasks = "".join(f"    t{n} = step{n}({read})\n" for n, read in enumerate(reads))
    return KFP.format(components=components, tasks=tasks, out=out, name=name)


AIRFLOW = '''"""Ten steps, one after the other."""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

RUN = {{
    "PLAN": "{digest}",
    "RUN": "{{{{ run_id }}}}",
    "PARAMETERS": "{{{{ params | tojson }}}}",
    "START": "{{{{ dag_run.data_interval_start | ts or '' }}}}",
    "END": "{{{{ dag_run.data_interval_end | ts or '' }}}}",
}}

with DAG(dag_id="{name}", schedule=None, catchup=False, tags=["hand"], doc_md="Ten steps."):
{tasks}
'''


def dag_by_hand(name: str) -> str:
    """What somebody would write with Airflow's own operators for the same ten steps and the end."""
    lines = []
    for number in range(STEPS_COUNT + 1):
        task = "finish" if number == STEPS_COUNT else f"step{number}"
        lines.append(
            f'    t{number} = BashOperator(task_id="{task}", bash_command="python -m steps", '
            f'env={{**RUN, "STEP": "{task}"}}, append_env=True, do_xcom_push=False, retries=0)'
        )
    lines += [f"    t{number} >> t{number + 1}" for number in range(STEPS_COUNT)]
    return AIRFLOW.format(digest=DIGEST, name=name, tasks="\n".join(lines))
