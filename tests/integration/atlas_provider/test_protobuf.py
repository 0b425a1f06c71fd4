"""kfp and pulumi in one process, in either order."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("order", [("kfp", "pulumi.automation"), ("pulumi.automation", "kfp")])
def test_kfp_and_pulumi_can_be_imported_together(order):
    imports = "; ".join(f"import {name}" for name in order)
    code = f"from atlas_provider.protobuf import share_status; share_status(); {imports}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
