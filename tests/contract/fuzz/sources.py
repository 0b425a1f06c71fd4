"""Mutations of Python sources: lines, words, and whole statements that are hard to read."""

from __future__ import annotations

import re
from random import Random

from tests.contract.fuzz.nasty import BYTES

_WORD = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|[^\w\s]")
_WORDS = (
    "Train", "Load", "Rows", "Trained", "Template", "Source", "Transform", "Trainer", "Evaluator", "Predictor", "Sink", "Data", "Any",
    "int", "str", "float", "bool", "bytes", "object", "None", "True", "...", "list", "dict", "tuple", "set", "type", "NamedTuple",
    "TypedDict", "Annotated", "Bounds", "Optional", "Union", "Literal", "ClassVar", "Final", "Generic", "Protocol", "TypeVar", "dataclass",
    "DataFrame", "pandas", "atlas", "typing", "self", "run", "apply", "fit", "train", "read", "write", "context", "params", "inputs",
    "outputs", "class", "def", "async", "lambda", "yield", "await", "return", "import", "from", "as", "global", "*", "**", "/", "@", ":=",
    "|", "[", "]", "(", ")", ",", ".", ":", "=", "->", "'", '"""', "#", "\\", "0", "-1", "1e999", "1j", "0xff", "b'x'", "f'{x}'", "if", "else",
)  # fmt: skip
_DEEP = 200
HUGE = "0x" + "f" * 5000
LINES = (
    "from steps import *", "from . import *", "from .. import *", "from ...... import x", "from .steps import Train", "import steps",
    "import steps as Train", "from link import *", "from out.passwd import *", "from loop import *", "from folder import *",
    "from fifo import *", "from os import *", "from atlas import *", "from atlas.template import *", "from typing import *",
    "import os; os.system('id')", "import builtins; builtins.ATLAS_FUZZ = 1", "raise SystemExit('run')", "__import__('os').abort()",
    "Train = Train", "Rows = Trained = Rows", "Load = Train", "Template = object", "DataFrame = 'DataFrame'", "int = 'int | int'",
    "Rows: 'Rows' = 'Rows'", "type Rows = list[Rows]", "X = list['X']", "X: TypeAlias = 'X'", "T = TypeVar('T')", "def DataFrame(): ...",
    "class Train(Train): ...", "class Train(Load, Load): ...", "class Load(Train): ...", "class Template(Template): ...",
    "class A(B): ...\nclass B(A): ...\nclass Train(A): ...", "class Train(*x, **y): ...", "class Train(metaclass=print('x')): ...",
    "class Train(print('run')): ...", "class Train(Template[T]): ...", "class Train[T](Template): ...", "class Train(Source, Sink): ...",
    "@print\nclass Train(Template): ...", "@dataclass\nclass Rows: ...", "class Rows(TypedDict, total=False):\n    rows: int",
    "try:\n    from x import Train\nexcept ImportError:\n    class Train(Template): ...", "if 1:\n    class Rows(NamedTuple):\n        a: int",
    "match 1:\n    case Train(): ...", "def run(self): ...", "x: int = yield", "\f", "\x0c", "if True:", "pass;" * 500, "x = 1 # \u202e", "é = 1",
    "\U0001d4e3rain = 1", "# coding: latin-1", "# coding: utf-7", "# -*- coding: unicode_escape -*-", "from __future__ import annotations",
    "from __future__ import braces", f"X = {HUGE}", f"X = {'9' * 5000}", "X = " + "(" * _DEEP + ")" * _DEEP,
    "X = " + "-" * 3000 + "1", "X = " + "1+" * 3000 + "1", "X = " + "a." * 3000 + "b", "X = " + "lambda: " * 300 + "1",
    "X = " + "not " * 3000 + "1", "X = " + "f(" * 150 + ")" * 150, "X = " + "x[" * 150 + "0" + "]" * 150,
)  # fmt: skip
BODIES = (
    "a: int", "a: 'int'", "a: 'a'", "a: '\"a\"'", "a: 1", "a: ...", "a: list[int", "a: list[list[list[int]]]", "a: Annotated[int, Bounds(5, 1)]",
    "a: Annotated[int, Bounds(maximum=x)]", "a: Annotated[int, Bounds('a')]", "a: Annotated[int, Bounds(1e999)]", "a: Annotated[int]",
    f"a: Annotated[int, Bounds({HUGE})]", "a: Annotated[int, Bounds(-1, 10**9)]", "a: Annotated[()]", "a: Literal[()]", "a: Literal[1, 'x', None]",
    f"a: Literal[{HUGE}]", "a: Literal[x.y]", "a: Literal[-1]", "a: Literal['\\ud800']", "a: Literal[b'\\xff']", "a: Optional[()]", "a: Optional",
    "a: Union[()]", "a: Union[int]", "a: " + " | ".join(["int"] * 300), "a: " + "list[" * 150 + "int" + "]" * 150, "a: tuple[int, ...]",
    "a: dict[str]", "a: dict[str, int, int]", "a: int | 'str'", "a: (int)", "a: [int]", "a: {int}", "a: int if x else str", "a: x()", "a: x.y.z",
    "a: ClassVar[int]", "a: 'ClassVar[int]'", "a: Final = 3", "a: *int", "a: (yield)", "a: lambda: 1", "a: f'{x}'", "a: b'int'", "a: '('", "a: ''",
    "a: '\\0'", "a: ' int '", "a: '\\n int'", "a: np.ndarray[tuple[int], np.dtype[np.float64]]", "a = 1", "a, b = 1, 2", "a: int = 1; a: str = 2",
    "__slots__ = ('a',)", "context: int", "_a: int", "run = 1", "run = lambda self, rows: rows", "run: int", "def run(): ...", "def run(self): ...",
    "def run(*args, **kwargs): ...", "def run(self, *, rows, **more) -> None: ...", "def run(self, rows, /, x=1) -> Rows: ...",
    "def run(self, rows: 'DataFrame' = None) -> 'Rows': ...", "async def run(self, rows: DataFrame) -> Trained: ...", "def run(self, rows) -> run: ...",
    f"def run(self) -> {HUGE}: ...", f"def run(self) -> Literal[{HUGE}]: ...", "def run(self) -> {}: ...".format("-" * 500 + "1"),
    "def run(self) -> {}: ...".format("a." * 900 + "b"), "@staticmethod\n    def run(rows): ...", "@property\n    def run(self): ...",
    "def run(self, " + ", ".join(f"a{i}" for i in range(400)) + "): ...", "def apply(self, rows, fitted): ...", "def train(self) -> Train: ...",
    "class Rows(NamedTuple): ...", "exec('raise SystemExit')", "def __init__(self, x): ...", "def __class_getitem__(cls, x): ...",
)  # fmt: skip


def mutated(text: str, draw: Random) -> bytes:
    """Return a source with one mutation, as bytes."""
    kind = draw.choice((_lines, _words, _statement, _statement, _body, _body, _hint, _hint, _bytes))
    changed = kind(text, draw)
    return changed if isinstance(changed, bytes) else changed.encode("utf-8", "surrogatepass")


def _lines(text: str, draw: Random) -> str:
    """Remove, repeat, move or indent some lines."""
    lines = text.splitlines(keepends=True) or [""]
    at, to = draw.randrange(len(lines)), draw.randrange(len(lines))
    if draw.random() < 0.4:
        del lines[at : at + draw.choice((1, 1, 2, 5))]
    elif draw.random() < 0.5:
        lines.insert(to, lines[at])
    else:
        lines[at] = draw.choice((" ", "    ", "\t", "")) + lines[at].lstrip()
    return "".join(lines)


def _words(text: str, draw: Random) -> str:
    """Put other words in the place of one, or of each of its kind."""
    found = list(_WORD.finditer(text))
    if not found:
        return draw.choice(_WORDS)
    one, word = draw.choice(found), draw.choice((*_WORDS, draw.choice(found)[0]))
    if draw.random() < 0.1:
        return re.sub(rf"(?<!\w){re.escape(one[0])}(?!\w)", lambda _: word, text)
    return text[: one.start()] + word + text[one.end() :]


def _statement(text: str, draw: Random) -> str:
    """Add a statement at the top level: first, last or in between."""
    lines = text.splitlines(keepends=True)
    tops = [at for at, line in enumerate(lines) if line[:1].strip()] + [len(lines)]
    lines.insert(draw.choice((0, len(lines), draw.choice(tops))), f"{draw.choice(LINES)}\n")
    return "".join(lines)


def _body(text: str, draw: Random) -> str:
    """Add a statement to a class."""
    lines = text.splitlines(keepends=True)
    classes = [at for at, line in enumerate(lines) if line.startswith("class ")]
    if classes:
        lines.insert(draw.choice(classes) + 1, f"    {draw.choice(BODIES)}\n")
    return "".join(lines)


def _hint(text: str, draw: Random) -> str:
    """Give something another type."""
    hints = [one.partition(": ")[2] for one in BODIES if one.startswith("a: ")]
    found = list(re.finditer(r"(?<=: )[A-Za-z][\w.\[\], ]*?(?=[,)=\n])|(?<=-> )[\w.]+", text))
    if not found:
        return text
    one = draw.choice(found)
    hint = draw.choice((*hints, *_WORDS[:40]))
    return text[: one.start()] + hint + text[one.end() :]


def _bytes(text: str, draw: Random) -> bytes:
    """Put bytes in that don't belong there, or write it in another encoding."""
    if draw.random() < 0.2:
        encoding = draw.choice(("utf-16", "utf-32", "utf-7", "cp500", "utf-8-sig"))
        return text.encode(encoding, "replace")
    raw = text.encode("utf-8", "surrogatepass")
    at = draw.randrange(len(raw) + 1)
    return raw[:at] + draw.choice(BYTES) + raw[at + draw.choice((0, 0, 1, 9)) :]
