"""Pushing to a remote, fetching from it and asking it, with the user's own credentials.

What reaches a remote as the user (credential helpers, the ssh command, askpass) is taken from the
user's and the machine's configuration and from the caller's variables, never from the repository's
own configuration: that may be somebody else's. Nobody is asked on a terminal by git itself. A
remote that is a folder on this machine runs its own hooks, as with any push: they are its owner's.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.git.asking import ask, git
from atlas.git.running import GitOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from atlas.git.asking import GitAnswer

SECONDS = 180.0
"""Seconds after which talking to a remote is given up."""
_PROTOCOLS = "file:http:https:ssh"
_SCOPES = (b"system", b"global")
_KEYS = ("core.sshcommand", "core.askpass", "ssh.variant")
_VARIABLES = (
    "GIT_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_NO_VERIFY",
    "GIT_HTTP_USER_AGENT",
)
_OFF = (
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("push.recurseSubmodules", "no"),
    ("core.sshCommand", "ssh"),
    ("core.askPass", ""),
)
_FETCHED = "refs/atlas/fetched"
_REJECTED = ("[rejected]", "[remote rejected]")
_EXISTS = (
    "already exists",
    "stale info",
    "fetch first",
    "failed to update ref",
    "cannot lock ref",
    "atomic",
)


@dataclass(frozen=True, slots=True)
class GitRemote:
    """A remote of a repository.

    Attributes:
        name: its name, such as ``origin``.
        url: where it is fetched from.
        push_url: where it is pushed to.
    """

    name: str
    url: str
    push_url: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a push.

    Attributes:
        ok: whether the remote has all refs now.
        taken: whether it has another object under one of the names, so that it took none.
        error: what git or the remote said.
    """

    ok: bool
    taken: bool
    error: str


def remote_of(folder: Path, branch: str) -> GitRemote | None:
    """Return the remote that a branch follows, else ``origin``, else the first; None for none."""
    names = (git(folder, "remote") or b"").decode("utf-8", "replace").splitlines()
    followed = _text(folder, "config", "--get", f"branch.{branch}.remote") if branch else ""
    preferred = [name for name in (followed, "origin", *names[:1]) if name in names]
    if not preferred or preferred[0].startswith("-"):
        return None
    name = preferred[0]
    url = _text(folder, "remote", "get-url", name)
    return GitRemote(name, url, _text(folder, "remote", "get-url", "--push", name) or url)


def _text(folder: Path, *words: str) -> str:
    return os.fsdecode(git(folder, *words, codes=(0, 1)) or b"").rstrip("\n")


def remote_refs(
    folder: Path,
    remote: GitRemote,
    patterns: Iterable[str],
    variables: Mapping[str, str] | None = None,
) -> GitAnswer:
    """Ask a remote for its refs; `parsed_refs` reads the answer."""
    words = ("ls-remote", "--refs", "--upload-pack=git-upload-pack", "--", remote.url)
    return ask(folder, *words, *patterns, options=_options(folder, variables))


def parsed_refs(answer: GitAnswer) -> dict[str, str]:
    """Return the object of each ref that a remote has."""
    lines = (line.partition("\t") for line in answer.text.splitlines())
    return {ref: id_ for id_, _, ref in lines}


def push_new(folder: Path, remote: GitRemote, refs: Mapping[str, str]) -> Pushed:
    """Push objects under names that the remote doesn't have: all of them, or none.

    Args:
        folder: a folder in the repository.
        remote: the remote.
        refs: full name → full id of the object.
    """
    leases = [f"--force-with-lease={name}:" for name in refs]
    pairs = [f"{id_}:{name}" for name, id_ in refs.items()]
    return _push(folder, remote, leases, pairs, _options(folder))


def push_next(
    folder: Path,
    remote: GitRemote,
    name: str,
    ids: tuple[str, str],
    variables: Mapping[str, str] | None = None,
) -> Pushed:
    """Push a commit to a branch that is where it was seen.

    Args:
        folder: a folder in the repository.
        remote: the remote.
        name: the branch's full name.
        ids: full ids of the branch's commit, empty for a branch that isn't there yet, and of the
            new one, its child.
        variables: what git is started with besides.
    """
    before, after = ids
    lease = [f"--force-with-lease={name}:{before}"]
    return _push(folder, remote, lease, [f"{after}:{name}"], _options(folder, variables))


def would_push(
    folder: Path,
    remote: GitRemote,
    name: str,
    id_: str,
    variables: Mapping[str, str] | None = None,
) -> Pushed:
    """Tell whether a remote lets who asks push to it; nothing is pushed, and no hook asked."""
    return _push(folder, remote, ["--dry-run"], [f"{id_}:{name}"], _options(folder, variables))


def _push(
    folder: Path, remote: GitRemote, leases: list[str], pairs: list[str], options: GitOptions
) -> Pushed:
    words = ("push", "--atomic", "--porcelain", "--no-verify", "--receive-pack=git-receive-pack")
    answer = ask(folder, *words, *leases, "--", remote.push_url, *pairs, options=options)
    said = f"{answer.output.decode('utf-8', 'replace')} {answer.error}"
    taken = any(text in said for text in _REJECTED) and any(text in said for text in _EXISTS)
    return Pushed(answer.ok, taken and not answer.ok, answer.error or answer.text)


def fetch(folder: Path, remote: GitRemote, refs: Iterable[str]) -> GitAnswer:
    """Fetch the objects of refs; no ref is written here."""
    words = (
        "fetch",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
        "--upload-pack=git-upload-pack",
    )
    return ask(folder, *words, "--", remote.url, *refs, options=_options(folder))


def fetch_branch(
    folder: Path, remote: GitRemote, branch: str, variables: Mapping[str, str] | None = None
) -> GitAnswer:
    """Fetch the last commit of a branch, without its history; return its id."""
    words = ("fetch", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    pack = ("--no-auto-maintenance", "--upload-pack=git-upload-pack", "--", remote.url)
    pair = f"+refs/heads/{branch}:{_FETCHED}"
    fetched = ask(folder, *words, *pack, pair, options=_options(folder, variables))
    return ask(folder, "rev-parse", _FETCHED) if fetched.ok else fetched


def _options(folder: Path, more: Mapping[str, str] | None = None) -> GitOptions:
    """Return how git is started that talks to a remote."""
    variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    return GitOptions(
        config=(*_OFF, *_own(folder)),
        variables={**variables, "GIT_ALLOW_PROTOCOL": _PROTOCOLS, **(more or {})},
        seconds=SECONDS,
    )


def _own(folder: Path) -> list[tuple[str, str]]:
    """Return what the user's and the machine's configuration say of credentials, in its order."""
    listed = git(folder, "config", "--list", "--show-scope", "-z") or b""
    words = listed.split(b"\0")
    pairs = zip(words[::2], words[1::2], strict=False)
    settings = (os.fsdecode(entry).partition("\n") for scope, entry in pairs if scope in _SCOPES)
    return [
        (key, value) for key, _, value in settings if key in _KEYS or key.startswith("credential.")
    ]
