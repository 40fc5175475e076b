"""A series of the securitization programme as a deal: its terms in the grammar of all deals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from scfcap.deal.accounts import SeriesState
from scfcap.periods import PeriodGrid
from scfcap.quantities import ENGINE_TOLERANCE
from scfcap.schema.deal import DealSpec, OpeningSpec
from scfcap.schema.deal_parts import (
    AccountSpec,
    FeeSpec,
    PhaseSpec,
    StepSpec,
    TrancheSpec,
    TriggerSpec,
)
from scfcap.schema.securitization import SecuritizationSpec

#: Phases of the deal, in order.
REVOLVING, AMORTISING, REPAID = "revolving", "amortising", "repaid"
_BOTH = ("collection", "reserve")


def class_name(place: int) -> str:
    """Name of a sold tranche in the deal: those of the programme may hold any signs."""
    return f"class_{place}"


def programme_deal(spec: SecuritizationSpec, state: SeriesState, grid: PeriodGrid) -> DealSpec:
    """The deal that ``state`` is, on ``grid`` which begins where it stands or closes.

    Order of payment: fees, interest by seniority, reserve, purchases or principal, residual. The
    reserve supports fees and interest, and principal once cash and reserve suffice for all notes
    (but for ENGINE_TOLERANCE of them: a plan may aim at exactly enough) and at the legal end. A
    trigger that trips while the series revolves ends that from the next period on.
    """
    count = len(state.notes)
    names = [class_name(j) for j in range(count)]
    deferred = spec.coupon_timing == "accrued_while_revolving"
    first = max(0, state.closing_period)
    tranches = {
        name: TrancheSpec(
            balance=float(balance), coupon=tranche.coupon, interest_on_shortfall=False
        )
        for name, tranche, balance in zip(names, spec.sold, state.notes, strict=True)
    }
    tranches["equity"] = TrancheSpec(kind="equity", balance=0.0)
    return DealSpec(
        closing=grid.as_of,
        legal_end=_day(grid, state.ends(spec) - first),
        day_count="act/act-icma",
        accounts={
            "collection": AccountSpec(earns=spec.cash_yield),
            "reserve": AccountSpec(target=state.reserve_target, earns=spec.cash_yield),
        },
        fees={
            "senior": FeeSpec(rate=spec.senior_fee_rate),
            "servicing": FeeSpec(rate=spec.servicing_fee_rate, to_originator=True),
        },
        tranches=tranches,
        triggers={"early": _trigger(spec)},
        phases=(
            PhaseSpec(name=REVOLVING, until=_day(grid, state.last_revolving - first)),
            PhaseSpec(name=AMORTISING, when="trigger.early"),
            PhaseSpec(name=REPAID, when=_nothing_left(names)),
        ),
        waterfall={
            REVOLVING: (*_before(state, names, paid=not deferred), *_buying()),
            AMORTISING: (*_before(state, names, paid=True), *_repaying(names)),
            REPAID: (*_fees(), _residual(names)),
        },
        opening=OpeningSpec(
            date=grid.as_of,
            balances=dict(zip(names, map(float, state.notes), strict=True)),
            owed=dict(zip(names, map(float, state.accrued), strict=True)),
            pool_at_closing=state.pool_at_closing,
            cumulative_default=state.cumulative_default,
        ),
    )


def _day(grid: PeriodGrid, period: int) -> date:
    """The end of ``period``, or a day before or after the grid."""
    if period <= 0:
        return grid.as_of
    if period > len(grid):
        return grid.ends[-1] + timedelta(days=1)
    return grid.ends[period - 1]


def _trigger(spec: SecuritizationSpec) -> TriggerSpec:
    threshold = spec.trigger.threshold * (1.0 + ENGINE_TOLERANCE)
    if spec.trigger.measure == "cumulative_default":
        test = f"cumulative_default > {threshold!r} * pool_at_closing and pool_at_closing > 0"
    else:
        test = f"defaults > {threshold!r} * years * pool_opening and pool_opening > 0"
    return TriggerSpec(test=test, when="after payments")


def _nothing_left(names: list[str]) -> str:
    """Test that no note and no interest on it is left."""
    return " and ".join(["notes <= 0", *(f"owed.{name} <= 0" for name in names)])


def _step(
    pay: str,
    to: str | tuple[str, ...] = (),
    *,
    name: str,
    source: tuple[str, ...] = ("collection",),
    keep: float | None = None,
    when: str | None = None,
) -> StepSpec:
    return StepSpec.model_validate(
        {"pay": pay, "to": to, "name": name, "from": source, "keep": keep, "when": when}
    )


def _fees() -> Iterator[StepSpec]:
    for name in ("senior", "servicing"):
        yield _step("fee", name, name=f"{name} fee", source=_BOTH)


def _before(state: SeriesState, names: list[str], *, paid: bool) -> Iterator[StepSpec]:
    """What comes before purchases or principal; interest only where it is ``paid``."""
    target = state.reserve_target
    yield _step("transfer", "collection", name="reserve release", source=("reserve",), keep=target)
    yield from _fees()
    for name in names if paid else ():
        yield _step("interest", name, name=f"interest {name}", source=_BOTH)
    yield _step("account", "reserve", name="reserve top-up")


def _buying() -> Iterator[StepSpec]:
    yield _step("purchase", name="purchases")


def _repaying(names: list[str]) -> Iterator[StepSpec]:
    """Sequential principal; each class from the reserve too where that is free."""
    left = 1.0 - ENGINE_TOLERANCE
    free = f"(notes * {left!r} <= account.collection + account.reserve or final)"
    for place, name in enumerate(names):
        turn = "".join(f" and balance.{above} <= 0" for above in names[:place])
        label = f"principal {name}"
        yield _step("principal", name, name=label, when=free + turn, source=_BOTH)
        yield _step("principal", name, name=label, when=f"not {free}{turn}")
    yield _residual(names)


def _residual(names: list[str]) -> StepSpec:
    return _step("residual", "equity", name="residual", when=_nothing_left(names), source=_BOTH)
