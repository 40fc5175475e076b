"""Whole loans for a deal: those of the tape that it holds, and those that it may buy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.credit.curves import CurveSet
    from scfcap.deal.choosing import Limits
    from scfcap.deal.loan_assets import LoanAssets, LoanStock
    from scfcap.pool.columns import Columns
    from scfcap.pool.snapshot import Pool
    from scfcap.quantities import FloatArray, IntArray
    from scfcap.schema.deal import DealSpec
    from scfcap.tape.schema import Tape


def loan_assets(
    model: Model, name: str, spec: DealSpec, held: FloatArray, curves: CurveSet
) -> LoanAssets:
    """Assets that buy whole loans; ``held`` [loans of the pool] is the deal's balance of each.

    Where the deal has a ``size``, loans are chosen for it one by one, as they are bought later.

    Raises:
        InputError: loans have dates or buyers of their own, which whole-loan purchases do not take.
    """
    from scfcap.deal.choosing import choose
    from scfcap.deal.loan_assets import LoanAssets

    pool = model.pool()
    _refuse_terms(name, pool)
    stock = loan_stock(model, spec, held, curves)
    rows = stock.held
    if spec.assets.size is not None:
        owed = np.zeros(len(stock))
        money = (spec.assets.size, 1.0, spec.assets.size)
        kept = rows[choose(rows, stock.balance, owed, stock.limits, money)]
        stock = _only(stock, np.sort(np.concatenate([kept, np.flatnonzero(stock.day >= 0)])))
    least = spec.assets.size or float(stock.balance[stock.held].sum())
    return LoanAssets(stock, curves, spec.assets.price, least, _returned(name, spec, stock, curves))


def loan_stock(model: Model, spec: DealSpec, held: FloatArray, curves: CurveSet) -> LoanStock:
    """The loans that the deal holds, then all that the tape holds, on offer again when they end.

    A borrower who has repaid is taken to borrow the same amount for the same term again, on the day
    on which the loan before ended.
    """
    from scfcap.cashflow.project import loan_curves
    from scfcap.deal.loan_assets import LoanStock
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
    limits = _limits(model, spec, tape, made, (first, again))

    def both(of_held: IntArray | FloatArray, of_offers: IntArray | FloatArray) -> FloatArray:
        return np.concatenate([of_held[first], of_offers[again]])

    def answer(each: Pool) -> IntArray:
        wanted = spec.assets.eligibility
        return np.ones(len(each), int) if wanted is None else each.eligibility[wanted].astype(int)

    maturity = offers.maturity_day[again] + day
    return LoanStock(
        loan_id=np.concatenate([pool.loan_id[first], ids.astype(object)]),
        curve=both(loan_curves(pool, curves), loan_curves(offers, curves)).astype(np.int64),
        loan_type=both(pool.loan_type, offers.loan_type).astype(np.int64),
        balance=np.concatenate([held[first], offers.balance[again]]),
        rate=both(pool.rate, offers.rate),
        day=np.concatenate([np.full(len(first), -1), day]).astype(np.int64),
        origination_day=np.concatenate([pool.origination_day[first], day]).astype(np.int64),
        maturity_day=np.concatenate([pool.maturity_day[first], maturity]).astype(np.int64),
        days_past_due=both(pool.days_past_due, offers.days_past_due).astype(np.int64),
        eligible=both(answer(pool), answer(offers)) == 1,
        limits=limits,
    )


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
    frame = _outstanding(tape)
    now = pd.Timestamp(tape.as_of).as_unit("s")
    days = (frame["maturity_date"] - frame["origination_date"]).dt.days
    frame["maturity_date"] = now + pd.to_timedelta(np.maximum(days, 1), unit="D")
    frame["origination_date"] = now
    frame["current_balance"] = frame["original_balance"]
    frame["status"] = pd.Series("current", index=frame.index).astype(tape.frame["status"].dtype)
    if "days_past_due" in frame:
        frame["days_past_due"] = frame["days_past_due"] * 0
    return replace(tape, frame=frame)


def _outstanding(tape: Tape) -> pd.DataFrame:
    gone = tape.frame["status"].isin(["repaid", "charged_off"])
    return tape.frame[~gone & (tape.frame["current_balance"] > 0.0)].reset_index(drop=True)


def _limits(
    model: Model, spec: DealSpec, tape: Tape, made: Tape, rows: tuple[IntArray, IntArray]
) -> Limits:
    """Concentration limits of the deal's eligibility set and its covenants, over the stock."""
    from scfcap.deal.choosing import Limits
    from scfcap.pool.columns import Columns

    held, offers = Columns(_outstanding(tape), tape.as_of), Columns(made.frame, made.as_of)
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
    arrays = {
        name: getattr(stock, name)[rows] for name in stock.__dataclass_fields__ if name != "limits"
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
