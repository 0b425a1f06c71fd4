"""What a Plan is made of: its steps and their inputs, params and outputs, data, model, schedule."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.formats import shown_as
from atlas.recipe import KEY, LITERAL_KEYS, Resources, Retries
from atlas.values import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.condition import Condition
    from atlas.config import Canary
    from atlas.search.part import SearchPart


def freeze(record: Any, *names: str) -> None:
    """Replace plain data in a frozen record's fields by what can't be changed."""
    for name in names:
        object.__setattr__(record, name, frozen(getattr(record, name)))


@dataclass(frozen=True, slots=True)
class InputSource:
    """Where a step's input comes from, resolved.

    Attributes:
        kind: ``step``, ``data``, ``model``, ``challenger``, ``pipeline``, ``family``,
            ``history`` or ``one_of``; ``key`` for a key of the Recipe's; of keys also ``literal``.
        name: the step's full name (``features.scale``), or the name of the data, model part,
            pipeline, family or list of keys.
        output: the output's name, for ``step`` and those of other pipelines.
        step: the other pipeline's step, for ``pipeline``, ``family`` and ``history``.
        flow: the other pipeline's flow that has the step; empty where both have one.
        format: for these, the format that the other's Recipe names.
        trust: for these, what the other's Recipe trusts.
        window: for ``history``, how far back from the run's end earlier runs are read, in seconds.
        options: for ``one_of``, outputs of steps; the first whose step ran is taken.
        keys: for ``literal``, the keys themselves.
        same_key: of a step that runs once per key, whether only what it gives for the reader's own
            key is read; else None: all of it is, as a list.
    """

    kind: str
    name: str
    output: str = ""
    step: str = ""
    flow: str = ""
    format: str = ""
    trust: tuple[str, ...] = ()
    window: float | None = None
    options: tuple[InputSource, ...] = ()
    keys: tuple[Any, ...] = ()
    same_key: bool | None = None

    def each(self) -> tuple[InputSource, ...]:
        """Return what it may be: itself, or its options."""
        return self.options or (self,)


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
        freeze(self, "value")


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
class Foreach:
    """What a step runs once for each of.

    Attributes:
        axes: name → where the list of its keys comes from; of several, each combination, the first
            changing slowest. The names are parameters of ``run``; of a Recipe, its inputs.
        group: full name of the Recipe that runs once per key as a whole; empty for a class's step.
    """

    axes: tuple[tuple[str, InputSource], ...]
    group: str = ""

    def sources(self) -> tuple[InputSource, ...]:
        """Return where its keys come from, those left out that the Plan has itself."""
        return tuple(keys for _, keys in self.axes if keys.kind != LITERAL_KEYS)

    def of(self, key: Any) -> dict[str, Any]:
        """Return a key by the names of the lists that it is of."""
        return {self.axes[0][0]: key} if len(self.axes) == 1 else dict(key)

    def mapped(self, change: Callable[[InputSource], InputSource]) -> Foreach:
        """Return the same over other sources."""
        return Foreach(tuple((name, change(keys)) for name, keys in self.axes), self.group)


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
        foreach: what it runs once for each of; None for once.
        origin: the Recipe file that the step was inlined from; empty for the Recipe's own.
        image: name in `Plan.images`; empty for none.
        timeout: seconds, or None.
        env: variables of the step's process.
        secrets: names of secrets, never values.
        cache: False turns the cache off; a string is the user's version of the step.
        predicts: whether it is a Predictor, where its Plan has to know; else None.
        rival_of: the step that it repeats with the challenger; empty for one of the Recipe.
        when: the condition under which it runs, over `InputSource`s; None for always.
        optional: inputs that it does without where what they read was skipped.
        search: what it does for a search; None for a step that is none of one.
    """

    name: str
    cls: str
    inputs: Mapping[str, InputSource] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    foreach: Foreach | None = None
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
    predicts: bool | None = None
    rival_of: str = ""
    when: Condition | None = None
    optional: tuple[str, ...] = ()
    search: SearchPart | None = None

    def __post_init__(self) -> None:
        """Freeze what the step is made of."""
        freeze(self, "inputs", "params", "outputs", "env", "node_selector", "tolerations")

    @property
    def outlived(self) -> bool:
        """Whether a run goes on when its process is killed: a challenger's, or a trial's."""
        return bool(self.rival_of) or (self.search is not None and self.search.outlives_trials)

    def sources(self) -> tuple[InputSource, ...]:
        """Return every source that the step reads, those of its keys and its condition last."""
        given = (one for source in self.inputs.values() for one in source.each())
        inputs = [one for one in given if one.kind != KEY]
        keys = self.foreach.sources() if self.foreach else ()
        return (*inputs, *keys, *(self.when.sources() if self.when else ()))

    def needs(self) -> tuple[tuple[str, ...], ...]:
        """Return the steps that it can't do without: of each group, one has to have run."""
        keys = self.foreach.sources() if self.foreach else ()
        given = [source for name, source in self.inputs.items() if name not in self.optional]
        groups = [source.each() for source in (*given, *keys)]
        return tuple(
            tuple(one.name for one in group)
            for group in groups
            if all(one.kind == "step" for one in group)
        )

    def upstream(self) -> tuple[str, ...]:
        """Return the names of the steps that must be over first, without repeats."""
        read = (source.name for source in self.sources() if source.kind == "step")
        return tuple(dict.fromkeys((*read, *self.after)))


@dataclass(frozen=True, slots=True)
class PlanData:
    """A data set that the Config names, and where the Environment says it is.

    Attributes:
        type: ``table``, ``file`` or ``folder``; empty where the Config doesn't say.
        uri: where it is; empty when the Environment doesn't say.
        format: ``parquet``, ``csv``, ``json``… ; empty for by the URI's ending.
        credential: name of the secret that opens it, or empty.
        version: version that makes reading it cacheable, or empty; ``content`` for what it holds.
        time: column with the rows' time, or empty.
        label: column with the label, or empty.
        options: those of its format.
        table: table of the database, with its schema in front where it has one; or empty.
        query: SELECT of the database, or empty.
        partition: the placeholders that its folders come of, outermost first.
        mode: what writing does: ``append``, ``replace interval``, ``merge``; empty for replacing
            what the run's own part has.
        key: the columns that ``merge`` tells rows apart by.
        checks: what has to hold of what is read, as the Config has it.
    """

    type: str = ""
    uri: str = ""
    format: str = ""
    credential: str = ""
    version: str = ""
    time: str = ""
    label: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    table: str = ""
    query: str = ""
    partition: tuple[str, ...] = ()
    mode: str = ""
    key: tuple[str, ...] = ()
    checks: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze what it is read with."""
        freeze(self, "options", "checks")


@dataclass(frozen=True, slots=True)
class Model:
    """The registered model of a pipeline.

    Attributes:
        name: registered name, with the Environment's prefix.
        version: what inference follows: an alias (``champion``) or a number.
        parts: part → full training output (``train.model``) that is registered together.
        outputs: part → how the training Recipe has it kept; only those of which it says so.
        digest: that the pinned version has to have (`ModelVersion.digest`), or empty.
        canary: the rows that the challenger scores, if there are any.
    """

    name: str
    version: str = "champion"
    parts: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    digest: str = ""
    canary: Canary | None = None

    def __post_init__(self) -> None:
        """Freeze the parts."""
        freeze(self, "parts")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a flow runs: cron in a timezone, from a start (ISO 8601)."""

    cron: str
    timezone: str = "UTC"
    start: str = ""
