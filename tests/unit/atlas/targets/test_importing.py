"""kfp's client is left out of a compile, and is there for who asks for it afterwards."""

import subprocess
import sys

import pytest

pytest.importorskip("kfp")

CODE = """
import sys, warnings
warnings.simplefilter("ignore")
from atlas.targets.kubeflow.importing import without_client
with without_client():
    from kfp import dsl, kubernetes
print("kfp.client" in sys.modules, "google.auth" in sys.modules)
import kfp
print(kfp.Client.__module__, kfp.client.Client is kfp.Client, hasattr(kfp, "nothing"))
"""
EARLIER = """
import warnings
warnings.simplefilter("ignore")
import kfp
before = kfp.Client
from atlas.targets.kubeflow.importing import without_client
with without_client():
    from kfp import dsl
print(kfp.Client is before)
"""


def printed(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_client_is_imported_only_when_asked_for():
    assert printed(CODE) == ["False False", "kfp.client.client True False"]


def test_a_client_that_is_there_already_stays():
    assert printed(EARLIER) == ["True"]
