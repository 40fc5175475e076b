"""What the lines of a deal lend on its loans: the pool's borrowing bases, date by date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.api.model import Model
    from scfcap.deal.advances import Base
    from scfcap.deal.loan_stock import LoanStock
    from scfcap.periods import PeriodGrid
    from scfcap.pool.columns import Columns, Values
    from scfcap.pool.snapshot import Pool
    from scfcap.quantities import FloatArray, IntArray
    from scfcap.schema.deal import DealSpec
    from scfcap.schema.pool import BorrowingBaseSpec


def deal_bases(model: Model, spec: DealSpec, pool: Pool, grid: PeriodGrid) -> dict[str, Base]:
    """The base of each line that names one of the pool's, by line.

    ``pool`` holds the deal's loans at the start, in its size. Where the deal buys shares of what is
    lent, its base keeps the share of the loans that it has on the tape, with the limits as they
    bind there; whole loans are asked one by one on each date.
    """
    from scfcap.deal.advances import ByLoan, ShareOfPool

    found: dict[str, Base] = {}
    for name, line in spec.lines.items():
        if line.borrowing_base is None:
            continue
        lending = _Lending(model, line.borrowing_base, grid)
        base = lending.spec
        reserves = sum(each.amount for each in base.reserves)
        current = float(pool.balance[pool.days_past_due <= 0].sum())
        lent = lending.on_tape(pool.balance) + reserves
        share = ShareOfPool(lent / current if current > 0.0 else 0.0, reserves)
        found[name] = share if spec.assets.purchases == "cohorts" else ByLoan(lending.on, share)
    return found


class _Lending:
    """A borrowing base of the pool, asked of the loans of a deal."""

    def __init__(self, model: Model, name: str, grid: PeriodGrid) -> None:
        rules = model.spec.pool
        stated = rules.borrowing_base[name]
        deals = {"pledged": "true", "limit": None, "lender": None, "drawn": 0.0}
        self.spec: BorrowingBaseSpec = stated.model_copy(update=deals)
        sets = {stated.eligibility: rules.eligibility[stated.eligibility]}
        self._rules = rules.model_copy(update={"eligibility": sets, "borrowing_base": {}})
        self._model, self._grid = model, grid
        self._frame: pd.DataFrame | None = None
        self._groups: Values | None = None

    def _tape(self) -> tuple[pd.DataFrame, Values | None]:
        """The outstanding loans, and the related group of each."""
        from scfcap.api.offers import outstanding
        from scfcap.pool.build import Around
        from scfcap.pool.columns import Columns
        from scfcap.pool.groups import grouped

        if self._frame is None:
            loaded, tape = self._model.loaded, self._model.tape()
            self._frame = outstanding(tape)
            if self._rules.groups is not None:
                members = Around.of(loaded.spec, loaded.tape_folder).members
                columns = Columns(self._frame, tape.as_of)
                self._groups = grouped(columns, self._rules.groups, members)
        return self._frame, self._groups

    def on_tape(self, balance: FloatArray) -> float:
        """What is lent on the tape's outstanding loans with these balances [currency]."""
        rows = np.flatnonzero(balance > 0.0).astype(np.int64)
        frame, _ = self._tape()
        held = frame.iloc[rows].assign(current_balance=balance[rows]).reset_index(drop=True)
        return self._amount(held, rows, 0)

    def on(self, stock: LoanStock, rows: IntArray, balance: FloatArray, period: int) -> float:
        """What is lent on ``rows`` of a deal's loans at the close of ``period`` [currency].

        What performs and is not past due counts as current.
        """
        import pandas as pd

        if not len(rows):
            return -sum(each.amount for each in self.spec.reserves)
        assert stock.tape_row is not None
        frame, _ = self._tape()
        tape_row, start = stock.tape_row[rows], pd.Timestamp(self._grid.as_of).as_unit("s")
        changed: dict[str, Any] = {"current_balance": balance}
        if period > 0:
            kind = frame["status"].dtype
            changed["status"] = pd.Series("current", index=range(len(rows))).astype(kind)
            if "days_past_due" in frame:
                changed["days_past_due"] = 0
        anew = stock.day[rows] >= 0
        held = frame.iloc[tape_row].reset_index(drop=True)
        for column, day in (
            ("origination_date", stock.origination_day),
            ("maturity_date", stock.maturity_day),
        ):
            made = start + pd.to_timedelta(day[rows], unit="D")
            changed[column] = held[column].where(~anew, pd.Series(made).dt.as_unit("s"))
        return self._amount(held.assign(**changed), tape_row, period)

    def _amount(self, frame: pd.DataFrame, tape_row: IntArray, period: int) -> float:
        from scfcap.pool.borrowing_base import borrowing_base
        from scfcap.pool.columns import Columns, Values
        from scfcap.pool.eligibility import evaluate
        from scfcap.schema.pool import GROUP

        day = self._grid.as_of if period == 0 else self._grid.ends[period - 1]
        columns: Columns = Columns(frame, day)
        if self._groups is not None:
            columns.added[GROUP] = Values(self._groups.codes[tape_row], self._groups.labels)
        name = self.spec.eligibility
        found, _ = evaluate(columns, self._rules)
        base = borrowing_base(columns, self.spec, self._rules.eligibility[name], found[name], None)
        return base.amount("borrowing_base")
