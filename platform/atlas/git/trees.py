"""Objects of a repository, read and written without its work tree, its index and its filters.

What is read are the bytes that were committed: no attribute, filter or conversion applies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.git.asking import ask, git
from atlas.git.running import GitOptions, Running, drivers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from atlas.git.asking import GitAnswer

BLOB, TREE, SUBMODULE = "blob", "tree", "commit"
LINK = "120000"
"""Mode of a symbolic link."""
_CHUNK = 1 << 20
_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """An entry of a tree.

    Attributes:
        mode: its mode, six octal digits.
        kind: ``blob``, ``tree``, or ``commit`` for a submodule.
        id: its object.
        size: bytes of a blob; 0 of anything else.
        path: its path from the repository's top, as bytes.
    """

    mode: str
    kind: str
    id: str
    size: int
    path: bytes


def read_object(folder: Path, kind: str, id_: str) -> bytes | None:
    """Return the content of an object of a kind; None where there is none."""
    return git(folder, "cat-file", kind, id_)


def has_object(folder: Path, id_: str) -> bool:
    """Tell whether a repository has an object, by its full id."""
    return git(folder, "cat-file", "-e", id_) is not None


def read_blob(folder: Path, commit: str, path: str) -> bytes | None:
    """Return what a commit has at a path, by its full id; None where there is no file."""
    return git(folder, "cat-file", "blob", f"{commit}:{path}")


def list_tree(folder: Path, commit: str, prefix: str = "") -> list[TreeEntry] | None:
    """Return all entries below a folder of a commit but trees; None where git can't read it.

    Args:
        folder: a folder in the repository.
        commit: the commit's full id.
        prefix: the folder, from the repository's top; empty for all.
    """
    below = ["--", f"{prefix}/"] if prefix else []
    listed = git(folder, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, *below)
    return None if listed is None else [_entry(line) for line in listed.split(b"\0") if line]


def _entry(line: bytes) -> TreeEntry:
    head, _, path = line.partition(b"\t")
    mode, kind, id_, size = head.decode("ascii").split()
    return TreeEntry(mode, kind, id_, int(size) if size.isdecimal() else 0, path)


def blobs(folder: Path, ids: Sequence[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Return the content of blobs in pieces, in the order given; each has to be read to its end.

    Args:
        folder: a folder in the repository.
        ids: their objects.

    Raises:
        OSError: git isn't there, or has no such blob.
    """
    options = GitOptions(stdin="".join(f"{id_}\n" for id_ in ids).encode(), seconds=_SECONDS)
    drivers = drivers_of(folder)
    if drivers is None or not ids:
        if ids:
            raise OSError("git can't read the repository")
        return
    with Running(folder, ("cat-file", "--batch", "--buffer"), drivers, options) as running:
        for id_ in ids:
            yield id_, _content(running.stdout, id_)


def _content(source: IO[bytes], id_: str) -> Iterator[bytes]:
    """Return the next blob of a batch in pieces."""
    head = _line(source).split()
    if len(head) != 3 or head[:2] != [id_, BLOB]:  # noqa: PLR2004 - id, kind, size
        raise OSError(f"the repository has no file {id_}")
    left = int(head[2])
    while left:
        piece = source.read(min(left, _CHUNK))
        if not piece:
            raise OSError(f"git ended before file {id_} did")
        left -= len(piece)
        yield piece
    source.read(1)


def _line(source: IO[bytes]) -> str:
    """Return the next line; the file isn't buffered, so that no byte of a blob is taken."""
    line = bytearray()
    while (byte := source.read(1)) not in (b"\n", b""):
        line += byte
    return line.decode("utf-8", "replace")


def commit_with(folder: Path, parent: str, files: dict[str, bytes], message: str) -> GitAnswer:
    """Write a commit that has a parent's files, and others at the top; no ref points at it.

    Args:
        folder: a folder in the repository.
        parent: the parent's full id.
        files: name → content.
        message: the commit's message.

    Returns:
        The answer of the git that failed, or of the last, whose text is the commit's id.
    """
    listed = ask(folder, "ls-tree", "-z", "--full-tree", parent)
    if not listed.ok:
        return listed
    kept = [
        line
        for line in listed.output.split(b"\0")
        if line and line.partition(b"\t")[2].decode("utf-8", "replace") not in files
    ]
    for name, content in files.items():
        written = ask(folder, "hash-object", "-w", "--stdin", options=GitOptions(stdin=content))
        if not written.ok:
            return written
        kept.append(f"100644 blob {written.text}\t{name}".encode())
    tree = ask(folder, "mktree", "-z", options=GitOptions(stdin=b"\0".join(kept) + b"\0"))
    if not tree.ok:
        return tree
    words = ("commit-tree", "--no-gpg-sign", "-p", parent, tree.text)
    return ask(folder, *words, options=GitOptions(stdin=message.encode()))
