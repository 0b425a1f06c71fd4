"""Records what a rig's kind deploys: as later versions have to find it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from atlas.kinds.parsing import parse
from atlas.kinds.properties import to_plain
from atlas_provider.kinds import KINDS
from atlas_provider.schema import package_schema
from tests.integration.atlas_provider.rigs import CONTEXT

FILE = Path(__file__).parents[2] / "recorded" / "resources.json"


def recorded() -> set[str]:
    """Return the names of the rigs that are recorded."""
    return {each["rig"] for each in json.loads(FILE.read_text("utf-8"))["resources"]}


def record(rig: Any, folder: Path, members: dict[str, str]) -> None:
    """Add the state of a new kind to the file, and its schema; what is there stays."""
    name, handler = type(rig).__name__, rig.kind
    (token,) = [token for token, of in KINDS.items() if type(of.kind) is type(handler.kind)]
    inputs = to_plain(parse(handler.kind.inputs, rig.inputs(**members)))
    identity, outputs = handler.create(inputs, CONTEXT)
    state = {**inputs, **outputs}
    live = handler.read(identity, state, CONTEXT)
    entry = {
        "id": identity, "inputs": inputs, "outputs": state,
        "read": {"inputs": live.inputs, "outputs": live.state}, "rig": name, "type": token,
    }  # fmt: skip
    text = json.dumps(entry, default=dict).replace(str(folder), f"/srv/{name}")
    whole = json.loads(FILE.read_text("utf-8"))
    whole["resources"].append(json.loads(text))
    whole["schema"].setdefault(token, _schema(token))
    FILE.write_text(json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def _schema(token: str) -> dict[str, Any]:
    """Return the names and types of a kind's properties, as the provider declares them."""
    schema = json.loads(package_schema(KINDS, "0"))["resources"][token]
    inputs, outputs = _bare(schema["inputProperties"]), _bare(schema["properties"])
    return {
        "inputs": inputs,
        "outputs": {name: spec for name, spec in outputs.items() if name not in inputs},
        "required": schema["required"],
        "requiredInputs": schema["requiredInputs"],
    }


def _bare(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in spec.items() if key != "description"}
        for name, spec in properties.items()
    }
