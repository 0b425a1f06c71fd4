"""Making a release: the objects, then the remote, then this repository.

Nothing is visible before the remote has taken tag and branch together; with no remote, before this
repository has. So of two who release at once one gets the number, and after a crash the repeat
finds what was done: a release that pins the same is completed, not made again. The work tree, the
index and the head are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas.git import remote as remotes
from atlas.git import repository, trees
from atlas_deploy.releases import lock as locks
from atlas_deploy.releases import signing
from atlas_deploy.releases.refs import (
    PATTERNS,
    Refs,
    here_refs,
    of_config,
    require_same,
    tag_ref,
)
from atlas_deploy.releases.tags import branch_of, name_of, not_a_release, read_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from atlas.git.remote import GitRemote
    from atlas_deploy.releases.lock import ReleaseLock
    from atlas_deploy.releases.tags import Release

_TRIES = 20
MADE, COMPLETED, THERE, PLANNED = "made", "completed", "there", "planned"


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What is to be released, and how.

    Attributes:
        top: the repository's top.
        lock: what is pinned; its name's number is chosen here.
        message: the tag's message; empty for one that says what is released.
        key: key that signs the tag; empty for no signature.
        remote: where it is pushed; None for nowhere.
        skips_tags: whether tags that aren't releases, or were moved, are left alone.
    """

    top: Path
    lock: ReleaseLock
    message: str = ""
    key: str = ""
    remote: GitRemote | None = None
    skips_tags: bool = False


@dataclass(frozen=True, slots=True)
class WrittenRelease:
    """A release that there is now.

    Attributes:
        release: the release.
        action: ``made``, ``completed`` or ``there``, when nothing was left to do.
        pushed: the remote that has it; empty for none.
    """

    release: Release
    action: str
    pushed: str


def planned(request: ReleaseRequest) -> tuple[ReleaseLock, str]:
    """Return the lock that `write` would write, and what it would do; no ref is written.

    Raises:
        DeployError: as `write`.
    """
    known = refs(request)
    last = _last(request, known)
    if last is not None and last.lock.is_same_but_for_name(request.lock):
        return last.lock, THERE
    return replace(request.lock, release=_next_name(request, known)), PLANNED


def _next_name(request: ReleaseRequest, known: Refs) -> str:
    return name_of(request.lock.config, (known.numbers[-1] if known.numbers else 0) + 1)


def write(request: ReleaseRequest, say: Callable[[str], None]) -> WrittenRelease:
    """Make a release, or complete the last one, where it pins the same.

    Raises:
        DeployError: L006 or L007, there is a tag that isn't what it should be; L010, the remote
            doesn't take it; L015, it can't be signed.
    """
    for _ in range(_TRIES):
        known = refs(request)
        last = _last(request, known)
        if last is not None and last.lock.is_same_but_for_name(request.lock):
            return _complete(request, known, last)
        name = _next_name(request, known)
        made = _made(request, name)
        if made is not None:
            return made
        say(f"{name}: somebody else has just taken this number; taking the next one")
    raise _not_pushed(request, f"{_TRIES} numbers in a row were taken by others")


def refs(request: ReleaseRequest) -> Refs:
    """Return the refs of a Config's releases, here and on the remote.

    Raises:
        DeployError: L010, the remote can't be asked.
    """
    config, top = request.lock.config, request.top
    there = None
    if request.remote is not None:
        answer = remotes.remote_refs(top, request.remote, PATTERNS)
        if not answer.ok:
            raise _not_pushed(request, f"it can't be asked: {answer.error}")
        there = of_config(remotes.parsed_refs(answer), config)
    return Refs(of_config(here_refs(top), config), there)


def _last(request: ReleaseRequest, known: Refs) -> Release | None:
    """Return the Config's last release, wherever it is; None for none.

    Raises:
        DeployError: a tag isn't a release's, or was moved.
    """
    names = [name_of(request.lock.config, number) for number in reversed(known.numbers)]
    tagged = [name for name in names if known.tag(name)]
    for name in tagged:
        try:
            require_same(known, name)
            return _read(request, name, known.tag(name))
        except DeployError as error:
            if not request.skips_tags or error.code not in ("L006", "L007"):
                raise
    return None


def _read(request: ReleaseRequest, name: str, tag: str) -> Release:
    """Read a release, which is fetched where only the remote has it."""
    if not trees.has_object(request.top, tag) and request.remote is not None:
        fetched = remotes.fetch(request.top, request.remote, [tag_ref(name)])
        if not fetched.ok:
            raise _not_pushed(request, f"tag {name} can't be fetched: {fetched.error}")
    return read_tag(request.top, name, tag)


def _complete(request: ReleaseRequest, known: Refs, last: Release) -> WrittenRelease:
    """Do what is missing of a release: on the remote, then here."""
    objects = {tag_ref(last.name): last.tag, branch_of(last.name): last.commit}
    action = THERE
    if known.there is not None:
        missing = {ref: id_ for ref, id_ in objects.items() if ref not in known.there}
        if missing:
            pushed = remotes.push_new(request.top, request.remote, missing)  # type: ignore[arg-type]
            if not pushed.ok:
                raise _not_pushed(request, pushed.error)
            action = COMPLETED
    missing = {ref: id_ for ref, id_ in objects.items() if ref not in known.here}
    if missing:
        _create(request, last.name, missing)
        action = COMPLETED
    return WrittenRelease(last, action, request.remote.name if request.remote else "")


def _made(request: ReleaseRequest, name: str) -> WrittenRelease | None:
    """Make a release of a name; None where somebody else has taken the name meanwhile."""
    commit, tag = _objects(request, name)
    objects = {branch_of(name): commit, tag_ref(name): tag}
    if request.remote is not None:
        pushed = remotes.push_new(request.top, request.remote, objects)
        if pushed.taken:
            return None
        if not pushed.ok:
            raise _not_pushed(request, pushed.error)
        _create(request, name, objects)
    elif not repository.create_refs(request.top, objects).ok:
        if tag_ref(name) in here_refs(request.top):
            return None
        _create(request, name, objects)
    release = read_tag(request.top, name, tag)
    return WrittenRelease(release, MADE, request.remote.name if request.remote else "")


def _objects(request: ReleaseRequest, name: str) -> tuple[str, str]:
    """Write the commit and the tag of a release, which no ref points at; return their ids."""
    lock = replace(request.lock, release=name)
    message = f"Release {name} of commit {lock.commit}\n"
    files = {locks.FILE: lock.text.encode()}
    commit = trees.commit_with(request.top, lock.commit, files, message)
    if not commit.ok:
        raise _not_written(request, commit.error)
    who = repository.committer(request.top)
    if not who.ok:
        raise _not_written(request, who.error)
    text = "\n".join([*(request.message or _summary(lock)).strip().splitlines(), ""])
    head = f"object {commit.text}\ntype commit\ntag {name}\ntagger {who.text}\n\n"
    payload = f"{head}{text}"
    signature = signing.sign(payload, request.key) if request.key else ""
    tag = repository.add_tag(
        request.top, f"{payload}{signature}".encode("utf-8", "surrogateescape")
    )
    if not tag.ok:
        raise _not_written(request, tag.error)
    return commit.text, tag.text


def _summary(lock: ReleaseLock) -> str:
    """Return the message of a release of which nobody has said anything."""
    return "\n".join([f"Release of {lock.config}, commit {lock.commit[:12]}", "", *_pins(lock)])


def _pins(lock: ReleaseLock) -> Iterator[str]:
    yield f"environments: {', '.join(sorted(lock.plans))}"
    for pipeline, model in sorted(lock.models.items())[:20]:
        yield f"model of {pipeline}: {model.name} version {model.version}"


def _create(request: ReleaseRequest, name: str, refs_: Mapping[str, str]) -> None:
    created = repository.create_refs(request.top, refs_)
    there = here_refs(request.top)
    if not created.ok and any(ref not in there for ref in refs_):
        raise _not_written(request, created.error)
    if there.get(tag_ref(name)) != refs_.get(tag_ref(name), there.get(tag_ref(name))):
        raise not_a_release(name, "another tag of this name was made here meanwhile")


def _not_written(request: ReleaseRequest, error: str) -> DeployError:
    return DeployError(
        f"{request.top}: git can't write the release: {error}; expected a repository that you may "
        "write, and user.name and user.email in git's configuration",
        code="L001",
    )


def _not_pushed(request: ReleaseRequest, error: str) -> DeployError:
    name = request.remote.name if request.remote else "the repository"
    return DeployError(
        f"{name}: doesn't take the release: {error}; nothing is released; mend that and repeat, "
        "or release with --no-push and push tag and branch yourself",
        code="L010",
    )
