"""Namespaces of one's own: a network that is a loopback alone, mounts, and processes.

What Kubeflow and Argo listen on they listen on in all interfaces, at fixed ports, and they look for
services by name and for accounts in fixed folders. In namespaces all of that is theirs alone: there
is a loopback and nothing else, ``/run`` and ``/etc/hosts`` are their own, and the kernel ends every
process with the first one, however that ends. Nothing of the machine is touched, nothing is left.

It needs Linux and root, or a kernel that lets everybody have namespaces.
``python -m atlas_provider.cluster.apart COMMAND …`` runs one command so, to its end.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INSIDE = "APART"
"""The variable that is set for a command in namespaces of its own."""
SERVICES = (
    "metadata-grpc-service", "minio-service", "ml-pipeline", "mysql", "seaweedfs",
)  # fmt: skip
"""Kubernetes services that Kubeflow's programs look for by name."""
DOMAINS = ("", ".kubeflow", ".kubeflow.svc", ".kubeflow.svc.cluster.local")
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def hosts() -> str:
    """Return the names that there are."""
    names = [f"{service}{domain}" for service in SERVICES for domain in DOMAINS]
    return f"127.0.0.1 localhost {socket.gethostname()} {' '.join(names)}\n"


def command(arguments: Sequence[str]) -> list[str]:
    """Return a command that runs another one in namespaces of its own.

    Raises:
        OSError: this system has no namespaces.
    """
    program = shutil.which("unshare")
    if program is None:
        raise OSError("no unshare on PATH: found no util-linux, expected Linux with it")
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    apart = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [program, *as_root, *apart, *arguments]


def furnish() -> None:
    """Make what is in new namespaces, from inside: a loopback that is up, ``/run``, and names."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", answer, 16)
        request = struct.pack("16sh14x", b"lo", flags | _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
    for place in ("/run", "/var/run"):
        if not Path(place).is_symlink():
            _mount("-t", "tmpfs", "-o", "mode=755", "run", place)
    own = Path("/run/hosts")
    own.write_text(hosts(), "utf-8")
    _mount("--bind", str(own), "/etc/hosts")


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)  # noqa: S603, S607 - the system's own program


def main(arguments: Sequence[str]) -> int:
    """Run a command in namespaces of its own; return its exit code.

    The first process in them only waits for the command, and takes what loses its parent.
    """
    if arguments[:1] != ["--inside"]:
        inside = [sys.executable, "-m", __spec__.name, "--inside", *arguments]
        line = command(inside)
        os.execvp(line[0], line)  # noqa: S606 - no shell
    furnish()
    child = subprocess.Popen([*arguments[1:]], env={**os.environ, INSIDE: "1"})  # noqa: S603
    while True:
        try:
            ended, status = os.wait()
        except KeyboardInterrupt:
            continue
        if ended == child.pid:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
