"""What a pod of Kubeflow's prints beside its step, as Argo 4.0.5 and Kubeflow 2.17 print it."""

from __future__ import annotations

from atlas.targets.kubeflow.run_pods import of_step

LOG = """\
time=2026-12-01T00:58:39.954Z level=INFO msg="waiting for signals" signalPath=/var/run/argo argo=true
time="2026-12-01T00:58:39.961Z" level=info msg="capturing logs" argo=true
I1201 00:58:39.978435      42 main.go:67] Setting log level to: '1'
I1201 00:58:39.979999      42 cache.go:89] Connecting to cache endpoint ml-pipeline.kubeflow:8887
time=2026-12-01 level=warning msg="a step's own"
Interval of 5 rows
I1201 is no date here
time=2026-12-01T00:58:41.136Z level=INFO msg="sub-process exited" error=<nil> argo=true
"""


def test_what_argo_and_kubeflow_print_is_left_out_and_nothing_else() -> None:
    assert of_step(LOG).splitlines() == [
        'time=2026-12-01 level=warning msg="a step\'s own"',
        "Interval of 5 rows",
        "I1201 is no date here",
    ]


def test_no_log_is_none() -> None:
    assert of_step("") == ""
