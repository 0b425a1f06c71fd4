"""Options that many commands share, so that they read the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of text.")]
Environment = Annotated[
    str, typer.Option("--env", help="The environment: a file of environments/, without .json.")
]
