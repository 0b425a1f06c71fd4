"""The Environment, and the Project and state folder that it belongs to."""

from __future__ import annotations

import os
import stat
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.data_formats import KEDRO, LAKES, LIMIT, OPTIONS, SQL, format_of
from atlas.dataclass import dataclass
from atlas.project_settings import tool_atlas
from atlas.registered import DEFAULT_TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_BASE = "python:3.11-slim"
"""The image that a project's images are built on unless it names another."""
LOCAL = "local"
"""The Environment that there is without a file."""


@dataclass(frozen=True, slots=True)
class DataLocation:
    """Where a data set is, in one Environment."""

    uri: str
    format: str = ""
    credential: str = ""
    version: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    table: str = ""
    query: str = ""

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> DataLocation:
        """Build a location from JSON that the schema has accepted.

        What names a database is a secret, as a credential is.
        """
        options = {name: raw[name] for name in (*OPTIONS, LIMIT, "kedro") if name in raw}
        plain = {name: raw[name] for name in raw if name not in options}
        if raw["uri"].startswith(SQL):
            plain["credential"] = raw["uri"].removeprefix(SQL)
        return cls(**plain, options=options)

    @property
    def read_as(self) -> str:
        """The format that it is read and written in."""
        return self.format or format_of(self.uri)

    @property
    def is_sql(self) -> bool:
        """Whether it is a table or a query of a database."""
        return self.uri.startswith(SQL)

    @property
    def is_kedro(self) -> bool:
        """Whether a dataset class of Kedro's opens it."""
        return self.uri.startswith(KEDRO)

    @property
    def is_lake(self) -> bool:
        """Whether it is a table of a data lake, which is only read."""
        return self.format in LAKES


@dataclass(frozen=True, slots=True)
class Environment:
    """What differs between dev and production.

    Attributes:
        platform: name of the platform's stack; empty when `outputs` names a file.
        outputs: hand-written outputs file of a platform that Atlas didn't make.
        prefix: in front of every shared name; empty for none.
        namespace: on a Kubeflow of several users, whose; empty for the one of the platform.
        schedules: Config → flow → schedule; None for no schedule.
        resources: Config → step → resources, as written.
        alerts: Config → what of its alerts differs here; None for no alerts.
        stores: URLs of stores besides the platform's that model parts may be read from.
        notify: ``failure``, ``promotion``, ``trigger``, ``late`` → the secrets that hold the
            addresses of those who are notified.
        previews: whether rows of what runs write may be shown.
        protected: whether only releases may be deployed; `signed` ones, where that is set, too.
    """

    name: str = LOCAL
    platform: str = LOCAL
    outputs: str = ""
    targets: Mapping[str, str] = field(default_factory=lambda: DEFAULT_TARGETS)
    prefix: str = ""
    namespace: str = ""
    data: Mapping[str, DataLocation] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    protected: bool = False
    signed: bool = False
    schedules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    alerts: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    stores: tuple[str, ...] = ()
    notify: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    previews: bool = True

    @classmethod
    def parse(cls, name: str, raw: Mapping[str, Any]) -> Environment:
        """Build an Environment from JSON that the schema has accepted."""
        platform = raw.get("platform", LOCAL)
        own: dict[str, Any] = (
            {"platform": platform} if isinstance(platform, str) else {"platform": "", **platform}
        )
        plain = ("prefix", "namespace", "secrets", "schedules", "resources", "alerts", "previews")
        own |= {key: raw[key] for key in plain if key in raw}
        protected = raw.get("protected", False)
        return cls(
            name=name,
            targets={**DEFAULT_TARGETS, **raw.get("targets", {})},
            stores=tuple(url.rstrip("/") for url in raw.get("stores", ())),
            data={key: DataLocation.parse(data) for key, data in raw.get("data", {}).items()},
            protected=protected is not False,
            notify={
                event: (told,) if isinstance(told, str) else tuple(told)
                for event, told in raw.get("notify", {}).items()
            },
            signed=not isinstance(protected, bool) and protected["signed"],
            **own,
        )


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with ``[tool.atlas]`` in its pyproject.toml, or a folder that is taken for one.

    Attributes:
        root: the folder.
        state: where local state lives: the store, the platform, deployments, secrets.
        allow: packages besides the pipeline's folder that classes may come from.
        base_image: what images are built on.
        formats: modules that add artifact formats.
        backend: where Pulumi keeps the stacks of pipelines, as `pulumi login` takes it; empty for
            the state folder.
        owner: who answers for the pipelines, as Airflow's pages show it.
        id: what tells the project from others on a platform; empty where pyproject.toml has none.
        explicit: whether there is a ``[tool.atlas]``.
    """

    root: Path
    state: Path
    allow: tuple[str, ...] = ()
    base_image: str = DEFAULT_BASE
    formats: tuple[str, ...] = ()
    backend: str = ""
    id: str = ""
    owner: str = ""
    explicit: bool = True

    @property
    def is_scanned(self) -> bool:
        """Whether folders in it are scanned for Configs: a project's, whoever says that it is."""
        return self.explicit or self.environment_file(LOCAL).parent.is_dir()

    @property
    def globals_file(self) -> Path:
        """The file of what all Configs of the project are given; it need not exist."""
        return self.root / "globals.json"

    def environment_file(self, name: str) -> Path:
        """Return the file of an Environment; it need not exist."""
        return self.root / "environments" / f"{name}.json"


def find_project(path: Path | None = None) -> Project:
    """Return the project that a path is in; without one, a folder with default settings.

    That is the working directory, if it has ``environments`` and the path is below it; else the
    pipeline's own folder. A pyproject.toml above the path counts where it is root's, this user's or
    of whoever the path is: in ``/tmp``, anybody may put one.

    Args:
        path: a file or folder; the working directory by default.

    Raises:
        DocumentError: a pyproject.toml on the way can't be read, or its ``[tool.atlas]`` is wrong.
    """
    start = Path(os.path.realpath(path or Path()))
    for folder in (start, *start.parents):
        if _is_strangers(folder / "pyproject.toml", start):
            continue
        table = tool_atlas(folder / "pyproject.toml")
        if table is not None:
            return _project(folder, table)
    root = start if start.is_dir() else start.parent
    root = root.parent if root.name == "configs" else root
    here = Path.cwd()
    if root.is_relative_to(here) and (here / "environments").is_dir():
        root = here
    return Project(root=root, state=_state_without_project(), explicit=False)


def _is_strangers(file: Path, start: Path) -> bool:
    """Tell whether a file that was not named belongs to another user than root and the path's."""
    try:
        owner = file.stat().st_uid
        return owner not in (0, os.geteuid()) and owner != start.stat().st_uid
    except OSError:
        return False


def state_folder(path: Path | None = None) -> Path:
    """Return the state folder that commands on a path use: absolute, perhaps not there yet."""
    return find_project(path).state


def _project(root: Path, table: Mapping[str, Any]) -> Project:
    chosen = os.environ.get("ATLAS_STATE")
    return Project(
        root=root,
        state=Path(chosen or root / table.get("state", ".atlas")).resolve(),
        allow=tuple(table.get("allow", ())),
        base_image=table.get("base-image", DEFAULT_BASE),
        formats=tuple(table.get("formats", ())),
        backend=table.get("backend", ""),
        id=table.get("id", ""),
        owner=table.get("owner", ""),
    )


def _state_without_project() -> Path:
    chosen = os.environ.get("ATLAS_STATE")
    if chosen:
        return Path(chosen).resolve()
    here = Path.cwd()
    folders = (folder / ".atlas" for folder in (here, *here.parents))
    return next((state for state in folders if _is_own(state)), here / ".atlas")


def _is_own(state: Path) -> bool:
    """Tell whether there is a state folder of this user's: others may make folders in ``/tmp``."""
    try:
        status = state.lstat()
        return stat.S_ISDIR(status.st_mode) and files.may_use(status, state.parent)
    except OSError:
        return False
