"""Building the Plans of one flow of one Config, which validation has found right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.config_alerts import alerts_of
from atlas.data_formats import options_of
from atlas.plan.family import Family
from atlas.plan.model import Plan
from atlas.plan.monitored import monitored_tables
from atlas.plan.parts import (
    Foreach,
    InputSource,
    Model,
    Output,
    PlanData,
    PlanStep,
    Schedule,
    Value,
)
from atlas.plan.rivals import with_rivals
from atlas.recipe import KEY, LITERAL_KEYS, ONE_OF, Parameter, Reference, Resources, Retries
from atlas.validate.condition_rules import skippable_steps
from atlas.validate.schedule import cron_line
from atlas.validate.signature import may_predict
from atlas.validate.types import UNKNOWN
from atlas.values import digest, frozen, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.config import Config
    from atlas.validate import Report
    from atlas.validate.flat import Flat, FlatStep, Input, Param
    from atlas.validate.subject import Subject


class PlanBuilder:
    """Builds the Plans of one flow; what all members share is made once."""

    def __init__(self, subject: Subject, code: str, report: Report) -> None:
        """Build the steps that all members share.

        Args:
            subject: the flow.
            code: digest of the pipeline's code.
            report: says what is known of other pipelines.
        """
        self.subject = subject
        self.flows = report.flows
        self.kept = report.kept
        self.families = report.families
        self.config: Config = subject.file.config
        self.environment = subject.environment
        self.resources = self.environment.resources.get(self.config.name, {})
        self.is_inference = subject.flat.flow == "inference"
        self.skippable = skippable_steps(subject)
        self._outputs_of: dict[str, Mapping[str, Output]] = {}
        steps = subject.flat.steps.values()
        self.steps = tuple(self._step(step) for step in steps)
        self.bound = [(i, step) for i, step in enumerate(steps) if self._differs(step)]
        self.shared = self._shared(code)

    def plan(self, axes: Mapping[str, str]) -> Plan:
        """Return one member's Plan."""
        pipeline = self.config.member_name(axes)
        steps = list(self.steps)
        for index, step in self.bound:
            steps[index] = self._step(step, axes)
        spec = self.config.model
        is_rivalled = spec is not None and spec.has_rival and self.is_inference
        is_canary = spec is not None and spec.canary is not None
        return Plan(
            name=f"{self.environment.prefix}{pipeline}",
            pipeline=pipeline,
            steps=with_rivals(steps, is_canary=is_canary) if is_rivalled else tuple(steps),
            axes=axes,
            model=self._model(axes),
            **self.shared,
        )

    def _shared(self, code: str) -> dict[str, Any]:
        flat, config, flow = self.subject.flat, self.config, self.subject.flat.flow
        return {
            "config": config.name,
            "flow": flow,
            "recipe": flat.recipe,
            "environment": self.environment.name,
            "target": self.environment.targets.get(flow, "local"),
            "code": code,
            "family": None if self.is_inference else Family.of(config),
            "description": flat.description,
            "parameters": {name: self._parameter(name) for name in sorted(flat.parameters)},
            "data": {name: self._data(name) for name in self._read("data")},
            "images": {n: flat.images[n] for n in sorted({s.image for s in self.steps} - {""})},
            "secrets": self._secrets(),
            "schedule": self._schedule(),
            "digests": {
                "recipe": flat.digest,
                "config": digest(_meaning(self.subject.file.document.value, flat)),
                "features": digest(config.features),
            },
            "promotion": config.promotion if flow == "training" else {},
            "card": config.card if flow == "training" else {},
            "predictions": config.predictions if self.is_inference else {},
            "statistics": dict(monitored_tables(self.subject, self.environment)),
            "quality": config.quality if self.is_inference and config.statistics else {},
            "packages": tuple(sorted(self._packages())),
            "formats": self.subject.project.formats,
            "stores": self.environment.stores,
            "notify": self._notify(),
            "late_after": self._late_after(),
            "hides_rows": not (config.previews and self.environment.previews) or None,
        }

    def _packages(self) -> set[str]:
        """Return the packages that the project allows and that classes of steps are of."""
        named = [step.cls.replace(":", ".") for step in self.steps]
        full = [*named, *(signature.full for signature in self.subject.signatures.values())]
        allow = self.subject.project.allow
        return {
            package for package in allow if any(name.startswith(f"{package}.") for name in full)
        }

    def _step(self, step: FlatStep, axes: Mapping[str, str] | None = None) -> PlanStep:
        settings = step.settings
        timeout = settings.get("timeout")
        upstream = {read.source.name for read in step.reads() if read.source.kind == "step"}
        return PlanStep(
            name=step.name,
            cls=step.cls,
            description=step.description,
            origin=step.origin,
            inputs={n: self._source(step.inputs[n], step, axes) for n in sorted(step.inputs)},
            params={n: _value(step.params[n], axes or {}) for n in sorted(step.params)},
            outputs=self._outputs(step),
            after=tuple(sorted(set(step.after) - upstream)),
            foreach=self._foreach(step),
            image=settings.get("image", ""),
            resources=Resources.parse(self._resources(step.resourced, settings)),
            retries=Retries.parse(settings.get("retries", 0)),
            timeout=None if timeout is None else seconds(timeout),
            env=dict(sorted(settings.get("env", {}).items())),
            secrets=tuple(sorted(settings.get("secrets", ()))),
            cache=settings.get("cache", True),
            node_selector=dict(sorted(settings.get("node_selector", {}).items())),
            tolerations=tuple(settings.get("tolerations", ())),
            predicts=self._predicts(step) or None,
            when=step.when and step.when.mapped(lambda read: self._source(read, step, axes)),
            optional=self._optional(step),
            search=step.search,
        )

    def _optional(self, step: FlatStep) -> tuple[str, ...]:
        """Return the inputs of a step that have a default for what was skipped."""
        signature = self.subject.signatures.get(step.name)
        return tuple(
            name
            for name, read in sorted(step.inputs.items())
            if all(one.source.name in self.skippable for one in read.each())
            and all(one.source.kind == "step" for one in read.each())
            and signature is not None
            and name in signature.inputs
            and not signature.inputs[name].required
        )

    def _predicts(self, step: FlatStep) -> bool:
        """Tell whether a step is a Predictor, or may be one, where that makes a difference."""
        spec = self.config.model
        matters = bool(self.config.predictions) or (spec is not None and spec.has_rival)
        return self.is_inference and matters and may_predict(self.subject.signatures.get(step.name))

    def _foreach(self, step: FlatStep) -> Foreach | None:
        if step.foreach is None:
            return None
        axes = ((name, self._source(keys, step)) for name, keys in step.foreach.axes.items())
        return Foreach(tuple(axes), step.foreach.group)

    def _source(
        self, read: Input, step: FlatStep, axes: Mapping[str, str] | None = None
    ) -> InputSource:
        if read.options:
            options = tuple(self._source(option, step, axes) for option in read.options)
            return InputSource(ONE_OF, "", options=options)
        if read.source.kind == LITERAL_KEYS:
            return InputSource(LITERAL_KEYS, "", keys=read.keys)
        reference: Reference = read.source
        if reference.kind == KEY:
            return InputSource(KEY, reference.name)
        flow = self.flows.get(f"{reference.name}/{reference.step}", "") if reference.step else ""
        kept = self.kept.get(str(reference), ("", ())) if reference.step else ("", ())
        source = InputSource(
            reference.kind, reference.name, reference.output, reference.step, flow, *kept,
            same_key=reference.same_key or None,
        )  # fmt: skip
        return self._history(source, step, axes or {}) if reference.kind == "history" else source

    def _history(self, source: InputSource, step: FlatStep, axes: Mapping[str, str]) -> InputSource:
        """Return where earlier runs' outputs come from: of a family, its member of these axes."""
        values = [axes[axis] for axis in sorted(axes)] if source.name in self.families else ()
        name = "-".join((source.name, *values))
        return replace(source, name=name, window=seconds(step.settings["window"]))

    def _differs(self, step: FlatStep) -> bool:
        """Tell whether a step isn't the same for all members of a family."""
        sources = [read.source for read in step.reads()]
        reads_member = any(s.kind == "history" and s.name in self.families for s in sources)
        return reads_member or any(param.kind == "axis" for param in step.params.values())

    def _resources(self, step: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**settings.get("resources", {}), **self.resources.get(step, {})}

    def _outputs(self, step: FlatStep) -> Mapping[str, Output]:
        """Return a step's outputs; those that only its class says are made once for the class."""
        if step.formats or step.trust or step.search:
            return self._made_outputs(step)
        if step.cls not in self._outputs_of:
            self._outputs_of[step.cls] = frozen(self._made_outputs(step))
        return self._outputs_of[step.cls]

    def _made_outputs(self, step: FlatStep) -> dict[str, Output]:
        known = self.subject.outputs(step.name) or {}
        return {
            name: Output(
                "" if known.get(name, UNKNOWN) == UNKNOWN else str(known[name]),
                step.formats.get(name, ""),
                step.trust.get(name, ()),
            )
            for name in sorted({*known, *step.formats})
        }

    def _parameter(self, name: str) -> Parameter:
        parameter = self.subject.flat.parameters[name]
        if name not in self.config.parameters:
            return parameter
        fields = {k: getattr(parameter, k) for k in parameter.__slots__}
        return Parameter(**{**fields, "default": self.config.parameters[name]})

    def _read(self, kind: str) -> list[str]:
        steps = self.subject.flat.steps.values()
        sources = (read.source for step in steps for read in step.reads())
        return sorted({source.name for source in sources if source.kind == kind})

    def _data(self, name: str) -> PlanData:
        declared = self.config.data.get(name)
        where = self.environment.data[name]
        return PlanData(
            type=declared.type if declared else "",
            uri=where.uri,
            format=where.format,
            credential=where.credential,
            version=where.version,
            time=declared.time if declared else "",
            label=declared.label if declared else "",
            options=options_of(where.options, where.read_as),
            table=where.table,
            query=where.query,
            partition=declared.partition if declared else (),
            mode=declared.mode if declared else "",
            key=declared.key if declared else (),
            checks=declared.checks if declared else {},
        )

    def _secrets(self) -> dict[str, Mapping[str, str]]:
        used = {name for step in self.steps for name in step.secrets}
        used |= {self.environment.data[name].credential for name in self._read("data")} - {""}
        used |= {name for told in self._notify().values() for name in told}
        return {name: self.environment.secrets[name] for name in sorted(used)}

    def _notify(self) -> dict[str, tuple[str, ...]]:
        """Return who is notified of what can become of this flow."""
        events = ("failure", "late", *(() if self.is_inference else ("promotion", "trigger")))
        told = self.environment.notify
        return {event: told[event] for event in events if event in told}

    def _late_after(self) -> float | None:
        """Return the seconds after which a scheduled run is late, where somebody is notified."""
        if "late" not in self.environment.notify or self._schedule() is None:
            return None
        late = alerts_of(self.config, self.environment).late
        return late.seconds if late else None

    def _schedule(self) -> Schedule | None:
        flow = self.subject.flat.flow
        schedule: Any = self.config.schedule.get(flow)
        overrides = self.environment.schedules.get(self.config.name, {})
        schedule = overrides.get(flow, schedule)
        return Schedule(**{**schedule, "cron": cron_line(schedule["cron"])}) if schedule else None

    def _model(self, axes: Mapping[str, str]) -> Model | None:
        spec = self.config.model
        if spec is None:
            return None
        values = [axes[axis] for axis in self.config.matrix]
        name = "-".join((f"{self.environment.prefix}{spec.name}", *values))
        training = self._training()
        opened = training.part_source if training else lambda part: part
        parts = {part: str(opened(spec.parts[part])) for part in sorted(spec.parts)}
        if not self.is_inference:
            return Model(name, "champion", parts, self._kept_parts())
        digest, canary = spec.digest, spec.canary
        return Model(name, spec.version, parts, self._kept_parts(), digest, canary)

    def _training(self) -> Subject | None:
        """Return the Config's training, if it has one."""
        is_own = self.subject.flat.flow == "training"
        return self.subject if is_own else self.subject.siblings.get("training")

    def _kept_parts(self) -> dict[str, Output]:
        """Return how the training Recipe has the parts kept, where it says so."""
        training, spec = self._training(), self.config.model
        if training is None or spec is None:
            return {}
        sources = {part: training.part_source(spec.parts[part]) for part in sorted(spec.parts)}
        steps = {part: training.flat.steps.get(source.name) for part, source in sources.items()}
        outputs = {
            part: Output("", step.formats.get(name, ""), step.trust.get(name, ()))
            for part, step in steps.items()
            if step is not None and (name := sources[part].output)
        }
        return {part: output for part, output in outputs.items() if output != Output()}


def _meaning(document: Any, flat: Flat) -> Any:
    """Return what a Config says of one flow: a change for the other one leaves its Plans alone."""
    if not isinstance(document, dict):
        return document
    meant = {key: document[key] for key in document if key not in _UNMEANT}
    meant.pop("promotion" if flat.flow != "training" else "predictions", None)
    if flat.flow == "training" and "model" in meant:
        model = meant["model"]
        meant["model"] = {key: model[key] for key in model if key not in _OF_INFERENCE}
    for key, is_meant in (
        ("recipes", flat.flow.__eq__),
        ("schedule", flat.flow.__eq__),
        ("parameters", flat.parameters.__contains__),
        ("steps", lambda name: any(f"{step}.".startswith(f"{name}.") for step in flat.steps)),
    ):
        if key in meant:
            meant[key] = {name: value for name, value in meant[key].items() if is_meant(name)}
    return {key: value for key, value in meant.items() if value != {}}


def _value(param: Param, axes: Mapping[str, str]) -> Value:
    if param.kind == "axis":
        return Value("value", axes.get(param.value, ""))
    return Value(param.kind, param.value)


_OF_INFERENCE = ("digest", "shadow", "canary")
"""Fields of a Config's ``model`` that say nothing of what training does."""
_UNMEANT = (
    *("$schema", "alerts", "card", "description", "matrix", "previews", "quality", "retraining"),
    "statistics",
)
"""Fields of a Config that say nothing of what one member's run does."""
