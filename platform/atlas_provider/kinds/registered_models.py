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
from atlas.tracking.owned import owner_tags
from atlas_provider.models import mlflow_at, registered, require_ours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.kinds.protocol import OperationContext
    from atlas.tracking.mlflow import MlflowTracker

_EXISTS = "RESOURCE_ALREADY_EXISTS"


@properties
class RegisteredModelsInputs:
    """Names of models in MLflow; one that Atlas has made already is kept with its versions.

    The update fails when MLflow doesn't answer, refuses a name, or has a model of that name that
    Atlas didn't make (D019). Deleting keeps models and versions.
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
        """Register the names; one that Atlas has made already is kept with its versions."""
        _register(inputs, ())
        return inputs.owner, _NOTHING

    def read(self, identity: str, state: _State, context: OperationContext) -> _State | None:
        """Return the names that MLflow has.

        One that doesn't answer, perhaps because it has another address now, changes nothing of what
        is known: an update finds out at the address that it is given.
        """
        inputs = state.inputs
        try:
            models = registered(_mlflow(inputs), inputs.members)
        except PlatformError:
            return state
        members = {name: models[name].description for name in inputs.members if name in models}
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
        models = registered(_mlflow(inputs), names)
        if not models:
            raise imports.nothing(identity, f"model {' or '.join(names)}", inputs.mlflow)
        members = {name: model.description for name, model in models.items()}
        return FoundResource(inputs.owner, State(replace(inputs, members=members), _NOTHING))

    def update(
        self,
        identity: str,
        state: _State,
        inputs: RegisteredModelsInputs,
        context: OperationContext,
    ) -> RegisteredModelsOutputs:
        """Register new names, and correct descriptions; what isn't a member any more stays."""
        _register(inputs, state.inputs.members)
        return _NOTHING

    def delete(self, identity: str, state: _State, context: OperationContext) -> None:
        """Keep every model: an update removes nothing that a training has made."""


def _mlflow(inputs: RegisteredModelsInputs) -> MlflowTracker:
    """Return the MLflow that a resource is on."""
    return mlflow_at(inputs.mlflow, inputs.secrets, inputs.credentials)


def _register(inputs: RegisteredModelsInputs, known: Iterable[str]) -> None:
    """Make the names that aren't there, and give each its description.

    Args:
        inputs: of the resource.
        known: names that are the resource's already.

    Raises:
        DeployError: D019, others have made a model of one of the names; nothing is made then.
    """
    mlflow = _mlflow(inputs)
    models = registered(mlflow, inputs.members)
    require_ours(mlflow, models, inputs.members.keys() - {*known})
    for name, description in inputs.members.items():
        if name not in models:
            _make(mlflow, name, description, inputs.owner)
        elif models[name].description != description:
            _describe(mlflow, name, description)


def _make(mlflow: MlflowTracker, name: str, description: str, owner: str) -> None:
    """Make a model; who else has made it meanwhile must be Atlas."""
    payload = {"name": name, "description": description, "tags": owner_tags(owner)}
    if mlflow.call("POST", "registered-models/create", payload, (_EXISTS,)) is None:
        require_ours(mlflow, registered(mlflow, [name]), [name])
        _describe(mlflow, name, description)


def _describe(mlflow: MlflowTracker, name: str, description: str) -> None:
    payload = {"name": name, "description": description}
    mlflow.call("PATCH", "registered-models/update", payload)
