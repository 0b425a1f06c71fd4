"""Results of deployments as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_deploy.apply.runs import render_runs
from atlas_deploy.diff.render import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.errors import Problem
    from atlas_deploy.apply.options import DeployResult

_SHOWN = 3


def remarks(result: DeployResult) -> list[str]:
    """Return what a person should know besides the changes."""
    bundle = result.bundle
    lines = [f"paused: {name} stays paused, as an operator left it" for name in result.paused]
    lines += [f"unpaused: {name} runs again" for name in result.unpaused]
    if result.under_way:
        wait = " (--wait waits for them first)" if bundle else ""
        runs = render_runs(result.under_way)
        lines.append(f"under way: {runs}; the rest of these runs uses what is deployed now{wait}")
    if bundle is None:
        return lines
    lines += [f"not deployed: {name}: its target here is local" for name in bundle.skipped]
    lines += render_warnings(bundle.warnings)
    if bundle.unbuilt:
        lines.append(f"images not built, named by their content: {', '.join(bundle.unbuilt)}")
    return lines


def render_warnings(warnings: Sequence[Problem]) -> list[str]:
    """Return warnings, each once: the first of those that differ only in place or name."""
    like: dict[tuple[str, str], list[Problem]] = {}
    for warning in warnings:
        like.setdefault((warning.code, warning.message), []).append(warning)
    return [
        f"{similar[0]} (and {len(similar) - 1} more like it)" if similar[1:] else str(similar[0])
        for similar in like.values()
    ]


def render_result(result: DeployResult) -> str:
    """Return the result for a person."""
    if result.error:
        return f"{result.stack}: failed"
    lines = render(result.changes)
    if not lines:
        lines = [f"nothing to do: {len(result.changes)} members are as they should be"]
    number = f", deployment {result.number}" if result.number else ""
    release = f", {result.release}" if result.release else ""
    return "\n  ".join(
        [f"{result.stack}{number}{release}", *lines, *remarks(result), *_pages(result)]
    )


def _pages(result: DeployResult) -> list[str]:
    """Return where the first of what was deployed is to be seen, once something has changed."""
    if not result.number:
        return []
    shown = [f"{name}: {url}" for name, url in result.pages.items()]
    more = len(shown) - _SHOWN
    return [*shown[:_SHOWN], *([f"and {more} more pages like these"] if more > 0 else [])]


def summary(results: Sequence[DeployResult]) -> list[str]:
    """Return what became of several deployments together."""
    if len(results) < 2:  # noqa: PLR2004 - several
        return []
    changed = [result for result in results if result.changed and not result.error]
    failed = sum(bool(result.error) for result in results)
    members = sum(len(result.changed) for result in changed)
    return [
        f"{len(changed)} of {len(results)} deployments change ({members} members); "
        f"{len(results) - len(changed) - failed} are as they should be"
        + (f"; {failed} failed" if failed else "")
    ]


def render_results(results: Sequence[DeployResult]) -> str:
    """Return the results for a person, of those deployments that were opened."""
    lines = [render_result(result) for result in results if result.opened]
    return "\n".join([*lines, *summary(results)])
