"""One stack: open it, update it, refresh it, destroy it; errors in Atlas's own words."""

from __future__ import annotations

import json
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.advice import command
from atlas.errors import DeployError
from atlas_deploy.stacks.backend import Backend
from atlas_deploy.stacks.events import DONE, Listener
from atlas_deploy.stacks.explain import explain, holder, is_locked
from atlas_deploy.stacks.keeping import keeping
from atlas_deploy.stacks.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pulumi import automation

    from atlas.errors import AtlasError

    Say = Callable[[str], None]

_LOCK_SECONDS = 60.0
_PAUSE_SECONDS = 2.0


def _quiet(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Update:
    """What an update did.

    Attributes:
        outputs: the stack's outputs.
        changes: names of the resources that changed, by operation.
    """

    outputs: Mapping[str, Any]
    changes: Mapping[str, list[str]]


class Stack:
    """A stack of a backend, with the program that makes it."""

    def __init__(
        self,
        *,
        handle: automation.Stack,
        backend: Backend,
        project: str,
        program: Program,
        failure: type[AtlasError],
        unlock: str,
        say: Say,
    ) -> None:
        """Take the parts; use `open`."""
        self._keeping = keeping(backend)
        self._unlock = unlock or command("unlock")
        self._program = program
        self._handle = handle
        self._backend = backend
        self._project = project
        self._failure = failure
        self._say = say

    @classmethod
    def open(
        cls,
        name: str,
        *,
        project: str,
        state: Path | Backend,
        program: Callable[[], None],
        config: Mapping[str, str] | None = None,
        failure: type[AtlasError] = DeployError,
        unlock: str = "",
        say: Say = _quiet,
        provider: int = 0,
    ) -> Stack:
        """Open a stack, and make it if it isn't there.

        Args:
            name: the stack's name.
            project: the Pulumi project it belongs to.
            state: the state folder, absolute; or the backend, where stacks aren't kept there.
            program: makes the resources; it runs in this process, in a thread.
            config: the stack's configuration, by namespaced key (``atlas:target``); it replaces
                what was there.
            failure: the error that a failed update raises.
            unlock: the command that breaks the stack's lock, in backticks.
            say: takes a line of progress.
            provider: port on loopback of a provider of Atlas that serves already; by default the
                engine starts its own.

        Raises:
            AtlasError: there is no engine, the stack is locked, or it can't be made.
        """
        from atlas_deploy.stacks import handles

        backend = state if isinstance(state, Backend) else Backend(state)
        backend.prepare()
        write_project(backend, project)
        _write_config(backend.workspace(project) / _settings(name), config or {})
        guarded = Program(program)
        handle = handles.make(name, project, backend, guarded, say, provider=provider)
        stack = cls(
            handle=handle,
            backend=backend,
            project=project,
            program=guarded,
            failure=failure,
            unlock=unlock,
            say=say,
        )
        stack._make()
        return stack

    @property
    def exists(self) -> bool:
        """Tell whether there is anything in the stack's state."""
        resources = self._keeping.checkpoint(self._project, self._handle.name).get("resources", ())
        return any(not resource["type"].startswith("pulumi:") for resource in resources)

    def up(self, *, refresh: bool = True, words: Mapping[str, str] = DONE) -> Update:
        """Make what the program says; first see what is really there.

        Args:
            refresh: whether resources are read first, so that drift is found and repaired.
            words: what progress calls a finished operation; see `Listener`.

        Raises:
            AtlasError: of the kind given to `open`, with what failed and why.
        """
        listener = Listener(self._say, words)
        self._run(
            listener,
            lambda: self._handle.up(refresh=refresh, on_event=listener.hear, suppress_outputs=True),
        )
        return Update(listener.outputs or {}, listener.changes)

    def destroy(self, *, refresh: bool = False, words: Mapping[str, str] = DONE) -> Update:
        """Delete everything in the stack."""
        listener = Listener(self._say, words)
        self._run(
            listener,
            lambda: self._handle.destroy(
                refresh=refresh, on_event=listener.hear, suppress_outputs=True
            ),
        )
        return Update({}, listener.changes)

    def refresh(self, on_event: Callable[[Any], None]) -> None:
        """Read every resource, and keep what was found as the state."""
        listener = Listener(_quiet, {})

        def hear(event: Any) -> None:
            listener.hear(event)
            on_event(event)

        self._run(listener, lambda: self._handle.refresh(on_event=hear))

    def remove(self) -> None:
        """Forget an empty stack."""
        self._await_unlocked()
        if self._keeping.forget(self._project, self._handle.name):
            files.remove(self._backend.workspace(self._project) / _settings(self._handle.name))
            return
        workspace = self._handle.workspace
        self._run(Listener(self._say), lambda: workspace.remove_stack(self._handle.name))

    def _make(self) -> None:
        """Make the stack, unless it is there; elsewhere than in files, trying tells."""
        from pulumi.automation.errors import StackAlreadyExistsError

        name, workspace = self._handle.name, self._handle.workspace
        if self._backend.place is not None and self._keeping.make(self._project, name):
            return
        with suppress(StackAlreadyExistsError):
            self._run(Listener(self._say), lambda: workspace.create_stack(name))

    def _run(self, listener: Listener, work: Callable[[], Any]) -> None:
        """Do something once the stack's lock is free; turn the engine's errors into Atlas's."""
        from pulumi.automation.errors import CommandError, StackAlreadyExistsError

        end = time.monotonic() + _LOCK_SECONDS
        self._await_unlocked()
        self._keeping.repair(self._project, self._handle.name)
        try:
            with warnings.catch_warnings():
                # Pulumi warns of an event stream that ends with a killed engine.
                warnings.simplefilter("ignore", UserWarning)
                self._patiently(work, end)
        except StackAlreadyExistsError:
            raise
        except CommandError as error:
            self._program.raise_bug()
            raise self._failed(self._why(listener, str(error))) from None
        finally:
            self._program.close()
        self._keeping.tidy(self._project, self._handle.name)

    def _await_unlocked(self) -> None:
        """Wait for locks that can be seen without the engine.

        Raises:
            AtlasError: one doesn't go.
        """
        held = self._keeping.await_unlocked(
            self._project, self._handle.name, _LOCK_SECONDS, self._say
        )
        if held:
            raise self._failed(self._locked(str(held[0])))

    def _patiently(self, work: Callable[[], Any], end: float) -> None:
        """Do something, and again while the engine finds the stack locked."""
        from pulumi.automation.errors import CommandError

        is_reported = False
        while True:
            try:
                work()
                return
            except CommandError as error:
                if not is_locked(str(error)) or time.monotonic() > end:
                    raise
                if not is_reported:
                    self._say(f"waiting for another update ({holder(str(error)) or 'unnamed'})")
                    is_reported = True
                time.sleep(_PAUSE_SECONDS)

    def _why(self, listener: Listener, output: str) -> str:
        """Return why the engine failed."""
        if is_locked(output):
            return self._locked(holder(output))
        state = self._keeping.where(self._project, self._handle.name)
        return explain(listener, output, state, self._backend.passphrase_source())

    def _locked(self, by: str) -> str:
        """Return what to do about a lock."""
        return (
            f"D012: locked by another update ({by or 'an unknown process'}) for "
            f"{_LOCK_SECONDS:.0f} s; wait for it to end; if it has surely ended, "
            f"{self._unlock} breaks its lock"
        )

    def _failed(self, message: str) -> AtlasError:
        """Return the error of a failed update."""
        return self._failure(f"stack {self._handle.name}: {message}")


def _settings(stack: str) -> str:
    """Return the name of the file with a stack's configuration."""
    return f"Pulumi.{stack}.yaml"


def write_project(backend: Backend, project: str) -> None:
    """Write the settings of a project whose programs run in this process."""
    text = json.dumps({"name": project, "runtime": "python", "description": "Made by Atlas."})
    _write_changed(backend.workspace(project) / "Pulumi.yaml", text + "\n")


def _write_config(path: Path, config: Mapping[str, str]) -> None:
    """Write a stack's configuration, and keep the salt of its secrets that Pulumi wrote there.

    Pulumi doesn't write it whole: one that was cut off is without the end of its last line. The
    salt is in the stack's state, too.
    """
    import yaml

    text = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = yaml.safe_load(text) if text.endswith("\n") else None
    salt = {"encryptionsalt": kept["encryptionsalt"]} if kept and "encryptionsalt" in kept else {}
    _write_changed(path, yaml.safe_dump({**salt, **({"config": dict(config)} if config else {})}))


def _write_changed(path: Path, text: str) -> None:
    """Write a file, unless it has that text already."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        files.write(path, text)
