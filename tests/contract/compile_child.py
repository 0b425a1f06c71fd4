"""Runs in a process of its own: compile a project or Plans, and print a digest of every file.

Arguments: ``project FOLDER`` or ``plans FILE`` (a JSON list), then a JSON object with image
references by name, then names of targets.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from tests.contract.flavours import compilers


def main(kind, place, images, *targets):
    """Print target, file and sha256 of everything that the Plans compile to."""
    references = json.loads(images)
    plans = PLANS[kind](Path(place))
    found = {}
    for name, target in compilers(targets):
        for plan in plans:
            if not any(one.severity == "error" for one in target.problems(plan)):
                for file, content in target.compile(plan, references).items():
                    found[f"{name} {file}"] = hashlib.sha256(content).hexdigest()
    print(json.dumps(found, sort_keys=True))


def of_project(folder):
    """Resolve the Plans of a project's documents."""
    from atlas.plan import resolve

    return [plan for one in resolve(folder, environment="pods") for plan in one.plans.values()]


def of_plans(file):
    """Read Plans that were resolved before."""
    from atlas.plan.model import Plan

    return [Plan.from_json(raw) for raw in json.loads(file.read_text("utf-8"))]


PLANS = {"project": of_project, "plans": of_plans}

if __name__ == "__main__":
    main(*sys.argv[1:])
