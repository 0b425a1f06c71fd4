"""A branch of a git repository that Airflow takes DAG files from (`GitDagBundle`).

Each change is one commit, so Airflow never sees half of it. Of two deployers who push at once one
is refused, and makes its change again on top of the other's. Nothing of the repository is checked
out or executed: files are read from its objects, and commits made of them.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.git import GitOptions, ask
from atlas.git.remote import (
    GitRemote,
    fetch_branch,
    parsed_refs,
    push_next,
    remote_refs,
    would_push,
)
from atlas.git.trees import blobs, list_tree
from atlas.http.credentials import basic, read_secret
from atlas.targets.airflow.dag_bundle import PROBE, DagBundle
from atlas.uris import path_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from atlas.git import GitAnswer

_TRIES = 12
_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_BRANCH = "main"
_NEXT = "refs/atlas/next"
_NAMED = 3
_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class DagRepository(DagBundle):
    """The files at the top of a branch.

    Attributes:
        url: the repository's, as git takes it.
        branch: the branch.
        variables: what git is started with besides, such as who asks.
    """

    url: str
    branch: str
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, url: str, secrets: str = "", credentials: str = "") -> DagRepository:
        """Return the branch at a URL, ``git+https://…#branch``.

        Raises:
            PlatformError: it isn't such a URL, or the secret can't be read.
        """
        repository, _, branch = url.removeprefix("git+").partition("#")
        if repository.startswith("-") or branch.startswith("-") or ":" not in repository:
            raise PlatformError(f"dags: '{url}': expected git+https://…#branch")
        variables: dict[str, str] = {}
        if credentials:
            secret = read_secret(path_of(secrets), credentials)
            who = basic(secret["username"], secret["password"])
            # Not an argument: those can be seen by every user of the machine.
            variables = {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.{repository}.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: {who}",
            }
        return cls(repository, branch or _BRANCH, variables)

    @property
    def where(self) -> str:
        """Where it is, for messages."""
        return f"{self.url} (branch {self.branch})"

    def read(self, names: Collection[str]) -> dict[str, bytes]:
        """Return the content of the files that are there, of one commit."""
        with self._fetched() as (folder, head):
            ids = _ids(folder, head, names) if head else {}
            try:
                contents = [b"".join(pieces) for _, pieces in blobs(folder, [*ids.values()])]
            except OSError as error:
                raise self._error("can't be read", str(error)) from error
        return dict(zip(ids, contents, strict=True))

    def change(self, contents: Mapping[str, bytes | None]) -> None:
        """Commit and push a change, on top of whatever has been pushed meanwhile.

        Raises:
            PlatformError: the repository can't be reached, or refuses the push.
        """
        pause = _PAUSE
        for _ in range(_TRIES if contents else 0):
            if self._pushed(contents):
                return
            time.sleep(pause * (0.5 + os.urandom(1)[0] / 255))
            pause = min(2 * pause, _LONGEST_PAUSE)
        if contents:
            raise self._error(
                "can't be pushed", f"others pushed before it, {_TRIES} times in a row; repeat"
            )

    def probe(self) -> None:
        """Ask whether a push would be taken, and push nothing.

        Raises:
            PlatformError: the repository can't be reached, or takes no push of who asks.
        """
        with self._fetched() as (folder, head):
            stream = _stream(_author(folder), head, {PROBE: b"\n"}, ())
            self._required(ask(folder, "fast-import", "--quiet", options=GitOptions(stdin=stream)))
            commit = self._required(ask(folder, "rev-parse", _NEXT)).text
            reference = f"refs/heads/{self.branch}"
            tried = would_push(folder, self._remote, reference, commit, self.variables)
        if not tried.ok:
            raise self._error("takes no push", tried.error)

    # Within ----------------------------------------------------------------------------------

    def _pushed(self, contents: Mapping[str, bytes | None]) -> bool:
        """Commit a change and push it; False when somebody else was first.

        Raises:
            PlatformError: the repository can't be reached, or refuses the push.
        """
        with self._fetched() as (folder, head):
            commit = self._commit(folder, head, contents)
            if not commit:
                return True
            reference = f"refs/heads/{self.branch}"
            ids = head, commit
            pushed = push_next(folder, self._remote, reference, ids, self.variables)
        if not pushed.ok and not pushed.taken:
            raise self._error("can't be pushed", pushed.error)
        return pushed.ok

    def _commit(self, folder: Path, head: str, contents: Mapping[str, bytes | None]) -> str:
        """Return the commit with a change; empty where it changes nothing."""
        there = _ids(folder, head, contents) if head else {}
        stream = _stream(_author(folder), head, contents, there)
        options = GitOptions(stdin=stream, seconds=_SECONDS)
        self._required(ask(folder, "fast-import", "--quiet", options=options))
        commit = self._required(ask(folder, "rev-parse", _NEXT)).text
        revisions = [f"{one}^{{tree}}" for one in (commit, head) if one]
        trees = self._required(ask(folder, "rev-parse", *revisions)).text.split()
        is_same = trees[0] == trees[-1] if head else not any(contents.values())
        return "" if is_same else commit

    @property
    def _remote(self) -> GitRemote:
        return GitRemote("dags", self.url, self.url)

    @contextmanager
    def _fetched(self) -> Iterator[tuple[Path, str]]:
        """Give a repository with the branch's last commit, and its id; empty for no branch yet.

        Raises:
            PlatformError: the repository can't be reached.
        """
        with TemporaryDirectory(prefix="atlas-dags-") as name:
            folder = Path(name)
            self._required(ask(folder, "init", "--quiet", "--template="))
            reference = f"refs/heads/{self.branch}"
            known = remote_refs(folder, self._remote, [reference], self.variables)
            if reference not in parsed_refs(self._required(known)):
                yield folder, ""
                return
            fetched = fetch_branch(folder, self._remote, self.branch, self.variables)
            yield folder, self._required(fetched).text

    def _required(self, answer: GitAnswer) -> GitAnswer:
        if not answer.ok:
            raise self._error("can't be reached", answer.error or answer.text)
        return answer

    def _error(self, what: str, why: str) -> PlatformError:
        return PlatformError(
            f"dags: {self.where} {what}: {why or 'git says nothing more'}; expected a repository "
            "that you may read and push to, with a credential helper of git's or a secret that the "
            "platform's outputs name"
        )


def _ids(folder: Path, head: str, names: Collection[str]) -> dict[str, str]:
    """Return the objects of those files that a commit has at its top."""
    wanted = {f"{name}.py".encode(): name for name in names}
    entries = list_tree(folder, head) or ()
    return {
        wanted[one.path]: one.id for one in entries if one.path in wanted and one.kind == "blob"
    }


def _author(folder: Path) -> str:
    """Return who commits, and when: the user whom git knows, else Atlas."""
    known = ask(folder, "var", "GIT_COMMITTER_IDENT")
    return known.text if known.ok else f"Atlas <atlas@localhost> {int(time.time())} +0000"


def _stream(
    author: str, head: str, contents: Mapping[str, bytes | None], there: Collection[str]
) -> bytes:
    """Return a change as `git fast-import` reads it."""
    message = _message(contents).encode()
    parts = [f"commit {_NEXT}\ncommitter {author}\ndata {len(message)}\n".encode(), message, b"\n"]
    if head:
        parts.append(f"from {head}\n".encode())
    for name, content in contents.items():
        path = _path(name)
        if content is not None:
            parts += [f"M 100644 inline {path}\ndata {len(content)}\n".encode(), content, b"\n"]
        elif name in there:
            parts.append(f"D {path}\n".encode())
    return b"".join(parts)


def _path(name: str) -> str:
    """Return a DAG's file, where its name can't mean anything else in a stream.

    Raises:
        PlatformError: it could.
    """
    if not name.isprintable() or {'"', "/", "\\"} & {*name}:
        raise PlatformError(f"dags: {name!r} isn't a DAG's name; expected letters and digits")
    return f"{name}.py"


def _message(contents: Mapping[str, bytes | None]) -> str:
    """Return a commit's message."""
    written = sorted(name for name, content in contents.items() if content is not None)
    removed = sorted({*contents} - {*written})
    said = [f"{word} {_listed(names)}" for word, names in
            (("Deploy", written), ("Remove", removed)) if names]  # fmt: skip
    return f"{'; '.join(said)}\n"


def _listed(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
