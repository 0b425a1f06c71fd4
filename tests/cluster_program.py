"""The platform's program for a cluster, run with mocks in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from infra.manifests.rendering import Manifests
from tests.official_manifests import official, rendering

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "k" * 40
PROGRAM = """
import asyncio, json, sys
import pulumi
from pulumi.runtime import mocks as mocking, rpc

seen, outputs, exported = [], [], {}
answers = json.loads(sys.argv[2])

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        known = {**dict(args.inputs), **answers.get(args.typ, {})}
        return args.name, {"arn": f"arn:aws:test:::{args.name}", **known}

    def call(self, args):
        return answers.get(args.token, {})

class Monitor(mocking.MockMonitor):
    def RegisterResource(self, request):
        seen.append({
            "type": request.type, "name": request.name, "parent": request.parent,
            "custom": request.custom, "provider": request.provider,
            "after": list(request.dependencies), "protect": request.protect,
            "gone_with": request.deletedWith,
            "ignored": list(request.ignoreChanges),
            "references": {n: list(d.urns) for n, d in request.propertyDependencies.items()},
            "secret": list(request.additionalSecretOutputs),
            "inputs": rpc.deserialize_properties(request.object, keep_unknowns=True),
        })
        return super().RegisterResource(request)

mocks = Mocks()
pulumi.runtime.set_mocks(mocks, project="atlas", stack="dev", preview=False, monitor=Monitor(mocks))
pulumi.runtime.set_all_config(json.loads(sys.argv[1]), ["atlas:secretKey"])

from infra.services import ServiceData
from infra.settings import Settings
from infra.targets import build

pulumi.export = lambda name, value: exported.update({name: value})

@pulumi.runtime.test
def declare():
    found = build(Settings.read(ServiceData.optional_names()))
    secret = pulumi.Output.from_input(exported["credentials"])
    return pulumi.Output.all(found, secret).apply(
        lambda known: outputs.extend([known[0].to_json(), known[1]])
    )

declare()

def plain(value):
    if isinstance(value, dict):
        if rpc._special_sig_key in value:
            return {"secret!": plain(value["value"])}
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value

print(json.dumps({"resources": plain(seen), "platform": outputs[0], "credentials": outputs[1]}))
"""


def declare(
    state: Path, answers: Mapping[str, object] | None = None, /, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run the program; a setting that is no text is written as Pulumi writes objects.

    Args:
        state: the state folder.
        answers: what a cloud would say, by the type of a resource or the name of a function.
        settings: the stack's configuration.
    """
    texts = {
        name.replace("_", "-"): value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }
    plain = {
        "target": "kubernetes",
        "state": str(state),
        "secretKey": KEY,
        "preflight": "false",
        **texts,
    }
    config = {f"atlas:{name}": value for name, value in plain.items() if value != "null"}
    return subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(PROGRAM),
            json.dumps(config),
            json.dumps(answers or {}),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "XDG_CACHE_HOME": str(state / "cache")},
        cwd=state,
    )


def cache(state: Path, *wanted: tuple[str, str]) -> None:
    """Put official manifests into the program's cache; skip the test where there are none."""
    manifests = Manifests(cache=state / "cache" / "atlas" / "manifests")
    for service, name in wanted:
        file = manifests._file(rendering(service, name))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(official(service, name)), "utf-8")
