"""Commands of Atlas as messages tell them: to be pasted as they are, and to mean what is meant.

A command in a message names the PATH, the Environment and the platform's stack of the call that
prints it. A platform that Atlas didn't make is nothing that a command of Atlas could mend.
"""

from __future__ import annotations

import shlex
from dataclasses import replace

from atlas.dataclass import dataclass

_ON_CLUSTERS = ("kubernetes", "aws")
"""The targets of platforms that `atlas up` doesn't make."""
LOCAL = "local"
"""The Environment, and the platform's stack, that a command means where it names none."""
PATH, ENV, STACK = "path", "env", "stack"
_OF_PIPELINES = (PATH, ENV)
TAKES: dict[str, tuple[str, ...]] = {
    "approve": _OF_PIPELINES,
    "backfill": _OF_PIPELINES, "build": _OF_PIPELINES, "card": (ENV,),
    "catalog": _OF_PIPELINES, "champion": _OF_PIPELINES,
    "compile": _OF_PIPELINES, "data": _OF_PIPELINES,
    "deploy": _OF_PIPELINES, "destroy": _OF_PIPELINES, "down": (STACK,), "gc": _OF_PIPELINES,
    "graph": _OF_PIPELINES, "history": _OF_PIPELINES, "lineage": (ENV,), "list": _OF_PIPELINES,
    "logs": (ENV,), "show": (ENV,),
    "monitor": _OF_PIPELINES, "open": (STACK,), "outputs": (STACK,), "plan": _OF_PIPELINES,
    "preview": _OF_PIPELINES, "promote": _OF_PIPELINES, "refresh": _OF_PIPELINES,
    "release": _OF_PIPELINES, "reproduce": (ENV,), "retrain": _OF_PIPELINES,
    "rollback": _OF_PIPELINES, "run": _OF_PIPELINES, "runs": _OF_PIPELINES,
    "start": _OF_PIPELINES, "status": _OF_PIPELINES, "test": (PATH,), "train": _OF_PIPELINES,
    "unlock": _OF_PIPELINES,
    "up": (STACK,), "validate": _OF_PIPELINES,
}  # fmt: skip
"""Command → the options that a message gives it; a test holds it to what the commands take."""
_NEED_PATH = ("approve",)
"""Commands whose PATH can't be left out, for another argument follows it."""


@dataclass(frozen=True, slots=True)
class Call:
    """The call that messages are of.

    Attributes:
        path: the PATH that it was given; empty for none.
        environment: its Environment's name.
        stack: the platform's stack.
        outputs: the outputs file, where the Environment names one in place of a stack.
        target: what the platform stands on, as its outputs say; empty as long as nobody read them.
    """

    path: str = ""
    environment: str = LOCAL
    stack: str = LOCAL
    outputs: str = ""
    target: str = ""


_calls: list[Call] = [Call()]
"""The call of this process, last; of a process, and not of a thread: pools tell messages, too."""


def note_call(path: str = "", environment: str = "", stack: str = "") -> None:
    """Take note of what this process was called with."""
    _calls[:] = [Call("" if path == "." else path, environment or LOCAL, stack or LOCAL)]


def note_platform(environment: str, stack: str, outputs: str = "") -> None:
    """Take note of the Environment that is at hand, and of its platform."""
    _calls[:] = [
        replace(_calls[-1], environment=environment, stack=stack, outputs=outputs, target="")
    ]


def note_target(target: object) -> None:
    """Take note of what the platform stands on, by its outputs."""
    _calls[:] = [replace(_calls[-1], target=str(target))]


def command(name: str, *words: str, path: str = "", env: str = "", stack: str = "") -> str:
    """Return a command in backticks.

    Args:
        name: such as ``deploy``.
        words: further words, each as the command gets it: they are quoted here.
        path: the PATH; by default that of the call.
        env: the Environment; by default that of the call.
        stack: the platform's stack; by default that of the call.
    """
    call, takes = _calls[-1], TAKES.get(name, ())
    where = (path or call.path) if PATH in takes else ""
    where = where or ("." if name in _NEED_PATH else "")
    given = [where] if where else []
    given += _option("--env", env or call.environment) if ENV in takes else []
    given += _option("--stack", stack or call.stack) if STACK in takes else []
    return f"`{shlex.join(['atlas', name, *given, *words])}`"


def mention(name: str, *words: str) -> str:
    """Return a command in backticks that is spoken of, and not told to be called."""
    return f"`{shlex.join(['atlas', name, *words])}`"


def bring_up(what: str = "brings it up", stack: str = "") -> str:
    """Return how a platform is brought up or mended: by ``atlas up``, or by whoever made it.

    Args:
        what: what ``atlas up`` does.
        stack: the platform's stack; by default that of the call.
    """
    outputs = _calls[-1].outputs
    if outputs and not stack:
        return (
            "Atlas didn't make this platform: see that it runs, and that its addresses in "
            f"{outputs} are right"
        )
    if _calls[-1].target in _ON_CLUSTERS and not stack:
        return f"`pulumi up` {what}; addresses that end in .svc are reached in the cluster alone"
    return f"{command('up', stack=stack)} {what}"


def write_secret() -> str:
    """Return how a secret's file comes to be that the platform hasn't written; empty otherwise."""
    if _calls[-1].target not in _ON_CLUSTERS:
        return ""
    return (
        "write it, private to you, with what `pulumi stack output credentials --show-secrets` "
        "prints of the service"
    )


def _option(name: str, value: str) -> list[str]:
    return [name, value] if value not in ("", LOCAL) else []
