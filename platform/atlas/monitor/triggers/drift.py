"""Batches aren't what the champion was trained on.

Why at most ``false_alarms`` of the lives of champions that nothing has changed for have an alarm,
in what is implemented here:

- The whole risk, the columns that it is spread over, and the reference are entered once in a life
  (`Terms`), before its first look. A Config that says something else later changes them for the
  next champion only; but a smaller risk and fewer columns hold at once, for they can only take
  alarms away, and so can other tolerances of what isn't drift, which are part of what is tested.
- Look n spends the n-th part of the risk, and there is one look n in a life, with one result
  (`atlas.monitor.ledger`). A crash repeats it with the same rows, so with the same result.
- A look's windows are chosen by what is known of batches' times and rows, not by how they look; and
  no window has a row twice as far as that can be told (`atlas.monitor.looking.window_of`).
- Over looks, columns and windows it is a union bound. So it needs nothing of how these depend on
  each other: not which batches come late, are replaced or scored again, nor in which order they
  are looked at, nor that batches of a window were in other windows before.
- A batch that is scored again is looked at once, and has its new rows in later windows.
- After its event, the trigger doesn't fire before something has come of it, and the looks since
  then have the numbers that follow: no risk is spent a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.config_retraining import DRIFT, LEARNED
from atlas.monitor.budget import Budget
from atlas.monitor.checked import LookSummary, TriggerState
from atlas.monitor.ledger import counts_of
from atlas.monitor.looking import ALIKE_ROWS, Looking, columns_of, window_of
from atlas.monitor.looks import EVERY, Look, Terms
from atlas.monitor.triggers.outcome import Seen, seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.config_retraining import DriftTrigger
    from atlas.monitor.batches import BatchRecord
    from atlas.monitor.ledger import LookLine
    from atlas.monitor.life import Armed, ChampionLife
    from atlas.monitor.looks import LookResult
    from atlas.monitor.references import ModelReference


def drift(life: ChampionLife) -> Seen | None:
    """Look at the batches that have no look yet, and say what all looks have seen."""
    rule = life.monitored.rule.drift
    if rule is None:
        return None
    if life.reference is not None:
        _look(life, rule, life.reference)
    return _state(life, rule)


# Looks --------------------------------------------------------------------------------------


def _look(life: ChampionLife, rule: DriftTrigger, reference: ModelReference) -> None:
    ledger, own = life.ledger, [*_batches(life, reference)]
    pending = [record for record in own if not _has_look(life, record)]
    if not pending and not ledger.unfinished:
        return
    terms = ledger.terms or ledger.begin(_terms(life, rule, reference))
    if terms.reference != reference.sha256:
        text = f"its life began with the reference {terms.reference[:12]}…, and its tag names"
        life.warnings.append(f"drift: {life.name}: {text} {reference.sha256[:12]}…")
        return
    life.warnings.extend(_unlearnt(life, rule, reference))
    looking = Looking(life.store, reference, terms.columns)
    _finish(life, looking)
    for record in pending:
        while not _has_look(life, record):
            ledger.enter(_draft(life, rule, terms, record, own))
        _finish(life, looking)


def _unlearnt(life: ChampionLife, rule: DriftTrigger, reference: ModelReference) -> Iterator[str]:
    """Say where no tolerance was learnt: there every difference is drift, that of seasons too."""
    wanted = {name.partition(".")[0] for name in columns_of(reference) if _is_wanted(rule, name)}
    for table in sorted(wanted) if rule.tolerance == LEARNED else ():
        if reference.tolerances(table) is None:
            text = "how days differ wasn't learnt, so every difference counts as drift"
            hint = f"name a column of times: statistics.{table}.time; or state drift.tolerance"
            yield f"drift: {life.name}: {table}: {text} ({hint})"


def _finish(life: ChampionLife, looking: Looking) -> None:
    """Write what each look sees that isn't over, this check's own and those of killed ones."""
    for look in [*life.ledger.unfinished]:
        result = life.ledger.finish(looking.result(look, life.now))
        summary = LookSummary(
            number=look.number, batch=look.batch, alarms=len(result.alarms), void=result.void
        )
        life.looks.append(summary)


def _batches(life: ChampionLife, reference: ModelReference) -> Iterator[BatchRecord]:
    """Give the champion's batches that can be looked at, the oldest first; an empty one can't."""
    for record in life.own:
        if record.rows and record.profiles and record.reference == reference.sha256:
            yield record


def _has_look(life: ChampionLife, record: BatchRecord) -> bool:
    """Tell whether a batch has a number, or has the rows of one that has."""
    if record.batch in life.ledger.batches:
        return True
    is_alike = counts_of({"profiles": record.profiles}) in life.ledger.counts
    return record.rows >= ALIKE_ROWS and is_alike


def _terms(life: ChampionLife, rule: DriftTrigger, reference: ModelReference) -> Terms:
    columns = [name for name in columns_of(reference) if _is_wanted(rule, name)]
    return Terms(reference.sha256, rule.false_alarms, rule.looks, columns, life.now)


def _is_wanted(rule: DriftTrigger, name: str) -> bool:
    table, _, column = name.partition(".")
    if table == "predictions":
        return rule.predictions
    return rule.features is None or column in rule.features


def _draft(
    life: ChampionLife,
    rule: DriftTrigger,
    terms: Terms,
    record: BatchRecord,
    own: Sequence[BatchRecord],
) -> Look:
    """Return the next look, of a batch."""
    budget = Budget(min(rule.false_alarms, terms.false_alarms), terms.looks)
    number = life.ledger.count + 1
    wanted = [name for name in terms.columns if _is_wanted(rule, name)]
    return Look(
        number=number,
        batch=record.batch,
        run=record.run,
        rows=record.rows,
        interval_end=record.interval_end or record.created,
        window=[
            {"batch": other.batch, "profiles": dict(other.profiles)}
            for other in window_of(record, own)
        ],
        reference=terms.reference,
        columns=EVERY if len(wanted) == len(terms.columns) else wanted,
        tolerance=rule.tolerance,
        false_alarms=budget.false_alarms,
        looks=budget.looks,
        risk=budget.at(number),
        spent=budget.spent(number),
        made=life.now,
    )


# What all looks have seen -------------------------------------------------------------------


def _state(life: ChampionLife, rule: DriftTrigger) -> Seen:
    ledger, armed = life.ledger, life.armed(DRIFT)
    terms = ledger.terms
    _warn_of_change(life, rule, terms)
    whole = min(rule.false_alarms, terms.false_alarms) if terms else rule.false_alarms
    budget = Budget(whole, terms.looks if terms else rule.looks)
    number = _alarming(ledger.lines, armed) or len(ledger.lines)
    result = ledger.result(number) if number else None
    fires = result is not None and bool(_alarming(ledger.lines, armed))
    state = TriggerState(
        name=DRIFT,
        value=_of_worst(result, "distance"),
        threshold=_of_worst(result, "threshold"),
        unit="distance",
        spent=budget.spent(ledger.count) if ledger.count else 0.0,
        budget=whole,
        why=_said(result, ledger.count) if result else _NOTHING,
        details=_details(result, len(terms.columns) if terms else 0),
    )
    return seen(life, armed, state, fires=fires, numbers=_numbers(result, ledger.count))


_NOTHING = "no batch has been looked at yet"


def _alarming(lines: Sequence[LookLine], armed: Armed) -> int:
    """Return the number of the first look after what is used up that has an alarm; 0 for none."""
    after = armed.after("looks")
    numbers = (n for n, line in enumerate(lines, start=1) if n > after and line.alarms)
    return next(numbers, 0)


def _worst(result: LookResult | None) -> Mapping[str, Any]:
    """Return the distance that is most against a look's batch: an alarm, if there is one."""
    if result is None:
        return {}
    return next(iter((*result.alarms, *result.measured)), {})


def _of_worst(result: LookResult | None, name: str) -> float | None:
    value = _worst(result).get(name)
    return float(value) if isinstance(value, int | float) else None


def _said(result: LookResult, count: int) -> str:
    looks = f"look {result.number} of {count:,}"
    if result.void:
        return f"{looks}, {result.batch}: nothing could be seen: {result.void}"
    worst = _worst(result)
    if not worst:
        return f"{looks}, {result.batch}: no column has values to compare"
    batches = "the batch" if worst["window"] == 1 else f"the last {worst['window']} batches"
    column = f"{worst['table']}.{worst['feature']}"
    found = f"{worst['test']} of {column} in {batches} up to {result.batch}"
    distance = f"{worst['distance']:.3g} from training, {worst['threshold']:.3g} is an alarm"
    others = len({(one["table"], one["feature"]) for one in result.alarms}) - 1
    more = f", and {others} other columns" if others > 0 else ""
    return f"{looks}: {found}: {distance}{more}"


def _details(result: LookResult | None, columns: int) -> dict[str, Any]:
    if result is None:
        return {"columns": columns}
    return {
        "columns": columns,
        "look": result.number,
        "batch": result.batch,
        "alarms": [*result.alarms[:_SHOWN]],
        "gone": [*result.gone],
        "unseen": dict([*result.unseen.items()][:_SHOWN]),
    }


_SHOWN = 20


def _numbers(result: LookResult | None, count: int) -> dict[str, Any]:
    if result is None:
        return {}
    names = ("table", "feature", "test", "window", "distance", "threshold")
    alarms = [{name: one.get(name) for name in names} for one in result.alarms[:_SHOWN]]
    return {"looks": count, "look": result.number, "batch": result.batch, "alarms": alarms}


def _warn_of_change(life: ChampionLife, rule: DriftTrigger, terms: Terms | None) -> None:
    """Warn of what holds for the next champion only, and of columns that aren't there."""
    if life.reference is None:
        return
    every = columns_of(life.reference)
    wanted = {f"features.{name}" for name in rule.features or ()}
    gone = sorted(wanted.difference(every)) or (
        [] if any(_is_wanted(rule, n) for n in every) else ["any"]
    )
    if gone:
        text = f"{life.name} wasn't profiled with {', '.join(gone[:5])}"
        life.warnings.append(f"drift: {text}; expected columns of `statistics`")
    if terms is None:
        return
    later = {name for name in every if _is_wanted(rule, name)}.difference(terms.columns)
    if later or rule.false_alarms > terms.false_alarms or rule.looks != terms.looks:
        text = f"its risk of {terms.false_alarms:g} is spread over {len(terms.columns)} columns and"
        text += f" {terms.looks} looks since its first; others hold for the next champion"
        life.warnings.append(f"drift: {life.name}: {text}")
