"""A checked tape becomes the frozen pool: outstanding loans as arrays, with the pool's tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.errors import InputError, InvariantError, Problem
from scfcap.pool.concentration import concentration_tables
from scfcap.pool.eligibility import evaluate, with_ages
from scfcap.pool.snapshot import Pool
from scfcap.pool.stratify import stratify, summarise
from scfcap.quantities import ENGINE_TOLERANCE, IntArray
from scfcap.schema.pool import PoolSpec
from scfcap.tape.schema import Tape

_LEFT_OUT = ("", "no balance", "repaid", "charged_off")


def build_pool(tape: Tape, spec: PoolSpec) -> Pool:
    """The outstanding loans of ``tape`` with the answers of every eligibility set.

    Left out, and shown in the table ``summary``: loans that are repaid, charged off or have no
    balance. ``segments`` are all the tape's, sorted; ``places`` begin with ``own_capital``.

    Raises :class:`InputError` where a rule, limit or stratification names no tape column, tests
    a column of the wrong kind, or no loan is outstanding.
    """
    reasons = _left_out(tape.frame)
    kept = tape.frame[(reasons == "").to_numpy()].reset_index(drop=True)
    frame = _coded(with_ages(kept, tape.as_of))
    if not len(frame):
        raise InputError(
            Problem(
                tape.source,
                "no outstanding loan",
                "at least one with a balance that is neither repaid nor charged off",
                "Check the mapping of current_balance and status.",
            )
        )
    answers, tables = evaluate(frame, spec)
    tables |= concentration_tables(frame, spec, answers)
    segments, segment = _codes(frame["segment"], sorted(tape.frame["segment"].cat.categories))
    held = frame["channel"].astype(object).fillna(axes.OWN).astype("category")
    others = sorted(set(held.cat.categories) - {axes.OWN})
    places, place = _codes(held, [axes.OWN, *others])
    tables["summary"] = summarise(frame, tape.frame, reasons, held)
    for column in spec.stratify_by:
        tables[f"stratification_{column}"] = stratify(frame, column)
    _tie(tape.frame, tables["summary"])
    return Pool(
        as_of=tape.as_of,
        loan_id=frame["loan_id"].to_numpy(dtype=object),
        segments=segments,
        segment=segment,
        places=places,
        place=place,
        loan_type=_codes(frame["loan_type"], axes.LOAN_TYPES)[1],
        balance=frame["current_balance"].to_numpy(dtype=np.float64),
        original_balance=frame["original_balance"].to_numpy(dtype=np.float64),
        rate=frame["rate"].to_numpy(dtype=np.float64),
        origination_day=-frame["age_days"].to_numpy(dtype=np.int64),
        maturity_day=frame["remaining_days"].to_numpy(dtype=np.int64),
        days_past_due=frame["days_past_due"].fillna(0).to_numpy(dtype=np.int64),
        eligibility=answers,
        tables=tables,
        digest=tape.digest,
    )


def _left_out(frame: pd.DataFrame) -> pd.Series[Any]:
    """Why each loan is not in the pool, empty where it is."""
    code = (frame["current_balance"] <= 0.0).to_numpy().astype(np.int8)
    for k, name in enumerate(_LEFT_OUT[2:], start=2):
        code[(frame["status"] == name).to_numpy()] = k
    reason = pd.Categorical.from_codes(code, pd.Index(_LEFT_OUT, dtype="str"))
    return pd.Series(reason, index=frame.index)


def _coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Keys that many loans share as categories: each of the tables groups by them."""
    keys = [name for name in ("borrower_id", "buyer_id") if name in frame]
    return frame.astype(dict.fromkeys(keys, "category"))


def _codes(
    cells: pd.Series[Any], order: list[str] | tuple[str, ...]
) -> tuple[tuple[str, ...], IntArray]:
    """Category codes of ``cells`` in ``order``."""
    codes = cells.cat.set_categories(list(order)).cat.codes.to_numpy().astype(np.int64)
    return tuple(order), codes


def _tie(frame: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Pool and what is left out add up to the tape, in loans and balance."""
    parts = summary[summary["part"].isin(["pool", "left out"])]
    loans, balance = int(parts["loans"].sum()), float(parts["balance"].sum())
    total = float(frame["current_balance"].sum())
    if loans != len(frame) or abs(balance - total) > ENGINE_TOLERANCE * max(1.0, total):
        msg = (
            f"pool and left-out loans hold {loans} loans, {balance}; the tape {len(frame)}, {total}"
        )
        raise InvariantError(msg)
