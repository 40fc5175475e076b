"""The frozen pool: the outstanding loans of a tape as arrays, and what may go where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.brief import Brief, Lines, listed, money
from scfcap.pool.payers import Payers
from scfcap.pool.terms import DatedTerms
from scfcap.quantities import FloatArray, IntArray

if TYPE_CHECKING:
    from scfcap.pool.borrowing_base import BorrowingBase

#: Answers of an eligibility test.
ELIGIBLE, INELIGIBLE, UNDETERMINED = 1, 0, -1


class _Ids:
    """The ids of a pool's loans, as texts of Python once somebody asks for them: as such they take
    more than half as much as all else that is known of a loan, and most pools are never asked.
    """

    def __get__(self, pool: Pool | None, kind: type) -> Any:
        if pool is None:
            return self
        held = pool.__dict__["loan_id"]
        if not isinstance(held, np.ndarray):
            held = pool.__dict__["loan_id"] = _frozen(held.to_numpy(dtype=object))
        return held

    def __set__(self, pool: Pool, ids: Any) -> None:
        pool.__dict__["loan_id"] = _frozen(ids)


@dataclass(frozen=True, repr=False)
class Pool(Brief):
    """Outstanding loans (balance > 0, not repaid nor charged off) at ``as_of``.

    All arrays have shape (loans,) and are read-only; ``loan_id`` may be given as pandas texts.
    ``origination_day`` and ``maturity_day`` are offsets from ``as_of`` [days], the first at most 0.
    ``eligibility[name]`` holds 1 eligible, 0 ineligible, -1 undetermined for each eligibility set;
    ``counted[name]`` what counts of each loan once the set's limits are applied [currency].
    ``tables`` are the pool's report tables (stratifications, rule by rule exclusions,
    concentrations, borrowing bases).
    ``inputs`` are the SHA-256 digests of what the pool was made from, by name, and ``digest`` is
    the one over them all. ``terms`` say when the loans pay; None: at the ends of periods.
    ``payers`` say how buyers pay the loans on their orders; None: borrowers pay all.
    ``rule`` is the position among ``rules`` of the one of ``[[credit.where]]`` by which a loan
    behaves, -1 where it goes by its segment; None: all do. ``limit_ratio`` is the credit limit of
    a revolving line over its balance, NaN where it is not known; None: of no loan.
    """

    as_of: date
    loan_id: npt.NDArray[np.object_]
    segments: tuple[str, ...]
    segment: IntArray
    places: tuple[str, ...]
    place: IntArray
    loan_type: IntArray
    balance: FloatArray
    original_balance: FloatArray
    rate: FloatArray
    origination_day: IntArray
    maturity_day: IntArray
    days_past_due: IntArray
    eligibility: Mapping[str, npt.NDArray[np.int8]]
    tables: Mapping[str, pd.DataFrame]
    digest: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    counted: Mapping[str, FloatArray] = field(default_factory=dict)
    borrowing_bases: Mapping[str, BorrowingBase] = field(default_factory=dict)
    terms: DatedTerms | None = None
    payers: Payers | None = None
    rules: tuple[str, ...] = ()
    rule: IntArray | None = None
    limit_ratio: FloatArray | None = None

    def _brief(self) -> tuple[str, Lines]:
        lines = [
            ("loans", f"{len(self):,}"),
            ("balance", money(self.total)),
            ("segments", listed(self.segments)),
            ("places", listed(self.places)),
        ]
        if self.eligibility:
            counts = {name: int((each == 1).sum()) for name, each in self.eligibility.items()}
            said = listed([f"{name} {count:,}" for name, count in counts.items()])
            lines.append(("eligible loans", said))
        return f"Pool of loans as of {self.as_of}", lines

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.name != "loan_id":
                object.__setattr__(self, each.name, _frozen(getattr(self, each.name)))

    def __getstate__(self) -> dict[str, Any]:
        """Plain mappings: read-only ones cannot be copied to another process."""
        return {
            name: dict(value) if isinstance(value, MappingProxyType) else value
            for name, value in vars(self).items()
        }

    def ids(self, most: int) -> Any:
        """The loans' ids: as texts of Python of up to ``most`` loans, else as pandas texts."""
        return self.loan_id if len(self) <= most else vars(self)["loan_id"]

    def with_(self, **changes: Any) -> Pool:
        """The same pool but for ``changes``; ``dataclasses.replace`` would ask for the ids."""
        return Pool(**{each.name: vars(self)[each.name] for each in fields(self)} | changes)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, _frozen(value))

    def __len__(self) -> int:
        return len(self.balance)

    @property
    def total(self) -> float:
        """Outstanding principal [currency]."""
        return float(self.balance.sum())

    def changed(self, inputs: Mapping[str, str]) -> list[str]:
        """Names of the inputs that differ from those of this pool, sorted."""
        return sorted(k for k in {*inputs, *self.inputs} if inputs.get(k) != self.inputs.get(k))

    def to_frame(self) -> pd.DataFrame:
        """One row a loan."""
        return pd.DataFrame(
            {
                "loan_id": self.loan_id,
                "segment": np.asarray(self.segments, dtype=object)[self.segment],
                "place": np.asarray(self.places, dtype=object)[self.place],
                "balance": self.balance,
                "rate": self.rate,
                "origination_day": self.origination_day,
                "maturity_day": self.maturity_day,
                "days_past_due": self.days_past_due,
            }
        )


Pool.loan_id = _Ids()  # type: ignore[assignment]


def _frozen(value: Any) -> Any:
    """A read-only view of an array; a mapping of such that takes no new keys."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, DatedTerms | Payers):
        frozen: dict[str, Any] = {f.name: _frozen(getattr(value, f.name)) for f in fields(value)}
        return replace(value, **frozen)
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return value
