"""Model cards: one page of what a version is, for whom, how good, and made from what."""

from atlas.cards.attaching import attach_card
from atlas.cards.card import ModelCard
from atlas.cards.gathering import card_of
from atlas.cards.html import html
from atlas.cards.markdown import markdown

__all__ = ["ModelCard", "attach_card", "card_of", "html", "markdown"]
