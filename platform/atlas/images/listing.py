"""What there is of images: desired by pipelines, built, pushed, deployed, and what would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.images.content import atlas_digest
from atlas.images.records import changes, records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.images.desired import DesiredImage
    from atlas.images.records import Built
    from atlas.store import Store


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image of a listing.

    Attributes:
        name: repository and tag.
        state: ``pushed``, ``built`` or ``not built``.
        built: its record; None when it isn't built.
        deployed: whether a deployment or a release refers to it.
        desired: whether it is what a pipeline wants today.
        changes: for one that isn't built, what differs from the newest that is.
    """

    name: str
    state: str
    built: Built | None
    deployed: bool
    desired: bool
    changes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "state": self.state,
            "deployed": self.deployed,
            "wanted": self.desired,
            "changes": list(self.changes),
            **({"image": self.built.to_json()} if self.built else {}),
        }


def list_images(
    desired: Iterable[DesiredImage], store: Store, referenced: set[str]
) -> list[ListedImage]:
    """Return the images that pipelines want today, and the others that are deployed.

    Args:
        desired: what the pipelines want.
        store: where builds are recorded.
        referenced: digests that deployments and releases refer to.
    """
    known = {record.name: record for record in records(store)}
    today = [_listed(image, known, referenced) for image in desired]
    names = {image.name for image in today}
    others = [
        ListedImage(record.name, _state(record), record, deployed=True, desired=False)
        for record in known.values()
        if record.digest in referenced and record.name not in names
    ]
    return [*today, *others]


def _listed(desired: DesiredImage, known: dict[str, Built], referenced: set[str]) -> ListedImage:
    built = known.get(desired.full)
    if built is not None:
        return ListedImage(
            built.name, _state(built), built, built.digest in referenced, desired=True
        )
    earlier = [record for record in known.values() if record.repository == desired.repository]
    newest = max(earlier, key=lambda record: record.created, default=None)
    differs = tuple(changes(_parts(desired), newest)) if newest else ("new",)
    return ListedImage(
        desired.full, "not built", None, deployed=False, desired=True, changes=differs
    )


def _parts(desired: DesiredImage) -> dict[str, str]:
    return {
        "base": desired.base,
        "environment": desired.environment,
        "package": atlas_digest(),
        "code": desired.code,
    }


def _state(built: Built) -> str:
    return "pushed" if built.digest else "built"
