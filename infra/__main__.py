"""The platform: the stack's configuration in, its components wired, its outputs out."""

from __future__ import annotations

import sys
from pathlib import Path

# Pulumi runs this file with its folder first on the path, where `kubernetes` would hide the client.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(entry for entry in sys.path if Path(entry).resolve() != HERE)]

import pulumi  # noqa: E402

from infra.services import ServiceData  # noqa: E402
from infra.settings import Settings  # noqa: E402
from infra.targets import build  # noqa: E402

settings = Settings.read(ServiceData.optional_names())
pulumi.export("platform", build(settings).apply(lambda platform: platform.to_json()))
