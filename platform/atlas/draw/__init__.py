"""Drawing: Plans and Recipes as text, Mermaid, DOT, SVG, PNG and HTML."""

from atlas.draw.compare import diff
from atlas.draw.dot import dot
from atlas.draw.formats import FORMATS, drawn, format_of
from atlas.draw.mermaid import mermaid
from atlas.draw.model import OUTCOMES, Drawing, Edge, Group, Marks, Node
from atlas.draw.page import html
from atlas.draw.paths import diff_of_paths, of_path
from atlas.draw.plans import of_plan, of_plans
from atlas.draw.png import png
from atlas.draw.recipes import of_recipe
from atlas.draw.svg import svg
from atlas.draw.text import text

__all__ = [
    "FORMATS",
    "OUTCOMES",
    "Drawing",
    "Edge",
    "Group",
    "Marks",
    "Node",
    "diff",
    "diff_of_paths",
    "dot",
    "drawn",
    "format_of",
    "html",
    "mermaid",
    "of_path",
    "of_plan",
    "of_plans",
    "of_recipe",
    "png",
    "svg",
    "text",
]
