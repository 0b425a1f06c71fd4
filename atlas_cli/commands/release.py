"""`atlas release`: pin what a commit's pipelines are, in git."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.commands.deploy import PathArgument, say
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas_deploy.operations.releasing import ReleaseOutcome

_SIGN = "Sign the tag: file of an SSH key, or id of a key of GnuPG."
_ALLOWED = ("dirty", "detached", "shallow", "unpushed", "tags")


def release(
    path: PathArgument = Path(),
    *,
    env: Environment = "local",
    message: Annotated[str, typer.Option("--message", "-m", help="The tag's message.")] = "",
    sign: Annotated[str, typer.Option("--sign", metavar="KEY", help=_SIGN)] = "",
    push: Annotated[
        bool, typer.Option("--push/--no-push", help="Push tag and branch, or keep them here.")
    ] = True,
    allow_dirty: Annotated[
        bool,
        typer.Option("--allow-dirty", help="Release the commit, without the changes."),
    ] = False,
    allow_detached: Annotated[
        bool, typer.Option("--allow-detached", help="Release though no branch is checked out.")
    ] = False,
    allow_shallow: Annotated[
        bool, typer.Option("--allow-shallow", help="Release from a shallow clone.")
    ] = False,
    allow_unpushed: Annotated[
        bool, typer.Option("--allow-unpushed", help="Release a commit that no remote has.")
    ] = False,
    allow_tags: Annotated[
        bool,
        typer.Option("--allow-tags", help="Go on past tags that aren't releases."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be pinned, and write nothing.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="List the releases that the repository has.")
    ] = False,
    show: Annotated[
        str, typer.Option("--show", metavar="NAME", help="Show a release and what it pins.")
    ] = "",
    json: Json = False,
) -> None:
    """Pin commit, Plans, images and models as a tag in git."""
    if list_ or show:
        _print_releases(path, show, as_json=json)
        return
    from atlas_deploy.operations.release_render import render_outcome
    from atlas_deploy.operations.releasing import ReleaseOptions
    from atlas_deploy.operations.releasing import release as make

    given = (allow_dirty, allow_detached, allow_shallow, allow_unpushed, allow_tags)
    options = ReleaseOptions(
        environment=env,
        message=message,
        key=sign,
        push=push,
        allowed=frozenset(name for name, is_given in zip(_ALLOWED, given, strict=True) if is_given),
        dry_run=dry_run,
    )
    outcomes: list[ReleaseOutcome] = make(path, options, say)
    emit(outcomes, lambda: "\n".join(map(render_outcome, outcomes)), as_json=json)


def _print_releases(path: Path, name: str, *, as_json: bool) -> None:
    """Print the releases that a repository has, or one of them."""
    from atlas_cli.output import table
    from atlas_deploy.operations.release_render import render_release, render_releases
    from atlas_deploy.releases import read, releases_of

    folder = path if path.is_dir() else path.parent
    if name:
        release_ = read(folder, name)
        emit(release_, lambda: render_release(release_), as_json=as_json)
        return
    releases = releases_of(folder)
    emit(releases, lambda: render_releases(releases, table), as_json=as_json)
