"""Data files that steps write, each in a process of its own."""

from __future__ import annotations

from tests.projects import Project


def test_a_step_that_writes_what_a_file_would_lose_says_so(project: Project) -> None:
    source = """
    import pandas as pd
    from atlas import Data

    class Write(Template):
        def run(self, out: Data) -> None:
            out.write(pd.DataFrame([[1]], columns=[True]))
    """
    step = {"write": {"class": "steps:Write", "inputs": {"out": "data.out"}}}
    project.pipeline("p", source, step, config={"data": {"out": {"type": "table"}}})
    project.environment(data={"out": {"uri": "store:data/out.json"}})
    ran = project.run()
    assert ran.errors()["write"] == (
        "data.out: can't be written as json: the column label True is a bool, expected a string; "
        "frame.columns = frame.columns.map(str) makes it one"
    )
