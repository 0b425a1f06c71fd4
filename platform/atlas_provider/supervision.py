"""One supervisord for each platform folder: started with its first program, ended with its last.

Everything of it lives in the folder: its configuration, its socket (0600), its log. It starts
nothing by itself, neither at its own start nor after a crash: a program runs because its resource
says so, and a dead one is seen by the resource's read.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xmlrpc.client import Fault, ServerProxy

from atlas import files
from atlas.errors import PlatformError
from atlas.processes import find
from atlas_provider import launch, procfs
from atlas_provider.launch import passed_environment
from atlas_provider.unixrpc import CALL_SECONDS, UNREACHABLE, UnixTransport, short_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.processes import ProcessIdentity

_START_SECONDS = 15.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_ASK_SECONDS, _BUSY_SECONDS = 2.0, 60.0
"""How long supervisord may take to say that it is there; and how long, while its process lives."""
_SIGNALLED = -1
_RUNNING = ("STARTING", "RUNNING")
_SOCKET, _CONFIG, _PID, _LOG = (
    "supervisord.sock",
    "supervisord.conf",
    "supervisord.pid",
    "supervisord.log",
)
# A socket's path may have 107 characters; through /proc it is short however long the folder's is.
_SERVER_CONFIG = f"""\
[unix_http_server]
file={{here}}/{_SOCKET}
chmod=0600

[supervisord]
pidfile={_PID}
logfile={_LOG}
logfile_maxbytes=5MB
logfile_backups=1
childlogdir=log
umask=077
minfds=256
minprocs=1

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files=programs/*.conf
"""
_PROGRAM_CONFIG = """\
[program:{name}]
command={command}
autostart=false
autorestart=false
startsecs=0
startretries=0
stopsignal={signal}
stopwaitsecs={grace}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=log/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=1
"""
_threads = threading.Lock()


class Supervisor:
    """The supervisord of one platform folder; it needs not be running."""

    def __init__(self, folder: Path) -> None:
        """Take the platform's folder, ``<state>/platform/<stack>``."""
        self.folder = folder

    def is_running(self) -> bool:
        """Tell whether it answers."""
        return self._answers()

    def start(self, name: str, specification: Path, stop_signal: str, grace: float) -> None:
        """Start a program; start supervisord first when it isn't running.

        Args:
            name: the program's name.
            specification: the file that `launch` reads.
            stop_signal: the signal that asks the program to end (``TERM``, ``INT``).
            grace: seconds it may take to end.
        """
        text = _PROGRAM_CONFIG.format(
            name=name,
            command=shlex.join(launch.command(specification)).replace("%", "%%"),
            signal=stop_signal,
            grace=max(1, round(grace)),
        )
        with self._locked():
            files.write(self._program_file(name), text)
            self._ensure()
            self._reload(name)
        self._call("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Stop a program and its process group; it is no error when it doesn't run."""
        with suppress(Fault):
            if self.pid(name) is not None:
                self._call("stopProcess", name, True)

    def remove(self, name: str) -> None:
        """Forget a stopped program; shut supervisord down with the last one."""
        with self._locked():
            files.remove(self._program_file(name))
            if self._answers():
                with suppress(Fault):
                    self._call("removeProcessGroup", name)
            if not any(self.folder.glob("programs/*.conf")):
                self._shut_down()

    def pid(self, name: str) -> int | None:
        """Return the pid of a program; None when it doesn't run."""
        info = self._info(name)
        return info["pid"] if info.get("statename") in _RUNNING else None

    def is_there(self, name: str) -> bool:
        """Tell whether a program runs, or is being stopped."""
        return self._info(name).get("statename") in (*_RUNNING, "STOPPING")

    def dead(self) -> list[str]:
        """Return the programs that were started and don't run, sorted; all, without supervisord."""
        names = sorted(path.stem for path in self.folder.glob("programs/*.conf"))
        if not names:
            return []
        try:
            found = self._ask("getAllProcessInfo")
        except UNREACHABLE:
            return names
        running = {one["name"] for one in found if one["statename"] in _RUNNING}
        return [name for name in names if name not in running]

    def outcome(self, name: str) -> str:
        """Return how a program ended, in words."""
        info = self._info(name)
        if not info:
            return "not known to supervisor"
        error, status = str(info["spawnerr"]), info["exitstatus"]
        if error and not error.startswith("Bad exit code"):
            return error
        return "killed by a signal" if status == _SIGNALLED else f"exited with status {status}"

    def shut_down(self) -> None:
        """Stop every program and supervisord itself."""
        with self._locked():
            for path in self.folder.glob("programs/*.conf"):
                files.remove(path)
            self._shut_down()

    def log(self, name: str) -> Path:
        """Return where a program's output goes."""
        return self.folder / "log" / f"{name}.log"

    def _info(self, name: str) -> dict[str, Any]:
        """Return what supervisord says of a program; nothing when either isn't there."""
        try:
            return dict(self._ask("getProcessInfo", name))
        except UNREACHABLE:
            return {}

    def _program_file(self, name: str) -> Path:
        """Return the configuration file of a program."""
        return self.folder / "programs" / f"{name}.conf"

    def _reload(self, name: str) -> None:
        """Make supervisord take a program's present configuration."""
        with suppress(Fault):
            self._call("removeProcessGroup", name)
        self._call("reloadConfig")
        with suppress(Fault):
            self._call("addProcessGroup", name)

    def _ensure(self) -> None:
        """Start supervisord, unless it answers."""
        if self._answers():
            return
        self._clear()
        files.make_folder(self.folder / "log")
        files.make_folder(self.folder / "tmp")
        here = "/proc/self/cwd" if Path("/proc/self/cwd").exists() else str(self.folder)
        files.write(self.folder / _CONFIG, _SERVER_CONFIG.format(here=here))
        started = subprocess.run(  # noqa: S603 - supervisor's own program; it becomes a daemon
            [sys.executable, "-m", "supervisor.supervisord", "-c", _CONFIG],
            cwd=self.folder,
            env={**passed_environment(), "TMPDIR": str(self.folder / "tmp")},
            stdin=subprocess.DEVNULL,
            umask=0o077,
            capture_output=True,
            text=True,
            check=False,
        )
        if started.returncode != 0:
            said = (started.stderr or started.stdout).strip()
            raise PlatformError(f"{self.folder}: supervisor doesn't start: {said}")
        self._await_start()

    def _await_start(self) -> None:
        """Wait until supervisord answers."""
        end = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > end:
                raise PlatformError(f"{self.folder}: supervisor doesn't answer; see {_LOG} there")
            time.sleep(_POLL_SECONDS)

    def _shut_down(self) -> None:
        """Shut supervisord down with all that it runs, and remove its files."""
        process = self._process()
        if process is None:
            self._clear()
        else:
            with suppress(*UNREACHABLE):
                self._call("shutdown")
            _await_end(process)
        for name in (_SOCKET, _PID, _CONFIG, _LOG, f"{_LOG}.1"):
            files.remove(self.folder / name)
        files.remove_empty(self.folder / "programs")
        files.remove_empty(self.folder / "tmp")

    def _process(self) -> ProcessIdentity | None:
        """Return supervisord's process, if it answers."""
        try:
            return find(int(self._ask("getPID")))
        except UNREACHABLE:
            return None

    def _answers(self) -> bool:
        """Tell whether supervisord answers."""
        try:
            self._ask("getPID")
        except UNREACHABLE:
            return False
        return True

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Call a method that answers at once; it may fail in any of the `UNREACHABLE` ways.

        A connection may be taken by nobody: a process that was just being started keeps the socket
        of a supervisord that was killed. So the answer is waited for only while that one lives.
        """
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return self._call(method, *arguments, seconds=_ASK_SECONDS)
            except TimeoutError:
                if self._recorded() is None or time.monotonic() > end:
                    raise

    def _recorded(self) -> ProcessIdentity | None:
        """Return the supervisord that wrote its pid to the folder, if it is alive."""
        try:
            pid = int((self.folder / _PID).read_text())
        except (OSError, ValueError):
            return None
        return find(pid) if "supervisord" in procfs.command(pid) else None

    def _clear(self) -> None:
        """End a supervisord that is there and doesn't answer, and remove its socket."""
        process = self._recorded()
        if process is not None:
            procfs.end({process}, _STOP_SECONDS)
        files.remove(self.folder / _SOCKET)

    def _call(self, method: str, *arguments: Any, seconds: float = CALL_SECONDS) -> Any:
        """Call one of supervisord's methods; it may fail in any of the `UNREACHABLE` ways."""
        with short_path(self.folder) as here:
            transport = UnixTransport(f"{here}/{_SOCKET}", seconds)
            with ServerProxy("http://localhost", transport=transport) as server:
                return getattr(server.supervisor, method)(*arguments)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one thread of one process at a time change the folder's programs."""
        files.make_folder(self.folder)
        with _threads, files.append(self.folder / ".lock") as file:
            files.lock(file, wait=True)
            yield


def _await_end(process: ProcessIdentity) -> None:
    """Wait for supervisord's end, and force it when it takes too long."""
    end = time.monotonic() + _STOP_SECONDS
    while process.is_alive and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    procfs.end({process}, 1.0)
