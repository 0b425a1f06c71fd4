"""Deployments as an update leaves them, without the engine: members, state, record, fingerprint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from atlas.kinds.protocol import OperationContext
from atlas.store import open_location
from atlas_deploy.apply.prepare import write
from atlas_deploy.desired.bundle import Part, compile_bundle
from atlas_deploy.desired.deployment import PROJECT, Deployment
from atlas_deploy.history import fingerprints, ownership, records
from atlas_deploy.history.records import Record
from atlas_deploy.platforms.services import services_of
from atlas_deploy.stacks.keeping import Files
from atlas_provider.kinds import KINDS


def lay_down(deployments: Sequence[Deployment]) -> None:
    """Make what these deployments are made of, by the provider itself, and write their state."""
    for deployment in deployments:
        services = services_of(deployment.project, deployment.environment)
        bundle = compile_bundle(deployment, services)
        write(bundle)
        ownership.take(deployment, services, bundle.parts)
        write_state(deployment, bundle.parts)
        record = Record.of(bundle.parts)
        records.add(open_location(services.store), deployment.stack, records.DEPLOY, record)
        fingerprints.remember(services.store, deployment.stack, bundle.fingerprint)


def write_state(deployment: Deployment, parts: Sequence[Part]) -> None:
    """Make the resources of a deployment by the provider itself, and write them as its state."""
    raw = []
    for part in parts:
        token, inputs = f"atlas:index:{part.kind}", dict(part.inputs)
        identity, outputs = KINDS[token].create(inputs, OperationContext(part.name))
        urn = f"urn:pulumi:{deployment.stack}::{PROJECT}::{token}::{part.name}"
        state = {**inputs, **outputs}
        raw.append(
            {
                "urn": urn,
                "type": token,
                "custom": True,
                "id": identity,
                "inputs": inputs,
                "outputs": state,
            }
        )
    file = Files(Path(deployment.backend.folder) / ".pulumi").file(PROJECT, deployment.stack)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": raw}}}))
