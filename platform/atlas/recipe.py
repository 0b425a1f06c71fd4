"""The Recipe: one DAG as data. What runs, in which class, after what, in which image."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.condition import Condition
from atlas.dataclass import dataclass
from atlas.values import frozen, seconds, size_in_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

DYNAMIC = ("parameter", "feature", "axis", "run", "literal")
"""Keys of the one-key objects that a param may be instead of a literal."""
RUN_FACTS = ("interval_start", "interval_end", "id")
"""What ``{"run": …}`` can ask for."""
UNTRUSTED = frozenset({
    "_pickle", "asyncio", "atlas", "builtins", "cloudpickle", "code", "codeop", "ctypes", "dill",
    "functools", "imp", "importlib", "inspect", "io", "joblib", "marshal", "multiprocessing", "nt",
    "operator", "os", "pathlib", "pickle", "pip", "pkgutil", "posix", "pty", "runpy", "shelve",
    "shutil", "site", "skops", "socket", "subprocess", "sys", "tempfile", "threading", "timeit",
    "types", "webbrowser", "zipimport",
})  # fmt: skip
"""Packages of which a Recipe can trust no name: what they give runs code or reaches the system."""
STEP_DECORATORS = ("atlas.step", "atlas.functions.step")
"""Full names of what marks a function as a step."""
STEP_MARK = "__atlas_step__"
"""The attribute that they set."""
FUNCTION_STEP = "atlas.functions.FunctionStep"
"""Full name of the Template that such a function is."""
VALUE = "value"
"""Name of the output of such a function, where it returns no record."""
TEMPLATE_MODULES = ("atlas.template", "atlas.labels", "atlas.search")
"""Modules of Atlas that a Recipe may name classes of."""
ELSEWHERE = ("pipeline", "family", "history")
"""Kinds of references to what other pipelines, or earlier runs, have made."""
RESERVED = ("data", "model", "input")
"""Names that no step may have, because references start with them."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an input comes from.

    Attributes:
        kind: ``step``, ``data``, ``model``, ``input``, or one of `ELSEWHERE`; once it is resolved
            also ``key``.
        name: the step's, data's, part's, input's, pipeline's or family's name.
        output: the output's name, for ``step`` and `ELSEWHERE`.
        step: the step of the other pipeline, for `ELSEWHERE`.
        same_key: of a step that runs once per key, whether only what it gives for the reader's own
            key is read; else all of it, as a list.
    """

    kind: str
    name: str
    output: str = ""
    step: str = ""
    same_key: bool = False

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse a reference, such as ``load.rows`` or ``pipeline:tumour/train.model``.

        Raises:
            ValueError: it isn't a reference.
        """
        scheme, colon, rest = text.partition(":")
        if colon and scheme in ELSEWHERE:
            name, _, source = rest.partition("/")
            step, _, output = source.rpartition(".")
            if name and step and output:
                return cls(scheme, name, output, step)
        elif not colon:
            head, _, tail = text.rpartition(".")
            if head in RESERVED and tail:
                return cls(head, tail)
            if head and tail and all(head.split(".")):
                return cls("step", head, tail)
        raise ValueError(f"'{text}' isn't a reference")

    def __str__(self) -> str:
        """Return the reference as a Recipe writes it."""
        if self.kind == "step":
            return f"{self.name}.{self.output}"
        if self.kind in RESERVED:
            return f"{self.kind}.{self.name}"
        return f"{self.kind}:{self.name}/{self.step}.{self.output}"


ONE_OF = "one_of"
"""Key of an input that takes whichever of several outputs there is, and the kind of its source."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """An input that takes the first of several outputs whose step ran."""

    options: tuple[Reference, ...]

    def __str__(self) -> str:
        """Return it in words."""
        return " or ".join(map(str, self.options))


KEY = "key"
"""Kind of the source of an input that gets the key which a Recipe runs for."""
LITERAL_KEYS = "literal"
"""Kind of the source of keys that the documents give."""


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """Keys that no step gives: a list, or ``{"feature": PATH}``, as JSON."""

    raw: Any


def _parse_keys(raw: Any) -> Reference | GivenKeys:
    return Reference.parse(raw) if isinstance(raw, str) else GivenKeys(raw)


def parse_input(raw: Any) -> Reference | OneOf:
    """Build what an input reads from its JSON: a reference, or ``{"one_of": [...]}``."""
    if isinstance(raw, str):
        return Reference.parse(raw)
    return OneOf(tuple(map(Reference.parse, raw[ONE_OF])))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a run may set: its type, default and bounds."""

    type: str
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    description: str = ""

    def __post_init__(self) -> None:
        """Freeze the default: it is a value of every run that doesn't set another."""
        object.__setattr__(self, "default", frozen(self.default))

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Parameter:
        """Build a parameter from its JSON."""
        return cls(**{**raw, "choices": tuple(raw.get("choices", ()))})


@dataclass(frozen=True, slots=True)
class Image:
    """What a step's container image is made from: requirements, a Dockerfile, or a ready image.

    Attributes:
        requirements: a requirements file, relative to the pipeline's folder.
        dockerfile: a Dockerfile, relative to the pipeline's folder.
        reference: a ready image, by digest.
        base: the image that requirements are installed on; empty for the project's default.
    """

    requirements: str = ""
    dockerfile: str = ""
    reference: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a step asks for: cores, bytes and GPUs; None leaves it to the target."""

    cpu: float | None = None
    memory: int | None = None
    gpu: int | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Resources:
        """Build resources from their JSON, memory as ``2Gi``."""
        if not raw:
            return _NONE
        memory, gpu = raw.get("memory"), raw.get("gpu")
        return cls(
            cpu=raw.get("cpu"),
            memory=None if memory is None else size_in_bytes(memory),
            gpu=None if gpu is None else int(gpu),
        )


_NONE = Resources()


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a failed step is tried again; the wait (seconds) grows from delay by factor."""

    limit: int = 0
    delay: float = 1.0
    factor: float = 2.0
    max_delay: float = 300.0

    @classmethod
    def parse(cls, raw: float | Mapping[str, Any]) -> Retries:
        """Build retries from a count or their full JSON, where 1.0 is a whole number too."""
        if not raw:
            return _ONCE
        if isinstance(raw, int | float):
            return cls(int(raw))
        times = {key: seconds(raw[key]) for key in ("delay", "max_delay") if key in raw}
        return cls(**{**raw, **times, "limit": int(raw["limit"])})


_ONCE = Retries()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a Recipe, as written; what isn't given is None, so that defaults can fill it."""

    name: str
    cls: str = ""
    recipe: str = ""
    description: str = ""
    inputs: Mapping[str, Reference | OneOf] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    trust: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    foreach: Mapping[str, Reference | GivenKeys] = field(default_factory=dict)
    when: Condition | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


SETTINGS = (
    "image", "resources", "retries", "timeout", "env", "secrets", "cache", "node_selector",
    "tolerations", "window",
)  # fmt: skip
"""What a step may set for itself, or take from the Recipe's ``defaults``."""


def parse_step(name: str, raw: Mapping[str, Any]) -> Step:
    """Build a step from its JSON, which the schema has accepted."""
    inputs = {key: parse_input(given) for key, given in raw.get("inputs", {}).items()}
    return Step(
        name=name,
        cls=raw.get("class", ""),
        recipe=raw.get("recipe", ""),
        description=raw.get("description", ""),
        inputs=inputs,
        params=raw.get("params", {}),
        outputs={key: value["format"] for key, value in raw.get("outputs", {}).items()},
        trust={
            key: tuple(value["trust"])
            for key, value in raw.get("outputs", {}).items()
            if "trust" in value
        },
        after=tuple(raw.get("after", ())),
        foreach={axis: _parse_keys(keys) for axis, keys in raw.get("foreach", {}).items()},
        when=Condition.parse(raw["when"], Reference.parse) if "when" in raw else None,
        search=raw.get("search", {}),
        settings={key: raw[key] for key in SETTINGS if key in raw},
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """One Recipe, after ``extends``; ``inputs`` maps a name to whether it is optional."""

    name: str
    flow: str
    steps: Mapping[str, Step]
    description: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, bool] = field(default_factory=dict)
    outputs: Mapping[str, Reference] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Recipe:
        """Build a Recipe from JSON that the schema has accepted."""
        return cls(
            name=raw["name"],
            flow=raw.get("flow", ""),
            description=raw.get("description", ""),
            steps={name: parse_step(name, step) for name, step in raw["steps"].items()},
            parameters={k: Parameter.parse(v) for k, v in raw.get("parameters", {}).items()},
            images={k: Image(**v) for k, v in raw.get("images", {}).items()},
            defaults=raw.get("defaults", {}),
            inputs={k: v.get("optional", False) for k, v in raw.get("inputs", {}).items()},
            outputs={k: Reference.parse(v) for k, v in raw.get("outputs", {}).items()},
        )
