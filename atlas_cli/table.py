"""The table of commands: section, name, where it lives, and its line of help.

`atlas --help` prints from here alone, so that it imports no command. Examples are in
`atlas_cli.examples`, which only the help of a command reads. A test holds each line of help
to the first line of the command's docstring. An attribute is a function typed for typer, or a
`typer.Typer` where the command has commands of its own.
"""

from __future__ import annotations

from typing import NamedTuple


class CommandEntry(NamedTuple):
    """One command of `atlas`.

    Attributes:
        name: what the user types.
        place: ``module:attribute``, the module below ``atlas_cli.commands``.
        help: the first line of the command's docstring.
        brief: whether it only reads, works something out and ends; or, as `run`, says itself when
            garbage is to be collected (`atlas_cli.memory`).
    """

    name: str
    place: str
    help: str
    brief: bool = False


SECTIONS: dict[str, tuple[CommandEntry, ...]] = {
    "develop": (
        CommandEntry(
            "init", "init:init", "Write a new pipeline that works, and a project around it."
        ),
        CommandEntry(
            "import",
            "import_:import_",
            "Write a first pipeline from one of Kedro, Airflow or Elyra.",
        ),
        CommandEntry("notebook", "notebook:app", "Make steps of a notebook's functions."),
        CommandEntry(
            "validate",
            "validate:validate",
            "Check Recipes and Configs, without running anything.",
            brief=True,
        ),
        CommandEntry(
            "plan",
            "plan:plan",
            "Print what would run: every reference resolved, and the digest.",
            brief=True,
        ),
        CommandEntry(
            "graph",
            "graph:graph",
            "Draw pipelines, or what changed between two versions.",
            brief=True,
        ),
        CommandEntry(
            "list",
            "list:list_",
            "List pipelines, their flows and digests; or their stacks.",
            brief=True,
        ),
        CommandEntry(
            "test",
            "test:run_tests",
            "Run pipelines' own tests, and name the steps that none touches.",
        ),
    ),
    "run": (
        CommandEntry(
            "run",
            "run:run",
            "Run pipelines on this machine: no orchestrator, cached, resumable.",
            brief=True,
        ),
        CommandEntry(
            "train",
            "train:train",
            "Train here, on Kubeflow or on Airflow: the same kind of output.",
        ),
        CommandEntry(
            "start",
            "start:start",
            "Start a deployed flow on its target now, and follow it to its end.",
        ),
        CommandEntry(
            "backfill", "backfill:backfill", "Run inference of the past, interval by interval."
        ),
        CommandEntry(
            "runs", "runs:runs", "List runs, filter, rank, compare and tag them; send what waits."
        ),
        CommandEntry(
            "logs", "logs:logs", "Print what the steps of a run have logged, wherever they ran."
        ),
        CommandEntry("show", "show:show", "Show a run's metrics and outputs, or an artifact."),
        CommandEntry("artifact", "show:artifact", "Get an artifact's file."),
        CommandEntry(
            "data", "data:data", "List data sets: where, size, version, last read by, checks."
        ),
        CommandEntry("cache", "cache:app", "Show the cache's size, or prune it."),
        CommandEntry(
            "gc", "gc:gc", "Remove old runs that nothing refers to, with what only they used."
        ),
    ),
    "deploy": (
        CommandEntry(
            "compile",
            "compile:compile_",
            "Write what Kubeflow and Airflow take: IR, DAG files.",
            brief=True,
        ),
        CommandEntry(
            "build", "build:build", "Build the images of steps and push them, each of them once."
        ),
        CommandEntry(
            "images", "images:images", "Show step images: built, deployed, and what would change."
        ),
        CommandEntry(
            "preview",
            "preview:preview",
            "Show what deploy would change, in the terms of its Recipe.",
        ),
        CommandEntry(
            "deploy",
            "deploy:deploy",
            "Deploy pipelines to Kubeflow and Airflow; twice changes nothing.",
        ),
        CommandEntry(
            "status", "status:status", "Show what is deployed, what drifted from it, its last run."
        ),
        CommandEntry(
            "release", "release:release", "Pin commit, Plans, images and models as a tag in git."
        ),
        CommandEntry(
            "rollback", "rollback:rollback", "Deploy an earlier deployment again, all of it."
        ),
        CommandEntry(
            "history",
            "history:history",
            "List a pipeline's deployments: number, when, by whom, what.",
        ),
        CommandEntry(
            "refresh", "refresh:refresh", "Read what is really there into the state, and show it."
        ),
        CommandEntry(
            "destroy",
            "destroy:destroy",
            "Remove what is deployed; models, runs and artifacts stay.",
        ),
        CommandEntry(
            "unlock",
            "unlock:unlock",
            "Break the lock of an update that ended without giving it back.",
        ),
    ),
    "models": (
        CommandEntry(
            "promote",
            "promote:promote",
            "Make a trained version the champion, if it passes its rule.",
        ),
        CommandEntry(
            "champion",
            "champion:champion",
            "Show which version is or was the champion, and check its log.",
        ),
        CommandEntry(
            "card", "card:card", "Make the card of a model version, and attach it to the version."
        ),
        CommandEntry(
            "lineage",
            "lineage:lineage",
            "Show what a thing came of and what came of it, each link checked.",
        ),
        CommandEntry(
            "reproduce",
            "reproduce:reproduce",
            "Run a model's training again, and say whether the result is equal.",
        ),
    ),
    "monitor": (
        CommandEntry(
            "monitor",
            "monitor:monitor",
            "Check champions' batches and labels: which triggers fire, and why.",
        ),
        CommandEntry(
            "retrain",
            "retrain:retrain",
            "Retrain champions for the events that ask for it, each once.",
        ),
        CommandEntry(
            "approve", "approve:approve", "Approve a retraining that waits, or decline it."
        ),
    ),
    "platform": (
        CommandEntry("up", "up:up", "Bring the platform up, or repair it, and show its services."),
        CommandEntry(
            "down",
            "down:down",
            "Take the platform down: no process or port is left; its data stay.",
        ),
        CommandEntry(
            "outputs", "outputs:outputs", "Show the platform's services and their addresses."
        ),
        CommandEntry(
            "open", "open:open_", "Open a service's page, with its user and password at hand."
        ),
        CommandEntry(
            "doctor", "doctor:doctor", "Show each tool Atlas uses, or try out a live platform."
        ),
        CommandEntry(
            "catalog",
            "catalog:catalog",
            "Write a site with every pipeline: graph, models, runs, lineage.",
        ),
    ),
}
"""The commands by the section of `atlas --help` that lists them, in its order."""

COMMANDS = tuple(entry for entries in SECTIONS.values() for entry in entries)
