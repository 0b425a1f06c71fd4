"""A card beside its version: in the store always, and in MLflow where that has the version.

In MLflow it is an artifact of the version's run, named by tags of the version. Its description is
written too, unless somebody has written one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from atlas.cards.html import html
from atlas.cards.markdown import markdown
from atlas.tracking.mlflow import MlflowTracker
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.cards.card import ModelCard
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry

FOLDER = "cards"
"""Folder of a model in the store with the cards of its versions."""
PAGE, TEXT = "model-card.html", "model-card.md"
"""What the files are called among a run's artifacts in MLflow."""


def card_files(card: ModelCard) -> dict[str, bytes]:
    """Return the files of a card: suffix → content."""
    return {
        "html": html(card).encode("utf-8", "replace"),
        "md": markdown(card).encode("utf-8", "replace"),
        "json": canonical(card.to_json()).encode("utf-8", "replace"),
    }


def attach_card(store: Store, registry: ModelRegistry, card: ModelCard) -> str:
    """Keep a card with its version; a repeat replaces it.

    Args:
        store: the artifact store.
        registry: where the version is registered.
        card: the card.

    Returns:
        Where it is in the store: URL of the page.

    Raises:
        PlatformError: MLflow doesn't answer, or refuses; the store has the card then.
        StoreError: the store can't be written.
    """
    files = card_files(card)
    base = f"models/{card.model}/{FOLDER}/{card.version}"
    for suffix, content in files.items():
        store.location.write(f"{base}.{suffix}", content)
    if isinstance(registry, MlflowTracker):
        _to_mlflow(registry, card, files)
    return f"{store.url}/{base}.html"


def _to_mlflow(server: MlflowTracker, card: ModelCard, files: Mapping[str, bytes]) -> None:
    from atlas.tracking.cards import VersionCard, put_card

    put_card(
        server,
        VersionCard(
            model=card.model,
            version=card.version,
            artifacts={PAGE: files["html"], TEXT: files["md"]},
            digest=hashlib.sha256(files["json"]).hexdigest(),
            description=_description(card),
        ),
    )


def _description(card: ModelCard) -> str:
    """Return the version's description: what it is for, its metrics, where the card is."""
    purpose = card.texts.get("purpose", "").split("\n\n")[0]
    asked = (metric for metric in card.metrics if metric.rule and not metric.slice)
    metrics = ", ".join(f"{metric.name} {metric.value:.4g}" for metric in asked)
    parts = (purpose, metrics, f"Model card: artifact {PAGE} of the run.")
    return "\n\n".join(part for part in parts if part)
