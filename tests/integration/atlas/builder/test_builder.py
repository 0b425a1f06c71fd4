"""A class that only a notebook has can be no step of a Recipe."""

from __future__ import annotations

import subprocess
import sys


def test_a_class_of_the_notebook_is_refused() -> None:
    code = (
        "from atlas import Source\nfrom atlas.builder import RecipeBuilder\n"
        "class Mine(Source): ...\nRecipeBuilder('r').step('a', Mine)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "move it to a module of the pipeline's folder and write 'MODULE:Mine'" in done.stderr
