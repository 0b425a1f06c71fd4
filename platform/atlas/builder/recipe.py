"""Building a Recipe in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypedDict, Unpack

from atlas.builder.document import DocumentBuilder, given
from atlas.builder.search import search_fields
from atlas.builder.words import Dynamic, StepOutputs, class_name, param, plain, reference
from atlas.errors import AtlasError
from atlas.recipe import ONE_OF, OneOf, Recipe, Reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.template import Template


class StepSettings(TypedDict, total=False):
    """What a step may set for itself, or take from the Recipe's defaults; as in JSON."""

    image: str
    resources: Mapping[str, Any]
    retries: int | Mapping[str, Any]
    timeout: str
    env: Mapping[str, str]
    secrets: Sequence[str]
    cache: bool | str
    node_selector: Mapping[str, str]
    tolerations: Sequence[Mapping[str, Any]]
    window: str


class RecipeBuilder(DocumentBuilder):
    """Builds a Recipe, step by step."""

    kind: ClassVar[str] = "recipe"

    def __init__(
        self,
        name: str,
        *,
        flow: str | None = None,
        description: str | None = None,
        extends: str | None = None,
    ) -> None:
        """Begin a Recipe.

        Args:
            name: its name.
            flow: ``training`` or ``inference``; none for a Recipe that is only a step of others.
            description: what it does, in a sentence.
            extends: another Recipe's file, from this one's folder; this one says what differs.
        """
        super().__init__(name, flow=flow, description=description, extends=extends)

    def parameter(
        self,
        name: str,
        type: str,
        *,
        default: Any = None,
        minimum: float | None = None,
        maximum: float | None = None,
        choices: Sequence[Any] | None = None,
        description: str | None = None,
    ) -> Dynamic:
        """Declare a value that a run may set.

        Args:
            name: its name.
            type: ``string``, ``integer``, ``number`` or ``boolean``.
            default: its value when a run sets none; without one, a run must.
            minimum: the least value allowed.
            maximum: the greatest value allowed.
            choices: the only values allowed.
            description: what it does.

        Returns:
            What a step's ``params`` take, to get the parameter's value.
        """
        bounds = {"default": default, "minimum": minimum, "maximum": maximum, "choices": choices}
        fields = {"type": type, **bounds, "description": description}
        self._section("parameters")[name] = plain(given(fields))
        return Dynamic("parameter", name)

    def image(
        self,
        name: str,
        *,
        requirements: str | None = None,
        dockerfile: str | None = None,
        reference: str | None = None,
        base: str | None = None,
    ) -> str:
        """Declare an image: of requirements (on a base), of a Dockerfile, or a ready one by digest.

        Returns:
            The image's name, for ``image=`` of a step.
        """
        kinds = {"requirements": requirements, "dockerfile": dockerfile, "reference": reference}
        self._section("images")[name] = given({**kinds, "base": base})
        return name

    def defaults(self, **settings: Unpack[StepSettings]) -> None:
        """Set what steps have that say nothing else."""
        self._section("defaults").update(plain(settings))

    def input(
        self, name: str, *, optional: bool | None = None, description: str | None = None
    ) -> Reference:
        """Declare what the Recipe is given where it is a step of another.

        Returns:
            The reference that its own steps read it by.
        """
        fields = given({"optional": optional, "description": description})
        self._section("inputs")[name] = fields
        return Reference("input", name)

    def output(self, name: str, source: Reference | str) -> None:
        """Declare what the Recipe gives where it is a step of another."""
        self._section("outputs")[name] = reference(source)

    def step(
        self,
        name: str,
        cls: type[Template] | str | None = None,
        *,
        recipe: str | None = None,
        description: str | None = None,
        inputs: Mapping[str, Reference | str | OneOf] | None = None,
        params: Mapping[str, Any] | None = None,
        formats: Mapping[str, str] | None = None,
        trust: Mapping[str, Sequence[str]] | None = None,
        after: Sequence[StepOutputs | str] | None = None,
        foreach: Mapping[str, Reference | str | Sequence[Any]] | None = None,
        when: Mapping[str, Any] | None = None,
        search: Mapping[str, Any] | None = None,
        **settings: Unpack[StepSettings],
    ) -> StepOutputs:
        """Add a step.

        Args:
            name: its name.
            cls: its Template, as a class or as ``module:Class``.
            recipe: a Recipe's file instead, whose steps are inlined.
            description: what it does.
            inputs: parameter of ``run`` → the output, data or part of a model that it reads; or
                `one_of` several outputs.
            params: attribute of the class → value, or what `parameter`, `feature` … returned.
            formats: output → storage format, where it isn't its type's own.
            trust: output → names of classes and functions that its model may be made of.
            after: steps that must be over first, though nothing is read from them.
            foreach: parameter of ``run`` → the JSON list whose keys it gets one by one, or where
                it comes from.
            when: the condition under which it runs, as in JSON; ``step`` may be an output.
            search: which params of the class to try, as in JSON; in ``evaluate``, ``class`` may be
                a class, and inputs may be references.
            **settings: image, resources, retries, timeout, env, secrets, cache, node_selector,
                tolerations and window, as in JSON.

        Returns:
            The step; its attributes are references to its outputs.

        Raises:
            AtlasError: there is a step of this name; `remove` makes room for another.
            TypeError: the class can't be imported by a run, or a value can't be said in JSON.
        """
        steps = self._section("steps")
        if steps.get(name) is not None:
            raise AtlasError(
                f"{self._document['name']}: steps.{name}: there is a step of this name already; "
                f"give another name, or call remove('{name}') first"
            )
        fields: dict[str, Any] = {
            "class": cls and class_name(cls),
            "recipe": recipe,
            "description": description,
            "inputs": _references(inputs),
            "params": params and {key: param(value) for key, value in params.items()},
            "outputs": _outputs(formats, trust),
            "after": after and [str(step) for step in after],
            "foreach": foreach and {name: _keys(keys) for name, keys in foreach.items()},
            "when": when and _condition(when),
            "search": search and search_fields(search),
            **plain(settings),
        }
        steps[name] = given(fields)
        return StepOutputs(name)

    def remove(self, name: str) -> None:
        """Remove a step: one that was added, or one of the Recipe that this one extends."""
        steps = self._section("steps")
        if "extends" in self._document:
            steps[name] = None
        else:
            del steps[name]

    def recipe(self) -> Recipe:
        """Return the Recipe in its parsed form.

        Raises:
            InvalidError: its structure is wrong.
            TypeError: it extends another, which only its file can find.
        """
        if "extends" in self._document:
            raise TypeError(f"{self._document['name']} extends another Recipe; save and load it")
        return Recipe.parse(self.to_json())

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Return a builder that goes on from a Recipe; `to_json` gives the same back."""
        head = {key: raw[key] for key in ("flow", "description", "extends") if key in raw}
        builder = cls(raw["name"], **head)
        # The same order of keys, and sections that are there but empty.
        filled = ("defaults", *_SECTIONS)
        builder._document = {key: {} if key in filled else raw[key] for key in raw}
        if "defaults" in raw:
            builder.defaults(**raw["defaults"])
        for section, add in _SECTIONS.items():
            for name, value in raw.get(section, {}).items():
                add(builder, name, value)
        return builder


def _references(given: Mapping[str, Reference | str | OneOf] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    return {
        name: {ONE_OF: [*map(str, value.options)]} if isinstance(value, OneOf) else reference(value)
        for name, value in given.items()
    }


def _keys(given: Reference | str | Sequence[Any]) -> Any:
    if isinstance(given, Reference | str):
        return reference(given)
    return {"feature": given.value} if isinstance(given, Dynamic) else list(given)


def _condition(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a condition as JSON, its references as text."""
    return {
        key: _condition(value)
        if isinstance(value, dict)
        else [_condition(one) if isinstance(one, dict) else one for one in value]
        if isinstance(value, list | tuple)
        else str(value)
        if isinstance(value, Reference)
        else value
        for key, value in given.items()
    }


def _outputs(
    formats: Mapping[str, str] | None, trust: Mapping[str, Sequence[str]] | None
) -> dict[str, dict[str, Any]] | None:
    """Return how outputs are kept; a model whose makers are named is kept as skops."""
    if formats is None and trust is None:
        return None
    outputs: dict[str, dict[str, Any]] = {k: {"format": v} for k, v in (formats or {}).items()}
    for name, names in (trust or {}).items():
        outputs[name] = {"format": "skops", **outputs.get(name, {}), "trust": list(names)}
    return outputs


def _add_step(builder: RecipeBuilder, name: str, raw: Mapping[str, Any] | None) -> None:
    if raw is None:
        builder.remove(name)
        return
    renamed = {"class": "cls", "outputs": "formats"}
    fields = {renamed.get(key, key): value for key, value in raw.items()}
    if "formats" in fields:
        given = fields["formats"]
        fields["formats"] = {key: output["format"] for key, output in given.items()}
        fields["trust"] = {
            key: output["trust"] for key, output in given.items() if "trust" in output
        }
    builder.step(name, **fields)


_SECTIONS: Mapping[str, Any] = {
    "parameters": lambda builder, name, raw: builder.parameter(name, **raw),
    "images": lambda builder, name, raw: builder.image(name, **raw),
    "inputs": lambda builder, name, raw: builder.input(name, **raw),
    "outputs": lambda builder, name, raw: builder.output(name, raw),
    "steps": _add_step,
}
