"""Totals that must agree across tables: what the Checks sheet shows and the tests assert."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from scfcap.cashflow.flows import collected
from scfcap.report.contingency_ties import contingency_ties
from scfcap.report.live.ties import waterfall_ties
from scfcap.report.plan_ties import balance_ties, plan_ties, statement_ties
from scfcap.report.tables import Table
from scfcap.report.tie import Side, Term, Tie, agree, nothing
from scfcap.report.totals import deal_sides, deal_tranches


def ties(tables: Mapping[str, Table]) -> list[Tie]:
    """Every tie for which ``tables`` hold both sides, in the order of the stations."""
    frames = {name: table.frame for name, table in tables.items() if not table.frame.empty}
    parts: tuple[Callable[[dict[str, pd.DataFrame]], Iterator[Tie]], ...] = (
        _pool_ties,
        _cash_flow_ties,
        _deal_ties,
        waterfall_ties,
        plan_ties,
        balance_ties,
        statement_ties,
        contingency_ties,
    )
    return [tie for part in parts for tie in part(frames)]


def _pool_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    summary = frames.get("pool_summary")
    if summary is None:
        return
    by_part = {str(k): float(v) for k, v in summary.groupby("part")["balance"].sum().items()}
    total = by_part["pool"]
    pool = Side("balance of the pool", total, (Term("pool.from_tape"),))
    tape = frames.get("tape_totals")
    if tape is not None:
        became = tape[["current_balance", "paid_principal", "loss", "unexplained"]].sum(axis=1)
        name = "Tape: what was paid out is outstanding, repaid or lost"
        paid = tape["original_balance"]
        yield nothing(name, paid - became, ["tape.gap"], float(paid.sum()))
        kept = float(tape.loc[tape["item"] == "kept", "current_balance"].sum())
        left = kept - by_part.get("left out", 0.0)
        sides = Side("tape less rows rejected and loans left out", left, (Term("pool.from_tape"),))
        held = Side("all places", by_part["place"], (Term("pool.place.balance"),))
        yield agree("Pool: what is left of the tape is what is held", sides, held)
    for name, frame in frames.items():
        if name.startswith("pool_stratification_"):
            column = name.removeprefix("pool_stratification_")
            terms = (Term(f"pool.{column}.balance"),)
            strata = Side("sum of the strata", float(frame["balance"].sum()), terms)
            yield agree(f"Pool: by {column.replace('_', ' ')}", strata, pool)
    for name, frame in frames.items():
        if name.startswith("pool_largest_"):
            column = name.removeprefix("pool_largest_")
            names = Side("the largest and the others", float(frame["balance"].sum()))
            yield agree(f"Pool: largest {column.replace('_', ' ')}", names, pool)
    answers = frames.get("pool_eligibility_answers")
    for chosen, parts in () if answers is None else answers.groupby("set", sort=False):
        terms = (Term(f"pool.eligibility.{chosen}"),)
        three = Side("the three answers", float(parts["balance"].sum()), terms)
        yield agree(f"Pool: eligibility {chosen}", three, pool)


def _cash_flow_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    frame, summary = frames.get("cash_flows"), frames.get("pool_summary")
    whole = frames.get("cash_flow_totals")
    if frame is None:
        return
    for scenario, flows in frame.groupby("scenario", sort=False):
        opening = float(flows[flows["period"] == 1]["opening"].sum())
        out = flows["default"] + flows["scheduled"] + flows["prepaid"]
        drawn = flows.get("drawn", 0.0)
        gap = (flows["opening"] + drawn - out - flows["closing"]).groupby(flows["period"]).sum()
        name = f"Cash flows, {scenario}: opening less defaults and principal is closing"
        yield nothing(name, gap, [f"cash.{scenario}.gap"], opening)
        bad = flows.groupby("segment")[["default", "loss", "recovery"]].sum()
        due = flows[flows["period"] == flows["period"].max()].set_index("segment")["receivable"]
        gap = bad["default"] - bad["loss"] - bad["recovery"] - due
        name = f"Cash flows, {scenario}: defaults are lost, recovered or still due"
        yield nothing(name, gap, [f"cash.{scenario}.defaults"], opening)
        paid = float(collected(flows).sum())
        if whole is not None:
            mine = (whole["scenario"] == scenario) & (whole["segment"] == "all")
            paid = float(whole[mine]["collections"].sum())
        lines = (Term(f"cash.{scenario}.collections"),)
        yield agree(
            f"Cash flows, {scenario}: collections are all that investors are paid",
            Side("collections by line", float(collected(flows).sum()), lines),
            Side("collections of the engine", paid),
        )
        if summary is not None:
            total = float(summary[summary["part"] == "pool"]["balance"].sum())
            yield agree(
                f"Cash flows, {scenario}: they start from the pool",
                Side("opening balance", opening, (Term(f"cash.{scenario}.opening"),)),
                Side("balance of the pool", total, (Term("pool.from_tape"),)),
            )


def _deal_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    for name, frame in frames.items():
        if not name.startswith("deal_"):
            continue
        series = name.removeprefix("deal_")
        sources, uses = deal_sides(frame)
        for scenario, flows in frame.groupby("scenario", sort=False):
            gap = flows[sources].sum(axis=1) - flows[uses].sum(axis=1)
            size = float(flows[sources].sum(axis=1).max())
            label = f"Deal {series}, {scenario}: all cash is paid or kept"
            yield nothing(label, gap, [f"deal.{series}.{scenario}.gap"], size)
            for what, moved in _deal_moves(flows).items():
                label = f"Deal {series}, {scenario}: {what} roll forward"
                yield nothing(label, moved, [f"deal.{series}.{scenario}.{what}"], size)


def _deal_moves(flows: pd.DataFrame) -> dict[str, pd.Series]:
    """What the loans and the notes of a series change by and its flows do not say, by period
    after the first [currency].
    """
    at = flows.sort_values("period")
    tranches = deal_tranches(at)
    notes = at[[f"{tranche} notes" for tranche in tranches]].sum(axis=1)
    paid = at[[f"{tranche} principal" for tranche in tranches]].sum(axis=1)
    gone = at["principal collected"] + at["defaults"] - at["purchases"]
    return {
        "loans": (at["pool"].diff() + gone).iloc[1:],
        "notes": (notes.diff() + paid - at["notes issued"]).iloc[1:],
    }
