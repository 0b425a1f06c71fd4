"""Releases as git has them: tags, their commits, and the locks in these."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.advice import command, mention
from atlas.errors import DeployError, clean
from atlas.git.trees import read_blob, read_object
from atlas_deploy.releases import lock as locks

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_deploy.releases.lock import ReleaseLock

TAGS, BRANCHES = "refs/tags/release/", "refs/heads/releases/"
"""Where releases are: a branch of a tag's name would make that ambiguous (decision 23)."""
PREFIX = "release/"
_NUMBERED = re.compile(r"release/(?P<config>.+)-(?P<number>[1-9][0-9]{0,8})")
_HEADER = re.compile(r"object (?P<commit>[0-9a-f]{40,64})\ntype commit\ntag (?P<tag>[^\n]*)\n")
_TAGGER = re.compile(r"^tagger (?P<who>.*) (?P<time>[0-9]+) [+-][0-9]{4}$", re.MULTILINE)
_SIGNATURE = re.compile(r"^-----BEGIN (?:PGP|SSH) SIGNATURE-----", re.MULTILINE)
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Release:
    """A release.

    Attributes:
        name: ``release/<config>-<n>``.
        config: the Config's name.
        number: counts the Config's releases.
        tag: id of the tag's object.
        commit: the commit that holds the lock.
        message: the tag's message, without its signature.
        by: who made it, as git names them.
        time: when it was made, in seconds since 1970.
        signed: whether it has a signature; this says nothing about whose.
        lock: what it pins.
    """

    name: str
    config: str
    number: int
    tag: str
    commit: str
    message: str
    by: str
    time: int
    signed: bool
    lock: ReleaseLock

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {**plain, "lock": self.lock.to_json()}


@dataclass(frozen=True, slots=True)
class TagText:
    """The parts of an annotated tag.

    Attributes:
        commit: what it points at.
        name: the name that is written in it.
        payload: what a signature is of.
        signature: the signature, armoured; empty for none.
        message: the message.
        by: who made it.
        time: when, in seconds since 1970.
    """

    commit: str
    name: str
    payload: str
    signature: str
    message: str
    by: str
    time: int


def name_of(config: str, number: int) -> str:
    """Return the name of a Config's release, which is its tag's."""
    return f"{PREFIX}{config}-{number}"


def branch_of(name: str) -> str:
    """Return the full name of a release's branch."""
    return f"{BRANCHES}{name.removeprefix(PREFIX)}"


def full_name(name: str) -> str:
    """Return a release's name as its tag has it: ``tumour-3`` means ``release/tumour-3``."""
    return name if name.startswith(PREFIX) else f"{PREFIX}{name}"


def parsed_name(name: str) -> tuple[str, int] | None:
    """Return the Config and the number of a release's name; None for another name."""
    match = _NUMBERED.fullmatch(name)
    return (match["config"], int(match["number"])) if match else None


def read(folder: Path, name: str) -> Release:
    """Return a release that a repository has.

    Args:
        folder: a folder in the repository.
        name: ``release/<config>-<n>``, or ``<config>-<n>``.

    Raises:
        DeployError: L006, its tag was moved; L007, the tag isn't a release's; L008, there is no
            such release; L009, its lock can't be read.
    """
    name = full_name(name)
    parsed = parsed_name(name)
    tags = tags_of(folder)
    if parsed is None or name not in tags:
        raise _missing(folder, name, [tag for tag in tags if parsed_name(tag)])
    return read_tag(folder, name, tags[name])


def read_tag(folder: Path, name: str, tag: str) -> Release:
    """Return the release of a tag's object.

    Raises:
        DeployError: as `read`.
    """
    config, number = parsed_name(name) or ("", 0)
    text = parse_tag(folder, name, tag)
    content = read_blob(folder, text.commit, locks.FILE)
    if content is None:
        raise not_a_release(name, f"its commit {text.commit[:12]} has no {locks.FILE}")
    where = f"{name}:{locks.FILE}"
    lock = locks.parse(content.decode("utf-8", "replace"), where)
    found = (text.name, lock.release, lock.config, _parents(folder, text.commit))
    expected = (name, name, config, [lock.commit])
    if found != expected:
        raise _moved(name, found, expected)
    return Release(
        name=name,
        config=config,
        number=number,
        tag=tag,
        commit=text.commit,
        message=text.message,
        by=text.by,
        time=text.time,
        signed=bool(text.signature),
        lock=lock,
    )


def parse_tag(folder: Path, name: str, tag: str) -> TagText:
    """Return the parts of an annotated tag of a commit.

    Raises:
        DeployError: L007, it is another kind of tag.
    """
    content = read_object(folder, "tag", tag)
    text = "" if content is None else content.decode("utf-8", "surrogateescape")
    header = _HEADER.match(text)
    if header is None:
        raise not_a_release(name, "it isn't an annotated tag of a commit")
    starts = [match.start() for match in _SIGNATURE.finditer(text)]
    payload, signature = (text[: starts[-1]], text[starts[-1] :]) if starts else (text, "")
    tagger = _TAGGER.search(payload.partition("\n\n")[0])
    return TagText(
        commit=header["commit"],
        name=header["tag"],
        payload=payload,
        signature=signature,
        message=payload.partition("\n\n")[2].strip(),
        by=clean(tagger["who"]) if tagger else "",
        time=int(tagger["time"]) if tagger else 0,
    )


def releases_of(folder: Path, config: str = "") -> list[Release]:
    """Return the releases of a repository, by Config and number.

    Args:
        folder: a folder in the repository.
        config: only those of this Config; empty for all.

    Raises:
        DeployError: one of the tags isn't a release's, or was moved.
    """
    named = ((name, parsed_name(name), tag) for name, tag in tags_of(folder).items())
    wanted = [(parsed, name, tag) for name, parsed, tag in named if parsed]
    return [
        read_tag(folder, name, tag)
        for (of_config, _), name, tag in sorted(wanted)
        if config in ("", of_config)
    ]


def tags_of(folder: Path) -> dict[str, str]:
    """Return the object of each tag ``release/…``, by its name."""
    return {ref.removeprefix("refs/tags/"): value for ref, value in refs_of(folder, TAGS).items()}


def refs_of(folder: Path, prefix: str) -> dict[str, str]:
    """Return the object of each ref below a prefix."""
    from atlas.git import git

    listed = git(folder, "for-each-ref", "--format=%(objectname) %(refname)", prefix.rstrip("/"))
    lines = (listed or b"").decode("utf-8", "replace").splitlines()
    pairs = (line.partition(" ") for line in lines)
    return {ref: value for value, _, ref in pairs}


def not_a_release(name: str, why: str) -> DeployError:
    """Return the error of a tag that has a release's name, and isn't one."""
    return DeployError(
        f"tag {name}: isn't a release: {why}; expected a tag that {mention('release')} made; "
        "rename or remove it, or give `--allow-tags` to go on with the next number",
        code="L007",
    )


def _missing(folder: Path, name: str, known: list[str]) -> DeployError:
    shown = ", ".join(known[-_SHOWN:]) or "none"
    return DeployError(
        f"{name}: there is no such release in the repository of {folder}; it has {shown}; "
        f"`git fetch --tags` fetches others, and {command('release', '--list')} lists them",
        code="L008",
    )


def _moved(name: str, found: tuple[Any, ...], expected: tuple[Any, ...]) -> DeployError:
    what = ("tag's own name", "lock's release", "lock's Config", "parent of the commit")
    lines = [
        f"{label}: found {_text(was)}, expected {_text(is_)}"
        for label, was, is_ in zip(what, found, expected, strict=True)
        if was != is_
    ]
    return DeployError(
        f"tag {name}: was moved, or its commit isn't the one that was released: "
        f"{'; '.join(lines)}; fetch the tag again from where it was released",
        code="L006",
    )


def _text(value: Any) -> str:
    return " ".join(value) or "none" if isinstance(value, list) else clean(str(value), 100)


def _parents(folder: Path, commit: str) -> list[str]:
    content = read_object(folder, "commit", commit) or b""
    header = content.partition(b"\n\n")[0].decode("utf-8", "replace")
    return [line.removeprefix("parent ") for line in header.splitlines() if line[:7] == "parent "]
