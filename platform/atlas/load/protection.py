"""Protected environments: nothing is deployed to them and nothing runs in them but releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.errors import DeployError

if TYPE_CHECKING:
    from atlas.environment import Environment

DEPLOYED, TRAINED, RUN, ROLLED_BACK = "deployed to", "trained in", "run in", "rolled back in"


def require_unprotected(
    environment: Environment, what: str = DEPLOYED, found: str = "the documents on disk"
) -> None:
    """Refuse what isn't of a release, where an Environment takes only releases.

    Args:
        environment: the Environment.
        what: what is asked for, as the message has it.
        found: what it isn't a release but.

    Raises:
        DeployError: L014, it takes only releases.
    """
    if not environment.protected:
        return
    other = {
        TRAINED: f"{command('train', '--deployed')} trains what is deployed",
        RUN: f"{command('train', '--deployed')} trains what is deployed",
        ROLLED_BACK: f"{command('rollback', '--release', 'NAME')} goes back to an earlier one",
    }.get(what, f"{command('deploy', '--release', 'NAME')} deploys one")
    raise DeployError(
        f"environment {environment.name}: is protected: only releases are {what} it; found "
        f"{found}, expected a release; {command('release')} makes one, and {other}",
        code="L014",
    )
