"""Metrics on the real Pushgateway and in the real Prometheus: all of them, whatever is in labels."""

from __future__ import annotations

import random
import shutil
import subprocess
from importlib.metadata import version
from urllib.request import Request, urlopen

import pytest

from atlas.metrics.catalogue import CATALOGUE
from atlas.metrics.exposition import LONGEST_VALUE, Sample, page
from atlas.metrics.metric import BATCH, MONITOR, PUSH, RUN
from atlas.store import FolderLocation
from atlas.tracking.metrics_outbox import MetricsOutbox, Recency, WaitingMetrics, deletion
from atlas.tracking.pushgateway import MetricGroup, Pushgateway
from tests import monitored
from tests.projects import Project, environment, project
from tests.servers import prometheus, pushgateway

__all__ = ["project", "prometheus", "pushgateway"]

HOSTILE = (
    'a"b', "a\\b", "a\nb", "a{b}", "a,b=c", "\0", "\x7f", "é🚀", " ", "=", "a/b/../c", "%2F", "..",
    "x" * 5000, "\ud800", "{{x}}", "$1", "🚀" * 200, "# HELP", "NaN", "\r\n", "\u2028",
)  # fmt: skip


@pytest.fixture(autouse=True)
def empty(pushgateway: str) -> None:
    """Have no groups of other tests in the Pushgateway."""
    urlopen(Request(f"{pushgateway}/api/v1/admin/wipe", method="PUT")).close()


def shown(url: str) -> str:
    """Return the page that Prometheus scrapes, and require that it is whole."""
    with urlopen(f"{url}/metrics") as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def series(url: str) -> set[str]:
    own = (line for line in shown(url).split("\n") if line.startswith("atlas_"))
    return {line.rpartition(" ")[0] for line in own}


def samples(text: str, value: float) -> list[Sample]:
    return [Sample(m.name, value, (text,) * len(m.labels)) for m in CATALOGUE]


def push(url: str, group: MetricGroup, made: list[Sample]) -> None:
    Pushgateway(url).replace(
        group, "".join(page(made, part) for part in (RUN, BATCH, PUSH, MONITOR))
    )


def promtool(text: str) -> tuple[int, str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool here; it comes with Prometheus")
    own = "".join(f"{line}\n" for line in text.split("\n") if "atlas_" in line)
    done = subprocess.run(
        [program, "check", "metrics"], input=own, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_any_text_in_any_label_of_any_group_is_taken(pushgateway: str) -> None:
    """A refused page would cost a run all of its metrics."""
    values = (1.5, float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, -0.0)
    for number, text in enumerate(HOSTILE):
        group = MetricGroup(f"e{text}", f"p{text}", "inference")
        push(pushgateway, group, samples(text, values[number % len(values)]))
    assert len(series(pushgateway)) == len(HOSTILE) * len(CATALOGUE)
    push(pushgateway, MetricGroup("e", "p", "training"), samples("plain", 1.0))
    assert promtool(shown(pushgateway)) == (0, "")


def test_many_pipelines_families_and_environments_have_no_series_in_two_groups(
    pushgateway: str,
) -> None:
    """Names that would be one, were they joined: a-b of c, and a of b-c."""
    groups = [
        MetricGroup(environment, pipeline, flow)
        for environment in ("local", "prod", "prod-a")
        for pipeline in ("a", "a-b", "a-b-c", "training", *(f"tumour-r{i}" for i in range(40)))
        for flow in ("training", "inference")
    ]
    generator = random.Random(7)
    for group in generator.sample(groups, len(groups)):
        push(pushgateway, group, samples("x", generator.random()))
    assert len(series(pushgateway)) == len(groups) * len(CATALOGUE)
    text = shown(pushgateway)
    assert text.count("# HELP atlas_run_success ") == 1


def test_limits_hold_and_what_is_left_out_is_counted(pushgateway: str) -> None:
    group = MetricGroup("local", "p", "inference")
    many = [Sample("atlas_model_metric", i, (f"m{i}", "")) for i in range(1000)]
    many += [Sample("atlas_step_success", 1, (f"{'s' * 500}{i}",)) for i in range(1000)]
    push(pushgateway, group, many)
    found = shown(pushgateway).split("\n")
    assert sum(line.startswith("atlas_model_metric{") for line in found) == 300
    dropped = {
        line.partition("{")[0]: line.rpartition(" ")[2] for line in found if "dropped" in line
    }
    assert dropped["atlas_batch_dropped_series"] == "700"
    assert dropped["atlas_run_dropped_series"] == "700"
    steps = [line for line in found if line.startswith("atlas_step_success{")]
    assert len(set(steps)) == 300
    assert all(
        len(line.partition('step="')[2].partition('"')[0]) == LONGEST_VALUE for line in steps
    )


def test_the_groups_of_an_earlier_atlas_live_beside_and_go_with_the_first_push(
    pushgateway: str, tmp_path
) -> None:
    """It had a group for each step, no HELP, and a metric `atlas_batch_info` of its own."""
    old = (
        '# TYPE atlas_metric gauge\natlas_metric{name="rows"} 3\n# TYPE atlas_batch_info gauge\n'
        'atlas_batch_info{batch="i-1"} 1\n'
    )
    for pipeline in ("p", "other"):
        path = f"{pushgateway}/metrics/job/atlas/pipeline/{pipeline}/flow/inference/step/score"
        urlopen(Request(path, old.encode(), method="PUT")).close()
    outbox = MetricsOutbox(FolderLocation(tmp_path))
    group = MetricGroup("local", "p", "inference")
    texts = [page(samples("x", 1.0), part) for part in (RUN, BATCH)]
    outbox.add(WaitingMetrics(group, Recency("2026-01-01T00:00:00+00:00"), *texts, ("score",)))
    assert outbox.send(group.digest, Pushgateway(pushgateway))
    found = series(pushgateway)
    assert not any(name.startswith("atlas_metric{") and 'pipeline="p"' in name for name in found)
    assert any(name.startswith("atlas_metric{") and 'pipeline="other"' in name for name in found)
    assert sum(name.startswith("atlas_batch_info{") for name in found) == 2
    outbox.add(deletion(group))
    assert outbox.send(group.digest, Pushgateway(pushgateway))
    assert all('pipeline="other"' in name for name in series(pushgateway))


def test_every_metric_comes_back_from_prometheus(
    project: Project, pushgateway: str, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_PUSHGATEWAY_URL", pushgateway)
    monitored.write(project)
    monitored.run(project)
    monitored.push_monitor(pushgateway)
    assert monitored.wait_for(prometheus, 'atlas_run_success{flow="inference"}')
    monitored.wait_for(prometheus, 'atlas_run_success{flow="training"}')
    monitored.wait_for(prometheus, "atlas_monitor_info")
    assert promtool(shown(pushgateway)) == (0, "")
    for metric in CATALOGUE:
        found = monitored.query(prometheus, metric.name)
        assert found, f"{metric.name}: no series"
        for one in found:
            labels = {*one["metric"]} - {"__name__", "instance", "slice", "commit", "model_version"}
            group = {"job", "environment", "pipeline", "flow"}
            assert labels <= group | {*metric.labels}, metric.name
            assert group <= labels, metric.name

    def value(promql: str) -> float:
        (one,) = monitored.query(prometheus, promql)
        return float(one["value"][1])

    (info,) = monitored.query(prometheus, 'atlas_run_info{flow="training"}')
    assert info["metric"]["atlas_version"] == version("atlas-ml")
    scored = 'flow="inference"'
    assert value(f'atlas_rows{{{scored},step="score",output="scores"}}') == 3
    assert value(f'atlas_data_rows_read{{{scored},step="load",data="houses"}}') == 3
    assert value(f'atlas_data_rows_written{{{scored},step="write",data="scores"}}') == 3
    assert value(f"atlas_data_newest_timestamp_seconds{{{scored}}}") == 1767398400
    assert value(f'atlas_feature_missing{{{scored},feature="size"}}') == 1
    assert value(f'atlas_feature_mean{{{scored},feature="size"}}') == 2
    assert value(f'atlas_feature_category_rows{{{scored},category="north"}}') == 2
    assert value(f'atlas_prediction_quantile{{{scored},probability="0.99"}}') == pytest.approx(0.98)
    assert value('atlas_model_metric{metric="evaluate.error",slice="region=north"}') == 0.5
    assert value('atlas_model_metric{metric="evaluate.error",slice=""}') == 0.25
    assert value(f"atlas_batch_interval_end_timestamp_seconds{{{scored}}}") == 1767484800
    assert "s3cret" not in shown(pushgateway)
    assert "secret" not in shown(pushgateway)


def test_metrics_that_wait_are_sent_by_runs_sync(project: Project, pushgateway: str) -> None:
    """Runs without a Pushgateway leave theirs in the store; the command sends them, once."""
    monitored.write(project)
    monitored.run(project)
    assert not series(pushgateway)
    variables = environment(ATLAS_PUSHGATEWAY_URL=pushgateway)
    for expected in ("groups of metrics pushed: 2\n", ""):
        done = project.atlas("runs", "--sync", env=variables)
        assert done.returncode == 0, done.stderr
        assert ("groups of metrics" in done.stdout) == bool(expected)
        assert expected in done.stdout
    found = series(pushgateway)
    assert {'flow="training"' in name for name in found} == {True, False}
    assert not project.store.location.names("metrics/waiting")
