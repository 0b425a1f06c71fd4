"""The same drawing has the same bytes in every process."""

import subprocess
import sys
from pathlib import Path

from tests.unit.atlas.draw.test_formats import every_text


@every_text
def test_the_same_drawing_is_the_same_bytes_in_every_process(form):
    code = (
        "import sys; from atlas import draw; from tests.golden.graphs import tangle, hostile\n"
        f"for p in (tangle(30), hostile()): sys.stdout.buffer.write(draw.drawn(draw.of_plan(p), {form!r}))"
    )
    results = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[4],
            env={"PYTHONHASHSEED": seed, "PATH": "", "LC_ALL": locale},
            capture_output=True,
            check=True,
        ).stdout
        for seed, locale in (("1", "C"), ("2", "C.UTF-8"))
    }
    assert len(results) == 1
