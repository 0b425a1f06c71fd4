"""`atlas card`: what there is to say of a model version, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas.cards import ModelCard


def card(
    thing: Annotated[
        str, typer.Argument(metavar="MODEL|PATH", help="A model, or the pipeline that makes it.")
    ] = ".",
    *,
    version: Annotated[
        str, typer.Option("--version", help="Its number, or an alias such as champion.")
    ] = "champion",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the page there, too.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Only HTML in --out.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Only Markdown in --out.")] = False,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Make the card of a model version, and attach it to the version.

    What it is for comes from the card of the Config, the rest from what is recorded.
    """
    from atlas.cards import attach_card
    from atlas_deploy.training.cards import cards_of

    if (html or md) and out is None:
        raise typer.BadParameter("goes with --out", param_hint="--html" if html else "--md")
    written: list[dict[str, Any]] = []
    with cards_of(thing, version, env) as (models, cards):
        for made in cards:
            place = attach_card(models.store, models.registry, made)
            files = _write(made, out, html=html or not md, md=md or not html) if out else []
            written.append({**made.to_json(), "page": place, "files": files})
    lines = [
        f"{made['model']}: card of version {made['version']}: {place}"
        for made in written
        for place in (made["files"] or [made["page"]])
    ]
    emit(written, "\n".join(lines), as_json=as_json)


def _write(card: ModelCard, folder: Path, *, html: bool, md: bool) -> list[str]:
    """Write a card's files, and return their paths.

    Raises:
        AtlasError: they can't be written.
    """
    from atlas.cards import html as page
    from atlas.cards import markdown
    from atlas.errors import AtlasError

    contents = {".html": page(card) if html else "", ".md": markdown(card) if md else ""}
    paths = {folder / f"{card.model}-{card.version}{end}": t for end, t in contents.items() if t}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            path.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise AtlasError(f"{folder}: {error.strerror}; expected a folder to write to") from None
    return [str(path) for path in paths]
