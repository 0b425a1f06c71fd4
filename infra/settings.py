"""The configuration of a stack; no other module reads it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("local", "kubernetes", "aws")
TASKS = ("process", "docker", "kubernetes")
KUBEFLOW = ("local", "cluster")
_PARALLELISM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A stack's settings.

    Attributes:
        stack: the stack's name.
        target: what the platform stands on: ``local``, ``kubernetes`` or ``aws``.
        state: the state folder, absolute.
        store: URL of the artifact store.
        python: the interpreter that services and steps run in.
        parallelism: how many tasks Airflow runs at a time.
        switched_off: the optional services that the platform goes without.
        chosen: the only services with a port that the platform has; none for all.
        tasks: how Airflow runs a step: ``process``, in a container of its image, ``docker``, or in
            a pod, ``kubernetes``.
        openlineage: URL that OpenLineage events are posted to; empty for none.
        openlineage_secret: name of the secret that opens it; empty for none.
        alertmanager_config: text of Alertmanager's configuration; empty for the one that sends
            alerts nowhere.
        kubeflow: on one machine, what it is: ``local`` for `kfp.local` alone, or ``cluster``.
        kubeflow_source: of a ``cluster``, the checkout of Kubeflow Pipelines that is built.
        umask: that of who stands the platform up, which steps write outside of it with.
    """

    stack: str
    target: str
    state: Path
    store: str
    python: str
    parallelism: int
    switched_off: frozenset[str] = frozenset()
    chosen: frozenset[str] = frozenset()
    tasks: str = TASKS[0]
    openlineage: str = ""
    openlineage_secret: str = ""
    alertmanager_config: str = ""
    kubeflow: str = KUBEFLOW[0]
    kubeflow_source: str = ""
    umask: int = 0o022

    @classmethod
    def read(cls, optional: Iterable[str] = ()) -> Settings:
        """Read the configuration of the stack that is being updated.

        Args:
            optional: names of the services that may be switched off.

        Raises:
            pulumi.RunError: the target isn't one that there is, or a value can't be right.
        """
        config = pulumi.Config("atlas")
        state = state_folder(config.get("state"), os.environ.get("ATLAS_STATE"))
        target = one_of("target", config.get("target") or TARGETS[0], TARGETS)
        return cls(
            stack=pulumi.get_stack(),
            target=target,
            state=state,
            store=config.get("store") or (state / "store").as_uri(),
            python=interpreter(),
            parallelism=number(config, "parallelism") or _PARALLELISM,
            switched_off=frozenset(n for n in optional if _is_off(config, n, target)),
            chosen=frozenset(filter(None, (config.get("services") or "").split(","))),
            tasks=one_of("tasks", config.get("tasks") or TASKS[0], TASKS),
            openlineage=address("openlineage", config.get("openlineage") or ""),
            openlineage_secret=config.get("openlineageSecret") or "",
            alertmanager_config=configuration(config.get("alertmanagerConfig")),
            kubeflow=_kubeflow(config, target),
            kubeflow_source=folder("kubeflowSource", config.get("kubeflowSource") or ""),
            umask=umask(os.environ.get("ATLAS_UMASK")),
        )

    @property
    def folder(self) -> Path:
        """Return the folder of the stack's processes."""
        return self.state / "platform" / self.stack

    @property
    def vault(self) -> Path:
        """Return the folder of the secrets."""
        return self.state / "secrets"


def _is_off(config: pulumi.Config, name: str, target: str) -> bool:
    """Tell whether a service is switched off; on a cluster it may be somebody else's as well.

    Raises:
        pulumi.RunError: on one machine, it is neither on nor off.
    """
    value = config.get(name) or "true"
    if target == TARGETS[0]:
        one_of(name, value, ("true", "false"))
    return value == "false"


def _kubeflow(config: pulumi.Config, target: str) -> str:
    """Return what Kubeflow is on one machine; on a cluster the setting may be somebody else's.

    Raises:
        pulumi.RunError: it is no such thing.
    """
    if target != TARGETS[0]:
        return KUBEFLOW[0]
    return one_of("kubeflow", config.get("kubeflow") or KUBEFLOW[0], KUBEFLOW)


def folder(key: str, value: str) -> str:
    """Return the path of a folder; a relative one would depend on who runs the program.

    Raises:
        pulumi.RunError: it is relative, or no folder.
    """
    if value and not Path(value).is_absolute():
        raise pulumi.RunError(f"atlas:{key}: found '{value}'; expected an absolute path")
    if value and not Path(value).is_dir():
        raise pulumi.RunError(f"atlas:{key}: found no folder '{value}'; expected one")
    return value


def interpreter() -> str:
    """Return this interpreter by its plain name: it may be run as ``python3`` as well."""
    plain = Path(sys.executable).with_name("python")
    return str(plain if plain.exists() else sys.executable)


def one_of(key: str, value: str, known: tuple[str, ...]) -> str:
    """Return a value of the configuration, if it is one of those that there are.

    Raises:
        pulumi.RunError: if it isn't.
    """
    if value not in known:
        raise pulumi.RunError(f"atlas:{key}: found '{value}'; expected one of {', '.join(known)}")
    return value


def number(config: pulumi.Config, key: str) -> int | None:
    """Return a setting that is a whole number of things; None where it isn't set.

    Raises:
        pulumi.RunError: it isn't a number, or less than 1.
    """
    try:
        found = config.get_int(key)
    except pulumi.ConfigTypeError:
        raise pulumi.RunError(
            f"atlas:{key}: found '{config.get(key)}'; expected a whole number, 1 or more"
        ) from None
    if found is not None and found < 1:
        raise pulumi.RunError(f"atlas:{key}: found {found}; expected 1 or more")
    return found


def switch(config: pulumi.Config, key: str) -> bool | None:
    """Return a setting that is on or off; None where it isn't set.

    Raises:
        pulumi.RunError: it is neither true nor false.
    """
    try:
        return config.get_bool(key)
    except pulumi.ConfigTypeError:
        raise pulumi.RunError(
            f"atlas:{key}: found '{config.get(key)}'; expected true or false"
        ) from None


def address(key: str, value: str) -> str:
    """Return a URL of the configuration; a user and password in it would be in outputs and logs.

    Raises:
        pulumi.RunError: it isn't an HTTP URL, or has a user.
    """
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise pulumi.RunError(f"atlas:{key}: found '{value}'; expected an http:// or https:// URL")
    if "@" in parts.netloc:
        raise pulumi.RunError(
            f"atlas:{key}: found a user in the URL; expected one without, and the user or a token "
            f"in the secret that atlas:{key}Secret names"
        )
    return value


def state_folder(configured: str | None, environment: str | None) -> Path:
    """Return the state folder: from the configuration, the environment, or beside Pulumi.yaml.

    A relative path starts from the folder of Pulumi.yaml.
    """
    return (ROOT / (configured or environment or ".atlas")).resolve()


def configuration(path: str | None) -> str:
    """Return the text of a configuration file; empty where none is named.

    Raises:
        pulumi.RunError: the path isn't absolute, or the file can't be read.
    """
    if not path:
        return ""
    file = Path(path).expanduser()
    key = "atlas:alertmanagerConfig"
    if not file.is_absolute():
        raise pulumi.RunError(f"{key}: found '{path}'; expected an absolute path")
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise pulumi.RunError(f"{key}: {path}: can't be read: {error}") from error


def umask(given: str | None) -> int:
    """Return the user's umask: the one given to the engine, or else that of this process."""
    if given:
        return int(given, 8)
    own = os.umask(0o077)
    os.umask(own)
    return own
