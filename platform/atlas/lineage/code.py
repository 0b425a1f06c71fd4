"""The code of a Plan as a commit has it: to compare with the snapshot, and to run once more."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from atlas.git import git
from atlas.git.trees import BLOB, LINK, blobs, list_tree
from atlas.lineage.plain import parsed_object
from atlas.plan.code import code_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.plan import Plan


@contextmanager
def code_at_commit(repository: Path, commit: str, plan: Plan) -> Iterator[list[Path]]:
    """Give the folders in which a commit has a Plan's Config, as long as the context lasts.

    Args:
        repository: a folder in the repository.
        commit: the commit's full id.
        plan: the Plan.

    Yields:
        The folders, of which most commits have one; none where git has no such commit.
    """
    with tempfile.TemporaryDirectory(prefix="atlas-") as folder:
        top = Path(folder).resolve()
        places = _pipeline_folders(repository, commit, plan.config)
        yield [place for name in places if (place := _extracted(repository, commit, name, top))]


def digest_at_commit(repository: Path, commit: str, plan: Plan) -> str:
    """Return the digest of a Plan's code as a commit has it; empty where it can't be read.

    Of several folders with the Config, that one counts whose code is the Plan's.
    """
    with code_at_commit(repository, commit, plan) as folders:
        digests = [code_digest(folder) for folder in folders]
    return plan.code if plan.code in digests else next(iter(digests), "")


def _pipeline_folders(repository: Path, commit: str, config: str) -> list[str]:
    """Return the folders of a commit that have a Config of a name."""
    words = ("grep", "-lz", "--full-name", "-F", "-e", json.dumps(config), commit, "--")
    listed = git(_top(repository), *words)
    lines = (listed or b"").decode("utf-8", "surrogateescape").split("\0")
    paths = (line.partition(":")[2] for line in lines)
    configs = filter(_is_config, paths)
    named = [path for path in configs if _names(repository, commit, path, config)]
    folders = (PurePosixPath(path).parent for path in named)
    return sorted({str(f.parent if f.name == "configs" else f) for f in folders})


def _is_config(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.name == "config.json" or (pure.parent.name == "configs" and pure.suffix == ".json")


def _top(repository: Path) -> Path:
    top = git(repository, "rev-parse", "--show-toplevel")
    return Path((top or b"").decode().strip()) if top else repository


def _names(repository: Path, commit: str, path: str, config: str) -> bool:
    raw = parsed_object(git(repository, "cat-file", "blob", f"{commit}:{path}") or b"")
    return raw is not None and raw.get("name") == config


def _extracted(repository: Path, commit: str, name: str, top: Path) -> Path | None:
    """Write the files of a folder of a commit, to the byte, below another folder.

    Nothing is given where a checkout may have other bytes: links, submodules, attributes.
    """
    prefix = "" if name == "." else name
    files = list_tree(repository, commit, prefix) or []
    if any(entry.kind != BLOB or entry.mode == LINK for entry in files):
        return None
    if git(_top(repository), "ls-tree", "--name-only", commit, "--", ".gitattributes"):
        return None
    places = [top / commit / os.fsdecode(entry.path) for entry in files]
    if any(".." in place.parts for place in places):
        return None
    try:
        for place, (_, pieces) in zip(
            places, blobs(repository, [entry.id for entry in files]), strict=True
        ):
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                file.writelines(pieces)
    except OSError:
        return None
    target = top / commit / name
    return target.resolve() if target.is_dir() else None
