"""What a process that a target starts sets up before it works: its umask, and what it logs."""

from __future__ import annotations

import logging
import os
import re

from atlas.errors import AtlasError

_UMASK = "ATLAS_UMASK"
"""Variable with the umask (octal) of who stood the platform up: its servers' own is for theirs."""


def log_to_stderr() -> None:
    """Show what Atlas logs, and nothing else: how the rest is logged is for the step to set up."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("atlas")
    logger.setLevel(logging.INFO)
    logger.handlers, logger.propagate = [handler], False


def restore_umask() -> None:
    """Let what a step writes be as open as its user's other files; the store minds its own.

    Raises:
        AtlasError: the variable isn't a umask.
    """
    text = os.environ.get(_UMASK)
    if not text:
        return
    if not re.fullmatch("0*[0-7]{1,3}", text):
        raise AtlasError(f"{_UMASK}: found {text[:80]!r}; expected an umask in octal, such as 022")
    os.umask(int(text, 8))
