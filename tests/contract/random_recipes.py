"""Recipes by rule from a seed: any graph, any setting, any name that the schema lets through."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

from tests.contract.projects import OUTPUTS, SECRETS, Documents

WORDS = (
    "load", "train", "a", "a-", "a--b", "a_b", "a-b", "step", "for-loop-1", "atlas-finish", "null",
    "exit-handler-1", "train-keys", "keys", "root", "condition-1", "x1", "true", "on", "_finish"[1:],
)  # fmt: skip
TEXTS = (
    "plain", "it's \"so\"", "{% raw %} x", "{{ 1 }}", "$(HOME) $$ $HOME `id`", "line\nbreak\r\n", "é😀",
    "run.sh", " # : - ", "\u2028", "", "null", "1.0", "ends with.md", "<a href='x'>",
)  # fmt: skip
SAFE = tuple(text for text in TEXTS if "{{" not in text)
SECONDS = ("1s", "90s", "250ms", "2m", "1h", "0s")


class Maker:
    """Makes the documents of one pipeline."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        # Most pipelines must compile everywhere; the others have something that some target can't.
        self.texts = TEXTS if self.chance(0.1) else SAFE
        self.secrets = self.draw.sample(list(SECRETS), 1) if self.chance(0.3) else []

    def chance(self, share: float) -> bool:
        return self.draw.random() < share

    def text(self) -> str:
        return self.draw.choice(self.texts)

    def documents(self) -> Documents:
        flow = "inference" if self.chance(0.3) else "training"
        parameters = self.parameters()
        recipe: dict[str, Any] = {"name": "made", "parameters": parameters, "images": self.images()}
        others: dict[str, dict[str, Any]] = {}
        recipe["steps"] = self.steps(parameters, others)
        if self.chance(0.5):
            recipe["defaults"] = self.settings()
        if self.chance(0.3):
            recipe["description"] = self.text() + " and more words " * self.draw.randrange(12)
        recipe["images"] = {
            n: one for n, one in recipe["images"].items() if _uses(recipe, others, n)
        }
        return Documents(self.config(recipe, flow), recipe, others, flow)

    # Parts ------------------------------------------------------------------------------------

    def parameters(self) -> dict[str, Any]:
        names = ("alpha", "beta", "Gamma", "trees", "class", "None", "self", "_private", "x1")
        count = self.draw.choice((0, 1, 1, 2, 4))
        usual = names[:4] if self.chance(0.7) else names
        return {name: self.parameter() for name in self.draw.sample(usual, count)}

    def parameter(self) -> dict[str, Any]:
        kind = self.draw.choice(("string", "integer", "number", "boolean"))
        made: dict[str, Any] = {"type": kind}
        if self.chance(0.85):
            made["default"] = self.draw.choice(_DEFAULTS[kind])
        if kind in ("integer", "number") and self.chance(0.4):
            made["minimum"], made["maximum"] = -1e301, 1e301
        if "default" in made and kind != "boolean" and self.chance(0.3):
            made["choices"] = [made["default"], *_DEFAULTS[kind][:2]]
        if self.chance(0.3):
            made["description"] = self.text()
        return made

    def images(self) -> dict[str, Any]:
        return {
            "base": {"requirements": "requirements.txt"},
            "own": {"dockerfile": "Dockerfile"},
            "ready": {"reference": f"quay.io/org/ready@sha256:{'5' * 64}"},
        }

    def steps(self, parameters: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
        count = self.draw.choice((1, 2, 3, 5, 8))
        names = self.draw.sample(WORDS, count)
        made: dict[str, Any] = {}
        each: set[str] = set()
        for name in names:
            if made and self.chance(0.12):
                made[name] = self.inlined(name, list(made), others)
                continue
            made[name] = self.step(name, list(made), each, parameters)
            if "foreach" in made[name]:
                each.add(name)
        return self.connected(made)

    def step(
        self, name: str, above: list[str], each: set[str], parameters: dict[str, Any]
    ) -> dict[str, Any]:
        made: dict[str, Any] = {"class": "steps:Work", **self.settings()}
        inputs = {
            key: self.source(above) for key in self.draw.sample("abc", self.draw.randrange(4))
        }
        if inputs:
            made["inputs"] = inputs
        once = [up for up in above if up not in each]
        if above and self.chance(0.25):
            made["foreach"] = {"key": f"{self.draw.choice(once or above)}.keys"}
        if above and self.chance(0.3):
            made["after"] = self.draw.sample(above, 1)
        if self.chance(0.5):
            made["params"] = self.params(parameters)
        if self.chance(0.2):
            made["description"] = self.text()
        if self.chance(0.1):
            kept = {"format": self.draw.choice(("json", "pickle", "text", "skops"))}
            trust = {"trust": ["a.b.C"]} if kept["format"] == "skops" else {}
            made["outputs"] = {"other": {**kept, **trust}}
        return made

    def source(self, above: list[str]) -> str:
        if above and self.chance(0.75):
            return f"{self.draw.choice(above)}.{self.draw.choice(OUTPUTS)}"
        opened = [f"opened-{name}" for name in self.secrets]
        return f"data.{self.draw.choice(('table', 'parts', 'versioned', *opened))}"

    def params(self, parameters: dict[str, Any]) -> dict[str, Any]:
        literal: dict[str, Any] = {
            "text": self.text(),
            "number": self.draw.choice((0.5, 2, 1e300)),
            "count": self.draw.choice((0, -3, 2**70)),
            "names": [self.text()],
            "more": {"a": {"b": [1, 2.0, None, True]}},
        }
        made = {key: literal[key] for key in self.draw.sample(list(literal), 2)}
        by_type = {"string": "text", "integer": "count", "number": "number", "boolean": "flag"}
        for name, one in parameters.items():
            made[by_type[one["type"]]] = {"parameter": name}
        if self.chance(0.3):
            made["text"] = {"run": self.draw.choice(("interval_start", "interval_end", "id"))}
        return made

    def settings(self) -> dict[str, Any]:
        """Return some of the settings that a step, or the Recipe's defaults, may have."""
        env = {"OMP_NUM_THREADS": "2", "TEXT": self.text(), "a_lower": self.text()}
        chosen: dict[str, Any] = {
            "image": self.draw.choice(("base", "own", "ready")),
            "resources": self.resources(),
            "retries": self.retries(),
            "timeout": self.draw.choice(SECONDS[:-1]),
            "env": {name: env[name] for name in self.draw.sample(list(env), 2)},
            "secrets": self.secrets,
            "cache": self.draw.choice((False, True, "v2")),
            "node_selector": {"pool": "gpu", "kubernetes.io/arch": "amd64"},
            "tolerations": self.tolerations(),
        }
        return {name: value for name, value in chosen.items() if self.chance(0.2)}

    def resources(self) -> dict[str, Any]:
        whole = {
            "cpu": self.draw.choice((0.5, 1, 2.25, 0.0005)),
            "memory": self.draw.choice(("512Mi", "2Gi", "1500000", "3G")),
            "gpu": self.draw.choice((0, 1, 8)),
        }
        return {name: whole[name] for name in self.draw.sample(list(whole), 2)}

    def retries(self) -> Any:
        if self.chance(0.4):
            return self.draw.choice((0, 1, 100))
        longest = self.draw.choice(("1s", "300s", "1h", "2h"))
        return {
            "limit": self.draw.choice((0, 3)),
            "delay": self.draw.choice(SECONDS),
            "factor": self.draw.choice((1, 2, 1.5, 10)),
            "max_delay": longest,
        }

    def tolerations(self) -> list[dict[str, Any]]:
        return self.draw.sample(
            [
                {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
                {"key": "team", "value": "ml"},
                {"operator": "Exists"},
                {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoExecute"},
            ],
            2,
        )

    def inlined(self, name: str, above: list[str], others: dict[str, Any]) -> dict[str, Any]:
        """Return a step that is a Recipe of two steps."""
        file = f"inner{len(others)}-{self.draw.randrange(10**9)}.json"
        first, second = self.draw.sample(WORDS, 2)
        others[file] = {
            "name": "inner",
            "inputs": {"rows": {}, "maybe": {"optional": True}},
            "outputs": {output: f"{second}.{output}" for output in OUTPUTS},
            "steps": {
                first: {"class": "steps:Work", "inputs": {"a": "input.rows", "b": "input.maybe"}},
                second: {
                    "class": "steps:Work",
                    "inputs": {"a": f"{first}.rows"},
                    **self.settings(),
                },
            },
            "images": self.images(),
        }
        others[file]["images"] = {
            image: one for image, one in self.images().items() if _uses(others[file], {}, image)
        }
        if self.chance(0.3):
            others[file]["steps"][second]["foreach"] = {"key": f"{first}.keys"}
        rows = self.source(above)
        maybe = {"maybe": self.source(above)} if self.chance(0.5) else {}
        return {"recipe": file, "inputs": {"rows": rows, **maybe}}

    def connected(self, steps: dict[str, Any]) -> dict[str, Any]:
        """Return the steps, each with something to do with another."""
        names = list(steps)
        for before, name in pairwise(names):
            one = steps[name]
            if "recipe" not in one and not {"inputs", "foreach", "after"} & {*one}:
                one["after"] = [before]
        first = steps[names[0]]
        if "recipe" not in first and not {"inputs", "foreach"} & {*first}:
            first["inputs"] = {"a": "data.table"}
        return steps

    def config(self, recipe: dict[str, Any], flow: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if self.chance(0.25):
            made["schedule"] = {flow: self.schedule()}
        plain = [name for name, one in recipe["steps"].items() if "class" in one]
        if plain and self.chance(0.2):
            made["steps"] = {plain[0]: {"class": "steps:Otherwise"}}
        if plain and flow == "training" and self.chance(0.3):
            once = [name for name in plain if "foreach" not in recipe["steps"][name]]
            made["model"] = {"name": "model", "from": {"part": f"{once[-1]}.model"}} if once else {}
            made = {key: value for key, value in made.items() if value}
        return made

    def schedule(self) -> dict[str, Any]:
        return self.draw.choice(
            [
                {"cron": "0 6 * * *"},
                {"cron": "*/15 0-4 1 JAN mon", "timezone": "Europe/Berlin", "start": "2026-01-01"},
                {"cron": "0 0 * * 0", "timezone": "Asia/Kathmandu", "start": "2026-03-29T02:30"},
            ]
        )


def _uses(recipe: dict[str, Any], others: dict[str, Any], image: str) -> bool:
    """Tell whether a step, or the defaults, name an image."""
    own = [*recipe["steps"].values(), recipe.get("defaults", {})]
    return image in [one.get("image") for one in own]


_DEFAULTS: dict[str, list[Any]] = {
    "string": ["gini", "", "a 'b' \"c\"", "{{$}}", "é\n"],
    "integer": [1, 0, -7, 2**53 + 1],
    "number": [0.25, 2, 3.0, -1e-9, 1e300],
    "boolean": [False, True],
}


def random_documents(count: int, seed: int = 1) -> dict[str, Documents]:
    """Return so many pipelines by name."""
    return {f"p{n:04}": Maker(seed * 1_000_003 + n).documents() for n in range(count)}
