"""`atlas notebook`: what is in a notebook, as a pipeline's code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli.options import Json
from atlas_cli.output import emit

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def notebook() -> None:
    """Make steps of a notebook's functions."""


@app.command()
def export(
    source: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="An .ipynb file.")],
    *,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The module to write.")] = Path(
        "steps.py"
    ),
    json: Json = False,
) -> None:
    """Write the functions of a notebook's cells as a module of steps.

    The notebook is read, never run, and nothing is overwritten. What could not be taken over is
    reported with its cell and line.
    """
    from atlas_import.notebook_export import export as exported
    from atlas_import.notebook_export import report, write

    module = exported(source)
    emit(*report(module, to, write(module, to)), as_json=json)
