"""`atlas.load`: a stored model or output as a value, in plain Python outside of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas.formats import BUILT_IN

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from atlas.artifacts.finding import Artifact
    from atlas.store import Trust


def load(
    address: str,
    *,
    part: str = "",
    project: str | os.PathLike[str] = ".",
    env: str = "local",
    code: str | os.PathLike[str] = "",
    format: str = "",
    trust: Iterable[str] = (),
) -> Any:
    """Return a model version or an output of a run as the value that it was.

    It is read as a step would read it: its bytes are those that were written, and nothing is made
    of it but what Atlas lists, and what you name.

    Args:
        address: ``models:/NAME@champion``, ``models:/NAME/3``, or ``RUN/step.output``.
        part: of a model of several parts, which one.
        project: folder of the project, whose store and registry are read.
        env: name of the Environment.
        code: folder of the pipeline, whose own classes, and what its Recipe trusts, the value may
            be made of; its code is imported when a class of it is there.
        format: ``pickle``, where you trust it to be unpickled; or a format of a package's.
        trust: full names of further classes and functions that it may be made of.

    Raises:
        AtlasError: there is no such artifact, or it has several parts.
        StoreError: it isn't what was written, or is made of what isn't trusted.

    Example:
        >>> model = atlas.load("models:/tumour@champion")  # doctest: +SKIP
    """
    from atlas.artifacts.finding import find
    from atlas.artifacts.opening import opened

    with opened(Path(project), env) as place:
        artifact = _chosen(find(place, address), address, part)
        trusted = _trust(Path(code) if code else None, env, artifact.output, format, trust)
        _check_format(artifact, trusted.format)
        return artifact.store.read(artifact.manifest, trust=trusted)


def _chosen(found: list[Artifact], address: str, part: str) -> Artifact:
    named = [artifact for artifact in found if part in ("", artifact.output)]
    if len(named) != 1:
        names = ", ".join(artifact.output for artifact in found)
        raise AtlasError(f"{address}: its parts are {names}; expected one: part=…")
    return named[0]


def _check_format(artifact: Artifact, format: str) -> None:
    """Refuse a format of a package's that the caller doesn't name: the file must not choose it."""
    kept = artifact.manifest.format
    if kept not in BUILT_IN and kept != format:
        raise AtlasError(
            f"{artifact.name}: is kept as '{kept}', which is none of Atlas's own formats; if you "
            f'expect it, name it: format="{kept}"'
        )


def _trust(code: Path | None, env: str, part: str, format: str, names: Iterable[str]) -> Trust:
    """Return what the value may be: what the caller names, and what the pipeline's files say."""
    from atlas.store import Trust

    named = frozenset(names)
    if code is None:
        return Trust(format=format, names=named)
    from dataclasses import replace

    from atlas.plan import resolve
    from atlas.step import code as own
    from atlas.step.trusting import trust_of

    plans = resolve(code, environment=env)[0].plans
    plan = plans.get("training") or next(iter(plans.values()))
    own.mount(plan.config, code.resolve())
    declared = plan.model.outputs.get(part) if plan.model else None
    trust = trust_of(plan, declared)
    return replace(trust, format=format or trust.format, names=trust.names | named)
