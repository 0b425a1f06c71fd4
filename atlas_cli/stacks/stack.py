"""One stack: open it, preview it, update it, destroy it; errors in Atlas's own words."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import DeployError
from atlas_cli.stacks.backend import Backend
from atlas_cli.stacks.events import DONE, Listener
from atlas_cli.stacks.explain import explain
from atlas_cli.stacks.locks import await_unlocked
from atlas_cli.stacks.program import Program
from atlas_provider import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pulumi import automation

    from atlas.errors import AtlasError

    Say = Callable[[str], None]

_LOCK_SECONDS = 60.0


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
    """A stack of a state folder's file backend, with the program that makes it."""

    def __init__(
        self,
        *,
        handle: automation.Stack,
        backend: Backend,
        project: str,
        program: Program,
        failure: type[AtlasError],
        say: Say,
    ) -> None:
        """Take the parts; use `open`."""
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
        state: Path,
        program: Callable[[], None],
        config: Mapping[str, str] | None = None,
        failure: type[AtlasError] = DeployError,
        say: Say = _quiet,
    ) -> Stack:
        """Open a stack, and make it if it isn't there.

        Args:
            name: the stack's name.
            project: the Pulumi project it belongs to.
            state: the state folder, absolute.
            program: makes the resources; it runs in this process, in a thread.
            config: the stack's configuration, by namespaced key (``atlas:target``); it replaces
                what was there.
            failure: the error that a failed update raises.
            say: takes a line of progress.

        Raises:
            AtlasError: there is no engine, the stack is locked, or it can't be made.
        """
        from atlas_cli.stacks import handles

        backend = Backend(state)
        backend.prepare()
        _write_project(backend, project)
        _write_config(backend.workspace(project) / f"Pulumi.{name}.yaml", config or {})
        guarded = Program(program)
        handle = handles.make(name, project, backend, guarded, say)
        stack = cls(
            handle=handle,
            backend=backend,
            project=project,
            program=guarded,
            failure=failure,
            say=say,
        )
        if not backend.stack_file(project, name).exists():
            with stack._translated(Listener(say)):
                handle.workspace.create_stack(name)
        return stack

    @property
    def exists(self) -> bool:
        """Tell whether there is anything in the stack's state."""
        return bool(self._resources())

    def up(self, *, refresh: bool = True, words: Mapping[str, str] = DONE) -> Update:
        """Make what the program says; first see what is really there.

        Args:
            refresh: whether resources are read first, so that drift is found and repaired.
            words: what progress calls a finished operation; see `Listener`.

        Raises:
            AtlasError: of the kind given to `open`, with what failed and why.
        """
        listener = Listener(self._say, words)
        with self._translated(listener):
            self._handle.up(refresh=refresh, on_event=listener.hear, suppress_outputs=True)
        return Update(listener.outputs or {}, listener.changes)

    def destroy(self, *, refresh: bool = False, words: Mapping[str, str] = DONE) -> Update:
        """Delete everything in the stack."""
        listener = Listener(self._say, words)
        with self._translated(listener):
            self._handle.destroy(refresh=refresh, on_event=listener.hear, suppress_outputs=True)
        return Update({}, listener.changes)

    def preview(self, on_event: Callable[[Any], None], *, refresh: bool = True) -> None:
        """Say what `up` would change: every event of the engine goes to `on_event`."""
        listener = Listener(_quiet, {})

        def hear(event: Any) -> None:
            listener.hear(event)
            on_event(event)

        with self._translated(listener):
            self._handle.preview(refresh=refresh, on_event=hear)

    def refresh(self, on_event: Callable[[Any], None]) -> None:
        """Read every resource, and keep what was found as the state."""
        listener = Listener(_quiet, {})

        def hear(event: Any) -> None:
            listener.hear(event)
            on_event(event)

        with self._translated(listener):
            self._handle.refresh(on_event=hear)

    def remove(self) -> None:
        """Forget an empty stack."""
        with self._translated(Listener(self._say)):
            self._handle.workspace.remove_stack(self._handle.name)

    def _resources(self) -> list[dict[str, Any]]:
        """Return the resources in the stack's state, without Pulumi's own."""
        path = self._backend.stack_file(self._project, self._handle.name)
        try:
            latest = json.loads(path.read_text(encoding="utf-8"))["checkpoint"]["latest"] or {}
        except (OSError, ValueError, KeyError, TypeError):
            return []
        resources = latest.get("resources", [])
        return [item for item in resources if not item["type"].startswith("pulumi:")]

    @contextmanager
    def _translated(self, listener: Listener) -> Iterator[None]:
        """Wait for the stack's lock; turn the engine's errors into Atlas's."""
        from pulumi.automation.errors import CommandError

        folder = self._backend.locks(self._project, self._handle.name)
        held = await_unlocked(folder, _LOCK_SECONDS, self._say)
        if held:
            raise self._failure(
                f"stack {self._handle.name}: locked by another update ({held[0]}) for "
                f"{_LOCK_SECONDS:.0f} s; wait for it to end; if it can't be running any more, "
                f"remove {held[0].path}"
            )
        try:
            with warnings.catch_warnings():
                # Pulumi warns of an event stream that ends with a killed engine.
                warnings.simplefilter("ignore", UserWarning)
                yield
        except CommandError as error:
            self._program.raise_bug()
            state = self._backend.stack_file(self._project, self._handle.name)
            message = explain(listener, str(error), state, self._backend.passphrase)
            raise self._failure(f"stack {self._handle.name}: {message}") from None
        finally:
            self._program.close()
        self._backend.prune_history(self._project, self._handle.name)


def _write_project(backend: Backend, project: str) -> None:
    """Write the settings of a project whose programs run in this process."""
    text = json.dumps({"name": project, "runtime": "python", "description": "Made by Atlas."})
    _write_changed(backend.workspace(project) / "Pulumi.yaml", text + "\n")


def _write_config(path: Path, config: Mapping[str, str]) -> None:
    """Write a stack's configuration, and keep the salt of its secrets that Pulumi wrote there."""
    import yaml

    kept = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    salt = {"encryptionsalt": kept["encryptionsalt"]} if kept and "encryptionsalt" in kept else {}
    _write_changed(path, yaml.safe_dump({**salt, **({"config": dict(config)} if config else {})}))


def _write_changed(path: Path, text: str) -> None:
    """Write a file, unless it has that text already."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        files.write(path, text)
