"""Sources of funds that are proposed: what the plan earns with them, and what to pay at most."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scfcap.errors import InputError, Problem
from scfcap.schema.model import Model as ModelSpec
from scfcap.schema.plan import P2P, Buyer, Lender, SupplyStep
from scfcap.schema.proposals import Proposal
from scfcap.schema.securitization import Issue

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.inputs import Inputs
    from scfcap.report.proposals import ProposalReport

#: Prices between nothing and the break-even price that are shown.
STEPS = 6
#: Sizes that are shown, in shares of what is proposed.
SIZES = (0.01, 0.25, 0.5, 1.0, 2.0, 4.0)
#: How far above the break-even price the last row stands: a basis point.
BEYOND = 1e-4


def propose(model: Model, name: str | None = None) -> ProposalReport:
    """See :meth:`scfcap.api.model.Model.propose`."""
    from scfcap.funding.proposals import Offer
    from scfcap.report.files import manifest
    from scfcap.report.proposals import ProposalReport

    proposal = _named(model, name)
    plan = model.plan()
    offer = Offer(proposal, _inputs(model, proposal), plan.choice.first)
    low, level = _lowest(model, proposal)
    highest = offer.break_even(low)
    asked = proposal.price
    stated = None if asked is None else offer.at(asked)
    fee = None
    if proposal.kind == "line" and asked is not None:
        fee = offer.most_fee(asked)
    uses = [offer.at(price) for price in _prices(low, highest)]
    at = asked if asked is not None else _middle(low, highest)
    unit = plan.optimum.inputs.unit
    sizes, enough = offer.sizes(at, [share * proposal.amount / unit for share in SIZES])
    return ProposalReport(
        proposal=proposal,
        currency=model.spec.currency,
        unit=unit,
        span=plan.optimum.inputs.span,
        told_in=model.spec.plan.unit,
        uses=tuple(uses),
        stated=stated,
        highest=highest,
        most_fee=fee,
        sizes=tuple(sizes),
        sized_at=at,
        enough=enough,
        level=level,
        objective=plan.objective,
        scaled_from=_stated(model, proposal),
        origin=manifest(model.provenance(model.tape()), dict(plan.seconds)),
    )


def _named(model: Model, name: str | None) -> Proposal:
    there = {x.name: x for x in model.spec.proposals}
    if name is None and len(there) == 1:
        return next(iter(there.values()))
    if name in there:
        return there[name]
    names = ", ".join(there) or "there is none"
    found = "no name of a proposal" if name is None else repr(name)
    raise InputError(
        Problem(
            "proposal",
            found,
            f"a proposal of the model: {names}",
            "State it as [[proposals]] in model.toml, or by the options of scfcap propose.",
        )
    )


def _stated(model: Model, proposal: Proposal) -> float | None:
    """The amount as the model states it, where its amounts are scaled to the tape's loans."""
    if not model.loaded.spec.stated_for_book:
        return None
    return next(x.amount for x in model.loaded.spec.proposals if x.name == proposal.name)


def _lowest(model: Model, proposal: Proposal) -> tuple[float, float]:
    """The lowest price that is tried, and what is added to a price to show it as a coupon."""
    vehicle = model.spec.securitization
    if proposal.kind != "series" or vehicle is None:
        return 0.0, 0.0
    whole = sum(x.share for x in vehicle.sold)
    mean = sum(x.share * x.coupon for x in vehicle.sold) / whole if whole > 0.0 else 0.0
    return -min((x.coupon for x in vehicle.sold), default=0.0), mean


def _middle(low: float, highest: float | None) -> float:
    if highest is None or math.isinf(highest):
        return low
    return 0.5 * (low + highest)


def _prices(low: float, highest: float | None) -> list[float]:
    if highest is None:
        return [low]
    top = low + 0.5 if math.isinf(highest) else highest
    return [*(low + (top - low) * k / STEPS for k in range(STEPS + 1)), top + BEYOND]


def _inputs(model: Model, proposal: Proposal) -> Inputs:
    """Inputs of the program with the proposal, series repaid in the order of the plan without."""
    from scfcap.api.variants import lend_loans, variant
    from scfcap.funding.what_if import ordered

    spec = with_proposal(model.spec, proposal)
    other = variant(model, spec, model.loaded.law)
    lend_loans(model, other)
    stations = ("credit", "curves", "new_loans", "factors")
    other.keep(**{name: getattr(model, name)() for name in stations})
    found, before = other.inputs(), model.plan().optimum.inputs
    deals = ordered(found.deals, before.deals)
    return replace(found, deals=deals, dividends=before.dividends)


def with_proposal(spec: ModelSpec, proposal: Proposal) -> ModelSpec:
    """The model with the proposal among its sources, at no price.

    Raises:
        InputError: it has a name that a source has, or does not go with what the model states.
    """
    make = {"line": _line, "buyer": _buyer, "p2p": _p2p, "series": _series}[proposal.kind]
    return spec.model_copy(update=make(spec, proposal))


def _line(spec: ModelSpec, x: Proposal) -> dict[str, Any]:
    _refuse_taken(x, [y.name for y in spec.lenders])
    line = Lender.model_validate(
        {
            "name": x.name,
            "kind": x.lender,
            "limit": x.amount,
            "commitment_fee": x.commitment_fee,
            "tenors": [{"periods": x.tenor, "rate": x.rate or 0.0}],
            "notice_days": x.notice_days,
            "available_to": x.available_to,
        }
    )
    return {"lenders": (*spec.lenders, line)}


def _buyer(spec: ModelSpec, x: Proposal) -> dict[str, Any]:
    _refuse_taken(x, [y.name for y in spec.buyers])
    if x.eligibility not in spec.pool.eligibility:
        raise _misfit(
            x, "eligibility", repr(x.eligibility), f"one of {', '.join(spec.pool.eligibility)}"
        )
    buyer = Buyer.model_validate(
        {
            "name": x.name,
            "price": 1.0 - (x.discount or 0.0),
            "servicing_fee": x.servicing_fee,
            "limit": x.amount,
            "per_period": x.per_period,
            "min_seasoning": x.min_seasoning,
            "eligibility": x.eligibility,
            "segments": x.segments,
            "notice_days": x.notice_days,
        }
    )
    return {"buyers": (*spec.buyers, buyer)}


def _p2p(spec: ModelSpec, x: Proposal) -> dict[str, Any]:
    there = spec.p2p
    step = SupplyStep(per_period=x.amount, rate=x.rate or 0.0)
    if there is None:
        if x.tenor is None:
            raise _misfit(x, "tenor", "nothing", "the tenor of the notes: the model has no [p2p]")
        limit = x.amount * x.tenor
        return {"p2p": P2P(limit=limit, tenor=x.tenor, steps=(step,))}
    if there.mode != "debt" or x.tenor not in (None, there.tenor):
        raise _misfit(
            x,
            "tenor",
            f"{x.tenor} beside [p2p] with mode {there.mode!r} and tenor {there.tenor}",
            "notes of the tenor of [p2p]: a proposal is a further step of its supply",
        )
    return {"p2p": there.model_copy(update={"steps": (*there.steps, step)})}


def _series(spec: ModelSpec, x: Proposal) -> dict[str, Any]:
    vehicle = spec.securitization
    if vehicle is None:
        raise _misfit(x, "kind", "a series without [securitization]", "a programme that issues it")
    _refuse_taken(x, [*(y.name for y in vehicle.series), *(y.name for y in vehicle.issues)])
    assert x.closing is not None
    last = spec.plan.grid(spec.as_of).ends[-1]
    if not spec.as_of < x.closing <= last:
        raise _misfit(x, "closing", str(x.closing), f"a day after {spec.as_of} and up to {last}")
    issue = Issue(name=x.name, closing=x.closing, max_pool=x.amount)
    issues = (*vehicle.issues, issue)
    return {"securitization": vehicle.model_copy(update={"issues": issues})}


def _refuse_taken(x: Proposal, names: list[str]) -> None:
    if x.name in names:
        raise _misfit(x, "name", repr(x.name), "a name that no source of the model has")


def _misfit(x: Proposal, key: str, found: str, expected: str) -> InputError:
    return InputError(Problem(f"model.toml: proposals.{x.name}.{key}", found, expected))
