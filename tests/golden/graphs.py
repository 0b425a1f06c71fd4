"""Plans of every shape that a drawing has to bear, made by rule from a seed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

from atlas.plan import InputSource, Model, Output, Plan, PlanData, PlanStep, Value

TABLE = Output("pandas.DataFrame")
WORDS = ("load", "clean", "join", "scale", "encode", "split", "train", "tune", "score", "report")


def plan(*steps: PlanStep, **more: object) -> Plan:
    """A Plan of some steps, the rest of it plain."""
    plain = {
        "name": "dev-shape",
        "pipeline": "shape",
        "config": "shape",
        "flow": "training",
        "recipe": "shape",
        "environment": "dev",
        "target": "local",
        "data": {"rows": PlanData(uri="file:///rows.parquet")},
    }
    return Plan(**{**plain, **more}, steps=steps)


def step(name: str, *upstream: str, **more: object) -> PlanStep:
    """A step that reads the output `rows` of others, or the data when there are none."""
    inputs = {f"rows{i or ''}": InputSource("step", up, "rows") for i, up in enumerate(upstream)}
    inputs = inputs or {"rows": InputSource("data", "rows")}
    cls = f"steps:{name.rpartition('.')[2].title().replace('_', '')}"
    return PlanStep(name, cls, inputs=inputs, outputs={"rows": TABLE}, **more)


def chain(size: int) -> Plan:
    names = [f"step_{n:03}" for n in range(size)]
    return plan(step(names[0]), *(step(b, a) for a, b in pairwise(names)))


def fan(size: int) -> Plan:
    middle = [f"train_region_{n:03}" for n in range(size - 2)]
    return plan(step("load"), *(step(m, "load") for m in middle), step("join", *middle))


def layers(deep: int, wide: int) -> Plan:
    """Every step of a layer reads two of the layer before."""
    rows = [[f"layer{d:02}_{w:02}" for w in range(wide)] for d in range(deep)]
    first = [step(name) for name in rows[0]]
    rest = [
        step(name, above[w], above[(w + 1) % wide])
        for above, row in pairwise(rows)
        for w, name in enumerate(row)
    ]
    return plan(*first, *rest)


def tangle(size: int, seed: int = 1, reach: int = 12) -> Plan:
    """Steps that each read up to three of the last few, with odd jumps."""
    draw = Random(seed)
    names = [f"{draw.choice(WORDS)}_{n:03}" for n in range(size)]
    steps = []
    for n, name in enumerate(names):
        near = [names[max(0, n - 1 - draw.randrange(reach))] for _ in range(draw.randrange(4))]
        far = [names[draw.randrange(n)]] if n and draw.random() < 0.15 else []
        steps.append(step(name, *dict.fromkeys(up for up in near + far if up != name)))
    return plan(*steps)


def fan_in_group(size: int) -> Plan:
    """A fan inside an inlined Recipe, so wide that it is drawn rightwards."""
    middle = [f"regions.inner.train_{n:03}" for n in range(size)]
    join = step("regions.join", *middle, origin="regions.json")
    each = (step(name, "load", origin="inner.json") for name in middle)
    return plan(step("load"), *each, join, step("report", "regions.join", "load"))


def grouped(groups: int, size: int, seed: int = 2) -> Plan:
    """Inlined Recipes that hand on to each other, every third one holding another."""
    draw = Random(seed)
    steps, outs = [step("load")], ["load"]
    for g in range(groups):
        name = f"recipe{g}.inner" if g % 3 == 2 else f"recipe{g}"
        own: list[str] = []
        for n in range(size):
            within = f"recipe{g}" if n < 2 else name
            full = f"{within}.{draw.choice(WORDS)}_{n}"
            up = [draw.choice(own)] if own and draw.random() < 0.7 else [draw.choice(outs)]
            up += [draw.choice(outs)] if draw.random() < 0.2 else []
            own.append(full)
            steps.append(step(full, *dict.fromkeys(up), origin=f"{name.replace('.', '-')}.json"))
        outs.append(own[-1])
    return plan(*steps, step("report", *outs))


def family(members: int) -> list[Plan]:
    """The members of one Config with a matrix: one param differs."""
    regions = [f"region{n}" for n in range(members)]
    one = plan(step("load"), step("train", "load"), config="sales")
    return [
        replace(
            one,
            pipeline=f"sales-{region}",
            axes={"region": region},
            steps=(
                replace(one.steps[0], params={"region": Value("value", region)}),
                one.steps[1],
            ),
        )
        for region in regions
    ]


HOSTILE = '<script>alert("x")</script>'


def hostile() -> Plan:
    """Names that would be markup, quotes, line breaks, control and turned-round text."""
    names = (
        HOSTILE,
        "a\"b'c\\",
        "x]]>--><!--",
        "new\nline\x1b[31m",
        "\u202eevil",
        "日本語の手順" * 9,
    )
    bad = [
        PlanStep(
            name,
            f"steps:{name}",
            inputs={name: InputSource("data", HOSTILE)},
            params={"p": Value("value", name)},
            outputs={name: Output(name, name)},
            description=f"{name} #quot; `**md**` %% end",
        )
        for name in names
    ]
    return plan(
        *bad,
        pipeline=HOSTILE,
        data={HOSTILE: PlanData(uri="s3://me:secret@host/x?sig=secret")},
        model=Model(HOSTILE, parts={HOSTILE: f"{names[0]}.{names[0]}"}),
    )


HUNDRED = {
    "chain": chain(100),
    "fan": fan(100),
    "layers 10x10": layers(10, 10),
    "layers 5x20": layers(5, 20),
    "layers 20x5": layers(20, 5),
    "tangle": tangle(100),
    "wide tangle": tangle(100, 3, 40),
    "grouped": grouped(10, 10),
    "few groups": grouped(3, 33),
    "fan in group": fan_in_group(96),
    "apart": plan(*(step(f"alone_{n}") for n in range(100)), data={}),
}
"""Graphs of about a hundred steps."""
