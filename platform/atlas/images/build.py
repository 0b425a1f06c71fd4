"""Building: what is desired and not there yet is built, proven, pushed and recorded, once."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, CommandError, DeployError, RefusedError
from atlas.git import commit_of
from atlas.images.amazon import have_repository, is_amazon
from atlas.images.attached import attach
from atlas.images.content import atlas_digest
from atlas.images.desired import desired_images
from atlas.images.environments import have_environment
from atlas.images.final import build_final, labels_of, local_name, prove
from atlas.images.lock import lock_for
from atlas.images.locking import make_lock
from atlas.images.records import Built, read_record, write_record
from atlas.images.requirements import DISTRIBUTION
from atlas.images.sbom import SBOM_NAME, sbom, sbom_key
from atlas.images.work import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from atlas.images.builders import Access
    from atlas.images.desired import DesiredImage
    from atlas.images.environments import ImageEnvironment
    from atlas.images.final import Contents
    from atlas.images.work import Work
    from atlas.plan import Pipeline

UNCHANGED, PUSHED, BUILT, FAILED = "unchanged", "pushed", "built", "failed"


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """What came of one desired image.

    Attributes:
        desired: what was desired.
        state: ``unchanged``, ``pushed`` (built where it had to be), ``built`` (and there is no
            registry to push to), or ``failed``.
        built: what is there now; None when it failed.
        error: why it failed.
    """

    desired: DesiredImage
    state: str
    built: Built | None = None
    error: AtlasError | None = None


def lock_images(
    pipelines: Sequence[Pipeline], say: Callable[[str], None], *, upgrade: bool
) -> list[Path]:
    """Make the locks of pipelines' images that are missing or don't hold any more.

    Args:
        pipelines: whose images.
        say: takes a line before each thing that takes long.
        upgrade: whether to take the newest versions, of all of them.

    Returns:
        The locks that were written.

    Raises:
        InvalidError: requirements can't be read or resolved.
    """
    made: list[Path] = []
    for desired in desired_images(pipelines):
        lock = lock_for(desired.image, desired.folder)
        if desired.image.requirements and lock.file not in made and (upgrade or not lock.fresh):
            say(f"locking {desired.image.requirements} of {desired.folder.name}")
            make_lock(lock, upgrade=upgrade)
            made.append(lock.file)
    return made


def build_images(work: Work, desired: Sequence[DesiredImage], jobs: int = 2) -> list[BuildOutcome]:
    """Build, prove, push and record images; one that fails keeps no other from being built.

    Args:
        work: what to build with.
        desired: what to build.
        jobs: how many at a time.
    """
    with alone(work.state, work.say), _pool(jobs) as pool:
        firsts = {image.environment: image for image in desired}
        lower = dict(zip(firsts, pool.map(partial(_lower, work), firsts.values()), strict=True))
        pairs = [(image, lower[image.environment]) for image in desired]
        return list(pool.map(lambda pair: _upper(work, *pair), pairs))


@contextlib.contextmanager
def _pool(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that start nothing more once something went wrong."""
    pool = ThreadPoolExecutor(max(1, jobs))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _lower(work: Work, desired: DesiredImage) -> ImageEnvironment | AtlasError:
    """Have the lower layers, or say why not."""
    try:
        return have_environment(work, desired, work.log(f"environment-{desired.environment}"))
    except AtlasError as error:
        return error
    except OSError as error:
        return _full(desired, error)


def _upper(work: Work, desired: DesiredImage, lower: ImageEnvironment | AtlasError) -> BuildOutcome:
    """Build and push one image on its lower layers, or say why not."""
    if isinstance(lower, AtlasError):
        return BuildOutcome(desired, FAILED, error=lower)
    try:
        built = _one(work, desired, lower)
    except AtlasError as error:
        return BuildOutcome(desired, FAILED, error=error)
    except OSError as error:
        return BuildOutcome(desired, FAILED, error=_full(desired, error))
    return BuildOutcome(desired, PUSHED if work.registry else BUILT, built)


def _full(desired: DesiredImage, error: OSError) -> DeployError:
    reason = (error.strerror or str(error)).lower()
    return DeployError(f"{desired.full}: can't be built: {reason}; free some space", code="I207")


def _one(work: Work, desired: DesiredImage, lower: ImageEnvironment) -> Built:
    log = work.log(desired.full)
    commit = commit_of(desired.folder)
    name = local_name(desired)
    if work.again or lower.built or work.builder.facts(name) is None:
        build_final(work, desired, lower, labels_of(desired, lower, commit), log)
    contents = prove(work, desired)
    facts = work.builder.facts(name)
    built = Built(
        repository=desired.repository,
        tag=desired.tag,
        identity=facts.identity if facts else "",
        unpacked=facts.size if facts else 0,
        base=desired.base,
        base_digest=lower.base_digest,
        python=lower.python.version,
        atlas=version(DISTRIBUTION),
        recipe=",".join(desired.recipes),
        commit=commit,
        code=desired.code,
        environment=desired.environment,
        package=atlas_digest(),
        builder=f"{work.builder.name} {work.builder.version}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return _recorded(work, _pushed(work, built, name, log), contents)


def _pushed(work: Work, built: Built, name: str, log: Path) -> Built:
    """Push an image, where there is a registry; a push that was interrupted is taken up again.

    Raises:
        DeployError: I206, the registry refuses, or doesn't have what was pushed.
    """
    if work.registry is None:
        return _as_pushed(work, built)
    target = f"{work.registry.host}/{built.name}"
    work.say(f"{built.name}: pushing to {work.registry.host}")
    if is_amazon(work.registry.host):
        have_repository(work.registry.host, built.repository)
    try:
        with work.access(target) as access:
            digest = work.builder.push(name, target, access, log)
            _know_by_digest(work, built, digest, access, log)
    except CommandError as error:
        raise DeployError(
            f"{built.name}: can't be pushed: {error}; build again", code="I206"
        ) from None
    manifest = work.registry.manifest(built.repository, digest or built.tag)
    if manifest is None:
        what = f"registry {work.registry.host} doesn't have what was pushed"
        raise DeployError(f"{built.name}: {what}; build again", code="I206")
    return replace(built, digest=manifest.digest, size=manifest.size, registry=work.registry.host)


def _know_by_digest(work: Work, built: Built, digest: str, access: Access, log: Path) -> None:
    """Let the engine know an image by its digest, so that what runs here needs no credentials."""
    if work.registry is not None and digest:
        with contextlib.suppress(CommandError):
            name = f"{work.registry.host}/{built.repository}@{digest}"
            work.builder.pull(name, access, log)


def _as_pushed(work: Work, built: Built) -> Built:
    """Return an image that is only built, with what is known of where it was pushed before."""
    earlier = read_record(work.store, built.repository, built.tag)
    if earlier is None:
        return built
    return replace(built, digest=earlier.digest, registry=earlier.registry, size=earlier.size)


def _recorded(work: Work, built: Built, contents: Contents) -> Built:
    """Keep an image's bill of materials, attach it to the image, and keep its record.

    In this order: so an image with a record has all three, and one without is taken up again.
    """
    key, bill = sbom_key(built), sbom(built, contents)
    work.store.location.write(key, bill)
    _attached(work, built, bill)
    built = replace(built, sbom=key)
    write_record(work.store, built)
    return built


def _attached(work: Work, built: Built, bill: bytes) -> None:
    """Attach a bill of materials in the registry; one that takes no artifacts keeps no image out.

    Raises:
        PlatformError: I206, the registry doesn't answer any more, or refuses the credentials.
    """
    if work.registry is None or not built.digest:
        return
    try:
        attach(work.registry, built.repository, built.digest, bill, SBOM_NAME)
    except (RefusedError, FileNotFoundError) as error:
        work.say(f"{built.name}: its bill of materials is in the store alone: {error}")


def raise_failures(outcomes: Iterable[BuildOutcome]) -> None:
    """Raise one error for all images that failed.

    Raises:
        DeployError: at least one did.
    """
    errors = {str(outcome.error) for outcome in outcomes if outcome.error}
    if errors:
        raise DeployError("\n".join(sorted(errors)))
