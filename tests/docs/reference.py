"""The reference of the documents, as pages: every field that the schemas have, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from atlas.load.schema import schema_text

Schema = Mapping[str, Any]

HEAD = """# {title}

{description}

<!-- Made from platform/atlas/schemas/{kind}.v1.json by `pytest tests/docs --update-golden`: change that. -->

`NAME` stands for a name of your own, `[]` for each item of a list. {see}
"""
SEE = {
    "recipe": "[Write a Recipe](../recipes.md) shows all of it in use.",
    "config": "[Write a Recipe](../recipes.md) shows Configs in use.",
    "environment": "An Environment is the file `environments/NAME.json` of the project; `--env NAME` chooses it.",
    "globals": "[Write a Recipe](../recipes.md#what-all-pipelines-of-a-project-share) shows them in use.",
}
_BOUNDS = {
    "minimum": "at least {}", "exclusiveMinimum": "more than {}", "maximum": "at most {}",
    "exclusiveMaximum": "less than {}", "maxLength": "at most {} characters", "minLength": "at least {} characters",
    "minItems": "at least {} items", "maxItems": "at most {} items", "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
}  # fmt: skip


def page(kind: str) -> str:
    """Return the page of a kind of document."""
    root = json.loads(schema_text(kind))
    title = f"The {root['title'].removeprefix('Atlas ')}, field by field"
    head = HEAD.format(title=title, description=root["description"], kind=kind, see=SEE[kind])
    groups: dict[str, list[str]] = {}
    for path, schema, required in fields(root):
        top = path.split(".")[0].removesuffix("[]")
        groups.setdefault(top, []).append(_row(root, path, schema, required))
    plain = [row for rows in groups.values() if len(rows) == 1 for row in rows]
    parts = [head, _table(plain)]
    parts += [f"## {name}\n\n{_table(rows)}" for name, rows in groups.items() if len(rows) > 1]
    return "\n".join(parts)


def fields(root: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """Yield every field's path, its schema with what it refers to, and whether it is required."""
    yield from _inside(root, root, "", ())


def _inside(root: Schema, schema: Schema, path: str, seen: tuple[str, ...]) -> Iterator[Any]:
    for name, given in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield from _field(root, given, f"{path}.{name}".removeprefix("."), seen, required)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        yield from _field(root, more, f"{path}.NAME".removeprefix("."), seen, False)
    if isinstance(schema.get("items"), dict):
        yield from _field(root, schema["items"], f"{path}[]", seen, False)
    for branch in schema.get("oneOf", ()):
        yield from _inside(root, _whole(root, branch), path, seen)


def _field(
    root: Schema, given: Schema, path: str, seen: tuple[str, ...], required: bool
) -> Iterator[tuple[str, Schema, bool]]:
    schema, named = _whole(root, given), given.get("$ref", "")
    yield path, schema, required
    if named not in seen:  # What is inside its like is shown once.
        yield from _inside(root, schema, path, (*seen, named) if named else seen)


def _whole(root: Schema, schema: Schema) -> Schema:
    """Return a schema with what it refers to in it; its own words go first."""
    whole = dict(schema)
    for part in [schema, *schema.get("allOf", ())]:
        if "$ref" in part:
            named = root["$defs"][part["$ref"].removeprefix("#/$defs/")]
            inner = _whole(root, named)
            merged = {**inner.get("properties", {}), **whole.get("properties", {})}
            whole = {**inner, **whole} | ({"properties": merged} if merged else {})
    return whole


def _row(root: Schema, path: str, schema: Schema, required: bool) -> str:
    words = [schema.get("description", "").rstrip("."), *_bounds(schema)]
    if "default" in schema:
        words.append(f"default `{json.dumps(schema['default'])}`")
    words += [f"such as `{json.dumps(one)}`" for one in schema.get("examples", ())[:1]]
    text = "; ".join(word for word in words if word)
    mark = " **required**" if required else ""
    return f"| `{path}`{mark} | {_kind(root, schema)} | {_cell(text)} |"


def _kind(root: Schema, schema: Schema) -> str:
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(one)}`" for one in schema["enum"])
    if "oneOf" in schema and "properties" not in schema:
        return " or ".join(_kind(root, _whole(root, one)) for one in schema["oneOf"])
    kinds = schema.get("type", "anything")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


def _bounds(schema: Schema) -> Iterator[str]:
    for name, words in _BOUNDS.items():
        if name in schema:
            text = words.format(f"{schema[name]:,}")
            yield text.removesuffix("s") if schema[name] == 1 and text.endswith("s") else text
    if schema.get("uniqueItems"):
        yield "none of them twice"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _table(rows: list[str]) -> str:
    return "\n".join(["| field | is | |", "|---|---|---|", *rows, ""])
