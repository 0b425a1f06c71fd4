"""The drawings of the examples: what holds of every drawing holds of them, and they can be read."""

from pathlib import Path

import pytest

from atlas.draw import of_path
from atlas.draw.layout.geometry import PAGE_WIDTH
from tests.unit.atlas.draw.geometry import check, check_edges

RECIPES = Path(__file__).parents[4] / "recipes"
EXAMPLES = sorted(path.name for path in RECIPES.iterdir() if (path / "training.json").is_file())


@pytest.mark.parametrize("flow", ["training", "inference", ""])
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_use_the_page(name: str, flow: str) -> None:
    drawing = of_path(RECIPES / name, flow=flow)
    layout = check(drawing)
    check_edges(drawing, layout)
    assert layout.width <= 1.3 * PAGE_WIDTH
    assert layout.height < layout.width


def test_the_search_of_an_example_is_one_node() -> None:
    drawing = of_path(RECIPES / "spaceflights", flow="training")
    (tune,) = (node for node in drawing.nodes if node.search)
    assert tune.times() == "search: 6 trials in rounds of 3"
    assert not [node for node in drawing.nodes if "propose" in node.id or "trials" in node.id]
