"""`atlas graph`: pipelines drawn, or two versions of one drawn as one."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Flow, Json, PipelinePath
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas.draw import Drawing

TEXT = "text"


def graph(
    path: PipelinePath = Path(),
    *,
    format: Annotated[
        str, typer.Option(help="text, mermaid, dot, svg, png or html; by default as --out ends.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="File to write in place of stdout.")] = None,
    flow: Flow = "",
    diff: Annotated[
        str, typer.Option(metavar="OTHER", help="Earlier version: a path, or a git revision.")
    ] = "",
    env: Environment = "local",
    json: Json = False,
) -> None:
    """Draw pipelines, or what changed between two versions.

    A hundred steps can still be read; families and steps that run for each of many keys are drawn
    once. PNG needs Graphviz, the other formats need nothing.
    """
    form = _format(format, out)
    drawing = _drawing(path, diff, flow, env)
    if json:
        emit(drawing.to_json(), "", as_json=True)
    elif out:
        _write(out, drawing, form)
    elif form == TEXT:
        print(_terminal_text(drawing), end="")
    else:
        _print(drawing, form)


def _format(asked: str, out: Path | None) -> str:
    """Return the format to draw in."""
    from atlas.draw import FORMATS, format_of

    form = asked or (format_of(out) if out else TEXT)
    if not form:
        raise typer.BadParameter(f"the ending of '{out}' tells no format; give --format")
    if form not in FORMATS:
        raise typer.BadParameter(f"'{form}' isn't a format; expected one of {', '.join(FORMATS)}")
    if form == "png" and not out and sys.stdout.isatty():
        raise typer.BadParameter("a terminal can't show a PNG; give --out FILE")
    return form


def _drawing(path: Path, other: str, flow: str, env: str) -> Drawing:
    """Return what is to be drawn."""
    from atlas.draw import diff_of_paths, of_path

    if not other:
        return of_path(path, environment=env, flow=flow)
    from atlas_deploy.desired.revisions import earlier

    with earlier(path, other) as place:
        return diff_of_paths(place, path, environment=env, flow=flow)


def _write(out: Path, drawing: Drawing, form: str) -> None:
    """Write a file whole or not at all."""
    from atlas.draw import drawn
    from atlas.errors import AtlasError

    content = drawn(drawing, form)
    new = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(content)
        new.replace(out)
    except OSError as error:
        raise AtlasError(
            f"{out}: can't be written: {error.strerror}; give another --out"
        ) from error
    finally:
        with suppress(OSError):
            new.unlink()


def _print(drawing: Drawing, form: str) -> None:
    """Print a drawing's bytes as a file would hold them."""
    from atlas.draw import drawn

    sys.stdout.flush()
    sys.stdout.buffer.write(drawn(drawing, form))


def _terminal_text(drawing: Drawing) -> str:
    """Return the text as this terminal, or file, can show it."""
    from atlas.draw import text

    person = sys.stdout.isatty()
    plain = not person or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    columns = shutil.get_terminal_size().columns if person else 0
    shown = text(drawing, columns=columns, colour=not plain)
    try:
        shown.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return text(drawing, columns=columns, colour=not plain, ascii_only=True)
    return shown
