"""What all pages for people have in common: text made fit to be seen, styles, a policy."""

from atlas.pages.style import DARK, POLICY, STYLE, policy_with
from atlas.pages.texts import xml

__all__ = ["DARK", "POLICY", "STYLE", "policy_with", "xml"]
