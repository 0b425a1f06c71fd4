"""What a metadata store has of one run, as JSON: ``python metadata_client.py HOST PORT RUN``.

Run by the Python of the store's own environment.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ml_metadata.metadata_store import metadata_store  # type: ignore[import-not-found]
from ml_metadata.proto import metadata_store_pb2 as pb  # type: ignore[import-not-found]


def facts(thing: Any) -> dict[str, Any]:
    """Return the properties of a thing."""
    found = {}
    for kind in (thing.properties, thing.custom_properties):
        for name, value in kind.items():
            field = value.WhichOneof("value")
            plain = getattr(value, field)
            found[name] = plain if isinstance(plain, (str, int, float)) else struct(plain)
    return found


def struct(value: Any) -> Any:
    """Return a structure as data; KFP keeps a JSON value in the field ``struct``."""
    from google.protobuf import json_format  # type: ignore[import-untyped, unused-ignore]

    data = json_format.MessageToDict(value)
    return data.get("struct", data)


def main(host: str, port: str, run: str) -> None:
    """Print tasks with what went in and out, each artifact with its type and its facts."""
    store = metadata_store.MetadataStore(pb.MetadataStoreClientConfig(host=host, port=int(port)))
    context = store.get_context_by_type_and_name("system.PipelineRun", run)
    executions = {one.id: one for one in store.get_executions_by_context(context.id)}
    artifacts = {one.id: one for one in store.get_artifacts_by_context(context.id)}
    tasks: dict[int, dict[str, Any]] = {
        key: {"name": facts(one).get("display_name") or facts(one).get("task_name", ""),
              "type": one.type, "state": pb.Execution.State.Name(one.last_known_state),
              "facts": facts(one), "in": [], "out": []}
        for key, one in executions.items()
    }  # fmt: skip
    for event in store.get_events_by_execution_ids([*executions]):
        path = [step.key for step in event.path.steps if step.WhichOneof("value") == "key"]
        side = "in" if event.type == pb.Event.INPUT else "out"
        tasks[event.execution_id][side].append([*path, event.artifact_id])
    things = {
        key: {"type": one.type, "uri": one.uri, "facts": facts(one)}
        for key, one in artifacts.items()
    }
    print(json.dumps({"tasks": [*tasks.values()], "artifacts": things}))


if __name__ == "__main__":
    main(*sys.argv[1:])
