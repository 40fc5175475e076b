"""Early-warning indicators, month by month, from the history of the loans.

Each value uses only what was known at its month's end. What the indicators mean stands with their
thresholds in :class:`~scfcap.schema.warning.WarningSpec`. Lights: :mod:`~scfcap.pool.lights`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.axes import LOAN_TYPES, REVOLVING_LINE
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.schema.warning import Threshold, WarningSpec
from scfcap.tape.history import DEFAULT, REPAID, History, month_end, month_of

#: Months whose mean a relative indicator is compared with, and how many of them there must be.
BASE, BASE_LEAST = 12, 6
#: Months on book at which vintages are compared.
VINTAGE = 3
#: Days late beyond which an order counts no more [days].
MOST_LATE = 60.0
#: Most days past due that are not yet a warning.
EARLY = 30
_NEVER = 1 << 30


def indicators(history: History, spec: WarningSpec) -> pd.DataFrame:
    """Every indicator that the history gives, in every month.

    Columns: ``indicator``, ``entity`` (a buyer, empty for the book), ``month_end``, ``value``
    (NaN where fewer than ``spec.least`` loans stand behind it), ``count`` (of these loans).
    """
    data = _Data(history, spec)
    parts = [part for make in _MAKERS for part in make(data)]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
    frame.loc[frame["count"] < spec.least, "value"] = np.nan
    return frame


def tape_indicators(frame: pd.DataFrame, as_of: Any, spec: WarningSpec) -> pd.DataFrame:
    """What a tape alone tells at ``as_of``: shares of the buyers, and use of the shops' lines."""
    rows = []
    owing = frame[frame["current_balance"] > HALF_CENT]
    if spec.by in owing:
        by = owing.groupby(spec.by, observed=True)["current_balance"].agg(["sum", "size"])
        if len(by):
            top = by["sum"].nlargest(spec.top).sum() / by["sum"].sum()
            rows.append(("top_share", float(top), int(by["size"].sum())))
    lines = owing[owing["loan_type"] == LOAN_TYPES[REVOLVING_LINE]]
    if len(lines):
        use = lines["current_balance"].sum() / lines["original_balance"].sum()
        rows.append(("line_use", float(use), len(lines)))
    made = pd.DataFrame(rows, columns=["indicator", "value", "count"])
    made.loc[made["count"] < spec.least, "value"] = np.nan
    return made.assign(entity="", month_end=pd.Timestamp(as_of).as_unit("s"))[_COLUMNS]


_COLUMNS = ["indicator", "entity", "month_end", "value", "count"]


@dataclass(frozen=True)
class _Data:
    """A history's arrays; months are counted from the first one."""

    history: History
    spec: WarningSpec

    @cached_property
    def panel(self) -> dict[str, npt.NDArray[Any]]:
        """Columns of the panel."""
        return {str(name): cells.to_numpy() for name, cells in self.history.panel.items()}

    @cached_property
    def base(self) -> int:
        return int(self.panel["month"].min()) if len(self.panel["month"]) else 0

    @cached_property
    def months(self) -> int:
        return int(self.panel["month"].max()) - self.base + 1 if len(self.panel["month"]) else 0

    @cached_property
    def month(self) -> IntArray:
        return self.panel["month"].astype(np.int64) - self.base

    @cached_property
    def made(self) -> IntArray:
        """Month in which each loan was made; below 0 before the first, or unknown."""
        return self._month_of("origination_date")

    @cached_property
    def due(self) -> IntArray:
        """Month in which each loan matures; far off where that is not known."""
        due = self._month_of("maturity_date")
        return np.where(due < -_NEVER // 2, _NEVER, due)

    def _month_of(self, name: str) -> IntArray:
        day = self.history.loans[name].to_numpy()
        return np.where(np.isnat(day), -_NEVER, month_of(day)) - self.base

    @cached_property
    def late_since(self) -> IntArray:
        """First month at whose end a loan was over :data:`EARLY` days past due or in default."""
        panel = self.panel
        late = (panel["days_past_due"] > EARLY) & (panel["state"] != REPAID)
        return self.first(late | (panel["state"] == DEFAULT))

    @cached_property
    def buyer(self) -> tuple[IntArray, list[str]]:
        """Code of each loan's buyer, -1 if none, and their names."""
        loans = self.history.loans
        if self.spec.by not in loans:
            return np.full(len(loans), -1), []
        cells = pd.Categorical(loans[self.spec.by])
        return np.asarray(cells.codes, dtype=np.int64), [str(name) for name in cells.categories]

    def first(self, rows: BoolArray) -> IntArray:
        """First month of each loan's chosen rows."""
        at = np.flatnonzero(rows)[::-1]  # the panel is in order: the first one is written last
        out = np.full(len(self.history.loans), _NEVER)
        out[self.panel["loan"][at]] = self.month[at]
        return out

    def sums(self, month: IntArray, weight: FloatArray | None = None) -> FloatArray:
        """Sum of ``weight`` (or number) by month; months outside are left out."""
        inside = (month >= 0) & (month < self.months)
        chosen = None if weight is None else weight[inside]
        return np.bincount(month[inside], chosen, minlength=self.months).astype(np.float64)

    def series(
        self, name: str, value: FloatArray, count: FloatArray, entity: str = ""
    ) -> pd.DataFrame:
        """One indicator's rows."""
        ends = month_end(self.base + np.arange(self.months))
        cells = {"indicator": name, "entity": entity, "month_end": ends, "value": value}
        return pd.DataFrame({**cells, "count": count.astype(np.int64)})


def windowed(values: FloatArray, window: int) -> FloatArray:
    """Sum of each value and those of the ``window`` - 1 months before; fewer at the start."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(total))
    return np.asarray(total[end] - total[np.maximum(end - window, 0)])


def _ratio(top: FloatArray, bottom: FloatArray, window: int = 1) -> FloatArray:
    below = windowed(bottom, window)
    out = np.full(len(below), np.nan)
    return np.asarray(np.divide(windowed(top, window), below, out=out, where=below > HALF_CENT))


def against_year(values: FloatArray) -> FloatArray:
    """Relative change of each value against the mean of the :data:`BASE` months before it."""
    known = ~np.isnan(values)
    total = windowed(np.where(known, values, 0.0), BASE)
    count = windowed(known.astype(np.float64), BASE)
    mean = np.full(len(values), np.nan)
    enough = count[:-1] >= BASE_LEAST
    mean[1:][enough] = total[:-1][enough] / count[:-1][enough]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = values / mean - 1.0
    return np.where(np.isfinite(change), change, np.nan)


def _roll(data: _Data) -> Iterator[pd.DataFrame]:
    panel, month = data.panel, data.month
    follows = np.r_[False, (panel["loan"][1:] == panel["loan"][:-1]) & (np.diff(month) == 1)]
    before = np.r_[np.int8(REPAID), panel["state"][:-1]]
    risk = follows & (before <= 1) & (panel["opening"] > HALF_CENT)
    worse = risk & (panel["state"] > 1) & (panel["state"] != REPAID)
    opening = panel["opening"]
    rate = _ratio(
        data.sums(month[worse], opening[worse]), data.sums(month[risk], opening[risk]),
        data.spec.roll_30.window,
    )  # fmt: skip
    yield data.series("roll_30", rate, data.sums(month[risk]))


def _first_payment(data: _Data) -> Iterator[pd.DataFrame]:
    paid = data.first(data.panel["paid"] > HALF_CENT)
    failed = data.late_since < paid
    window = data.spec.first_payment_default.window
    bad, good = data.sums(data.late_since[failed]), data.sums(paid[~failed])
    share = _ratio(bad, bad + good, window)
    yield data.series("first_payment_default", share, windowed(bad + good, window))


def _vintage(data: _Data) -> Iterator[pd.DataFrame]:
    seen = data.made >= 0
    when = data.made + VINTAGE
    bad = seen & (data.late_since <= when)
    window = data.spec.vintage_30.window
    all_loans = data.sums(when[seen])
    share = _ratio(data.sums(when[bad]), all_loans, window)
    yield data.series("vintage_30", share, windowed(all_loans, window))


def _concentration(data: _Data) -> Iterator[pd.DataFrame]:
    code, names = data.buyer
    if not names:
        return
    row = code[data.panel["loan"]]
    known = row >= 0
    cell = data.month[known] * len(names) + row[known]
    size = data.months * len(names)
    owed = np.bincount(cell, data.panel["closing"][known], minlength=size)
    owed = owed.reshape(data.months, len(names))
    count = data.sums(data.month[known & (data.panel["closing"] > HALF_CENT)])
    total = np.maximum(owed.sum(axis=1), HALF_CENT)
    share = np.where(owed.sum(axis=1)[:, None] > HALF_CENT, owed / total[:, None], np.nan)
    largest = np.sort(share, axis=1)[:, ::-1][:, : data.spec.top].sum(axis=1)
    yield data.series("top_share", largest, count)
    with np.errstate(divide="ignore"):
        number = 1.0 / (share**2).sum(axis=1)
    yield data.series("effective_number", against_year(number), count)


def _buyers(data: _Data) -> Iterator[pd.DataFrame]:
    code, names = data.buyer
    chosen = (code >= 0) & (data.due != _NEVER)
    if not names or not chosen.any():
        return
    for name in ("buyer_late_share", "buyer_days_late"):
        limit: Threshold = getattr(data.spec, name)
        bad, count = _lateness(data, chosen, limit.window, by_days=name == "buyer_days_late")
        level = bad.sum(axis=1) / np.maximum(count.sum(axis=1), 1.0)
        value = bad + data.spec.prior * level[:, None]
        value /= np.maximum(count + data.spec.prior, 1.0)
        for k, buyer in enumerate(names):
            yield data.series(name, value[:, k], count[:, k], buyer)


def _lateness(
    data: _Data, chosen: BoolArray, window: int, *, by_days: bool
) -> tuple[FloatArray, FloatArray]:
    """Late orders (or days late) and orders due in the window, shape (months, buyers).

    An order not paid by a month's end is as late as it was then. One repaid on the last day of the
    month in which it was due may be known by its month only: not late.
    """
    loans = data.history.loans
    code, names = data.buyer
    kind = loans["end"].astype("str")
    paid = kind.isin(["repaid", "prepaid"]).to_numpy()[chosen]
    end = loans["end_date"].to_numpy()[chosen]
    due, month = loans["maturity_date"].to_numpy()[chosen], data.due[chosen]
    final = np.where(paid, (end - due) / np.timedelta64(1, "D"), np.inf)
    ended = month_of(np.where(np.isnat(end), due, end))
    final[paid & (end == month_end(ended)) & (ended - data.base == month)] = 0.0
    bad = np.zeros(data.months * len(names))
    count = np.zeros(data.months * len(names))
    for back in range(window):
        now = month + back
        known = (month_end(data.base + np.minimum(now, data.months)) - due) / np.timedelta64(1, "D")
        late = np.clip(np.minimum(final, known), 0.0, MOST_LATE)
        inside = (now >= 0) & (now < data.months)
        cell = (now * len(names) + code[chosen])[inside]
        weight = late if by_days else (late > data.spec.grace).astype(np.float64)
        bad += np.bincount(cell, weight[inside], minlength=len(bad))
        count += np.bincount(cell, minlength=len(count))
    return bad.reshape(data.months, -1), count.reshape(data.months, -1)


def _line_use(data: _Data) -> Iterator[pd.DataFrame]:
    loans, panel = data.history.loans, data.panel
    if "loan_type" not in loans:
        return
    line = (loans["loan_type"] == LOAN_TYPES[REVOLVING_LINE]).to_numpy()
    rows = line[panel["loan"]] & (panel["closing"] > HALF_CENT) & (panel["state"] < DEFAULT)
    limit = loans["original_balance"].to_numpy()[panel["loan"][rows]]
    month = data.month[rows]
    use = _ratio(
        data.sums(month, panel["closing"][rows]), data.sums(month, limit), data.spec.line_use.window
    )
    yield data.series("line_use", use, data.sums(month))


def _prepayment(data: _Data) -> Iterator[pd.DataFrame]:
    loans, panel = data.history.loans, data.panel
    later = (data.due[panel["loan"]] > data.month) & (panel["opening"] > HALF_CENT)
    later &= data.due[panel["loan"]] != _NEVER
    early = (loans["end"].astype("str") == "prepaid").to_numpy()[panel["loan"]]
    gone = later & early & (panel["closing"] <= HALF_CENT) & (panel["state"] == REPAID)
    month, opening = data.month, panel["opening"]
    rate = _ratio(
        data.sums(month[gone], opening[gone]), data.sums(month[later], opening[later]),
        data.spec.prepayment.window,
    )  # fmt: skip
    if not (rate > 0.0).any():
        return
    yield data.series("prepayment", against_year(rate), data.sums(month[later]))


_MAKERS = (
    _roll, _first_payment, _vintage, _concentration, _buyers, _line_use, _prepayment,
)  # fmt: skip
