"""What loans did, month by month: the one form in which credit statistics read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.errors import InvariantError
from scfcap.quantities import HALF_CENT, BoolArray, IntArray
from scfcap.tape.checks import findings_of

#: State of a loan at a month's end. ``default`` and ``repaid`` absorb.
STATES: Final = ("current", "1-30", "31-60", "61-90", "90+", "default", "repaid")
CURRENT, DEFAULT, REPAID = 0, 5, 6
#: Most days past due of the states before default, but the last [days].
BOUNDS: Final = (0, 30, 60, 90)
#: How an observation ended.
ENDS: Final = ("open", "repaid", "prepaid", "default", "vanished")
#: Amounts of a panel's row [currency].
FLOWS: Final = (
    *("opening", "principal", "charged_off", "adjusted", "closing"),
    *("paid", "recovered"),
)


@dataclass(frozen=True)
class History:
    """The performance of loans, as far as it was observed.

    ``loans``: one row a loan: loan_id (text), segment (category), origination_date and
    maturity_date (datetime64[s], NaT if unknown), original_balance [currency], rate [1/year],
    further columns; ``entry_date`` the first day under observation; ``end_date`` (NaT while open),
    ``end`` one of :data:`ENDS` ("prepaid": repaid in a month before that of its maturity;
    "vanished": with a balance in its last row, before the last month: censored there, at
    ``end_date``; see ``PerformanceSpec.vanished``), ``defaulted_balance`` and ``recovered`` after
    the default [currency].

    ``panel``: one row a loan and month observed, sorted by ``loan`` (int32, row of ``loans``) and
    ``month`` (int32, months since 1970-01); amounts of :data:`FLOWS`, ``days_past_due`` (int32)
    and ``state`` (int8, code of :data:`STATES`) at the month's end. In each row opening +
    adjusted - principal - charged_off = closing to the cent. A loan enters with opening 0 and its
    balance in ``adjusted``: it is at risk in the months with an opening balance. After its end it
    has rows only for what is recovered; months may be missing.

    ``recoveries``: loan, default_month, month, amount [currency]: what came in from the month of
    default on, negative for costs. ``findings`` as those of a tape; ``totals``: item ("read",
    "rejected", "kept"), rows, balance [currency]. ``source``: the file; of several the first, and
    how many there are.
    """

    loans: pd.DataFrame
    panel: pd.DataFrame
    recoveries: pd.DataFrame
    first: date
    last: date
    source: str
    digest: str
    findings: pd.DataFrame
    totals: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The panel with loan ids, month ends and names of states."""
        panel = self.panel
        ids = self.loans["loan_id"].to_numpy()[panel["loan"].to_numpy()]
        state = pd.Categorical.from_codes(
            panel["state"].to_numpy(), pd.Index(list(STATES), dtype="str")
        )
        kept = panel.drop(columns=["loan", "month", "state"])
        ends = month_end(panel["month"].to_numpy())
        return pd.concat(
            [pd.DataFrame({"loan_id": ids, "month_end": ends}), kept.assign(state=state)], axis=1
        )


def month_of(days: Any) -> IntArray:
    """Months since 1970-01 of dates."""
    return np.asarray(days).astype("datetime64[M]").astype(np.int64)


def month_end(months: Any) -> npt.NDArray[np.datetime64]:
    """Last day of months counted from 1970-01 (datetime64[s])."""
    after = (np.asarray(months, dtype=np.int64) + 1).astype("datetime64[M]")
    return (after.astype("datetime64[D]") - np.timedelta64(1, "D")).astype("datetime64[s]")


def history_from_panel(
    loans: pd.DataFrame,
    panel: pd.DataFrame,
    *,
    source: str,
    digest: str,
    default_days: int | None = None,
    defaulted: BoolArray | None = None,
    findings: pd.DataFrame | None = None,
    totals: pd.DataFrame | None = None,
) -> History:
    """A history from loans and their months; states, entries and ends are worked out.

    ``loans`` has loan_id and segment, and where known origination_date, maturity_date,
    original_balance, rate, ``closed_date`` (exact day of the repayment), and what else is to be
    kept. ``panel`` has loan, month, :data:`FLOWS` and days_past_due. A loan defaults in the first
    month with a charge-off, at least ``default_days`` past due, or marked in ``defaulted``
    (panel rows,).

    Raises :class:`InvariantError` where a row's amounts do not tie to the cent, a month does not
    open with what the last one closed with, or a loan has two rows in a month.
    """
    order = np.lexsort((panel["month"].to_numpy(), panel["loan"].to_numpy()))
    if (np.diff(order) != 1).any():
        panel = panel.iloc[order].reset_index(drop=True)
        defaulted = None if defaulted is None else defaulted[order]
    _tie(panel)
    month = panel["month"].to_numpy()
    fell = _default_row(panel, len(loans), default_days, defaulted)
    state = _states(panel, fell)
    panel = panel.astype({"loan": np.int32, "month": np.int32, "days_past_due": np.int32})
    panel = panel[["loan", "month", *FLOWS, "days_past_due"]].assign(state=state)
    recoveries = _recoveries(panel, fell)
    return History(
        loans=_ended(loans, panel, fell, recoveries),
        panel=panel,
        recoveries=recoveries,
        first=month_end(month.min() if len(month) else 0).astype("datetime64[D]").item(),
        last=month_end(month.max() if len(month) else 0).astype("datetime64[D]").item(),
        source=source,
        digest=digest,
        findings=findings_of([]) if findings is None else findings,
        totals=_counted(panel) if totals is None else totals,
    )


def known_until(history: History, day: date) -> History:
    """``history`` as it was known at the end of the month of ``day``: nothing later is left in it.

    Loans without a month until then are left out; ``findings`` and ``totals`` stay those of the
    whole.
    """
    panel, loans = history.panel, history.loans
    panel = panel[panel["month"] <= int(month_of(np.datetime64(day, "D")))]
    used = np.unique(panel["loan"].to_numpy())
    made = ["entry_date", "end_date", "end", "defaulted_balance", "recovered"]
    over = loans["end"].isin(["repaid", "prepaid"])
    kept = loans.assign(closed_date=loans["end_date"].where(over)).drop(columns=made)
    panel = panel.assign(loan=np.searchsorted(used, panel["loan"].to_numpy()))
    return history_from_panel(
        kept.iloc[used].reset_index(drop=True),
        panel.drop(columns="state").reset_index(drop=True),
        defaulted=panel["state"].to_numpy() == DEFAULT,
        source=history.source,
        digest=history.digest,
        findings=history.findings,
        totals=history.totals,
    )


def state_of(days_past_due: Any) -> npt.NDArray[np.int8]:
    """State by :data:`BOUNDS`: 0 days current, up to 30, up to 60, up to 90, more."""
    return np.searchsorted(BOUNDS, np.asarray(days_past_due), side="left").astype(np.int8)


def _tie(panel: pd.DataFrame) -> None:
    """Each row ties, follows on the last, and stands once."""
    flow = {name: panel[name].to_numpy(dtype=np.float64) for name in FLOWS}
    loan, month = panel["loan"].to_numpy(), panel["month"].to_numpy()
    gap = flow["opening"] + flow["adjusted"] - flow["principal"] - flow["charged_off"]
    gap -= flow["closing"]
    size = np.maximum(1.0, np.abs(flow["opening"])) * 1e-12
    faults = {"do not tie": ~(np.abs(gap) <= HALF_CENT + size)}
    same = loan[1:] == loan[:-1]
    step = np.abs(flow["opening"][1:] - flow["closing"][:-1])
    faults["do not follow on the month before"] = np.r_[False, same & ~(step <= HALF_CENT)]
    faults["stand twice"] = np.r_[False, same & (month[1:] == month[:-1])]
    for said, mask in faults.items():
        if mask.any():
            row = int(np.flatnonzero(mask)[0])
            when = str(month_end(month[row]).astype("datetime64[M]"))
            msg = f"history, loan {loan[row]}, {when}: amounts {said} ({panel.iloc[row].to_dict()})"
            raise InvariantError(msg)


def _default_row(
    panel: pd.DataFrame, count: int, default_days: int | None, defaulted: BoolArray | None
) -> IntArray:
    """First row of each loan in default; the panel's length where there is none [loans]."""
    fell = panel["charged_off"].to_numpy() > HALF_CENT
    if default_days is not None:
        owing = panel["closing"].to_numpy() > HALF_CENT
        fell |= owing & (panel["days_past_due"].to_numpy() >= default_days)
    if defaulted is not None:
        fell |= defaulted
    rows = np.flatnonzero(fell)
    which, place = np.unique(panel["loan"].to_numpy()[rows], return_index=True)
    first = np.full(count, len(panel), dtype=np.int64)
    first[which] = rows[place]
    return first


def _states(panel: pd.DataFrame, fell: IntArray) -> npt.NDArray[np.int8]:
    loan = panel["loan"].to_numpy()
    owing = panel["closing"].to_numpy() > HALF_CENT
    rows = np.arange(len(panel))
    last_owing = np.full(len(fell), -1, dtype=np.int64)
    last_owing[loan[owing]] = rows[owing]  # rows ascend: the last one stays
    state = state_of(panel["days_past_due"].to_numpy())
    state[~owing] = CURRENT
    state[rows > last_owing[loan]] = REPAID
    state[rows >= fell[loan]] = DEFAULT
    return state


def _recoveries(panel: pd.DataFrame, fell: IntArray) -> pd.DataFrame:
    loan, month = panel["loan"].to_numpy(), panel["month"].to_numpy()
    rows = np.arange(len(panel))
    after = rows > fell[loan]
    amount = np.where(after, panel["principal"].to_numpy(), 0.0) + panel["recovered"].to_numpy()
    came = (rows >= fell[loan]) & (np.abs(amount) > HALF_CENT)
    return pd.DataFrame(
        {
            "loan": loan[came],
            "default_month": month[fell[loan[came]]] if came.any() else month[:0],
            "month": month[came],
            "amount": amount[came],
        }
    )


def _ended(
    loans: pd.DataFrame, panel: pd.DataFrame, fell: IntArray, recoveries: pd.DataFrame
) -> pd.DataFrame:
    """``loans`` with entry, end and what was lost and recovered."""
    out = _with_statics(loans)
    out["entry_date"] = _entries(out, panel)
    closed = out.pop("closed_date").to_numpy() if "closed_date" in out else None
    out["end_date"], out["end"] = _ends(out, panel, fell, closed)
    lost, fallen = np.zeros(len(out)), fell < len(panel)
    lost[fallen] = (panel["charged_off"].to_numpy() + panel["closing"].to_numpy())[fell[fallen]]
    out["defaulted_balance"] = lost
    out["recovered"] = np.bincount(
        recoveries["loan"].to_numpy(), recoveries["amount"].to_numpy(), minlength=len(out)
    )
    return out


def _entries(loans: pd.DataFrame, panel: pd.DataFrame) -> npt.NDArray[np.datetime64]:
    """First day under observation: that of the loan's making, or of its first balance."""
    loan, month = panel["loan"].to_numpy(), panel["month"].to_numpy()
    starts = np.flatnonzero(np.r_[True, loan[1:] != loan[:-1]][: len(loan)])
    entry = np.full(len(loans), np.datetime64("NaT", "s"))
    opened = panel["opening"].to_numpy()[starts] > HALF_CENT
    entry[loan[starts]] = month_end(month[starts] - opened)
    made = loans["origination_date"].to_numpy()
    here = month_of(made)[loan[starts]] == month[starts]
    fresh = loan[starts][here]
    entry[fresh] = made[fresh]
    return entry


def _ends(
    loans: pd.DataFrame,
    panel: pd.DataFrame,
    fell: IntArray,
    closed: npt.NDArray[np.datetime64] | None,
) -> tuple[npt.NDArray[np.datetime64], pd.Categorical]:
    """Day and kind of each loan's end; ``closed`` holds exact days of repayment, where known."""
    loan, month = panel["loan"].to_numpy(), panel["month"].to_numpy().astype(np.int64)
    final = np.full(len(loans), -1, dtype=np.int64)
    live = (np.abs(panel["opening"].to_numpy()) > HALF_CENT) | (
        np.abs(panel["adjusted"].to_numpy()) > HALF_CENT
    )
    final[loan[live]] = np.flatnonzero(live)
    seen, fallen = final >= 0, fell < len(panel)
    at = np.where(fallen, fell, final)
    ended = np.where(seen, month[at], 0) if len(month) else np.zeros(len(loans), dtype=np.int64)
    owing = np.zeros(len(loans), dtype=np.bool_)
    owing[seen] = panel["closing"].to_numpy()[final[seen]] > HALF_CENT
    day = month_end(ended)
    exact = np.zeros(len(loans), dtype=np.bool_)
    if closed is not None:
        exact = ~(fallen | owing | np.isnat(closed))
        day = np.where(exact, closed, day).astype("datetime64[s]")
    due = loans["maturity_date"].to_numpy()
    early = ~np.isnat(due) & np.where(exact, day < due, ended < month_of(due))
    current = ~seen | (owing & (ended == (month.max() if len(month) else 0)))
    masks = [fallen, current, owing, early]
    codes = [ENDS.index(name) for name in ("default", "open", "vanished", "prepaid")]
    code = np.select(masks, codes, ENDS.index("repaid"))
    day = np.where(code == ENDS.index("open"), np.datetime64("NaT", "s"), day)
    return day, pd.Categorical.from_codes(code, pd.Index(list(ENDS), dtype="str"))


def _with_statics(loans: pd.DataFrame) -> pd.DataFrame:
    """``loans`` with every column that a history promises."""
    out = loans.reset_index(drop=True).copy()
    for name in ("origination_date", "maturity_date"):
        if name not in out:
            out[name] = np.full(len(out), np.datetime64("NaT", "s"))
        out[name] = out[name].astype("datetime64[s]")
    for name in ("original_balance", "rate"):
        if name not in out:
            out[name] = np.nan
    out["loan_id"] = out["loan_id"].astype("str")
    out["segment"] = out["segment"].astype("category")
    named = ["loan_id", "segment", "origination_date", "maturity_date", "original_balance", "rate"]
    return out[[*named, *(name for name in out if name not in named)]]


def _counted(panel: pd.DataFrame) -> pd.DataFrame:
    rows, balance = len(panel), float(panel["closing"].sum())
    return pd.DataFrame(
        {
            "item": ["read", "rejected", "kept"],
            "rows": [rows, 0, rows],
            "balance": [balance, 0.0, balance],
        }
    )
