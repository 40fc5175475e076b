"""Bond analytics of a model's deals: the runs that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from scfcap.errors import InputError, Problem
from scfcap.schema.curves import unusable
from scfcap.schema.holders import AnalyticsSpec
from scfcap.schema.scenario import BorrowerStress, RateShock, Scenario

if TYPE_CHECKING:
    from scfcap.api.deals import DealCase
    from scfcap.api.model import Model
    from scfcap.credit.term_structure import TermStructure
    from scfcap.deal.class_figures import ClassFigures
    from scfcap.deal.outcome import DealRun


def class_figures(
    model: Model,
    name: str | None = None,
    scenarios: Sequence[str] = (),
    *,
    prices: Mapping[str, float] | None = None,
    curve: str | None = None,
    settlement: date | None = None,
    ran: tuple[DealCase, DealRun] | None = None,
) -> ClassFigures:
    """Figures of a deal's classes in ``scenarios`` (all of the model, if none is named).

    ``prices``, ``curve`` and ``settlement`` go before what the deal's ``[analytics]`` states. The
    deal is run again, when they are asked for, with rates moved and at other prepayment speeds
    (those of the first scenario). ``ran``: the deal in these scenarios and its run, where there are
    such already.

    Raises:
        InputError: as :func:`~scfcap.api.deals.deal_case`; no such scenario, class or curve; the
            curve may not be used on the day; a day outside the run.
    """
    from scfcap.api.deals import deal_case, named_deal, named_scenarios
    from scfcap.deal.class_figures import ClassFigures

    name = named_deal(model, name)
    chosen = named_scenarios(model, scenarios)
    terms = _terms(model, name, prices, curve, settlement)
    over = _curve(model, name, terms)
    case = ran[0] if ran is not None else deal_case(model, name, chosen)
    run = ran[1] if ran is not None else case.run()

    def moved(move: float) -> DealRun:
        if not model.spec.indices:
            return run
        shock = Scenario(shocks=(RateShock(kind="rate_shock", index=move),))
        other = deal_case(model, name, {n: each.and_also(shock) for n, each in chosen.items()})
        return _coupons_as_set(other, case, terms.settlement).run()

    def speeds() -> DealRun:
        first = next(iter(chosen.values()))
        wanted = {
            f"speed {speed:g}": first.and_also(
                Scenario(
                    shocks=(
                        BorrowerStress(
                            kind="borrower_stress",
                            prepay_multiple=speed,
                            default_multiple=terms.speed_defaults,
                        ),
                    )
                )
            )
            for speed in terms.speeds
        }
        return deal_case(model, name, wanted).run()

    return ClassFigures(run, terms, over, case.around.indices, moved, speeds)


def _coupons_as_set(moved: DealCase, base: DealCase, settlement: date | None) -> DealCase:
    """``moved`` with the coupons that are set at settlement as they are in ``base``."""
    calendar = base.deal.calendar
    day = settlement or calendar.start
    set_by = [t for t, d in enumerate(calendar.dates, start=1) if d <= day and calendar.pays[t - 1]]
    last = set_by[-1] if set_by else 0
    indices = {}
    for name, levels in moved.around.indices.items():
        kept = levels.copy()
        kept[:, : last + 1] = base.around.indices[name][:, : last + 1]
        indices[name] = kept
    return replace(moved, around=replace(moved.around, indices=indices))


def _terms(
    model: Model,
    name: str,
    prices: Mapping[str, float] | None,
    curve: str | None,
    settlement: date | None,
) -> AnalyticsSpec:
    """``[analytics]`` of the deal with what is asked for beside it, bought on the tape's day."""
    spec = model.spec.deals[name]
    on = settlement or spec.analytics.settlement or model.spec.as_of
    asked: dict[str, Any] = {"curve": curve, "settlement": on}
    asked = {key: value for key, value in asked.items() if value is not None}
    if prices is not None:
        asked["prices"] = {**spec.analytics.prices, **prices}
        strange = [
            Problem("--price", f'"{each}"', f"one of the classes {', '.join(spec.tranches)}")
            for each in prices
            if each not in spec.tranches
        ]
        if strange:
            raise InputError(strange)
    try:
        return AnalyticsSpec.model_validate({**spec.analytics.model_dump(), **asked})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        expected = "a price in percent of what is outstanding, above 0 up to 1,000"
        raise InputError(Problem(key, str(first["input"]), expected)) from error


def _curve(model: Model, name: str, terms: AnalyticsSpec) -> TermStructure | None:
    """The curve that spreads are taken over, if it may be used on the day."""
    from scfcap.credit.term_structure import TermStructure

    if terms.curve is None:
        return None
    where = f"deals/{name}.toml: analytics.curve"
    there = model.spec.curves
    if terms.curve not in there:
        raise InputError(
            Problem(
                where,
                f'"{terms.curve}"',
                f"one of the curves {', '.join(there) or '(none)'}",
                f"Add [curves.{terms.curve}] with its day and source.",
            )
        )
    assert terms.settlement is not None
    wrong = unusable(terms.curve, there[terms.curve], terms.settlement, where)
    if wrong is not None:
        raise InputError(wrong)
    return TermStructure.of(terms.curve, there[terms.curve])
