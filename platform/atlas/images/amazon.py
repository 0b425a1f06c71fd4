"""Amazon's registry: a login for the account that is found; repositories, which a push needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """Make a repository unless it is there, whose images are scanned when they are pushed.

    Encryption, tags and lifecycle are those of the account's template for the first part of its
    name, where there is one that may be read, such as a platform's on AWS.

    Raises:
        PlatformError: I206, the account may not do so.
    """
    client = _client(host)
    try:
        template = _template(_client(host, attempts=1), repository)
        client.create_repository(repositoryName=repository, **made_as(template))
        if lifecycle := template.get("lifecyclePolicy"):
            client.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=lifecycle)
    except client.exceptions.RepositoryAlreadyExistsException:
        return
    except _errors() as error:
        what = f"registry {host}: repository {repository} can't be made: {error}"
        raise PlatformError(f"{what}; {HINT}", code="I206") from None


def made_as(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a repository is made, given the account's template for it; empty for none."""
    found: dict[str, Any] = {"imageScanningConfiguration": {"scanOnPush": True}}
    encryption = template.get("encryptionConfiguration")
    if encryption:
        found["encryptionConfiguration"] = encryption
    if template.get("imageTagMutability") in ("MUTABLE", "IMMUTABLE"):
        found["imageTagMutability"] = template["imageTagMutability"]
    if template.get("resourceTags"):
        found["tags"] = template["resourceTags"]
    return found


def _template(client: Any, repository: str) -> Mapping[str, Any]:
    """Return the account's template for a repository; nothing where there is none to be read."""
    prefix = repository.partition("/")[0]
    try:
        answer = client.describe_repository_creation_templates(prefixes=[prefix])
    except _errors():
        return {}
    found = answer.get("repositoryCreationTemplates") or [{}]
    template: Mapping[str, Any] = found[0]
    return template


def _client(host: str, attempts: int = 5) -> Any:
    """Return a client for the region of a registry.

    Args:
        host: the registry's.
        attempts: how often it asks when there is no answer, or none that says anything.
    """
    from botocore.config import Config
    from botocore.session import get_session

    match = _HOST.fullmatch(host)
    patience = Config(retries={"total_max_attempts": attempts})
    region = match[2] if match else None
    return get_session().create_client("ecr", region_name=region, config=patience)


def _errors() -> tuple[type[Exception], ...]:
    """Return what a client raises; nothing without botocore."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return ()
    return (BotoCoreError, ClientError)
