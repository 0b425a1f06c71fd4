"""The kind `RegisteredModels`: names of models in MLflow. Versions and aliases are MLflow's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from atlas.errors import PlatformError
from atlas.kinds import imports
from atlas.kinds.members import OptionalSecrets, Owner
from atlas.kinds.parsing import parse
from atlas.kinds.properties import properties
from atlas.kinds.protocol import FoundResource, Kind, State
from atlas_provider.models import mlflow_at, registered

if TYPE_CHECKING:
    from atlas.kinds.protocol import OperationContext
    from atlas.tracking.mlflow import MlflowTracker

_EXISTS = "RESOURCE_ALREADY_EXISTS"


@properties
class RegisteredModelsInputs:
    """Names of models in MLflow; one that is there already is taken over with its versions.

    The update fails when MLflow doesn't answer or refuses a name. Deleting keeps models and
    versions.
    """

    owner: Owner
    members: Annotated[Mapping[str, str], "What each model is, a sentence, by registered name."]
    mlflow: Annotated[str, "URL of MLflow."]
    secrets: OptionalSecrets = None
    credentials: Annotated[
        str | None, "Name of the secret to sign in with; without one, MLflow is open."
    ] = None


@properties
class RegisteredModelsOutputs:
    """Nothing: MLflow has nothing to add."""


_State = State[RegisteredModelsInputs, RegisteredModelsOutputs]
_NOTHING = RegisteredModelsOutputs()


class RegisteredModelsKind(Kind[RegisteredModelsInputs, RegisteredModelsOutputs]):
    """Handle the registered models of one Config."""

    inputs = RegisteredModelsInputs
    outputs = RegisteredModelsOutputs

    def create(
        self, inputs: RegisteredModelsInputs, context: OperationContext
    ) -> tuple[str, RegisteredModelsOutputs]:
        """Register the names; one that is there already is taken over with its versions."""
        _register(inputs)
        return inputs.owner, _NOTHING

    def read(self, identity: str, state: _State, context: OperationContext) -> _State | None:
        """Return the names that MLflow has.

        One that doesn't answer, perhaps because it has another address now, changes nothing of what
        is known: an update finds out at the address that it is given.
        """
        inputs = state.inputs
        try:
            found = registered(_mlflow(inputs), inputs.members)
        except PlatformError:
            return state
        members = {name: found[name].description for name in inputs.members if name in found}
        if inputs.members and not members:
            return None
        return State(replace(inputs, members=members), _NOTHING)

    def find(
        self, identity: str, context: OperationContext
    ) -> FoundResource[RegisteredModelsInputs, RegisteredModelsOutputs]:
        """Return the models that an id names.

        Raises:
            DeployError: MLflow has none of them.
            PlatformError: it doesn't answer.
        """
        located = imports.located(identity, RegisteredModelsInputs, "models")
        names = located.pop("models").split(",")
        inputs = parse(RegisteredModelsInputs, {**located, "members": {}})
        found = registered(_mlflow(inputs), names)
        if not found:
            raise imports.nothing(identity, f"model {' or '.join(names)}", inputs.mlflow)
        members = {name: model.description for name, model in found.items()}
        return FoundResource(inputs.owner, State(replace(inputs, members=members), _NOTHING))

    def update(
        self,
        identity: str,
        state: _State,
        inputs: RegisteredModelsInputs,
        context: OperationContext,
    ) -> RegisteredModelsOutputs:
        """Register new names, and correct descriptions; what is no member any more stays."""
        _register(inputs)
        return _NOTHING

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Keep every model: an update removes nothing that a training has made."""


def _mlflow(inputs: RegisteredModelsInputs) -> MlflowTracker:
    """Return the MLflow that a resource is on."""
    return mlflow_at(inputs.mlflow, inputs.secrets, inputs.credentials)


def _register(inputs: RegisteredModelsInputs) -> None:
    """Make the names that aren't there, and give each its description."""
    mlflow = _mlflow(inputs)
    found = registered(mlflow, inputs.members)
    for name, description in inputs.members.items():
        if name in found and found[name].description == description:
            continue
        payload = {"name": name, "description": description}
        if mlflow.call("POST", "registered-models/create", payload, (_EXISTS,)) is None:
            mlflow.call("PATCH", "registered-models/update", payload)
