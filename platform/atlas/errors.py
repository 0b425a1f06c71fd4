"""Every error that Atlas raises, and the Problem that validation returns.

    AtlasError                     what the user can mend; the CLI prints it and exits 1
    ├── DocumentError              a file can't be read at all (missing, not JSON, too large)
    ├── InvalidError               what was read is broken; carries every Problem
    ├── StepError                  a step failed; carries the step's name
    ├── StoreError                 an artifact is missing, half-written, corrupt or can't be written
    ├── TargetError                a target can't express or run a Plan
    ├── PlatformError              a service of the platform is down, refuses or answers wrongly
    │   ├── UnreachableError       there was no answer; the request may have been carried out
    │   ├── RefusedError           it answers, and refuses just this; carries the status
    │   └── MalformedError         its answer has another shape than was expected
    ├── DeployError                an update of a deployment failed or can't be made
    │
    │                              raised inside of one package, whose callers handle it:
    ├── CommandError               a command of an engine or a builder failed; carries its output
    ├── UvError                    uv couldn't do something; in its own words
    ├── ParseError                 a source file can't be parsed; carries the position
    ├── SourceError                a source file can't be read; carries the Problem
    ├── ChampionRowsError          the champion's rows can't be compared with its challenger's
    ├── NotTakenError              a param's type doesn't take a value
    │   └── OutOfBoundsError       a number is out of the bounds of its type
    ├── NotALiteralError           an expression's value is known only when it runs
    ├── TooLargeError              a folder has too many entries for a digest
    ├── ProfileError               two profiles of tables don't fit, or one can't be read
    └── PartialFailureError        part of a resource's operation was done; carries its state

A message is lower case and says where, what was found, what was expected and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_USER = r"(://)[^\s/@:]*(?::(?!\d{1,5}/)\S*)?@"
"""User and password in a URL, up to the last ``@``; what follows a port is a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a document, and the way to mend it.

    Attributes:
        code: stable code, such as ``R012``; each has a page in the docs.
        message: what is wrong, lower case, in one sentence.
        file: the document's path as the user gave it.
        path: dotted JSON path inside the document (``steps.train.inputs.rows``), or empty.
        line: 1-based line of the value, 0 when unknown.
        column: 1-based column (characters) of the value, 0 when unknown.
        found: what stood there.
        expected: what would have been right.
        hint: a likely fix.
        severity: ``error``, or ``warning`` for what doesn't stop a run.
    """

    code: str
    message: str
    file: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    found: str = ""
    expected: str = ""
    hint: str = ""
    severity: str = "error"

    def __post_init__(self) -> None:
        """Take the passwords out that URLs in a document may hold."""
        for name in ("message", "found", "expected", "hint"):
            object.__setattr__(self, name, redacted(getattr(self, name)))

    def __str__(self) -> str:
        """Return the problem as one line of text."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        where = f"{place}: " if place else ""
        at = f"{self.path}: " if self.path else ""
        expected = f"; expected {self.expected}" if self.expected else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.severity} {self.code}: {at}{self.message}{expected}{hint}"

    def to_json(self) -> dict[str, str | int]:
        """Return the problem as plain data, in a fixed key order."""
        return {name: getattr(self, name) for name in self.__slots__}


def clean(text: str, longest: int = 400) -> str:
    """Return text that a terminal shows as it is: no control characters, no line ends, not long."""
    cut = text if len(text) <= longest else f"{text[: longest - 3]}..."
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else "?" for char in cut)


def redacted(text: str) -> str:
    """Return a text without the users and passwords that its URLs hold."""
    if "://" not in text or "@" not in text:
        return text
    import re

    return re.sub(_USER, r"\1***@", text)


class AtlasError(Exception):
    """Base of all errors that Atlas raises on purpose; no message has the password of a URL.

    Attributes:
        code: stable code, such as ``T301``, which has a page in the docs; empty for none. The text
            begins with it.
    """

    def __init__(self, message: str = "", *, code: str = "") -> None:
        """Keep the message and the code."""
        super().__init__(redacted(f"{code}: {message}" if code else message))
        self.code = code


class DocumentError(AtlasError):
    """A document can't be read at all."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem, so that a folder's scan can report it beside the others."""
        super().__init__(str(problem))
        self.problem = problem
        self.code = problem.code


class InvalidError(AtlasError):
    """Documents were read, and are broken."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep all problems; the message has one line for each."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class StepError(AtlasError):
    """A step failed."""

    def __init__(self, step: str, message: str) -> None:
        """Name the step in front of what went wrong."""
        super().__init__(f"step {step}: {message}")
        self.step = step


class StoreError(AtlasError):
    """An artifact can't be read or written as it should be."""


class TargetError(AtlasError):
    """A target can't express or run a Plan."""


class PlatformError(AtlasError):
    """A service of the platform is down, refuses or answers wrongly."""


class UnreachableError(PlatformError):
    """A service gives no answer."""

    def __init__(
        self, message: str, *, sent: bool, timed_out: bool = False, code: str = ""
    ) -> None:
        """Keep what is known of the request.

        Args:
            message: what happened.
            sent: whether any of it has left, so that it may have been carried out.
            timed_out: whether the service took too long, so that it may be carried out later.
            code: stable code, or empty.
        """
        super().__init__(message, code=code)
        self.sent, self.timed_out = sent, timed_out


class RefusedError(PlatformError):
    """A service answers, and refuses a request."""

    def __init__(self, message: str, status: int = 0, *, code: str = "") -> None:
        """Keep the status of the answer; 0 where it isn't known."""
        super().__init__(message, code=code)
        self.status = status


class MalformedError(PlatformError):
    """A service's answer has another shape than was expected."""


class DeployError(AtlasError):
    """An update of a deployment failed or can't be made."""


class CommandError(AtlasError):
    """A command of an engine or a builder failed.

    Attributes:
        output: what it printed, without passwords.
    """

    def __init__(self, message: str, output: str) -> None:
        """Keep what it printed."""
        super().__init__(message)
        self.output = redacted(output)


class UvError(AtlasError):
    """Uv's own words on why it couldn't do something, without passwords."""


class ParseError(AtlasError):
    """A source file can't be parsed."""

    def __init__(self, message: str, line: int = 0, column: int = 0, hint: str = "") -> None:
        """Keep the position (1-based, 0 when unknown) and a likely fix."""
        super().__init__(message)
        self.line, self.column, self.hint = line, column, hint


class SourceError(AtlasError):
    """A source file can't be read."""

    def __init__(self, problem: Problem) -> None:
        """Keep the Problem that validation reports."""
        super().__init__(problem.message)
        self.problem = problem


class ChampionRowsError(AtlasError):
    """The rows that a step gave for the champion can't be compared with its challenger's."""


class NotTakenError(AtlasError, ValueError):
    """A param's type doesn't take a value; the message says what it takes."""


class OutOfBoundsError(NotTakenError):
    """A number is out of the bounds of its type; the message says what they are."""


class NotALiteralError(AtlasError, ValueError):
    """An expression of a source has a value that is known only when it runs."""


class TooLargeError(AtlasError):
    """A folder has too many entries for a digest."""


class ProfileError(AtlasError):
    """Two profiles of tables don't fit together, or one can't be read."""


class PartialFailureError(AtlasError):
    """Part of an operation was done: Pulumi keeps that, and the next update tries the rest."""

    def __init__(self, identity: str, state: Any, reasons: Sequence[str]) -> None:
        """Keep what was done, as the kind's State, and why the rest wasn't."""
        super().__init__("; ".join(reasons))
        self.like: Mapping[str, Any] = {}
        self.identity, self.state, self.reasons = identity, state, tuple(reasons)
