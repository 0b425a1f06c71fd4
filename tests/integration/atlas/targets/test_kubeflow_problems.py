"""Problems of Kubeflow are found without its compiler."""

from __future__ import annotations

import subprocess
import sys


def test_problems_import_no_kfp():
    code = (
        "import sys; from atlas.targets.kubeflow.compiler import KubeflowCompiler; from atlas.plan import Plan\n"
        "KubeflowCompiler().problems(Plan('p', 'p', 'p', 'training', 'r', 'e', 'kubeflow', ()))\n"
        "print(sorted({'kfp', 'yaml', 'airflow'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
