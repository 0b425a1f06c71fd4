"""Mutations of a project: of its documents as data and as bytes, of its sources, of its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

from tests.contract.fuzz import corpus, sources
from tests.contract.fuzz.nasty import BYTES, CLASSES, NUMBERS, PATHS, TEXTS, WORDS

_PATH_FIELDS = (
    "extends",
    "recipe",
    "dockerfile",
    "requirements",
    "training",
    "inference",
    "uri",
    "file",
    "outputs",
)
_MOST = 4
"""How many mutations one project gets at most."""


def project(seed: str) -> dict[str, bytes]:
    """Return the project that a seed stands for: path → bytes."""
    draw = Random(seed)
    files = {name: text.encode() for name, text in draw.choice(corpus.projects()).items()}
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, _MOST))):
        name = _chosen(files, draw)
        if name.endswith(".py"):
            files[name] = sources.mutated(files[name].decode("utf-8", "replace"), draw)
        elif name.endswith(".json") and draw.random() < 0.75:
            files[name] = document(files[name], draw)
        else:
            files[name] = _bytes(files[name], draw)
    return files


def write(files: Mapping[str, bytes], folder: Path, seed: str) -> None:
    """Write a project, with links and folders that lead elsewhere beside it."""
    for name, raw in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
    draw = Random(f"{seed} folder")
    if draw.random() < 0.15:
        _links(folder, sorted(files), draw)


def _chosen(files: Mapping[str, bytes], draw: Random) -> str:
    """Return a file to mutate: a document or a source, mostly."""
    wanted = draw.choice((".json", ".json", ".json", ".py", ".py", ""))
    return draw.choice([name for name in sorted(files) if name.endswith(wanted)] or sorted(files))


def _links(folder: Path, names: list[str], draw: Random) -> None:
    """Make links, a pipe, and sometimes put one of them in a file's place."""
    made = {
        "link": folder / names[0], "loop": "loop", "out": "/etc", "dangling": "nowhere/x.json",
        "link.py": "/etc/passwd", "loop.py": "loop.py", "up.json": "../../../etc/passwd",
    }  # fmt: skip
    for name, to in made.items():
        (folder / name).symlink_to(to)
    os.mkfifo(folder / draw.choice(("fifo", "fifo.py", "fifo.json")))
    (folder / "folder").mkdir(exist_ok=True)
    if draw.random() < 0.6:
        victim = folder / draw.choice(names)
        victim.unlink()
        other = draw.choice((*made.values(), "pipe", "folder"))
        if other == "pipe":
            os.mkfifo(victim)
        elif other == "folder":
            victim.mkdir()
        else:
            victim.symlink_to(other)


# Documents --------------------------------------------------------------------------------------


def document(raw: bytes, draw: Random) -> bytes:
    """Return a JSON document with some of its values changed."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return _bytes(raw, draw)
    holder = {"": value}
    for _ in range(draw.choice((1, 1, 2))):
        spots = list(_spots(holder))
        container, key = draw.choice(spots)
        draw.choice(_CHANGES)(container, key, draw)
    text = json.dumps(holder.get(""), ensure_ascii=draw.random() < 0.5, indent=2)
    return text.encode("utf-8", "surrogatepass")


def _spots(value: Any) -> Any:
    """Yield every value's container and key."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _spots(value[key])


def _replace(container: Any, key: Any, draw: Random) -> None:
    container[key] = _value(draw, str(key))


def _remove(container: Any, key: Any, draw: Random) -> None:
    if key != "":
        del container[key]


def _rename(container: Any, key: Any, draw: Random) -> None:
    if isinstance(container, dict) and key != "":
        container[_word(draw, str(key))] = container.pop(key)


def _repeat(container: Any, key: Any, draw: Random) -> None:
    if isinstance(container, list):
        container.insert(0, deepcopy(container[key]))
    elif key != "":
        container[_word(draw, str(key))] = deepcopy(container[key])


def _graft(container: Any, key: Any, draw: Random) -> None:
    """Give it members of another document's object or array."""
    other = deepcopy(draw.choice(corpus.values()))
    if isinstance(container[key], dict) and isinstance(other, dict):
        container[key] |= other
    else:
        container[key] = other


def _mistype(container: Any, key: Any, draw: Random) -> None:
    """Change one character of a text."""
    text = container[key]
    if not isinstance(text, str) or not text:
        _replace(container, key, draw)
        return
    at = draw.randrange(len(text))
    other = draw.choice(
        ("", text[at] * 2, ".", ":", "/", "\u202e", "\0", "\ud800", "x", text[::-1])
    )
    container[key] = text[:at] + other + text[at + 1 :]


def _wrap(container: Any, key: Any, draw: Random) -> None:
    """Put a value into others, sometimes very many."""
    inside = draw.choice(WORDS)
    for _ in range(draw.choice((1, 1, 2, 60, 120))):
        container[key] = [container[key]] if draw.random() < 0.5 else {inside: container[key]}


def _many(container: Any, key: Any, draw: Random) -> None:
    """Give an object or array very many members."""
    one, count = container[key], draw.choice((20, 20, 150, 1500))
    if isinstance(one, dict):
        last = deepcopy(next(iter(one.values()), 1))
        one |= {f"x{index}": last for index in range(count)}
    elif isinstance(one, list):
        one += [draw.choice((index, f"x{index}", None)) for index in range(count)]
    else:
        container[key] = [one] * count


_CHANGES = (
    _replace, _replace, _replace, _remove, _rename, _rename, _repeat, _graft, _graft, _mistype, _mistype, _wrap, _many,
)  # fmt: skip


def _value(draw: Random, key: str) -> Any:
    """Return a value for a field; for those that mean a file or a class, such a one."""
    if key in _PATH_FIELDS and draw.random() < 0.8:
        return draw.choice(PATHS)
    if key == "class" and draw.random() < 0.8:
        return draw.choice(CLASSES)
    kind = draw.random()
    if kind < 0.5:
        return draw.choice((*TEXTS, *PATHS, *CLASSES, *WORDS))
    if kind < 0.7:
        return draw.choice(NUMBERS)
    if kind < 0.85:
        return draw.choice((None, True, False, [], {}, [None], {"": None}, [[]], {"a": {}}))
    return deepcopy(draw.choice(corpus.values()))


def _word(draw: Random, key: str) -> str:
    """Return another key."""
    near = (key + "s", key[:-1], key.upper(), key.replace("_", "-"), f" {key}", f"{key}.{key}")
    return draw.choice((*near, draw.choice(WORDS), draw.choice(TEXTS)))


# Bytes ------------------------------------------------------------------------------------------


def _bytes(raw: bytes, draw: Random) -> bytes:
    """Return bytes with some cut, repeated, changed or put in."""
    at = draw.randrange(len(raw) + 1)
    end = min(len(raw), at + draw.choice((1, 2, 10, 100)))
    kind = draw.randrange(7)
    if kind == 0:
        return raw[:at] + raw[end:]
    if kind == 1:
        return raw[:end] + raw[at:]
    if kind == 2:
        return raw[:at]
    if kind == 3:
        return raw[:at] + bytes([draw.randrange(256)]) + raw[at + 1 :]
    if kind == 4:
        encoding = draw.choice(("utf-16", "utf-8-sig", "utf-32", "latin-1", "cp500"))
        return raw.decode("utf-8", "replace").encode(encoding, "replace")
    return raw[:at] + draw.choice(BYTES) + raw[at + (kind == 5) :]
