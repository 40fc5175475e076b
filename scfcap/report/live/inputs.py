"""Which figures of a deal a reader may change, and under which key the model states them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scfcap.deal.accounts import SeriesState
from scfcap.deal.programme import class_name
from scfcap.report.live.given import Stated
from scfcap.schema.deal import DealSpec
from scfcap.schema.securitization import SecuritizationSpec

_YEAR, _SHARE = "1/year", "share"


def deal_inputs(name: str, spec: DealSpec, currency: str) -> tuple[Stated, ...]:
    """Inputs of a deal of ``deals/NAME.toml``."""
    return tuple(_of_deal(f"deals.{name}", spec, currency))


def _of_deal(key: str, spec: DealSpec, currency: str) -> Iterator[Stated]:
    opening = spec.opening
    for name, each in spec.tranches.items():
        at = f"{key}.tranches.{name}"
        if opening is not None and each.kind != "equity" and name in opening.balances:
            size = opening.balances[name]
            yield Stated(f"{key}.opening.balances.{name}", "balance", name, size, currency)
        elif opening is None and each.share is not None and each.kind != "equity":
            yield Stated(f"{at}.share", "share", name, each.share, _SHARE)
        elif opening is None and each.balance is not None and each.kind != "equity":
            yield Stated(f"{at}.balance", "balance", name, each.balance, currency)
        if each.kind in ("fixed", "accrual", "interest_only"):
            yield Stated(f"{at}.coupon", "coupon", name, each.coupon, _YEAR)
        elif each.kind == "floating":
            yield Stated(f"{at}.margin", "margin", name, each.margin, _YEAR)
    for name, fee in spec.fees.items():
        at = f"{key}.fees.{name}"
        if fee.formula is None and (fee.rate or not fee.amount):
            yield Stated(f"{at}.rate", "fee rate", name, fee.rate, _YEAR)
        if fee.formula is None and fee.amount:
            yield Stated(f"{at}.amount", "fee amount", name, fee.amount, f"{currency}/year")
        if fee.cap is not None:
            yield Stated(f"{at}.cap", "fee cap", name, fee.cap, f"{currency}/year")
        if fee.floor:
            yield Stated(f"{at}.floor", "fee floor", name, fee.floor, f"{currency}/year")
    for name, account in spec.accounts.items():
        at = f"{key}.accounts.{name}"
        if isinstance(account.target, str):
            yield Stated("", "target times", name, 1.0, "times")
        elif account.target is not None:
            yield Stated(f"{at}.target", "target", name, account.target, currency)
        if account.earns:
            yield Stated(f"{at}.earns", "earns", name, account.earns, _YEAR)


def series_inputs(
    vehicle: SecuritizationSpec, state: SeriesState, currency: str
) -> tuple[Stated, ...]:
    """Inputs of an outstanding series: the programme's terms and what the series owes.

    What has accrued at the start moves with the coupon, and the reserve with its rate.
    """
    key, found = "securitization", []
    for j, tranche in enumerate(vehicle.sold):
        name, at = class_name(j), f"{key}.tranches.{tranche.name}.coupon"
        notes = float(state.notes[j])
        size = f"{key}.series.{state.name}.notes.{tranche.name}"
        found.append(Stated(size, "balance", name, notes, currency))
        found.append(Stated(at, "coupon", name, tranche.coupon, _YEAR))
        if state.accrued[j] and tranche.coupon:
            years = float(state.accrued[j]) / (tranche.coupon * notes)
            found.append(Stated(at, "owed", name, tranche.coupon, _YEAR, years))
    for name, rate in (
        ("senior", vehicle.senior_fee_rate),
        ("servicing", vehicle.servicing_fee_rate),
    ):
        found.append(Stated(f"{key}.{name}_fee_rate", "fee rate", name, rate, _YEAR))
    sold = sum(tranche.share for tranche in vehicle.sold) * state.pool_at_closing
    found.append(
        Stated(f"{key}.reserve_rate", "target", "reserve", vehicle.reserve_rate, _SHARE, sold)
    )
    found.extend(
        Stated(f"{key}.cash_yield", "earns", account, vehicle.cash_yield, _YEAR)
        for account in ("collection", "reserve")
    )
    assert np.isclose(vehicle.reserve_rate * sold, state.reserve_target)
    return tuple(found)
