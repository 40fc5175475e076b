"""Whole loans for a deal: those of the tape that it holds, and those that it may buy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.credit.curves import CurveSet
    from scfcap.deal.choosing import Limits
    from scfcap.deal.loan_assets import LoanAssets
    from scfcap.deal.loan_stock import LoanStock
    from scfcap.pool.build import Around
    from scfcap.pool.columns import Columns
    from scfcap.pool.snapshot import Pool
    from scfcap.quantities import FloatArray, IntArray
    from scfcap.schema.deal import DealSpec
    from scfcap.tape.schema import Tape


def loan_assets(
    model: Model,
    name: str,
    spec: DealSpec,
    held: FloatArray,
    curves: CurveSet,
    elsewhere: Mapping[str, Collection[str]] | None = None,
) -> LoanAssets:
    """Assets that buy whole loans; ``held`` [loans of the pool] is the deal's balance of each.

    Where the deal has a ``size``, loans are chosen for it one by one, as they are bought later.
    ``elsewhere``: ids of loans on offer that other deals have bought, by scenario.

    Raises:
        InputError: loans have dates or buyers of their own, which whole-loan purchases do not take.
    """
    from scfcap.deal.choosing import choose
    from scfcap.deal.loan_assets import LoanAssets

    pool = model.pool()
    _refuse_terms(name, pool)
    stock = loan_stock(model, name, spec, held, curves)
    rows = stock.held
    if spec.assets.size is not None:
        owed = np.zeros(len(stock))
        money = (spec.assets.size, 1.0, spec.assets.size)
        kept = rows[choose(rows, stock.balance, owed, stock.limits, money)]
        if not len(kept):
            raise InputError(
                Problem(
                    f"deals/{name}.toml: assets.size",
                    "no loan that the deal may take",
                    "eligible loans that no other deal has, each smaller than the size",
                )
            )
        stock = _only(stock, np.sort(np.concatenate([kept, np.flatnonzero(stock.day >= 0)])))
    least = spec.assets.size or float(stock.balance[stock.held].sum())
    return LoanAssets(
        stock,
        curves,
        spec.assets.price,
        least,
        _returned(name, spec, stock, curves),
        substitutes=spec.assets.substitution is not None,
        elsewhere=elsewhere,
        follow=any(line.borrowing_base is not None for line in spec.lines.values()),
    )


def loan_stock(
    model: Model, name: str, spec: DealSpec, held: FloatArray, curves: CurveSet
) -> LoanStock:
    """The loans that the deal holds, then all that the tape holds, on offer again when they end.

    A borrower who has repaid is taken to borrow the same amount for the same term again, on the day
    on which the loan before ended.
    """
    from scfcap.cashflow.project import loan_curves
    from scfcap.deal.loan_stock import LoanStock
    from scfcap.pool.build import Around, build_pool

    tape, pool = model.tape(), model.pool()
    around = Around.of(model.loaded.spec, model.loaded.tape_folder)
    rules = model.loaded.spec.pool.model_copy(update={"stratify_by": (), "borrowing_base": {}})
    made = _made_again(tape)
    offers = build_pool(made, rules, around)
    first = np.flatnonzero(held > 0.0)
    again, day, number = _renewals(pool, offers.maturity_day, int(curves.grid.days[-1]))
    ids = np.char.add(offers.loan_id[again].astype(str), "+")
    ids = np.char.add(ids, number.astype(str))
    columns = _columns(model, tape, made, around)
    _refuse_columns(name, spec, columns[0])

    def both(of_held: IntArray | FloatArray, of_offers: IntArray | FloatArray) -> FloatArray:
        return np.concatenate([of_held[first], of_offers[again]])

    def answer(each: Pool) -> IntArray:
        wanted = spec.assets.eligibility
        return np.ones(len(each), int) if wanted is None else each.eligibility[wanted].astype(int)

    maturity_day = both(pool.maturity_day, offers.maturity_day).astype(np.int64)
    maturity_day[len(first) :] += day
    return LoanStock(
        loan_id=np.concatenate([pool.loan_id[first], ids.astype(object)]),
        curve=both(loan_curves(pool, curves), loan_curves(offers, curves)).astype(np.int64),
        loan_type=both(pool.loan_type, offers.loan_type).astype(np.int64),
        balance=np.concatenate([held[first], offers.balance[again]]),
        rate=both(pool.rate, offers.rate),
        day=np.concatenate([np.full(len(first), -1), day]).astype(np.int64),
        origination_day=np.concatenate([pool.origination_day[first], day]).astype(np.int64),
        maturity_day=maturity_day,
        days_past_due=both(pool.days_past_due, offers.days_past_due).astype(np.int64),
        eligible=both(answer(pool), answer(offers)) == 1,
        limits=_limits(model, spec, columns, (first, again)),
        tape_row=np.concatenate([first, again]).astype(np.int64),
        breach_after=_breach_after(spec, columns, (first, again)),
        quality=_quality(spec, columns, (first, again), maturity_day),
    )


def _breach_after(
    spec: DealSpec, columns: tuple[Columns, Columns], rows: tuple[IntArray, IntArray]
) -> IntArray | None:
    """Days after which each loan turns out to be in breach, the soonest; -1: never."""
    from scfcap.pool.columns import ask
    from scfcap.pool.snapshot import ELIGIBLE

    never = np.iinfo(np.int64).max
    found = np.full(len(rows[0]) + len(rows[1]), never)
    for breach in spec.assets.breaches:
        broken = [ask(each, breach.test)[rows[n]] == ELIGIBLE for n, each in enumerate(columns)]
        found = np.minimum(found, np.where(np.concatenate(broken), breach.found_after, never))
    return np.where(found == never, -1, found) if spec.assets.breaches else None


def _quality(
    spec: DealSpec,
    columns: tuple[Columns, Columns],
    rows: tuple[IntArray, IntArray],
    maturity_day: IntArray,
) -> FloatArray | None:
    """What a substitute must have no less of [Q, N]; no substitute has what is missing."""
    terms = spec.assets.substitution
    if terms is None:
        return None
    found = []
    for sign, names in ((1.0, terms.at_least), (-1.0, terms.at_most)):
        for column in names:
            if column == "remaining_days":  # of two loans on one day: the one that ends later
                values = maturity_day.astype(np.float64)
            else:
                parts = (each.numbers(column)[rows[n]] for n, each in enumerate(columns))
                values = np.concatenate(list(parts))
            found.append(sign * values)
    return np.array(found, dtype=np.float64).reshape(len(found), len(maturity_day))


def _renewals(pool: Pool, term: IntArray, last_day: int) -> tuple[IntArray, IntArray, IntArray]:
    """Row in the pool, day and number (from 1) of each loan that is lent again by ``last_day``."""
    first = np.maximum(pool.maturity_day, 1)
    times = np.maximum((last_day - first) // term + 1, 0)
    row = np.repeat(np.arange(len(pool)), times)
    begin = np.repeat(np.cumsum(times) - times, times)
    number = np.arange(len(row)) - begin
    day = first[row] + number * term[row]
    return row.astype(np.int64), day.astype(np.int64), number.astype(np.int64) + 1


def _made_again(tape: Tape) -> Tape:
    """The outstanding loans as on the day they were made, all at ``as_of``."""
    frame = outstanding(tape)
    now = pd.Timestamp(tape.as_of).as_unit("s")
    days = (frame["maturity_date"] - frame["origination_date"]).dt.days
    frame["maturity_date"] = now + pd.to_timedelta(np.maximum(days, 1), unit="D")
    frame["origination_date"] = now
    frame["current_balance"] = frame["original_balance"]
    frame["status"] = pd.Series("current", index=frame.index).astype(tape.frame["status"].dtype)
    if "days_past_due" in frame:
        frame["days_past_due"] = frame["days_past_due"] * 0
    return replace(tape, frame=frame)


def outstanding(tape: Tape) -> pd.DataFrame:
    """The loans of ``tape`` that the pool holds, in its order."""
    gone = tape.frame["status"].isin(["repaid", "charged_off"])
    return tape.frame[~gone & (tape.frame["current_balance"] > 0.0)].reset_index(drop=True)


def _columns(model: Model, tape: Tape, made: Tape, around: Around) -> tuple[Columns, Columns]:
    """Columns of the outstanding loans, and of the same as they are made again."""
    from scfcap.pool.columns import Columns
    from scfcap.pool.groups import grouped
    from scfcap.schema.pool import GROUP

    found = Columns(outstanding(tape), tape.as_of), Columns(made.frame, made.as_of)
    groups = model.spec.pool.groups
    if groups is not None:
        for columns in found:
            columns.added[GROUP] = grouped(columns, groups, around.members)
    return found


def _refuse_columns(name: str, spec: DealSpec, columns: Columns) -> None:
    """Covenants and substitution name columns of numbers; breaches test what is there."""
    from scfcap.pool.columns import column_problems, expression_problems

    terms, where = spec.assets, f"deals/{name}.toml: assets"
    named = [(f"covenants[{n}].column", each.column) for n, each in enumerate(terms.covenants)]
    for side in ("at_least", "at_most"):
        given = () if terms.substitution is None else getattr(terms.substitution, side)
        named += [(f"substitution.{side}", column) for column in given]
    problems = []
    for key, column in named:
        strange = column_problems(columns, [column], f"{where}.{key}")
        if not strange and columns.kind(column) not in ("number", "date"):
            found = f"{column}, a {columns.kind(column)}"
            strange = [Problem(f"{where}.{key}", found, "a column of numbers")]
        problems += strange
    for n, breach in enumerate(terms.breaches):
        problems += expression_problems(columns, breach.test, f"{where}.breaches[{n}].test")
    if problems:
        raise InputError(problems)


def _limits(
    model: Model, spec: DealSpec, columns: tuple[Columns, Columns], rows: tuple[IntArray, IntArray]
) -> Limits:
    """Concentration limits of the deal's eligibility set and its covenants, over the stock."""
    from scfcap.deal.choosing import Limits

    held, offers = columns
    wanted = spec.assets.eligibility
    limits = () if wanted is None else model.spec.pool.eligibility[wanted].concentrations
    keys = [_codes(held, offers, limit.column, rows) for limit in limits]
    values = [
        np.concatenate([held.numbers(c.column)[rows[0]], offers.numbers(c.column)[rows[1]]])
        for c in spec.assets.covenants
    ]
    count = len(rows[0]) + len(rows[1])
    return Limits(
        keys=np.array(keys, dtype=np.int64).reshape(len(keys), count),
        share=np.array(
            [np.inf if x.share is None or x.of is not None else x.share for x in limits]
        ),
        amount=np.array([_amount(x.share, x.of, x.amount) for x in limits]),
        top=np.array([x.top for x in limits], dtype=np.int64),
        values=np.array(values, dtype=np.float64).reshape(len(values), count),
        least=np.array([-np.inf if c.least is None else c.least for c in spec.assets.covenants]),
        most=np.array([np.inf if c.most is None else c.most for c in spec.assets.covenants]),
    )


def _amount(share: float | None, of: float | None, amount: float | None) -> float:
    """Most that a value may hold [currency], where the limit states it."""
    if amount is not None:
        return amount
    return np.inf if of is None or share is None else share * of


def _codes(
    held: Columns, offers: Columns, column: str, rows: tuple[IntArray, IntArray]
) -> IntArray:
    """Codes of a column over held loans and offers, -1 where it is missing."""
    parts, place = [], dict[str, int]()
    for columns, chosen in ((held, rows[0]), (offers, rows[1])):
        coded = columns.values(column)
        names = [str(label) for label in coded.labels]
        table = np.array([*(place.setdefault(each, len(place)) for each in names), -1])
        parts.append(table[coded.codes[chosen]].astype(np.int64))
    return np.concatenate(parts)


def _only(stock: LoanStock, rows: IntArray) -> LoanStock:
    arrays: dict[str, Any] = {
        name: None if (values := getattr(stock, name)) is None else values[..., rows]
        for name in stock.__dataclass_fields__
        if name != "limits"
    }
    limits = stock.limits._replace(
        keys=np.ascontiguousarray(stock.limits.keys[:, rows]),
        values=np.ascontiguousarray(stock.limits.values[:, rows]),  # noqa: PD011
    )
    return replace(stock, **arrays, limits=limits)


def _returned(name: str, spec: DealSpec, stock: LoanStock, curves: CurveSet) -> dict[int, IntArray]:
    """Rows that the seller takes back, by period."""
    found: dict[int, list[int]] = {}
    held = stock.held
    if spec.assets.repurchase_ineligible:
        found[1] = [int(row) for row in held if not stock.eligible[row]]
    place = {str(loan): row for row, loan in zip(held, stock.loan_id[held], strict=True)}
    for number, each in enumerate(spec.assets.repurchases):
        period = curves.grid.index(each.on)
        if each.loan not in place or not 1 <= period <= len(curves.grid):
            raise InputError(
                Problem(
                    f"deals/{name}.toml: assets.repurchases[{number}]",
                    f"{each.loan} on {each.on}",
                    "a loan that the deal holds, on a day after as_of",
                )
            )
        found.setdefault(period, []).append(int(place[each.loan]))
    return {t: np.unique(np.array(rows, dtype=np.int64)) for t, rows in found.items() if rows}


def _refuse_terms(name: str, pool: Pool) -> None:
    what = "loans with payment dates" if pool.terms is not None else "orders that buyers pay"
    if pool.terms is not None or pool.payers is not None:
        raise InputError(
            Problem(
                f"deals/{name}.toml: assets.purchases",
                f'"loans", with {what}',
                "loans that pay by periods",
                'Set it to "cohorts", or take [contract] or [orders] out.',
            )
        )
