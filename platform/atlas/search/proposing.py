"""Which params are tried next: by a grid, at random, or by what was tried before."""

from __future__ import annotations

import math
import warnings
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas.search.history import DONE, PRUNED
from atlas.search.spec import GRID, MAXIMIZE, TPE
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.search.spec import Dimension, SearchSpec

_TRIES = 100
"""How often a random draw is repeated that was tried already."""


def proposed(spec: SearchSpec, history: Sequence[Any], count: int) -> list[dict[str, Any]]:
    """Return the params of the next trials; fewer where nothing new is left.

    They depend on the search, its seed and what earlier rounds have shown, and on nothing else.

    Raises:
        AtlasError: the method needs a package that isn't there.
    """
    first = len(history)
    if spec.method == GRID:
        return _grid(spec, first, count)
    if spec.method == TPE:
        return _estimated(spec, history, count)
    return _random(spec, first + count)[first:]


def _grid(spec: SearchSpec, first: int, count: int) -> list[dict[str, Any]]:
    """Return points of the grid; the last param changes fastest."""
    sizes = {name: one.size or 1 for name, one in spec.space.items()}
    last = min(first + count, math.prod(sizes.values()))
    points = []
    for number in range(first, last):
        left, point = number, {}
        for name in reversed(list(sizes)):
            left, index = divmod(left, sizes[name])
            point[name] = spec.space[name].at(index)
        points.append(dict(sorted(point.items())))
    return points


def _random(spec: SearchSpec, count: int) -> list[dict[str, Any]]:
    """Return the first draws of a seed: the same ones, however many are asked for at once."""
    drawn: dict[str, dict[str, Any]] = {}
    for number in range(count):
        for again in range(_TRIES):
            chance = Random(f"{spec.seed}/{number}/{again}").random  # noqa: S311 - no secret
            point = {name: one.drawn(chance()) for name, one in spec.space.items()}
            if (text := canonical(point)) not in drawn:
                drawn[text] = point
                break
        else:
            break
    return list(drawn.values())


def _estimated(spec: SearchSpec, history: Sequence[Any], count: int) -> list[dict[str, Any]]:
    """Return what Optuna's tree-structured Parzen estimator asks for."""
    optuna = _optuna()
    kinds = {name: _distribution(optuna, one) for name, one in spec.space.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seed = Random(f"{spec.seed}/{len(history)}").randrange(2**32)  # noqa: S311 - no secret
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        direction = "maximize" if spec.goal == MAXIMIZE else "minimize"
        study = optuna.create_study(sampler=sampler, direction=direction)
        for trial in history:
            if trial["state"] in (DONE, PRUNED):
                study.add_trial(_as_trial(optuna, trial, spec.space, kinds))
        asked = [study.ask(kinds).params for _ in range(count)]
    return [
        {name: _value(one, params[name]) for name, one in spec.space.items()} for params in asked
    ]


def _optuna() -> Any:
    try:
        optuna: Any = import_module("optuna")
    except ImportError as error:
        text = "the method 'tpe' needs the package optuna, which isn't there"
        raise AtlasError(
            f'{text}; add "atlas-ml[optuna]" to the requirements, or say "method": "random"'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _distribution(optuna: Any, one: Dimension) -> Any:
    kinds = optuna.distributions
    if one.choices:
        return kinds.CategoricalDistribution(list(range(len(one.choices))))
    if one.integer:
        step = 1 if one.log else int(one.step or 1)
        high = int(one.high) - (int(one.high) - int(one.low)) % step
        return kinds.IntDistribution(int(one.low), high, log=one.log, step=step)
    if one.step is None:
        return kinds.FloatDistribution(float(one.low), float(one.high), log=one.log)
    return kinds.IntDistribution(0, (one.size or 1) - 1)


def _value(one: Dimension, asked: Any) -> Any:
    """Return the value that Optuna's stands for."""
    if one.choices or (not one.integer and one.step is not None):
        return one.at(int(asked))
    return int(asked) if one.integer else float(asked)


def _as_trial(
    optuna: Any, trial: Mapping[str, Any], space: Mapping[str, Dimension], kinds: Mapping[str, Any]
) -> Any:
    states = optuna.trial.TrialState
    is_done = trial["state"] == DONE
    return optuna.trial.create_trial(
        params={name: _asked(one, trial["params"][name]) for name, one in space.items()},
        distributions=dict(kinds),
        state=states.COMPLETE if is_done else states.PRUNED,
        value=trial["value"],
        intermediate_values={int(step): value for step, value in trial["reports"]},
    )


def _asked(one: Dimension, value: Any) -> Any:
    """Return what stands for a value with Optuna: of a choice or a step, its place."""
    if one.choices:
        return list(map(canonical, one.choices)).index(canonical(value))
    if not one.integer and one.step is not None:
        return round((value - one.low) / one.step)
    return value
