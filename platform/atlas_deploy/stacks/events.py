"""What the engine says while it updates a stack: progress, failures and changes."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi.automation import EngineEvent

DONE = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}
_COLORS = re.compile(r"<\{%[^%]*%\}>")
# How the engine prints what `check` found: with the value, which may be long, or a secret.
_CHECKED = re.compile(r"^\S+ resource '[^']*': property (\S+) value .*? has a problem: ", re.DOTALL)
_SEVERAL = re.compile(r"^\d+ errors? occurred:\n")
# How the engine prints that the provider was killed or crashed: with its last output.
_ENDED = re.compile(r"\A.*?\s*Detected that \S+ exited prematurely\..*?plugin:\s*", re.DOTALL)
_ENDED_SO = "the provider was ended; run the same command again, it takes up from there"
_ECHOES = (
    "update failed",
    "preview failed",
    "an unhandled error occurred:",
    "error reading from server: EOF",
)
_REPLACING = {"create-replacement": "replace"}
_STACK_TYPE = "pulumi:pulumi:Stack"
_WIDTH = 24


def name_of(urn: str) -> str:
    """Return the resource's name in a URN."""
    return urn.rsplit("::", maxsplit=1)[-1]


@dataclass(slots=True)
class Listener:
    """Follows one update: prints a line for every resource that changed, keeps what failed.

    Attributes:
        say: takes a line for a person.
        words: what to call a finished operation, by operation (``create``), or by type and
            operation (``Process:create``), which goes before.
        failures: error by resource name, in the order they came; "" is the stack itself.
        changes: names of changed resources, by operation.
        outputs: the stack's outputs, once they are known.
    """

    say: Callable[[str], None]
    words: Mapping[str, str] = field(default_factory=lambda: DONE)
    failures: dict[str, list[str]] = field(default_factory=dict)
    changes: dict[str, list[str]] = field(default_factory=dict)
    outputs: Mapping[str, Any] | None = None
    _started: dict[str, float] = field(default_factory=dict)

    def hear(self, event: EngineEvent) -> None:
        """Take one event of the engine."""
        if event.resource_pre_event:
            self._begin(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._end(event.res_outputs_event.metadata)
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            self._fail(event.diagnostic_event.urn or "", event.diagnostic_event.message)

    def _begin(self, step: Any) -> None:
        """Note when an operation began; say it when it is one that may take long."""
        operation = _operation(step)
        self._started[step.urn] = time.monotonic()
        if operation in ("create", "update") and self._is_shown(step):
            self.say(f"{name_of(step.urn):{_WIDTH}} starting")

    def _end(self, step: Any) -> None:
        """Say that an operation is done, and how long it took."""
        operation = _operation(step)
        if step.type == _STACK_TYPE:
            if step.new is not None:
                self.outputs = step.new.outputs
            return
        kind = step.type.rsplit(":", maxsplit=1)[-1]
        word = self.words.get(f"{kind}:{operation}") or self.words.get(operation)
        if word is None or not self._is_shown(step):
            return
        seconds = time.monotonic() - self._started.get(step.urn, time.monotonic())
        self.changes.setdefault(operation, []).append(name_of(step.urn))
        self.say(f"{name_of(step.urn):{_WIDTH}} {word} ({seconds:.1f} s)")

    def _is_shown(self, step: Any) -> bool:
        """Tell whether a person cares for a step's resource: no provider, no component."""
        state = step.new or step.old
        return bool(state and state.custom) and not step.type.startswith("pulumi:")

    def _fail(self, urn: str, message: str) -> None:
        """Keep an error; what only says that there was one is dropped."""
        texts = [text for text in _texts(message) if text and not text.startswith(_ECHOES)]
        if texts:
            self.failures.setdefault(name_of(urn) if urn else "", []).extend(texts)


def _texts(message: str) -> list[str]:
    """Return the errors in a message of the engine's, without what it wraps them in."""
    text = _COLORS.sub("", message).strip()
    ended = _ENDED.match(text)
    if ended:
        return [f"{_ENDED_SO}\n{text[ended.end() :]}".strip()]
    several = _SEVERAL.match(text)
    if several:
        return [part.strip() for part in text[several.end() :].split("\t* ") if part.strip()]
    return [_CHECKED.sub(r"\1: ", text)]


def _operation(step: Any) -> str:
    """Return a step's operation as a word."""
    word = str(getattr(step.op, "value", step.op))
    return _REPLACING.get(word, word)
