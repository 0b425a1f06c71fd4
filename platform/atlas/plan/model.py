"""The Plan: one pipeline and flow, resolved and frozen; the form that every back end reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache, cached_property
from typing import Any

from atlas.formats import shown_as
from atlas.recipe import Image, Parameter, Resources, Retries
from atlas.values import canonical, frozen


@dataclass(frozen=True, slots=True)
class InputSource:
    """Where a step's input comes from, resolved.

    Attributes:
        kind: ``step``, ``data``, ``model``, ``pipeline`` or ``family``.
        name: the step's full name (``features.scale``), or the name of the data, model part,
            pipeline or family.
        output: the output's name, for ``step``, ``pipeline`` and ``family``.
        step: the other pipeline's step, for ``pipeline`` and ``family``.
        flow: the other pipeline's flow that has the step; empty where both have one.
        format: for ``pipeline`` and ``family``, the format that the other's Recipe names.
        trust: for these, what the other's Recipe trusts.
    """

    kind: str
    name: str
    output: str = ""
    step: str = ""
    flow: str = ""
    format: str = ""
    trust: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A param's value: known now, or named and known only at the run's start.

    Attributes:
        kind: ``value``, ``parameter`` or ``run``.
        value: the literal, the parameter's name, or one of `atlas.recipe.RUN_FACTS`.
    """

    kind: str
    value: Any

    def __post_init__(self) -> None:
        """Freeze the value."""
        _freeze(self, "value")


_REPORTS = ("html", "markdown")


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a step: its type with full names, and its format where one is named.

    Attributes:
        trust: full names of what its model may be made of besides what Atlas lists.
    """

    type: str = ""
    format: str = ""
    trust: tuple[str, ...] = ()

    @property
    def report(self) -> str:
        """Which kind of report for people it is: ``html``, ``markdown``, or empty for none."""
        return self.shows if self.shows in _REPORTS else ""

    @property
    def shows(self) -> str:
        """What pages show it as, where its format or type is one of Atlas's own, or empty."""
        return shown_as(self.type, self.format)


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step, with everything that a target needs to run it.

    Attributes:
        name: full name; a step inlined from a Recipe is ``features.scale``.
        cls: ``module:Class`` in the pipeline's folder, or of an allowed package.
        inputs: parameter of ``run`` → source.
        params: attribute of the class → value; only those that the documents set.
        outputs: name → type and format; empty when it can't be read from the source.
        after: full names of the steps that must be over first, those of inputs not repeated.
        foreach: the ``run`` parameter that gets the key, and the JSON list of keys; or None.
        origin: the Recipe file that the step was inlined from; empty for the Recipe's own.
        image: name in `Plan.images`; empty for none.
        timeout: seconds, or None.
        env: variables of the step's process.
        secrets: names of secrets, never values.
        cache: False turns the cache off; a string is the user's version of the step.
    """

    name: str
    cls: str
    inputs: Mapping[str, InputSource] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    foreach: tuple[str, InputSource] | None = None
    description: str = ""
    origin: str = ""
    image: str = ""
    resources: Resources = field(default_factory=Resources)
    retries: Retries = field(default_factory=Retries)
    timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    cache: bool | str = True
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Freeze what the step is made of."""
        _freeze(self, "inputs", "params", "outputs", "env", "node_selector", "tolerations")

    def sources(self) -> tuple[InputSource, ...]:
        """Return every source that the step reads, that of its keys last."""
        return (*self.inputs.values(), *((self.foreach[1],) if self.foreach else ()))

    def upstream(self) -> tuple[str, ...]:
        """Return the names of the steps that must be over first, without repeats."""
        read = (source.name for source in self.sources() if source.kind == "step")
        return tuple(dict.fromkeys((*read, *self.after)))


@dataclass(frozen=True, slots=True)
class PlanData:
    """A data set that the Config names, and where the Environment says it is.

    Attributes:
        type: ``table``, ``file`` or ``folder``.
        uri: where it is; empty when the Environment doesn't say.
        format: ``parquet``, ``csv``, ``json``… ; empty for by the URI's ending.
        credential: name of the secret that opens it, or empty.
        version: version that makes reading it cacheable, or empty.
        time: column with the rows' time, or empty.
        label: column with the label, or empty.
    """

    type: str = "table"
    uri: str = ""
    format: str = ""
    credential: str = ""
    version: str = ""
    time: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """The registered model of a pipeline.

    Attributes:
        name: registered name, with the Environment's prefix.
        version: what inference follows: an alias (``champion``) or a number.
        parts: part → full training output (``train.model``) that is registered together.
        outputs: part → how the training Recipe has it kept; only those of which it says so.
    """

    name: str
    version: str = "champion"
    parts: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the parts."""
        _freeze(self, "parts")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a flow runs: cron in a timezone, from a start (ISO 8601)."""

    cron: str
    timezone: str = "UTC"
    start: str = ""


@dataclass(frozen=True)
class Plan:
    """One pipeline and flow, resolved. Equal documents and code give equal bytes and digests.

    Attributes:
        name: the name under which everything shared is known: prefix and pipeline.
        pipeline: the Config's name and, in a family, the member's axis values.
        config: the Config's name; the family's.
        flow: ``training`` or ``inference``.
        recipe: the Recipe's name.
        environment: the Environment's name.
        target: ``local``, ``kubeflow`` or ``airflow``.
        steps: in an order that respects every edge.
        code: digest of the pipeline folder's code, as `atlas.store` snapshots it.
        axes: axis → this member's value.
        digests: of the documents: ``recipe``, ``config``, ``features``.
        promotion: the Config's promotion rule, training only.
        packages: those that the project allows and that steps' classes are of.
        formats: modules that add artifact formats, imported before a step runs.
        stores: URLs of stores besides the run's own that model parts may be read from.
    """

    name: str
    pipeline: str
    config: str
    flow: str
    recipe: str
    environment: str
    target: str
    steps: tuple[PlanStep, ...]
    code: str = ""
    description: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    data: Mapping[str, PlanData] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    model: Model | None = None
    schedule: Schedule | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    promotion: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze what the Plan is made of: its digest says what ran, so nothing may change it."""
        names = ("axes", "parameters", "data", "images", "secrets", "digests", "promotion")
        _freeze(self, *names)

    def to_json(self) -> dict[str, Any]:
        """Return the Plan as plain data; what has its default is left out."""
        return {"version": 1, **_plain(self)}

    @cached_property
    def text(self) -> str:
        """The Plan's canonical JSON."""
        return canonical(self.to_json())

    @cached_property
    def digest(self) -> str:
        """The sha256 of the Plan's canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def by_name(self) -> Mapping[str, PlanStep]:
        """The steps by their full names."""
        return {step.name: step for step in self.steps}

    def step(self, name: str) -> PlanStep:
        """Return one step.

        Raises:
            KeyError: no step has that name.
        """
        return self.by_name[name]

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """Read back what `text` wrote; only for Plans that Atlas itself wrote."""
        return cls.from_json(json.loads(text))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Plan:
        """Read back what `to_json` gave."""
        simple = {key: value for key, value in raw.items() if key not in {"version", *_READERS}}
        read = {key: reader(raw[key]) for key, reader in _READERS.items() if raw.get(key)}
        return cls(**{"steps": (), **simple, **read})


def _plain(value: Any) -> Any:
    """Return plain data; a field that is None or empty is left out, so that new ones are free."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is Value:
        return {"kind": value.kind, "value": value.value}
    names = _field_names(kind)  # type: ignore[arg-type]  # a class has a hash
    if names:
        return _plain_record(value, names)
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _plain_record(record: Any, names: tuple[str, ...]) -> dict[str, Any]:
    plain = {}
    for name in names:
        value = getattr(record, name)
        if value:
            kind = type(value)
            if kind in _ATOMS:
                plain[name] = value
            elif kind not in _DEFAULTS or value != _DEFAULTS[kind]:
                plain[name] = _plain(value)
        # A parameter's default may be the empty text, which isn't the same as none.
        elif value is not None and (name == "default" or not hasattr(value, "__len__")):
            plain[name] = _plain(value)
    return plain


@cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind)) if is_dataclass(kind) else ()


_ATOMS = frozenset((str, int, float, bool, type(None)))
_DEFAULTS = {type(record): record for record in (Resources(), Retries())}


def _freeze(record: Any, *names: str) -> None:
    """Replace plain data in a frozen record's fields by what can't be changed."""
    for name in names:
        object.__setattr__(record, name, frozen(getattr(record, name)))


def _each(kind: Any) -> Any:
    return lambda raw: {key: kind(**value) for key, value in raw.items()}


def _parameters(raw: Mapping[str, Any]) -> dict[str, Parameter]:
    return {key: Parameter.parse(value) for key, value in raw.items()}


def _source(raw: Mapping[str, Any]) -> InputSource:
    return InputSource(**{**raw, "trust": tuple(raw.get("trust", ()))})


def _outputs(raw: Mapping[str, Any]) -> dict[str, Output]:
    return {
        name: Output(**{**value, "trust": tuple(value.get("trust", ()))})
        for name, value in raw.items()
    }


def _step(raw: Mapping[str, Any]) -> PlanStep:
    foreach = raw.get("foreach")
    own = {
        "inputs": {key: _source(value) for key, value in raw.get("inputs", {}).items()},
        "params": {k: Value(v["kind"], v["value"]) for k, v in raw.get("params", {}).items()},
        "outputs": _outputs(raw.get("outputs", {})),
        "after": tuple(raw.get("after", ())),
        "foreach": (foreach[0], _source(foreach[1])) if foreach else None,
        "resources": Resources(**raw.get("resources", {})),
        "retries": Retries(**raw.get("retries", {})),
        "secrets": tuple(raw.get("secrets", ())),
        "tolerations": tuple(raw.get("tolerations", ())),
    }
    return PlanStep(**{**raw, **own})


_READERS: Mapping[str, Any] = {
    "steps": lambda raw: tuple(_step(step) for step in raw),
    "parameters": _parameters,
    "data": _each(PlanData),
    "images": _each(Image),
    "model": lambda raw: Model(**{**raw, "outputs": _outputs(raw.get("outputs", {}))}),
    "schedule": lambda raw: Schedule(**raw),
    "packages": tuple,
    "formats": tuple,
    "stores": tuple,
}
