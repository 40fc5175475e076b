"""A run of a deal as named tables, and what a reader must know before he uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from scfcap.deal.explaining import PeriodExplained
from scfcap.deal.figures import loss_share, yields
from scfcap.deal.ledger import SOURCES, USES, ledger_frame, refuse_gaps
from scfcap.deal.outcome import BY_TRANCHE, DealRun
from scfcap.deal.summary import classes_frame, closing_frame, events_frame, fees_frame
from scfcap.quantities import HALF_CENT
from scfcap.report.tables import Table

#: Titles of the tables of deals, by name.
TITLES = {
    "deals_sources_uses": "Sources and uses at closing, or what a deal that stands holds and owes",
    "deals_classes": "Classes: what each was paid, by scenario",
    "deals_fees": "Fees: what was paid, and what was short while the deal lived",
    "deals_events": "What trips, begins, is called and is repaid, by scenario",
    "deals_periods": "Sources and uses of cash by period",
    "deals_tranches": "Classes by period",
    "deals_accounts": "Accounts at the close of each period",
    "deals_steps": "Each step of the waterfall: due, available, paid, short",
    "deals_yields": "Classes: what each yields at its issue price, and what it loses",
    "deals_triggers": "Triggers by period: which hold",
    "deals_retention": "What the originator keeps of each deal, by each form of each rule",
    "deals_checks": "Checks: what must be equal, and the largest gap",
}
_MONEY = frozenset(
    (
        "amount", "original", "opening", "interest_paid", "principal_paid", "residual_received",
        "most_interest_short", "interest_owed", "written_off", "left", "paid", "most_short", "owed",
        *SOURCES, *USES, *BY_TRANCHE, "opening_cash", "closing_cash", "gap", "default", "bought",
        "sold", "pool", "delinquent", "cash", "due", "available", "short", "allowed",
        "last_close", "before_steps", "close", "interest_short", "closing", "drawn",
        "drawn_before",
    )
)  # fmt: skip
_UNITS = {
    "share": "share", "coupon": "1/year", "average_life": "years", "yield": "1/year",
    "loss_share": "share", "issue_price": "share", "kept": "share", "least": "share",
    "margin": "share",
}  # fmt: skip


def deal_frames(run: DealRun) -> dict[str, pd.DataFrame]:
    """Every table of a run by name; a further analysis of deals adds its own here.

    Raises :class:`~scfcap.errors.InvariantError` where money does not tie.
    """
    frames = {
        "deals_sources_uses": closing_frame(run),
        "deals_classes": classes_frame(run),
        "deals_fees": fees_frame(run),
        "deals_events": events_frame(run),
        "deals_periods": _periods(run),
        "deals_tranches": run.to_frame(),
        "deals_accounts": _accounts(run),
        "deals_yields": _yields(run),
        "deals_triggers": _triggers(run),
        "deals_checks": _checks(run),
    }
    if run.trace is not None:
        parts = [run.steps_frame(name).assign(scenario=name) for name in run.scenarios]
        steps = pd.concat(parts, ignore_index=True).drop(columns=list(run.watch))
        steps.insert(0, "scenario", steps.pop("scenario"))
        steps.insert(0, "deal", run.deal.name)
        frames["deals_steps"] = steps
    return frames


def deal_tables(frames: Mapping[str, pd.DataFrame], currency: str) -> dict[str, Table]:
    """Frames of deals as tables with titles and units."""
    made = {}
    for name, frame in frames.items():
        units = {
            column: currency if column in _MONEY else _UNITS[column]
            for column in map(str, frame.columns)
            if (column in _MONEY or column in _UNITS) and pd.api.types.is_float_dtype(frame[column])
        }
        title = TITLES.get(name, name.replace("_", " ").capitalize())
        made[name] = Table(name, title, frame.reset_index(drop=True), units)
    return made


def joined(runs: Sequence[Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of several deals as one of each name."""
    made: dict[str, list[pd.DataFrame]] = {}
    for frames in runs:
        for name, frame in frames.items():
            made.setdefault(name, []).append(frame)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in made.items()}


def explained_frames(found: Sequence[PeriodExplained]) -> dict[str, pd.DataFrame]:
    """Tables of explained periods, "explained_*", with columns of scenario and period."""
    return joined(
        [
            {f"explained_{name}": _placed(each, frame) for name, frame in each.tables().items()}
            for each in found
        ]
    )


def _placed(each: PeriodExplained, frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    frame.insert(0, "period", each.period)
    frame.insert(0, "scenario", each.scenario)
    return frame


def _periods(run: DealRun) -> pd.DataFrame:
    """Cash by period, with the loans behind it and the phase."""
    frame = ledger_frame(run)
    for place, name in enumerate(("default", "bought", "sold", "pool", "delinquent")):
        frame.insert(5 + place, name, run.of(name).ravel())
    phases = np.array([phase.name for phase in run.deal.spec.phases], dtype=object)
    frame.insert(5, "phase", phases[run.phase.T.ravel()])
    return frame


def _accounts(run: DealRun) -> pd.DataFrame:
    """One row a scenario, account and period: cash at the close."""
    count = (len(run.scenarios), len(run.deal.accounts), len(run.deal.years))
    k, a, t = (axis.ravel() for axis in np.indices(count))
    return pd.DataFrame(
        {
            "deal": run.deal.name,
            "scenario": np.array(run.scenarios, dtype=object)[k],
            "account": np.array(run.deal.accounts, dtype=object)[a],
            "period": t + 1,
            "date": np.array(run.deal.calendar.dates, dtype="datetime64[s]")[t],
            "cash": run.cash[t, a, k],
        }
    )


def _yields(run: DealRun) -> pd.DataFrame:
    """One row a scenario and class: issue price, yield at it [1/year], loss of its size."""
    rate, loss = yields(run), loss_share(run)
    k, j = (axis.ravel() for axis in np.indices(rate.shape))
    prices = np.array([each.issue_price for each in run.deal.spec.tranches.values()])
    return pd.DataFrame(
        {
            "deal": run.deal.name,
            "scenario": np.array(run.scenarios, dtype=object)[k],
            "tranche": np.array(run.deal.tranches, dtype=object)[j],
            "issue_price": prices[j],
            "yield": rate[k, j],
            "loss_share": loss[k, j],
        }
    )


def _triggers(run: DealRun) -> pd.DataFrame:
    """One row a scenario, trigger and period: its test in words, and whether it holds."""
    names = list(run.deal.spec.triggers)
    count = (len(run.scenarios), len(names), len(run.deal.years))
    k, x, t = (axis.ravel() for axis in np.indices(count))
    tests = [run.deal.spec.triggers[name].test for name in names]
    return pd.DataFrame(
        {
            "deal": run.deal.name,
            "scenario": np.array(run.scenarios, dtype=object)[k],
            "trigger": np.array(names, dtype=object)[x],
            "test": np.array(tests, dtype=object)[x],
            "period": t + 1,
            "date": np.array(run.deal.calendar.dates, dtype="datetime64[s]")[t],
            "holds": run.tripped[t, x, k],
        }
    )


def _checks(run: DealRun) -> pd.DataFrame:
    frame = pd.DataFrame(refuse_gaps(run)).drop(columns="where")
    frame.insert(0, "deal", run.deal.name)
    return frame


# --- cautions -------------------------------------------------------------------------------


def deal_cautions(run: DealRun, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """What is short, unpaid or left over, and what to do about it: a sentence each."""
    return [
        *_short_fees(frames["deals_fees"]),
        *_short_interest(frames["deals_classes"]),
        *_unpaid(run),
        *_drawn(run),
        *_left_over(run),
    ]


def _short_fees(fees: pd.DataFrame) -> Iterator[str]:
    for name, rows in fees[fees["dates_short"] > 0].groupby("fee", sort=False):
        worst = rows.iloc[int(rows["most_short"].to_numpy().argmax())]
        yield (
            f"The deal's sources cannot pay fee {name}: short on {worst['dates_short']} payment "
            f"dates from {worst['first_short']:%Y-%m-%d} on, by up to {worst['most_short']:,.2f}, "
            f"in scenario {worst['scenario']}{_others(rows)}. What is not paid stays owed. Pay it "
            "earlier in the waterfall, let an account help (from), or lower it."
        )


def _short_interest(classes: pd.DataFrame) -> Iterator[str]:
    for name, rows in classes[classes["dates_short"] > 0].groupby("tranche", sort=False):
        worst = rows.iloc[int(rows["most_interest_short"].to_numpy().argmax())]
        yield (
            f"Interest of class {name} is short on {worst['dates_short']} payment dates from "
            f"{worst['first_short']:%Y-%m-%d} on, by up to {worst['most_interest_short']:,.2f}, "
            f"in scenario {worst['scenario']}{_others(rows)}. See it with --explain "
            f"{worst['first_short']:%Y-%m-%d} --scenario {worst['scenario']}; a larger reserve, a "
            "line or a smaller class would help."
        )


def _unpaid(run: DealRun) -> Iterator[str]:
    """Classes that are not paid in full by the legal end, or by the end of the run."""
    end = run.legal_end
    left = run.of("balance")[:, :, end - 1] + run.of("owed")[:, :, end - 1]
    lost = (run.of("written_off") - run.of("written_up"))[:, :, :end].sum(axis=2)
    day = run.deal.calendar.dates[end - 1]
    by = "the legal end" if run.deal.spec.legal_end is not None else "the end of the run"
    for j, (name, terms) in enumerate(run.deal.spec.tranches.items()):
        missing = np.where(run.paid_in_full[:, j], 0.0, left[:, j] + lost[:, j])
        if terms.kind == "equity" or missing.max() <= HALF_CENT:
            continue
        k = int(np.argmax(missing))
        others = int((missing > HALF_CENT).sum()) - 1
        more = f" and less in {others} more" if others else ""
        # Time helps where there is something left to collect.
        later = run.of("pool")[k, end - 1] > HALF_CENT
        ways = (
            ", more credit support or a later legal_end would mend it"
            if later
            else " or more credit support would help"
        )
        yield (
            f"Class {name} is not paid in full by {by}, {day}: {missing[k]:,.2f} lacks in "
            f"scenario {run.scenarios[k]}{more}. A smaller class{ways}."
        )


def _drawn(run: DealRun) -> Iterator[str]:
    """Lines that are not repaid by the legal end, or by the end of the run."""
    end = run.legal_end
    for row, name in enumerate(run.deal.spec.lines):
        left = run.drawn[end - 1, row]
        if left.max() <= HALF_CENT:
            continue
        k = int(np.argmax(left))
        yield (
            f"Line {name} is not repaid by {run.deal.calendar.dates[end - 1]}: {left[k]:,.2f} is "
            f"still drawn in scenario {run.scenarios[k]}. A lower advance, more equity or a later "
            "legal_end would mend it."
        )


def _left_over(run: DealRun) -> Iterator[str]:
    """Loans and cash that nobody has been paid out of when the run ends."""
    pool, cash = run.of("pool")[:, -1], run.cash[-1].sum(axis=0)
    k = int(np.argmax(pool + cash))
    held = [f"loans of {pool[k]:,.2f}"] if pool[k] > HALF_CENT else []
    held += [f"cash of {cash[k]:,.2f}"] if cash[k] > HALF_CENT else []
    if held:
        yield (
            f"When the run ends on {run.deal.calendar.dates[-1]}, the deal still holds "
            f"{' and '.join(held)} in scenario {run.scenarios[k]}: nobody has been paid out of "
            "them. A call, or a later legal_end, would bring them to the residual."
        )


def _others(rows: pd.DataFrame) -> str:
    more = len(rows) - 1
    return f" (and in {more} more)" if more else ""
