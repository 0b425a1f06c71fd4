"""Distances, bounds and estimates beside scipy, MAPIE and nannyml, each in its own environment."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from atlas.monitor import bounds
from atlas.monitor.budget import Budget
from atlas.monitor.drift import DISTRIBUTION, DriftRule, look
from atlas.monitor.estimate import calibrate, estimate
from atlas.monitor.row_metrics import ROW_METRICS, LossSums
from atlas.monitor.running import RunningRule, running
from atlas.profiles.measure import batch, reference
from tests.bench import peers

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def other():
    """Give a function that runs a script in a peer's environment and returns what it prints."""

    def call(peer, script, **given):
        try:
            python = peers.python(peer)
        except peers.MissingPeerError as error:
            pytest.skip(str(error).splitlines()[0])
        words = [str(python), "-W", "ignore", "-c", script]
        done = subprocess.run(words, input=json.dumps(given), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    return call


READ = "import json, sys\nimport numpy as np\ngiven = json.load(sys.stdin)\n"


@pytest.mark.parametrize("kind", ["normal", "ties", "tails"])
def test_the_distance_is_that_of_scipys_kolmogorov_smirnov_test(other, kind):
    rng = np.random.default_rng(1)
    draw = {
        "normal": rng.standard_normal,
        "ties": lambda n: rng.integers(0, 9, n).astype(float),
        "tails": rng.standard_cauchy,
    }[kind]
    shifts = (0.0, 1.0) if kind == "ties" else (0.0, 0.3)
    pairs = [(draw(700), draw(size) + shift) for size in (50, 3000) for shift in shifts]
    script = READ + (
        "from scipy.stats import ks_2samp\n"
        "print(json.dumps([ks_2samp(a, b).statistic for a, b in given['pairs']]))"
    )
    theirs = other("river", script, pairs=[(a.tolist(), b.tolist()) for a, b in pairs])
    for (first, later), statistic in zip(pairs, theirs, strict=True):
        beside = reference({"x": first})
        found = look(beside, [batch({"x": later}, beside)], 1, DriftRule(Budget(0.01)))
        (own,) = (m for m in found.measured if (m.test, m.window) == (DISTRIBUTION, 1))
        # Theirs looks between the reference's values, too: there is a row's share at most.
        between = 0.0 if kind == "ties" else 1.0 / len(first)
        assert own.distance <= statistic + 1e-12
        assert statistic <= own.distance + between + 1e-12


def test_bounds_are_never_narrower_than_the_exact_ones_of_scipy(other):
    rows, risks = [10, 100, 5000], [1e-2, 1e-4, 1e-7]
    script = READ + (
        "from scipy.stats import beta, binom, kstwo\n"
        "out = {'ks': [[float(kstwo.isf(r, n)) for r in given['risks']] for n in given['rows']],\n"
        "  'upper': [[[float(beta.isf(r, k + 1, n - k)) if k < n else 1.0\n"
        "    for k in (0, n // 10, n // 2, n)] for r in given['risks']] for n in given['rows']],\n"
        "  'sample': [[float(binom.isf(r, n, .1)) / n for r in given['risks']]\n"
        "    for n in given['rows']]}\n"
        "print(json.dumps(out))"
    )
    exact = other("river", script, rows=rows, risks=risks)
    for i, n in enumerate(rows):
        for j, risk in enumerate(risks):
            count = np.array([0, n // 10, n // 2, n])
            own = bounds.distribution(np.array([n]), risk)[0]
            assert exact["ks"][i][j] <= own <= 1.6 * exact["ks"][i][j]
            upper = bounds.share(count, np.full(4, n), risk)[1]
            assert (upper >= np.array(exact["upper"][i][j]) - 1e-9).all()
            limit = bounds.unlikely(np.array([0.1]), np.array([n]), risk, np.array([True]))[0]
            assert limit >= exact["sample"][i][j] - 1e-9


def test_the_running_bound_is_near_mapies_on_the_same_losses(other):
    rng, budget = np.random.default_rng(2), Budget(0.01, 1)
    losses = {p: (rng.random(4000) < p).astype(float) for p in (0.02, 0.1, 0.5)}
    script = READ + (
        "from mapie.exchangeability_testing.bounds import (\n"
        "    conjugate_mixture_empirical_bernstein_bound as bound)\n"
        "print(json.dumps([float(bound(np.array(x), v_opt=1, alpha=given['alpha'],\n"
        "    bound_side='lower')[-1]) for x in given['losses']]))"
    )
    rows = [values.tolist() for values in losses.values()]
    theirs = other("river", script, losses=rows, alpha=budget.at(1))
    for (truth, values), lower in zip(losses.items(), theirs, strict=True):
        own = running(
            [LossSums("b", len(values), values.sum(), values.sum())],
            None,
            RunningRule(ROW_METRICS["mae"], budget, limit=truth),
        ).bound
        assert own < truth
        assert lower < truth
        assert own == pytest.approx(lower, abs=0.02)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_estimates_are_near_nannymls(other, metric):
    rng = np.random.default_rng(3)

    def rows(n, a, b):
        truth = rng.beta(a, b, n)
        odds = 2.0 * np.log(truth / (1.0 - truth)) + 0.3
        return 1.0 / (1.0 + np.exp(-odds)), rng.random(n) < truth

    scores, labels = rows(20_000, 1.0, 1.0)
    later, truth = rows(5000, 2.0, 2.0)
    script = READ + (
        "import pandas as pd, nannyml as nml\n"
        "def table(s):\n"
        "    return pd.DataFrame({'s': s, 'p': (np.array(s) >= .5).astype(int)})\n"
        "first = table(given['scores']).assign(y=given['labels'])\n"
        "of = nml.CBPE(y_pred_proba='s', y_pred='p', y_true='y', metrics=[given['metric']],\n"
        "    problem_type='classification_binary', chunk_size=5000).fit(first)\n"
        "found = of.estimate(table(given['later'])).filter(period='analysis').to_df()\n"
        "print(json.dumps(float(found[(given['metric'], 'value')].iloc[0])))"
    )
    given = {"scores": scores.tolist(), "labels": labels.astype(int).tolist()}
    theirs = other("nannyml", script, **given, later=later.tolist(), metric=metric)
    own = estimate(calibrate(scores, labels), later, metric)
    assert own.value == pytest.approx(theirs, abs=0.01)
    assert own.low <= theirs <= own.high
    if metric == "accuracy":
        assert own.low <= ((later >= 0.5) == truth).mean() <= own.high
