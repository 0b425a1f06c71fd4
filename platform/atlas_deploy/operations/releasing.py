"""Making releases: a commit is planned from git alone, and what that gives is pinned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.environment import LOCAL
from atlas.errors import DeployError, InvalidError, Problem, clean
from atlas.git import remote as remotes
from atlas.git import repository
from atlas.load.paths import shown
from atlas.load.projects import project_at
from atlas_deploy.operations.pinning import (
    ReleaseSource,
    configs_of,
    draft_of,
    opened_models,
    tree_of,
)
from atlas_deploy.operations.requested import taken_up
from atlas_deploy.releases import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from atlas.environment import Project
    from atlas.git.remote import GitRemote
    from atlas.git.repository import Checkout
    from atlas.retraining.requests import RequestedRelease
    from atlas_deploy.operations.pinning import Draft
    from atlas_deploy.releases.lock import ReleaseLock
    from atlas_deploy.releases.tags import Release

DIRTY, DETACHED, SHALLOW, UNPUSHED, TAGS = "dirty", "detached", "shallow", "unpushed", "tags"
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOptions:
    """How to release.

    Attributes:
        environment: the Environment whose model registry and records of images count.
        message: the tags' message; empty for one that says what is released.
        key: key that signs the tags; empty for no signature.
        push: whether the remote gets them.
        allowed: what is let pass: ``dirty``, ``detached``, ``shallow``, ``unpushed``, ``tags``.
        dry_run: whether nothing is written.
    """

    environment: str = LOCAL
    message: str = ""
    key: str = ""
    push: bool = True
    allowed: frozenset[str] = frozenset()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """What came of releasing one Config.

    Attributes:
        lock: what is pinned, under the release's name.
        action: ``made``, ``completed``, ``there``, or ``planned`` of a dry run.
        pushed: the remote that has it; empty for none.
        skipped: the environments that it can't be deployed to, and why.
        warnings: what a person should know of it.
        release: the release; None of a dry run.
        requested: the versions that it pins because retrainings have asked for them, in words.
    """

    lock: ReleaseLock
    action: str
    pushed: str = ""
    skipped: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    release: Release | None = None
    requested: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "release": self.lock.release,
            "action": self.action,
            "pushed": self.pushed,
            "commit": self.release.commit if self.release else "",
            "signed": bool(self.release and self.release.signed),
            "skipped": dict(self.skipped),
            "warnings": list(self.warnings),
            "requested": list(self.requested),
            "lock": self.lock.to_json(),
        }


def release(
    path: Path, options: ReleaseOptions, say: Callable[[str], None]
) -> list[ReleaseOutcome]:
    """Release each Config of a PATH, as the commit that is checked out has it.

    Args:
        path: a Config, a pipeline's folder, or a folder that is scanned.
        options: how.
        say: takes a line of progress.

    Raises:
        InvalidError: L001 to L005, the checkout isn't fit to be released from; or the pipelines
            aren't right.
        DeployError: L006 to L017, the release can't be made.
        PlatformError: the platform that has the models or the images can't be reached.
    """
    project = project_at(path)
    checkout, warnings = checked_checkout(project, options)
    with tree_of(project, checkout.top, checkout.head, checkout.inside) as tree:
        source = ReleaseSource(project, checkout, tree, warnings)
        inside = path.resolve().relative_to(project.root.resolve())
        if not (tree / inside).exists():
            raise _unfit(project, f"commit {checkout.head[:12]} has no {inside}; commit it")
        configs = configs_of(tree / inside, options.environment)
        drafts = [draft_of(source, file, options.environment) for file in configs]
        return [_released(source, draft, options, say) for draft in drafts]


# What may be released -------------------------------------------------------------------------


def checked_checkout(project: Project, options: ReleaseOptions) -> tuple[Checkout, tuple[str, ...]]:
    """Return the checkout of a project that may be released, and warnings.

    Raises:
        InvalidError: it mustn't be; it carries every reason.
    """
    checkout = repository.checkout_at(project.root)
    if checkout is None or not checkout.head:
        raise _unfit(project, "git has no commit of this folder; commit the project first")
    if not project.explicit:
        raise _unfit(project, "no pyproject.toml with [tool.atlas] says that it is a project")
    changed = repository.changed_files(project.root, project.state)
    if changed is None:
        raise _unfit(project, "git can't say what differs from the commit; does `git status`?")
    problems = [*_problems(project, checkout, changed)]
    refused = [problem for allow, problem in problems if allow not in options.allowed]
    if refused:
        raise InvalidError(refused)
    return checkout, tuple(problem.message for _, problem in problems)


def _problems(
    project: Project, checkout: Checkout, changed: Sequence[str]
) -> Iterator[tuple[str, Problem]]:
    """Return what speaks against a release from here, and what lets it pass."""
    head, where = checkout.head[:12], shown(project.root)

    def problem(
        code: str, allow: str, message: str, *, expected: str, hint: str
    ) -> tuple[str, Problem]:
        hint = f"{hint}; --allow-{allow} releases all the same"
        return allow, Problem(code=code, file=where, message=message, expected=expected, hint=hint)

    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        files = f"{clean(', '.join(changed[:_SHOWN]))}{more}"
        yield problem(
            "L002", DIRTY,
            f"changes since commit {head} aren't in the release: {files}",
            expected="no changes", hint="commit or stash them",
        )  # fmt: skip
    if not checkout.branch:
        yield problem(
            "L003", DETACHED, f"the checkout is of commit {head} and of no branch",
            expected="a branch", hint="`git switch BRANCH`",
        )  # fmt: skip
    if checkout.is_shallow:
        yield problem(
            "L004", SHALLOW, "the clone is shallow: what came before isn't in it",
            expected="a whole clone", hint="`git fetch --unshallow`",
        )  # fmt: skip
    if not repository.remote_branches_with(checkout.top, checkout.head):
        yield problem(
            "L005", UNPUSHED, f"no branch of a remote has commit {head}, as far as was fetched",
            expected="a commit that others can fetch", hint="`git push`, or `git fetch`",
        )  # fmt: skip


def _unfit(project: Project, why: str) -> DeployError:
    return DeployError(f"{shown(project.root)}: can't be released from: {why}", code="L001")


# Writing it -----------------------------------------------------------------------------------


def _released(
    source: ReleaseSource, draft: Draft, options: ReleaseOptions, say: Callable[[str], None]
) -> ReleaseOutcome:
    request = writing.ReleaseRequest(
        top=source.checkout.top,
        lock=draft.lock,
        message=options.message,
        key=options.key,
        remote=_remote(source) if options.push else None,
        skips_tags=TAGS in options.allowed,
    )
    requested = [*map(_said, draft.requested.requests.values())]
    if options.dry_run:
        lock, action = writing.planned(request)
        facts = (draft.skipped, draft.warnings, None, requested)
        return ReleaseOutcome(lock, action, "", *facts)
    written = writing.write(request, say)
    if requested:
        with opened_models(draft.pipelines[0]) as models:
            taken_up(models.store, models.registry, draft.requested, written.release.name)
    return ReleaseOutcome(
        written.release.lock,
        written.action,
        written.pushed,
        draft.skipped,
        draft.warnings,
        written.release,
        requested,
    )


def _said(request: RequestedRelease) -> str:
    """Return a request that is taken up, in words."""
    instead = f"in place of {request.champion}, which retraining {request.event} asks for"
    return f"{request.model} version {request.version} {instead}: {request.why}"


def _remote(source: ReleaseSource) -> GitRemote:
    """Return where the release is pushed.

    Raises:
        DeployError: L010, there is no remote.
    """
    remote = remotes.remote_of(source.checkout.top, source.checkout.branch)
    if remote is None or not remote.push_url:
        raise DeployError(
            f"{source.checkout.top}: has no remote that a release could be pushed to; add one "
            "(`git remote add origin URL`), or give --no-push",
            code="L010",
        )
    return remote
