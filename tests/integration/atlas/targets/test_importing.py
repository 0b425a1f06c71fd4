"""A compile imports no client; who asks for one afterwards has it."""

import subprocess
import sys

import pytest

pytest.importorskip("kfp")

IMPORTED = """
import os, sys, warnings
warnings.simplefilter("ignore")
from atlas.targets.kubeflow.importing import import_kfp
import_kfp()
from atlas.targets.kubeflow import pipeline
names = ("kfp.client", "kfp_server_api", "google.auth", "kubernetes", "requests")
print([name for name in names if name in sys.modules], "_KFP_RUNTIME" in os.environ)
"""
LATER = """
import kfp
from kfp import kubernetes, components
from kfp.kubernetes import node_affinity
print(node_affinity.client.V1NodeAffinity.__name__)
import kubernetes.client
print(kubernetes.client.V1Pod.__name__, node_affinity.client.V1Pod is kubernetes.client.V1Pod)
print(kfp.Client.__module__, kfp.client.Client is kfp.Client, hasattr(kfp, "nothing"))
print(kfp.components is components, kfp.compiler.Compiler.__name__)
"""
EARLIER = """
import warnings
warnings.simplefilter("ignore")
import kfp
before = kfp.Client
from atlas.targets.kubeflow.importing import import_kfp
import_kfp()
from atlas.targets.kubeflow import pipeline
print(kfp.Client is before, "__getattr__" in vars(kfp))
"""
OTHERWISE = """
import warnings
warnings.simplefilter("ignore")
from atlas.targets.kubeflow import importing
class Broken(importing._Later):
    def __getattr__(self, name):
        raise ImportError("imported in a way that stand-ins can't follow")
importing._Later = Broken
importing.import_kfp()
from kfp import kubernetes
print(kubernetes.add_node_selector.__name__)
"""


def printed(code: str) -> list[str]:
    """Return the lines that a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_compile_imports_no_client():
    assert printed(IMPORTED) == ["[] False"]


def test_what_was_left_out_is_there_for_who_asks_for_it():
    assert printed(f"{IMPORTED}{LATER}")[1:] == [
        "V1NodeAffinity",
        "V1Pod True",
        "kfp.client.client True False",
        "True Compiler",
    ]


def test_a_kfp_that_is_imported_already_stays_as_it_is():
    assert printed(EARLIER) == ["True False"]


def test_a_version_that_imports_otherwise_is_imported_whole():
    assert printed(OTHERWISE) == ["add_node_selector"]
