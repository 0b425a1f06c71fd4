"""Ids from which `read` can start alone: what `pulumi import` and ``opts.import_`` are given.

    tumour.local/inference?outputs=/srv/recipes/.atlas/platform/local/outputs.json
    tumour.local/models?mlflow=http://127.0.0.1:5000&models=tumour

Before the ``?`` is the owner, which is the resource's id from then on. Behind it are inputs of the
resource by name, with ``%26`` for ``&``; ``outputs`` names a file with a platform's outputs, as
`atlas up` writes it and `atlas outputs --json` prints it, which gives the addresses that are left.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from atlas.advice import command
from atlas.errors import DeployError, PlatformError
from atlas.kinds.properties import properties_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.kinds.properties import Property

_OUTPUTS = "outputs"


def located(identity: str, inputs: type, more: str = "") -> dict[str, str]:
    """Return the inputs that an id for an import gives: the owner, and where its things are.

    Args:
        identity: the id.
        inputs: the class that declares the kind's inputs.
        more: name of something beside the inputs that the id has to give.

    Raises:
        DeployError: it isn't such an id, or something is missing.
        PlatformError: its file of outputs can't be read.
    """
    owner, _, query = identity.partition("?")
    declared = properties_of(inputs)
    names = {n for n, spec in declared.items() if spec.type == "string"} - {"owner"}
    given = dict(_pairs(query))
    form = _form(declared, more)
    odd = sorted({*given} - names - {_OUTPUTS, more})
    if odd or not owner:
        what = f"no input '{odd[0]}'" if odd else "no owner"
        raise DeployError(f"id '{identity}': {what} can be imported from; expected {form}")
    if _OUTPUTS in given:
        given = {**_addresses(Path(given.pop(_OUTPUTS)), names), **given}
    needed = {n for n in names if declared[n].required} | ({more} if more else set())
    missing = sorted(needed - {*given})
    if missing:
        raise DeployError(f"id '{identity}': lacks {', '.join(missing)}; expected {form}")
    return {"owner": owner, **given}


def nothing(identity: str, what: str, where: str) -> DeployError:
    """Return the error that nothing is where an id for an import says."""
    owner = identity.partition("?")[0]
    return DeployError(
        f"{owner}: has no {what} in {where}; {command('list')} shows what is deployed"
    )


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    """Return the names and values behind an id's ``?``."""
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        yield name, unquote(value).rstrip("/")


def _form(declared: Mapping[str, Property], more: str) -> str:
    """Return how an id of a kind looks."""
    names = [n for n, s in declared.items() if s.required and s.type == "string"]
    explicit = "&".join(f"{name}=…" for name in names if name != "owner")
    rest = f"&{more}=NAME,NAME" if more else ""
    return f"OWNER?{_OUTPUTS}=FILE{rest} or OWNER?{explicit}{rest}"


def _addresses(file: Path, names: set[str]) -> dict[str, str]:
    """Return the addresses that a platform's outputs give.

    Raises:
        PlatformError: the file has no outputs.
    """
    try:
        services = json.loads(file.read_text("utf-8"))["services"]
        there = {n: service for n, service in services.items() if not _is_local(service)}
        urls = {name: str(service["url"]).rstrip("/") for name, service in there.items()}
        servers = [n for n, url in urls.items() if n in names and url.startswith("http")]
        secrets = [str(there[n]["credentials"]) for n in servers if there[n].get("credentials")]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise PlatformError(
            f"{file}: no outputs of a platform can be read ({type(error).__name__}); expected what "
            f"{command('outputs', '--json')} prints"
        ) from None
    if not secrets:
        return {name: url for name, url in urls.items() if name in names - {"secrets"}}
    urls["credentials"] = secrets[0]
    return {name: url for name, url in urls.items() if name in names}


def _is_local(service: Mapping[str, Any]) -> bool:
    """Tell whether a service is one without a server, such as ``kfp.local``."""
    return str(service.get("kind", "")).endswith(".local")
