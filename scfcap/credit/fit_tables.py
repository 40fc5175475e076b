"""Tables behind a fit: static pools, survival, roll rates, recoveries, and how they agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from scfcap.credit.intervals import wilson_bounds
from scfcap.credit.measures import Facts, incidence, recoveries
from scfcap.credit.observed import CAUSES, DEFAULTED, PREPAID, Loans
from scfcap.credit.recovery import chain_ladder
from scfcap.credit.rollrates import (
    RollRates,
    Transitions,
    count_transitions,
    homogeneity,
    roll_rates,
)
from scfcap.credit.survival import aalen_johansen, kaplan_meier, log_rank, nelson_aalen
from scfcap.credit.timing import loss_timing
from scfcap.credit.vintages import triangle, vintages
from scfcap.quantities import BoolArray, FloatArray
from scfcap.tape.history import CURRENT, DEFAULT, STATES, History, month_end

#: Name of all segments taken together.
BOOK = "all"
#: Segments that get tables of their own: the largest by number of loans.
SEGMENTS_SHOWN = 12


def fit_tables(history: History, facts: Facts, names: list[str]) -> dict[str, pd.DataFrame]:
    """Tables by name; ``segment`` is a segment's name, or :data:`BOOK`.

    vintages (by month of origination), static_pools (triangle of cumulative default by count),
    run_off (chain ladder on amounts), survival, timing (of the lifetime default, by amount),
    log_rank, roll_rates, roll_ends, roll_test, recovery, lifetime (default over a loan's life, by
    each method).
    """
    groups = list(_groups(facts, names))
    moved = {name: _transitions(history, chosen) for name, chosen, _ in groups}
    rolls = {name: roll_rates(found, default=DEFAULT) for name, found in moved.items()}
    pools = [vintages(part.loans, facts.last).assign(segment=n) for n, _, part in groups]
    pool = pools[0].drop(columns="segment")
    return {
        "vintages": _front(pd.concat(pools, ignore_index=True)),
        "static_pools": _flat(triangle(pool, "default_count")),
        "run_off": _run_off(pool),
        "survival": _joined((name, _survival(part.loans)) for name, _, part in groups),
        "timing": _joined((name, _timing(part.loans)) for name, _, part in groups),
        "log_rank": _log_rank(facts, names),
        "roll_rates": _roll_rates(moved),
        "roll_ends": _joined((name, _ends(rates)) for name, rates in rolls.items()),
        "roll_test": _joined((name, _test(found)) for name, found in moved.items()),
        "recovery": _joined((name, recoveries(part).to_frame()) for name, _, part in groups),
        "lifetime": _joined((name, _lifetime(part.loans, rolls[name])) for name, _, part in groups),
    }


def _groups(facts: Facts, names: list[str]) -> Iterator[tuple[str, BoolArray, Facts]]:
    """The whole book, then the largest segments: name, members [S], facts of them."""
    every = np.ones(facts.segments, dtype=np.bool_)
    yield BOOK, every, facts.pooled(every)
    count = np.bincount(facts.loans.segment, minlength=facts.segments)
    largest = np.sort(np.argsort(-count, kind="stable")[:SEGMENTS_SHOWN])
    for code in largest if facts.segments > 1 else ():
        if count[code]:
            yield names[code], np.arange(facts.segments) == code, facts.of(int(code))


def _joined(parts: Iterator[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    frames = [frame.assign(segment=name) for name, frame in parts]
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return _front(pd.concat(filled, ignore_index=True))


def _front(frame: pd.DataFrame) -> pd.DataFrame:
    names = ["segment", *(str(name) for name in frame.columns if name != "segment")]
    return frame[names].astype({"segment": "str"})


def _flat(wide: pd.DataFrame) -> pd.DataFrame:
    """A triangle with plain columns: vintage, then ``month 0``, ``month 1``, ..."""
    flat = wide.rename(columns=lambda age: f"month {age}").reset_index()
    flat.columns.name = None
    return flat


def _survival(loans: Loans) -> pd.DataFrame:
    """Share running, defaulted and prepaid by age [months], by count, with 95% bounds."""
    lives = loans.lives()
    curve = kaplan_meier(lives)
    frame = pd.DataFrame({"age": curve.time, "at_risk": curve.at_risk, "ends": curve.events})
    parts = {"running": curve}
    for name, cause in (("defaulted", DEFAULTED), ("prepaid", PREPAID)):
        parts[name] = aalen_johansen(lives, cause, CAUSES)
    for name, part in parts.items():
        bounds = {f"{name}_low": part.low, f"{name}_high": part.high}
        frame = frame.assign(**{name: part.value, f"{name}_se": part.se, **bounds})
    amount = aalen_johansen(loans.lives(by_amount=True), DEFAULTED, CAUSES)
    hazard = nelson_aalen(lives)
    return frame.assign(
        defaulted_amount=amount.at(curve.time),
        cumulative_hazard=hazard.value,
        cumulative_hazard_se=hazard.se,
    )


def _timing(loans: Loans) -> pd.DataFrame:
    """When the lifetime default comes, by amount lent, and the monthly rate of it (mdr).

    The rate is that of a lifetime default with this timing; it is the hazard at each age.
    """
    lives = loans.lives(by_amount=True)
    running = kaplan_meier(lives)
    total = aalen_johansen(lives, DEFAULTED, CAUSES).value
    columns = ["age", "timing", "default", "rate", "performing"]
    if not len(total) or total[-1] <= 0.0:
        return pd.DataFrame(columns=columns, dtype=np.float64)
    default = np.diff(total, prepend=0.0)
    before = np.concatenate([[1.0], running.value[:-1]])
    alive = np.maximum(before - default, 0.0)
    repaid = 1.0 - np.minimum(running.value / np.where(alive > 0, alive, 1.0), 1.0)
    found = loss_timing(float(total[-1]), 1.0, default / total[-1], repaid)
    cells = (running.time, default / total[-1], default, found.rate, found.closing)
    return pd.DataFrame(dict(zip(columns, cells, strict=True)))


def _log_rank(facts: Facts, names: list[str]) -> pd.DataFrame:
    """Do segments default alike? Other ends are censored."""
    lives = facts.loans.lives()
    lives = type(lives)(lives.time, (lives.event == DEFAULTED).astype(np.int64), lives.entry)
    test = log_rank(lives, facts.loans.segment, tuple(names))
    return pd.DataFrame(
        {
            "segment": names,
            "observed": test.observed,
            "expected": test.expected,
            "chi_square": test.chi_square,
            "degrees": test.degrees,
            "p_value": test.p_value,
        }
    )


def _transitions(history: History, members: BoolArray) -> Transitions:
    panel = history.panel
    codes = history.loans["segment"].cat.codes.to_numpy()
    state, of = panel["state"].to_numpy(), panel["loan"].to_numpy()
    # After its end a loan has rows for recoveries only.
    after = (state[:-1] >= DEFAULT) & (of[1:] == of[:-1])
    own = members[codes[of]] & ~np.r_[False, after][: len(of)]
    loan, month, state, balance = (
        panel[name].to_numpy()[own] for name in ("loan", "month", "state", "closing")
    )
    return count_transitions(loan, month, state, STATES, balance)


def _roll_rates(moved: dict[str, Transitions]) -> pd.DataFrame:
    """Cells of the matrices, by count and by amount."""
    frames = []
    for name, found in moved.items():
        for basis in ("count", "amount"):
            cells = roll_rates(found, default=DEFAULT, by_amount=basis == "amount").to_frame()
            frames.append(cells.assign(segment=name, basis=basis))
    return _front(pd.concat(frames, ignore_index=True))


def _ends(rates: RollRates) -> pd.DataFrame:
    """Lifetime default and months to the end, by state; nan where no transition begins."""
    low, high = (np.where(rates.unseen, np.nan, part) for part in rates.lifetime_bounds)
    ends = np.where(rates.unseen, np.nan, rates.lifetime_default)
    return pd.DataFrame(
        {
            "state": rates.states,
            "departures": rates.number,
            "lifetime_default": ends,
            "low": low,
            "high": high,
            "months_to_end": np.where(rates.unseen, np.nan, rates.months_to_absorption),
        }
    )


def _test(found: Transitions) -> pd.DataFrame:
    """Counts and gaps of the panel, and whether one matrix holds over all months."""
    test = homogeneity(found)
    left = roll_rates(found, default=DEFAULT).left_absorbing
    return pd.DataFrame(
        {
            "rows": [found.rows],
            "loans": found.loans,
            "transitions": int(found.counts.sum()),
            "gaps": found.gaps,
            "left_an_end": left,
            "halves_split_at": str(np.datetime_as_string(month_end(test.month), "M")),
            "chi_square": test.statistic,
            "degrees": test.degrees,
            "p_value": test.p_value,
        }
    )


def _run_off(pool: pd.DataFrame) -> pd.DataFrame:
    """Where vintages end by the chain ladder on defaulted amounts, with Mack's standard error.

    Vintages seen from their first month; the development begins where each has had a default.
    """
    seen = pool[pool["from_age"] == 0]
    columns = ["vintage", "amount", "age", "to_date", "ultimate", "se"]
    if not len(seen):
        return pd.DataFrame(columns=columns)
    amount = seen.groupby("vintage")["amount"].first()
    wide = triangle(seen, "default_amount").mul(amount, axis=0).astype(np.float64)
    cells = _developed(wide.to_numpy())
    if cells is None:
        return pd.DataFrame(columns=columns)
    kept, start = cells
    found = chain_ladder(kept)
    last = (~np.isnan(kept)).sum(axis=1) - 1
    lent = amount.to_numpy()[: len(kept)]
    return pd.DataFrame(
        {
            "vintage": wide.index[: len(kept)],
            "amount": lent,
            "age": last + start,
            "to_date": kept[np.arange(len(kept)), last] / lent,
            "ultimate": found.ultimate / lent,
            "se": found.se / lent,
        }
    )


def _developed(wide: FloatArray) -> tuple[FloatArray, int] | None:
    """Cells from the first age at which every step has a base, and that age; None if too few."""
    for start in range(wide.shape[1] - 1):
        part = wide[:, start:]
        part = part[~np.isnan(part[:, 0])]
        base = np.where(np.isnan(part[:, 1:]), 0.0, np.nan_to_num(part[:, :-1])).sum(axis=0)
        if len(part) > 2 and (base > 0).all():
            return part, start
    return None


def _lifetime(loans: Loans, rates: RollRates) -> pd.DataFrame:
    """Share of loans that default over their life, by each method; ``months``: over how many."""
    horizon = int((loans.last - loans.made).max())
    hazard = incidence(loans, by_amount=False)
    start = np.eye(len(rates.states))[CURRENT]
    over = float(rates.project(start, horizon)[-1, DEFAULT])
    low, high = (float(part[CURRENT]) for part in rates.lifetime_bounds)
    ends, nan = float(rates.lifetime_default[CURRENT]), float("nan")
    note = "from current, for ever; contracts end sooner"
    note += "" if ends > 0.0 else "; no path to default was seen"
    rows = [
        ("incidence by age", *hazard, horizon, len(loans), ""),
        ("roll rates", over, nan, nan, horizon, rates.number[CURRENT], "from current"),
        ("roll rates", ends, low, high, nan, rates.number[CURRENT], note),
        ("closed vintages", *_closed(loans)),
    ]
    names = ["method", "default", "low", "high", "months", "count", "note"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.astype(dict.fromkeys(names[1:6], np.float64))


def _closed(loans: Loans) -> tuple[float, float, float, float, float, str]:
    """Default share of vintages seen from their start, none of whose loans is still open."""
    vintage = loans.made - loans.made.min()
    kept = np.ones(int(vintage.max()) + 1, dtype=np.bool_)
    kept[vintage[(loans.end == 0) | (loans.first > loans.made)]] = False
    chosen = kept[vintage]
    count = int(chosen.sum())
    nan = float("nan")
    if not count:
        return nan, nan, nan, nan, 0.0, "no vintage has been seen from its start to its end"
    share = np.array((loans.end[chosen] == DEFAULTED).mean())
    low, high = wilson_bounds(share, np.array(count))
    months = float((loans.last - loans.made)[chosen].max())
    note = f"{len(np.unique(vintage[chosen]))} vintages"
    return float(share), float(low), float(high), months, float(count), note
