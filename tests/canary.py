"""A secret that a pipeline's steps tell in every way they can, and a search for it in what is left.

The canary is searched for without the product's own masking: by its forms as written here.
"""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

CANARY = "c4nary/Tweet+ing \"über\" & 'loud'"
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----"
SECRETS = {"canary": {"variable": "THE_CANARY"}, "pem": {"variable": "THE_PEM"}}
VARIABLES = {"THE_CANARY": CANARY, "THE_PEM": PEM}

SOURCE = '''
import base64, ctypes, html, json, logging, os, subprocess, sys, threading, warnings
from urllib.parse import quote, quote_plus

class Number(NamedTuple):
    number: int

def forms(text):
    content = text.encode()
    yield from (text, repr(text), repr(content), json.dumps(text), json.dumps(json.dumps(text)))
    yield from (json.dumps(text, ensure_ascii=False), html.escape(text), content.hex())
    yield from (quote(text), quote(text, safe=""), quote_plus(text))
    for before in (b"", b"u:", b"user:", b"four"):
        for after in (b"", b"!", b"!!"):
            yield base64.b64encode(before + content + after).decode()
            yield base64.urlsafe_b64encode(before + content + after).decode().rstrip("=")
    yield base64.encodebytes(content * 3).decode()

class Begin(Template):
    def run(self) -> Number:
        return Number(1)

class Tell(Template):
    """Tell secrets in every way, with marks of what was printed around them."""

    def run(self) -> Number:
        for text in self.context.secrets.values():
            self.told(text)
        print("TOLD ALL")
        return Number(1)

    def told(self, text):
        for form in forms(text):
            print("mark", form, "end")
            self.context.logger.info("logged %s", form)
            sys.stderr.write(f"written {form}\\n")
        half = len(text) // 2
        sys.stdout.write(text[:half]); sys.stdout.flush()
        sys.stdout.write(text[half:] + "\\n")
        sys.stdout.buffer.write(text.encode() + b"\\n"); sys.stdout.flush()
        for letter in text:
            sys.stdout.write(letter)
        print()
        logging.getLogger("a.library").error("by a library %s", text)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(f"warned of {text}")
        print("printed past it", text, file=sys.__stderr__, flush=True)
        self.context.metric(text.splitlines()[-2 if "\\n" in text else 0], 1.0)

class Below(Template):
    """Tell secrets past Python: by descriptors, and by a child process."""

    def run(self) -> Number:
        for text in self.context.secrets.values():
            for form in forms(text):
                os.write(1, f"fd one {form}\\n".encode())
                os.write(2, f"fd two {form}\\n".encode())
            half = len(text.encode()) // 2 + 1
            for number in (1, 2):
                os.write(number, text.encode()[:half])
                os.write(number, text.encode()[half:] + b"\\n")
            program = "import os, sys; os.write(1, sys.stdin.buffer.read())"
            subprocess.run([sys.executable, "-c", program], input=text.encode() + b"\\n", check=True)
            library = ctypes.CDLL(None)
            library.printf(b"%s\\n", text.encode())
            library.fflush(None)
        os.write(1, b"TOLD BELOW\\n")
        return Number(1)

class Raise(Template):
    """Raise a secret, with another one as its cause and in the source line of neither."""

    def run(self) -> Number:
        try:
            raise KeyError(self.context.secrets["pem"])
        except KeyError as error:
            raised = ValueError("refused " + self.context.secrets["canary"])
            raised.add_note("noted " + self.context.secrets["canary"])
            raise raised from error

class Group(Template):
    """Raise a secret within a group, while another one is handled."""

    def run(self) -> Number:
        text = self.context.secrets["canary"]
        try:
            {}[text]
        except KeyError:
            raise ExceptionGroup("several " + text, [ValueError(text), OSError(5, text, text)])

class Exit(Template):
    def run(self) -> Number:
        sys.exit("because of " + self.context.secrets["canary"])

class Thread(Template):
    """Tell a secret from a thread that isn't known to be the step's."""

    def run(self) -> Number:
        text = self.context.secrets["canary"]
        thread = threading.Thread(target=lambda: print("from a thread", text))
        thread.start()
        thread.join()
        return Number(1)
'''


def steps(*names: str) -> dict[str, dict[str, Any]]:
    """Return a step for each class above, as a Recipe has them."""
    told = {
        name.lower(): {"class": f"steps:{name}", "secrets": ["canary", "pem"], "after": ["begin"]}
        for name in names
    }
    return {"begin": {"class": "steps:Begin"}, **told}


def traces(text: str) -> list[str]:
    """Return which forms of the secrets are in a text."""
    return [form for form in _forms() if form in text]


def traces_below(*places: Path) -> dict[str, list[str]]:
    """Return the files below folders that hold a form of the secrets."""
    files = [file for place in places for file in _files(place)]
    found = {str(file): traces(_content(file).decode("utf-8", "replace")) for file in files}
    return {file: forms for file, forms in found.items() if forms}


def _files(place: Path) -> Iterator[Path]:
    """Return a file, or those below a folder, where servers may be at work."""
    if place.is_file():
        yield place
    for folder, _, names in os.walk(place):
        files = (Path(folder, name) for name in names)
        yield from (one for one in files if one.is_file() and not one.is_symlink())


def _content(file: Path) -> bytes:
    """Return what is in a file; nothing of one that was a draft, and is gone."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _forms() -> list[str]:
    lines = [CANARY, *(line for line in PEM.splitlines() if "-" not in line)]
    return sorted({form for line in lines for form in _forms_of(line)})


def _forms_of(text: str) -> Iterator[str]:
    content = text.encode()
    yield from (text, repr(text)[1:-1], repr(content)[2:-1], json.dumps(text)[1:-1])
    yield from (html.escape(text), content.hex(), quote(text), quote_plus(text))
    for skip in range(3):
        inner = content[skip : skip + (len(content) - skip) // 3 * 3]
        yield base64.b64encode(inner).decode()
        yield base64.urlsafe_b64encode(inner).decode()
