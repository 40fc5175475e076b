"""What the parts of a model say about each other: dates against as_of, kinds against the law."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from scfcap.calendars import CALENDARS, known
from scfcap.errors import Problem
from scfcap.schema.contract import ContractSpec
from scfcap.schema.curves import unusable
from scfcap.schema.messages import Key, closest
from scfcap.schema.model import Model
from scfcap.schema.placing import placing
from scfcap.schema.regime import Regime

Where = Callable[[Key], str]
#: Rates of a contract that are as bounded as the contract rate; a cap may be out of reach.
_MARGINS = ("rate_margin", "rate_floor")


def crosscheck(spec: Model, rules: Sequence[Regime], where: Where) -> list[Problem]:
    """Every disagreement between parts of ``spec``, or between it and the rules of its plan."""
    return [
        *_draws(spec, where),
        *_series(spec, where),
        *_line_lenders(spec, where),
        *_contracts(spec, where),
        *_late_fee(spec, where),
        *_advances(spec, where),
        *_rates(spec, where),
        *_curves(spec, where),
        *_closed_kinds(spec, rules, where),
        *placing(spec, where),
    ]


def _draws(spec: Model, where: Where) -> Iterator[Problem]:
    for lender in spec.lenders:
        for number, draw in enumerate(lender.draws):
            if draw.maturity <= spec.as_of:
                key = ("lenders", lender.name, "draws", number, "maturity")
                found, expected = str(draw.maturity), f"a day after as_of, {spec.as_of}"
                yield Problem(where(key), found, expected, "Take out draws that are repaid.")


def _series(spec: Model, where: Where) -> Iterator[Problem]:
    vehicle = spec.securitization
    if vehicle is None:
        return
    for series in vehicle.series:
        if series.closing > spec.as_of:
            key: Key = ("securitization", "series", series.name, "closing")
            expected = f"a day up to as_of, {spec.as_of}: the series is outstanding"
            action = "A series to come belongs to securitization.issues."
            yield Problem(where(key), str(series.closing), expected, action)
    for issue in vehicle.issues:
        if issue.closing <= spec.as_of:
            key = ("securitization", "issues", issue.name, "closing")
            expected = f"a day after as_of, {spec.as_of}: the plan issues it"
            action = "An outstanding series belongs to securitization.series."
            yield Problem(where(key), str(issue.closing), expected, action)
    counts = Counter([*(s.name for s in vehicle.series), *(i.name for i in vehicle.issues)])
    for name in sorted(name for name, count in counts.items() if count > 1):
        yield Problem(
            where(("securitization",)), f'"{name}" more than once', "series with distinct names"
        )


def _line_lenders(spec: Model, where: Where) -> Iterator[Problem]:
    """Borrowing bases name a lender that there is."""
    names = [lender.name for lender in spec.lenders]
    for name, base in spec.pool.borrowing_base.items():
        if base.lender is not None and base.lender not in names:
            key: Key = ("pool", "borrowing_base", name, "lender")
            near = closest(base.lender, names)
            yield Problem(
                where(key),
                f'"{base.lender}"',
                f"one of the lenders {', '.join(names) or '(none)'}",
                f"Did you mean {near}?" if near else "State limit and drawn instead.",
            )


def _stated(spec: Model) -> dict[Key, ContractSpec]:
    """Contracts by key: of segments, and of new loans alone."""
    stated: dict[Key, ContractSpec] = {
        ("contract", name): contract for name, contract in spec.contract.items()
    }
    for name, demand in spec.demand.items():
        if not isinstance(demand.new_loans, str) and demand.new_loans.contract is not None:
            stated["demand", name, "new_loans", "contract"] = demand.new_loans.contract
    return stated


def _contracts(spec: Model, where: Where) -> Iterator[Problem]:
    """Contracts are of segments, and name indices, that there are."""
    segments = {*spec.demand, *spec.credit.segments}
    for name in spec.contract if spec.credit.source == "stated" else ():
        if name not in segments:
            near = closest(name, sorted(segments))
            yield Problem(
                where(("contract", name)),
                f'no segment "{name}"',
                f"one of {', '.join(sorted(segments)) or '(none)'}",
                f"Did you mean {near}?" if near else "",
            )
    stated = _stated(spec)
    for name in spec.demand:
        new: Key = ("demand", name, "new_loans", "contract")
        new = new if new in stated else ("contract", name)
        if new in stated and stated[new].payment_fee > 0.0:
            yield Problem(
                where((*new, "payment_fee")),
                f"{stated[new].payment_fee:g}, an amount, and new loans that have no size",
                "payment_fee_share, a share of the principal lent",
                "Of outstanding loans the tape may say the amount: payment_fee.",
            )
    for key, contract in stated.items():
        if not known(contract.calendar):
            yield Problem(
                where((*key, "calendar")),
                f'"{contract.calendar}"',
                f"one of {', '.join(CALENDARS)}, or the code of a country or an exchange",
            )
        index = contract.rate_index
        if index is not None and index not in spec.indices:
            near = closest(index, list(spec.indices))
            yield Problem(
                where((*key, "rate_index")),
                f'"{index}"',
                f"one of the indices {', '.join(spec.indices) or '(none)'}",
                f"Did you mean {near}?" if near else f"Add [indices.{index}] with its fixings.",
            )


def _rolls(spec: Model) -> bool:
    """Whether loans of some segment go by roll rates."""
    told = [*spec.credit.segments.values(), *spec.credit.where]
    return spec.credit.language == "roll_rates" or any(c.roll_rates is not None for c in told)


def _late_fee(spec: Model, where: Where) -> Iterator[Problem]:
    if spec.projection.late_fee > 0.0 and not _rolls(spec):
        yield Problem(
            where(("projection", "late_fee")),
            f"{spec.projection.late_fee:g}, and no segment with roll rates",
            "roll_rates of some segment: only they tell what is late and paid later",
            "State roll_rates in [credit.segments.NAME], or take late_fee out.",
        )


def _advances(spec: Model, where: Where) -> Iterator[Problem]:
    """A servicer who advances finds something to advance on."""
    if not spec.projection.servicer_advances or _rolls(spec):
        return
    credit = spec.credit
    lags = [c.last_recovery for c in (*credit.segments.values(), *credit.where)]
    if credit.source == "estimated":
        lags.append(credit.recovery_lag)
    # A history may show a lag that is not stated.
    waits = credit.source == "history" or max(lags, default=0) > 0
    if spec.projection.order == "bma" and waits:
        return
    yield Problem(
        where(("projection", "servicer_advances")),
        "true, and nothing that he advances: no segment has roll rates"
        + (", or recovers later than it defaults" if spec.projection.order == "bma" else ""),
        'roll_rates of some segment or, with order = "bma", a recovery_lag or recovery_curve',
        "State one in [credit.segments.NAME], or take servicer_advances out.",
    )


def _rates(spec: Model, where: Where) -> Iterator[Problem]:
    """Rates of contracts and indices are within what is believed of a tape's."""
    most = spec.tape.max_rate
    rates: dict[Key, float] = {
        ("demand", name, "new_loans", "rate"): demand.new_loans.rate
        for name, demand in spec.demand.items()
        if not isinstance(demand.new_loans, str)
    }
    for key, contract in _stated(spec).items():
        rates |= {(*key, name): getattr(contract, name) for name in _MARGINS}
    for name, index in spec.indices.items():
        fixings = enumerate(index.fixings)
        rates |= {("indices", name, "fixings", n, "rate"): fixing.rate for n, fixing in fixings}
    for key, rate in rates.items():
        if rate > most:
            yield Problem(
                where(key),
                f"{rate:g}, {rate:.0%} a year",
                f"a decimal a year up to {most:g}, tape.max_rate",
                "Write 0.12 for 12%, or raise tape.max_rate if contracts do charge it.",
            )


def _curves(spec: Model, where: Where) -> Iterator[Problem]:
    """Curves that indices and deals name are there, and may be used on the day they are for."""
    asked: dict[Key, tuple[str | None, date]] = {
        ("indices", name, "curve"): (index.curve, spec.as_of)
        for name, index in spec.indices.items()
    }
    for name, deal in spec.deals.items():
        terms = deal.analytics
        asked["deals", name, "analytics", "curve"] = terms.curve, terms.settlement or spec.as_of
    for key, (curve, day) in asked.items():
        if curve is None:
            continue
        if curve in spec.curves:
            wrong = unusable(curve, spec.curves[curve], day, where(key))
            if wrong is not None:
                yield wrong
            continue
        near = closest(curve, list(spec.curves))
        yield Problem(
            where(key),
            f'"{curve}"',
            f"one of the curves {', '.join(spec.curves) or '(none)'}",
            f"Did you mean {near}?" if near else f"Add [curves.{curve}] with its day and source.",
        )


def _closed_kinds(spec: Model, rules: Sequence[Regime], where: Where) -> Iterator[Problem]:
    """Lenders of a kind that is closed as long as the plan runs."""
    for lender in spec.lenders:
        closed = bool(rules) and all(lender.kind in one.closed_channels for one in rules)
        if closed and lender.limit > 0.0:
            key: Key = ("lenders", lender.name, "kind")
            expected = f'a source that "{rules[0].title}" allows'
            action = f"Set lenders.{lender.name}.limit to 0, or take the lender out."
            yield Problem(where(key), f'"{lender.kind}"', expected, action)
