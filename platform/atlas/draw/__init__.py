"""Drawing: Plans and Recipes as text, Mermaid, DOT, SVG, PNG and HTML."""

from atlas.draw.compare import diff
from atlas.draw.model import OUTCOMES, Drawing, Edge, Group, Marks, Node
from atlas.draw.plans import of_plan, of_plans
from atlas.draw.svg import svg

__all__ = [
    "OUTCOMES",
    "Drawing",
    "Edge",
    "Group",
    "Marks",
    "Node",
    "diff",
    "of_plan",
    "of_plans",
    "svg",
]
