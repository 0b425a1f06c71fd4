"""The kind `RegisteredModels`: names of models in MLflow. Versions and aliases are MLflow's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import PlatformError
from atlas.kinds import imports
from atlas.kinds.members import OWNER, members_property
from atlas.kinds.protocol import Diff, Live, Property, Schema, compare
from atlas_provider.models import mlflow_of, registered

if TYPE_CHECKING:
    from atlas.kinds.protocol import Context, Failure, Plain

_THERE = "RESOURCE_ALREADY_EXISTS"


class RegisteredModels:
    """Handle the registered models of one Config."""

    schema = Schema(
        description="Names of models in MLflow; deleting them keeps models and versions.",
        inputs={
            "owner": OWNER,
            "members": members_property("What each model is, by its registered name."),
            "mlflow": Property(type="string", required=True, description="URL of MLflow."),
            "secrets": Property(type="string", description="URL of the folder of secrets."),
            "credentials": Property(
                type="string", description="Name of the secret to sign in with; none for none."
            ),
        },
        outputs={},
    )

    def check(self, inputs: Plain) -> list[Failure]:
        """Find nothing more than what the schema holds inputs to."""
        return []

    def diff(self, state: Plain, inputs: Plain) -> Diff:
        """Compare inputs, member by member."""
        return Diff(compare(self.schema, state, inputs))

    def preview(self, state: Plain | None, inputs: Plain) -> Plain:
        """Say that there is nothing more to know."""
        return {}

    def create(self, inputs: Plain, context: Context) -> tuple[str, Plain]:
        """Register the names; one that is there already is taken over with its versions."""
        _register(inputs)
        return inputs["owner"], {}

    def read(self, identity: str, state: Plain, context: Context) -> Live | None:
        """Return the names that MLflow has.

        One that doesn't answer, perhaps because it has another address now, has nothing to say
        against what is known of it: an update finds out at the address that it is given.
        """
        if not state:
            return self._import(identity)
        try:
            found = registered(mlflow_of(state), state["members"])
        except PlatformError:
            return self._live(state, state["members"])
        members = {n: found[n].description for n in state["members"] if n in found}
        return self._live(state, members) if members or not state["members"] else None

    def _import(self, identity: str) -> Live:
        """Return the models that an id names.

        Raises:
            DeployError: MLflow has none of them.
            PlatformError: it doesn't answer.
        """
        given = imports.located(identity, self.schema, "models")
        names = given.pop("models").split(",")
        found = registered(mlflow_of(given), names)
        if not found:
            raise imports.nothing(identity, f"model {' or '.join(names)}", given["mlflow"])
        return self._live(given, {name: model.description for name, model in found.items()})

    def _live(self, state: Plain, members: Plain) -> Live:
        """Return what was found: these members."""
        live = {**state, "members": members}
        return Live(
            {name: live[name] for name in self.schema.inputs if name in live}, live, state["owner"]
        )

    def update(self, identity: str, state: Plain, inputs: Plain, context: Context) -> Plain:
        """Register new names, and mend descriptions; what is no member any more stays."""
        _register(inputs)
        return {}

    def delete(self, identity: str, state: Plain, context: Context) -> None:
        """Keep every model: what was learnt isn't an update's to remove."""


def _register(inputs: Plain) -> None:
    """Make the names that aren't there, and give each its description."""
    mlflow = mlflow_of(inputs)
    found = registered(mlflow, inputs["members"])
    for name, description in inputs["members"].items():
        if name in found and found[name].description == description:
            continue
        payload = {"name": name, "description": description}
        if mlflow.call("POST", "registered-models/create", payload, (_THERE,)) is None:
            mlflow.call("PATCH", "registered-models/update", payload)
