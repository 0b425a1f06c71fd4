"""Amazon's registry: a login for the account that is found; repositories, which a push needs."""

from __future__ import annotations

import re
from typing import Any

from atlas.errors import PlatformError

_HOST = re.compile(r"(\d+)\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
HINT = "`aws sts get-caller-identity` shows the account that is found; it has to be allowed to push"
"""What to do where Amazon's registry refuses."""


def is_amazon(host: str) -> bool:
    """Tell whether a registry is one of Amazon's."""
    return _HOST.fullmatch(host) is not None


def login(host: str) -> str:
    """Return user and password for Amazon's registry, as HTTP's basic authentication has them.

    Returns:
        Nothing where no account is found, or it has no right to log in.
    """
    try:
        answer = _client(host).get_authorization_token()
        return str(answer["authorizationData"][0]["authorizationToken"])
    except (ImportError, LookupError):
        return ""
    except _errors():
        return ""


def have_repository(host: str, repository: str) -> None:
    """Make a repository unless it is there: Amazon's registry makes none by a push.

    Raises:
        PlatformError: I206, the account may not do so.
    """
    client = _client(host)
    try:
        client.create_repository(repositoryName=repository)
    except client.exceptions.RepositoryAlreadyExistsException:
        return
    except _errors() as error:
        what = f"registry {host}: repository {repository} can't be made: {error}"
        raise PlatformError(f"{what}; {HINT}", code="I206") from None


def _client(host: str) -> Any:
    """Return a client for the region of a registry."""
    from botocore.session import get_session

    match = _HOST.fullmatch(host)
    return get_session().create_client("ecr", region_name=match[2] if match else None)


def _errors() -> tuple[type[Exception], ...]:
    """Return what a client raises; nothing without botocore."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return ()
    return (BotoCoreError, ClientError)
