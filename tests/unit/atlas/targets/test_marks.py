"""Packages that are made from another's text are those that kfp's compiler makes of each alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.plan import InputSource, Model, Output, Plan, PlanStep
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from atlas.targets.protocol import Origin, deployed_name, facts
from tests.bench.compiled import plan
from tests.golden.plans import IMAGES, INFERENCE, TRAINING

pytest.importorskip("kfp")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

words = st.one_of(
    st.text("0123456789abcdef", min_size=40, max_size=40),
    st.sampled_from(
        ["", "1" * 64, "null", "a: b", "'", "yes", "1e5", "12:30", "\x1f", "-dirty", "main", "~"]
    ),
)
references = st.one_of(
    st.sampled_from(
        ["localhost:5000/atlas/x:tag", "[::1]:5000/x:tag", "image", "a/b@sha256:" + "1" * 64, "x:1"]
    ),
    words,
)


def alone(plan, images, origin, **how: bool) -> bytes:
    """What kfp's compiler makes of a Plan, no other having been compiled."""
    from atlas.targets.kubeflow.artifacts import outputs_of
    from atlas.targets.kubeflow.component import Shape
    from atlas.targets.kubeflow.pipeline import compiled

    model = facts(plan, origin).get("model", "")
    name = deployed_name(plan)
    shape = Shape(plan, name, plan.digest, model, images, outputs_of(plan), origin, **how)
    return compiled(shape).encode()


@pytest.mark.parametrize("exit_handler", [False, True])
@pytest.mark.parametrize("one", [TRAINING, INFERENCE], ids=lambda one: one.flow)
def test_a_plan_is_as_kfp_compiles_it(one, exit_handler) -> None:
    target = KubeflowCompiler(exit_handler=exit_handler)
    for commit in ("", "0123456789abcdef0123456789abcdef01234567", "1" * 40, "abc-dirty"):
        origin = Origin(commit)
        (made,) = target.compile(one, IMAGES, origin).values()
        assert made == alone(one, IMAGES, origin, exit_handler=exit_handler)


@given(code=words, other=words, commit=words, image=references, model=words)
@settings(max_examples=40, deadline=None)
def test_whatever_differs_stands_where_kfp_writes_it(code, other, commit, image, model) -> None:
    base = replace(plan("first"), model=Model("first", "champion"))
    own = replace(
        plan("second"),
        code=code,
        digests={"recipe": other, "config": "c" * 64},
        model=Model(model, "7") if model else None,
    )
    target = KubeflowCompiler()
    target.compile(base, {"": "a/b@sha256:" + "1" * 64})
    (made,) = target.compile(own, {"": image}, Origin(commit)).values()
    assert made == alone(own, {"": image}, Origin(commit))


def test_folders_that_are_wired_alike_are_compiled_once() -> None:
    target = KubeflowCompiler()
    for number in range(5):
        own = replace(plan(f"p{number}"), code=f"a{number:063x}", config=f"p{number}")
        own = replace(own, steps=tuple(replace(s, cls=f"m{number}:Work") for s in own.steps))
        target.compile(own, {"": f"r.example/p{number}@sha256:a{number:063x}"})
    assert len(target._templates) == 1


step_names = st.one_of(
    st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True),
    st.from_regex(r"[a-z]{1,3}\.[a-z][a-z0-9_]{0,3}", fullmatch=True),
    st.sampled_from(
        [
            *("on", "null", "yes", "e1", "a_b", "a-b", "a.b", "a_", "root", "zeta", "step-2"),
            *("atlas-finish", "atlas-finish-2", "atlas-run", "atlas", "exit-handler", "comp-a"),
            *("exit-handler-1", "step-exit-handler-1", "for-loop-1", "condition-1", "name"),
            *("aa00001", "b00000", "s00002", "x" * 63, f"{'x' * 63}.{'y' * 63}", "a__b"),
        ]
    ),
)


def chain(names: list[str], reads: list[int]) -> Plan:
    """A Plan of steps of these names, each of which reads one before it."""
    steps: list[PlanStep] = []
    for name, read in zip(names, reads, strict=False):
        before = steps[read % len(steps)].name if steps else ""
        inputs = {"a": InputSource("step", before, "rows")} if before else {}
        after = tuple(sorted({steps[0].name} - {before})) if steps else ()
        outputs = {"rows": Output("pandas.DataFrame")}
        steps.append(PlanStep(name, "steps:Work", inputs, outputs=outputs, after=after))
    return replace(plan("p"), steps=tuple(steps))


@given(
    names=st.lists(
        st.lists(step_names, min_size=4, max_size=4, unique=True), min_size=2, max_size=3
    ),
    reads=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    exit_handler=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_steps_may_have_any_names(names, reads, exit_handler) -> None:
    target = KubeflowCompiler(exit_handler=exit_handler)
    image = {"": "a/b@sha256:" + "1" * 64}
    for own in names:
        chained = chain(own, reads)
        (made,) = target.compile(chained, image).values()
        assert made == alone(chained, image, Origin(), exit_handler=exit_handler)


def test_folders_whose_steps_have_other_names_are_compiled_once() -> None:
    target = KubeflowCompiler()
    for number in range(5):
        names = [f"{step}_{number}" for step in ("load", "split", "train", "test")]
        target.compile(chain(names, [0, 0, 1, 2]), {"": "a/b@sha256:" + "1" * 64})
    assert len(target._templates) == 1
