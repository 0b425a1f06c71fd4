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


def test_what_deploys_several_stacks_serves_the_provider_beside_kfp():
    """As `atlas deploy FAMILY` does: the compiler of its flows has imported kfp by then."""
    code = (
        "import kfp.compiler; from atlas_deploy.apply.fleet import hosted\n"
        "with hosted() as (port, _): assert port"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
