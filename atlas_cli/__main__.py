"""The `atlas` command: its root, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated

import typer

from atlas_cli import memory
from atlas_cli.lazy import LazyGroup

app = typer.Typer(
    name="atlas",
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MACHINE = {
    **dict.fromkeys(_FULL, "free some space, or write elsewhere"),
    errno.EROFS: "make it writable; ATLAS_STATE and ATLAS_STORE choose other folders",
    errno.EACCES: "you need the right to; ATLAS_STATE and ATLAS_STORE choose other folders",
    errno.EPERM: "you need the right to; ATLAS_STATE and ATLAS_STORE choose other folders",
    errno.EMFILE: "raise the limit (ulimit -n 1024), or lower --jobs",
    errno.ENFILE: "this machine has too many files open; end other programs",
    errno.ENOMEM: "end other programs, or lower --jobs",
    errno.EAGAIN: "raise the limit of processes (ulimit -u), or lower --jobs",
    errno.EIO: "the disk or its connection is broken",
}
"""What a machine refuses, whatever Atlas does; and what to do."""


def _print_version(is_requested: bool) -> None:
    """Print the installed version and leave."""
    if is_requested:
        from importlib.metadata import version

        print(f"atlas {version('atlas-ml')}")
        raise typer.Exit


@app.callback()
def atlas(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Take a machine-learning pipeline from a notebook to production without a rewrite."""


def _explain(error: Exception) -> int:
    """Print an error that is the user's to mend, and return 1; raise again what is a bug."""
    from atlas.errors import AtlasError, DocumentError, InvalidError
    from atlas_cli.colours import painted

    if isinstance(error, OSError) and error.errno in _MACHINE:
        unnamed = "can't write: " if error.errno in _FULL else ""
        where = f"{error.filename}: " if error.filename else unnamed
        reason = os.strerror(error.errno).lower()
        print(f"error: {where}{reason}; {_MACHINE[error.errno]}", file=sys.stderr)
        return 1
    if not isinstance(error, AtlasError):
        raise error
    prefix = "" if isinstance(error, DocumentError | InvalidError) else "error: "
    print(painted(f"{prefix}{error}", sys.stderr), file=sys.stderr)
    return 1


def _status() -> int | str | None:
    """Run the app and return what the process exits with."""
    try:
        app()
    except SystemExit as end:
        return end.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        return _explain(error)
    return 0


def main() -> None:
    """Run `atlas`: exit 0 done, 1 the user's problem, 2 wrong usage, 130 interrupted."""
    memory.hold()
    try:
        code = _status()
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read us has gone (`atlas list | head -1`): nothing is wrong, and nothing can be said.
        code = 0
        _drop_output()
    except OSError as error:
        if error.errno not in _FULL:
            raise
        text = os.strerror(error.errno).lower()
        print(f"error: can't write: {text}; {_MACHINE[error.errno]}", file=sys.stderr)
        code = 1
        _drop_output()
    memory.end()
    sys.exit(code)


def _drop_output() -> None:
    """Let nobody have what stdout still holds: writing it at the end would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
