"""The folder of a run of kfp.local: who started it, whether it lives, what its log says."""

from __future__ import annotations

import pytest

from atlas.targets.kubeflow.folder import RunFolder

LOG = """\
17:43:16.827 - INFO - Running pipeline: \x1b[95m'faults-training'\x1b[0m
17:43:16.861 - INFO - Executing task \x1b[96m'load'\x1b[0m
17:43:16.861 - INFO - Streamed logs:

    Found image 'localhost/atlas/faults/default:371568a6ab99a368'

    loading 3
      indented
17:43:24.635 - INFO - Task \x1b[96m'load'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m
17:43:24.636 - INFO - Task \x1b[96m'load'\x1b[0m outputs:
    keys: Artifact( name='keys',
17:43:24.637 - INFO - Executing task 'shout'
    shouting
"""


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


def test_the_task_that_runs_is_the_last_that_began(folder):
    folder.path.mkdir()
    folder.log.write_text(LOG)
    assert folder.task() == "shout"


def test_nothing_is_there_before_a_start(folder):
    assert (folder.is_started, folder.is_alive, folder.ended) == (False, False, None)
    assert folder.task() == ""


def test_an_end_is_recorded_once(folder):
    folder.path.mkdir()
    folder.end(cancelled="yes")
    folder.end(error="killed by that")
    assert folder.ended == {"cancelled": "yes"}
