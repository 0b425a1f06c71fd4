"""Options that many commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of text.")]
Environment = Annotated[
    str, typer.Option("--env", help="The environment: a file of environments/, without .json.")
]
PipelinePath = Annotated[Path, typer.Argument(help="Recipe, Config, pipeline, or folder.")]
ProjectFolder = Annotated[
    Path, typer.Option("--project", metavar="FOLDER", help="Where the project is.")
]
Flow = Annotated[str, typer.Option(help="Only this flow: training or inference.")]
Configs = Annotated[
    list[str] | None, typer.Option(help="Only the pipelines of this name, or of this Config.")
]

# Of commands that run something.
Target = Annotated[
    str, typer.Option(help="local, kubeflow or airflow; by default, what the environment says.")
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter; @FILE: those of a file."),
]
Interval = Annotated[
    str, typer.Option(metavar="A..B", help="The run's interval: from A on, before B.")
]
RunJobs = Annotated[
    int, typer.Option(min=0, help="How many at once: steps here, runs elsewhere; 0: what fits.")
]
RunId = Annotated[
    str, typer.Option("--run", help="Id of the run: to start, or to follow if it has started.")
]
RunTimeout = Annotated[
    str,
    typer.Option("--timeout", help="End what isn't over after this long, such as 90s, 30m or 2h."),
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Start the run, and leave it to the target.")
]
StepLogs = Annotated[bool, typer.Option("--logs", help="Print what steps log, too.")]
Deployed = Annotated[
    bool, typer.Option("--deployed", help="Run what is deployed, whatever the sources say.")
]
