"""Why an engine's command failed, in a line and without passwords."""

from __future__ import annotations

from atlas.errors import CommandError, redacted

_CAUSES = {
    "no space left on device": "the disk is full; free some space, `podman image prune` may help",
    "unauthorized": "the registry takes other credentials",
    "authentication required": "the registry takes other credentials",
    "invalid username/password": "the registry takes other credentials",
    "denied": "permission is denied",
    "connection refused": "nothing answers there",
    "no such host": "there is no such host",
    "manifest unknown": "there is no such image",
    "name unknown": "there is no such image",
    "image not known": "there is no such image",
    "no such image": "there is no such image",
    "server gave http response to https": "it speaks http, and isn't on this machine",
}


def command_failure(command: str, output: str) -> CommandError:
    """Return the error of a command that failed: the cause in one line, and what it printed."""
    shown = redacted(output)
    return CommandError(f"{command}: {why(shown)}", shown)


def why(output: str) -> str:
    """Return the known cause of an output, with its last line; or that line alone."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = lines[-1] if lines else "it printed nothing"
    tail = "\n".join(lines[-5:]).lower()
    known = next((cause for sign, cause in _CAUSES.items() if sign in tail), "")
    return f"{known} ({last})" if known else last
