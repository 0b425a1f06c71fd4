"""Building a Config in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from atlas.builder.document import DocumentBuilder, given
from atlas.builder.search import search_fields
from atlas.builder.words import class_name, param, plain, reference
from atlas.config import Config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.builder.words import StepOutputs
    from atlas.recipe import Reference
    from atlas.template import Template


class ConfigBuilder(DocumentBuilder):
    """Builds a Config."""

    kind: ClassVar[str] = "config"

    def __init__(
        self,
        name: str,
        *,
        training: str | None = None,
        inference: str | None = None,
        description: str | None = None,
        extends: str | None = None,
        previews: bool | None = None,
    ) -> None:
        """Begin a Config.

        Args:
            name: name of the pipeline, or of the family.
            training: file of the training Recipe, from the pipeline's folder.
            inference: file of the inference Recipe.
            description: what the pipeline is for.
            extends: another Config's file, from this one's folder; this one says what differs.
            previews: whether rows of what runs write may be shown; by default they may.
        """
        super().__init__(name, description=description, extends=extends)
        recipes = given({"training": training, "inference": inference})
        if recipes or extends is None:
            self._document["recipes"] = recipes
        self._document.update(given({"previews": previews}))

    def data(
        self,
        name: str,
        *,
        type: str | None = None,
        time: str | None = None,
        label: str | None = None,
        description: str | None = None,
    ) -> None:
        """Declare a data set that the pipeline reads or writes.

        Args:
            name: its name; where it is, the Environment says.
            type: ``table``, ``file`` or ``folder``.
            time: column with the rows' time.
            label: column with the label.
            description: what is in it.
        """
        fields = {"type": type, "time": time, "label": label, "description": description}
        self._section("data")[name] = given(fields)

    def features(self, /, **features: Any) -> None:
        """Add features, free in form; a param takes one with ``feature("numeric")``."""
        self._section("features").update(plain(features))

    def override(
        self,
        step: StepOutputs | str,
        cls: type[Template] | str | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        search: Mapping[str, Any] | Literal[False] | None = None,
    ) -> None:
        """Say what one step differs in from its Recipe: its class, some of its params, its search.

        Args:
            step: the step.
            cls: another class.
            params: other params.
            search: fields of its search that differ; False for no search.
        """
        values = None if params is None else {key: param(value) for key, value in params.items()}
        fields = given({"class": cls and class_name(cls), "params": values})
        if search is not None:
            fields["search"] = search_fields(search) if search is not False else None
        self._section("steps")[str(step)] = fields

    def parameters(self, /, **parameters: Any) -> None:
        """Set other defaults of the Recipe's parameters."""
        self._section("parameters").update(plain(parameters))

    def model(
        self,
        name: str,
        *,
        version: str | int | None = None,
        parts: Mapping[str, Reference | str] | None = None,
        digest: str | None = None,
        shadow: bool | None = None,
        canary: float | Mapping[str, Any] | None = None,
    ) -> None:
        """Declare the registered model.

        Args:
            name: its registered name.
            version: what inference uses: an alias, which is followed, or a number, which is pinned.
            parts: part → the training output that it is.
            digest: that the pinned version has to have.
            shadow: whether the challenger scores beside it.
            canary: the share of the rows that the challenger scores; or ``share`` and ``key``.
        """
        rival = {"digest": digest, "shadow": shadow, "canary": canary}
        outputs = (
            None if parts is None else {key: reference(output) for key, output in parts.items()}
        )
        fields = {"name": name, "version": version, "from": outputs, **rival}
        self._document["model"] = plain(given(fields))

    def predictions(self, /, **columns: str) -> None:
        """Name columns that say of each prediction its version, run, start and end."""
        self._section("predictions").update(columns)

    def statistics(
        self,
        kind: str,
        table: StepOutputs | Reference | str,
        columns: Sequence[str] | None = None,
        *,
        training: StepOutputs | Reference | str | None = None,
        **facts: bool | int | str,
    ) -> None:
        """Have the columns of a table monitored.

        Args:
            kind: ``features`` or ``predictions``.
            table: the step's output.
            columns: its columns; of features, by default, the texts in the lists of ``features``.
            training: the training output that batches are compared with; by default ``table``.
            facts: ``time``, ``score``, ``label`` and ``positive``, as in JSON.
        """
        of_training = None if training is None else reference(training)
        fields = {"from": reference(table), "columns": columns and list(columns)}
        self._section("statistics")[kind] = given({**fields, "training": of_training, **facts})

    def quality(self, /, **rules: Any) -> None:
        """Say what batches have to keep of what training learnt: on_breach and more; as in JSON."""
        self._section("quality").update(plain(rules))

    def schedule(
        self, flow: str, cron: str, *, timezone: str | None = None, start: str | None = None
    ) -> None:
        """Say when a flow runs: cron in a timezone, from a start on."""
        fields = given({"cron": cron, "timezone": timezone, "start": start})
        self._section("schedule")[flow] = fields

    def promotion(
        self,
        metric: str,
        *,
        direction: str | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
        beats_champion: bool | Mapping[str, float] | None = None,
        key: str | None = None,
        guards: Sequence[Mapping[str, Any]] | None = None,
        slices: Mapping[str, Any] | None = None,
    ) -> None:
        """Say when a new version becomes the champion; the metric is ``step.metric``."""
        bounds = {"direction": direction, "at_least": at_least, "at_most": at_most}
        compared = {"beats_champion": beats_champion, "key": key, "guards": guards}
        rule = {"metric": metric, **bounds, **compared, "slices": slices}
        self._document["promotion"] = plain(given(rule))

    def retraining(
        self,
        *,
        new_rows: int | None = None,
        new_labels: int | None = None,
        degradation: Mapping[str, Any] | None = None,
        drift: Mapping[str, Any] | None = None,
        estimate: Mapping[str, Any] | None = None,
        **terms: Any,
    ) -> None:
        """Say what starts a new training, and on which terms it begins.

        Args:
            new_rows: so many rows scored since the champion's training.
            new_labels: so many labels since then.
            degradation: ``metric``, with ``below``, ``above`` or ``margin``, and ``batches``.
            drift: ``features``, ``predictions``, ``false_alarms``, ``looks`` and ``tolerance``.
            estimate: ``metric``, with ``below`` or ``above``; it only warns.
            **terms: window, parameters, approval, cooldown, in_flight, per_month, schedule; as in
                JSON.
        """
        counts = {"new_rows": new_rows, "new_labels": new_labels}
        changes = {"degradation": degradation, "drift": drift, "estimate": estimate}
        self._section("retraining").update(plain(given({**counts, **changes, **terms})))

    def alerts(self, /, **rules: Any) -> None:
        """Say when somebody has to look: late, failed, stale, metrics and more; as in JSON."""
        self._section("alerts").update(plain(rules))

    def card(self, /, **texts: Any) -> None:
        """Say what people should know of the model: purpose, limits and more; as in JSON."""
        self._section("card").update(plain(texts))

    def matrix(self, /, **axes: Sequence[str]) -> None:
        """Expand the Config into a family, a member for every combination of axis values."""
        self._section("matrix").update(plain(axes))

    def config(self) -> Config:
        """Return the Config in its parsed form.

        Raises:
            InvalidError: its structure is wrong.
            TypeError: it extends another, which only its file can find.
        """
        if not self._document.keys().isdisjoint(("extends", "abstract")):
            raise TypeError(f"{self._document.get('name')} is only a layer; save and load it")
        return Config.parse(self.to_json())

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Return a builder that goes on from a Config; `to_json` gives the same back."""
        builder = cls(raw.get("name", ""), **raw.get("recipes", {}), extends=raw.get("extends"))
        # The same order of keys, and sections that are there but empty.
        kept = {"$schema", "version", "name", "recipes", "description", "previews"}
        kept |= {"extends", "abstract"}
        builder._document = {key: plain(raw[key]) if key in kept else {} for key in raw}
        for section, add in _SECTIONS.items():
            if section in raw:
                add(builder, raw[section])
        return builder


def _each(add: Any) -> Any:
    def add_all(builder: ConfigBuilder, raw: Mapping[str, Any]) -> None:
        for name, value in raw.items():
            add(builder, name, value)

    return add_all


def _override(builder: ConfigBuilder, name: str, raw: Mapping[str, Any]) -> None:
    search: Any = raw.get("search", {})
    search = False if search is None else search or None
    builder.override(name, raw.get("class"), params=raw.get("params"), search=search)


def _statistics(builder: ConfigBuilder, kind: str, raw: Mapping[str, Any]) -> None:
    facts = {name: value for name, value in raw.items() if name not in ("from", "columns")}
    builder.statistics(kind, raw["from"], raw.get("columns"), **facts)


def _model(builder: ConfigBuilder, raw: Mapping[str, Any]) -> None:
    rival = {name: raw.get(name) for name in ("digest", "shadow", "canary")}
    builder.model(raw["name"], version=raw.get("version"), parts=raw.get("from"), **rival)


_SECTIONS: Mapping[str, Any] = {
    "data": _each(lambda builder, name, raw: builder.data(name, **raw)),
    "features": lambda builder, raw: builder.features(**raw),
    "steps": _each(_override),
    "parameters": lambda builder, raw: builder.parameters(**raw),
    "model": _model,
    "predictions": lambda builder, raw: builder.predictions(**raw),
    "statistics": _each(_statistics),
    "quality": lambda builder, raw: builder.quality(**raw),
    "schedule": _each(lambda builder, flow, raw: builder.schedule(flow, **raw)),
    "promotion": lambda builder, raw: builder.promotion(**raw),
    "retraining": lambda builder, raw: builder.retraining(**raw),
    "alerts": lambda builder, raw: builder.alerts(**raw),
    "card": lambda builder, raw: builder.card(**raw),
    "matrix": lambda builder, raw: builder.matrix(**raw),
}
