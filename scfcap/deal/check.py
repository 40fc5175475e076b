"""Whether a deal can be what its file says: all that is wrong with it at once, before any run.

What a run could not do, or does not mean, is refused: names and words that are not there, steps
and phases that are never reached, classes, fees and lines that are never paid, circles, dates out
of order. What may be meant is a caution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from scfcap.deal.check_flows import check_flows
from scfcap.deal.check_formulas import check_formulas
from scfcap.deal.check_holders import check_holders
from scfcap.deal.check_names import check_names
from scfcap.deal.findings import Finding, unknown
from scfcap.errors import InputError, Problem
from scfcap.schema.deal import DealSpec
from scfcap.schema.load import LoadedModel
from scfcap.schema.messages import Key, dotted


@dataclass(frozen=True)
class Known:
    """Names of the model around a deal that it may use."""

    indices: Sequence[str]
    eligibility: Sequence[str]
    segments: Sequence[str]
    bases: Sequence[str] = ()


@dataclass(frozen=True)
class Checked:
    """What is wrong with a deal: ``errors`` refuse it, ``cautions`` do not."""

    errors: tuple[Problem, ...]
    cautions: tuple[Problem, ...]


def check_deal(
    name: str,
    spec: DealSpec,
    known: Known | None = None,
    where: Callable[[Key], str] | None = None,
) -> Checked:
    """Everything that is wrong with a deal.

    ``known`` are the names of the model (absent: they are not checked); ``where`` says where a key
    of the model stands, the deal's below ``("deals", name)``.
    """
    findings = [*check_names(spec), *_around(spec, known), *_dates(spec), *_assets(spec)]
    indices = None if known is None else known.indices
    findings += check_formulas(spec, indices)
    meant = frozenset(finding.meant for finding in findings if finding.meant)
    findings += check_holders(spec)
    findings += (
        finding
        for finding in check_flows(spec, meant)
        if not ("?" in meant and finding.key[0] not in ("phases", "waterfall", "settlement"))
    )

    def problem(finding: Finding) -> Problem:
        key = finding.key
        place = (
            f"deals/{name}.toml: {dotted(key)}" if where is None else where(("deals", name, *key))
        )
        return Problem(place, finding.found, finding.expected, finding.action)

    distinct = dict.fromkeys(findings)
    return Checked(
        tuple(problem(each) for each in distinct if each.refused),
        tuple(problem(each) for each in distinct if not each.refused),
    )


def check_deals(loaded: LoadedModel) -> dict[str, Checked]:
    """All deals of a model, by name."""
    spec = loaded.spec
    known = Known(
        indices=tuple(spec.indices),
        eligibility=tuple(spec.pool.eligibility),
        segments=tuple(spec.demand),
        bases=tuple(spec.pool.borrowing_base),
    )
    where = loaded.where if loaded.layers else None
    return {name: check_deal(name, deal, known, where) for name, deal in spec.deals.items()}


def refuse_deals(loaded: LoadedModel) -> None:
    """Raise :class:`InputError` with all that is wrong with the deals of a model."""
    found = [problem for each in check_deals(loaded).values() for problem in each.errors]
    if found:
        raise InputError(found)


def _around(spec: DealSpec, known: Known | None) -> Iterator[Finding]:
    """Names that the model gives."""
    stresses = spec.sizing.stresses
    for name, tranche in spec.tranches.items():
        if tranche.rating and stresses and tranche.rating not in stresses:
            key: Key = ("tranches", name, "rating")
            yield unknown(key, tranche.rating, tuple(stresses), "ratings of [sizing]")
    if known is None:
        return
    wanted: list[tuple[Key, str | None, Sequence[str], str]] = []
    for name, tranche in spec.tranches.items():
        wanted.append((("tranches", name, "index"), tranche.index, known.indices, "indices"))
    for name, line in spec.lines.items():
        key = ("lines", name, "borrowing_base")
        wanted.append((key, line.borrowing_base, known.bases, "borrowing bases of the pool"))
        wanted.append((("lines", name, "index"), line.index, known.indices, "indices"))
    for name, hedge in spec.hedges.items():
        for field in ("pay_index", "receive_index"):
            index = getattr(hedge, field)
            wanted.append((("hedges", name, field), index, known.indices, "indices"))
    sets = known.eligibility
    wanted.append((("assets", "eligibility"), spec.assets.eligibility, sets, "eligibility sets"))
    for segment in spec.assets.new_loans:
        key = ("assets", "new_loans", segment)
        wanted.append((key, segment, known.segments, "segments with [demand]"))
    for key, given, there, what in wanted:
        if given is not None and given not in there:
            yield unknown(key, given, there, what)


def _assets(spec: DealSpec) -> Iterator[Finding]:
    """Terms of loans that the way of buying does not know."""
    terms = spec.assets
    if terms.purchases == "loans":
        stated = [name for name in ("new_loans", "supply") if getattr(terms, name)]
        action = 'On offer are the loans of the tape; take it out, or set purchases = "cohorts".'
    else:
        whole = ("covenants", "repurchase_ineligible", "repurchases", "breaches", "substitution")
        stated = [name for name in whole if getattr(terms, name)]
        action = 'Set assets.purchases = "loans".'
    for name in stated:
        found = f'stated with purchases = "{terms.purchases}", which does not know single loans'
        if terms.purchases == "loans":
            found = 'stated with purchases = "loans"'
        refused = terms.purchases == "cohorts"
        yield Finding(("assets", name), found, "nothing", action, refused=refused)
    back = terms.repurchases or terms.breaches or terms.repurchase_ineligible
    if terms.substitution is not None and not back:
        expected = "repurchases, repurchase_ineligible or breaches"
        found = "substitution where no loan goes back"
        yield Finding(("assets", "substitution"), found, expected, refused=False)
    if terms.repurchase_ineligible and (terms.channel is None or terms.eligibility is None):
        expected = "channel and eligibility: else the deal begins with eligible loans alone"
        yield Finding(("assets", "repurchase_ineligible"), "true", expected, refused=False)


def _dates(spec: DealSpec) -> Iterator[Finding]:
    """Dates out of order."""
    close, end = spec.closing, spec.legal_end
    after: list[tuple[Key, date | None]] = [
        (("legal_end",), end),
        (("settlement", "first_payment"), spec.settlement.first_payment),
        (("originator_fails",), spec.originator_fails),
    ]
    after += [(("hedges", name, "ends"), each.ends) for name, each in spec.hedges.items()]
    after += [(("calls", name, "from_date"), each.from_date) for name, each in spec.calls.items()]
    for key, day in after:
        if day is not None and day <= close:
            yield Finding(key, str(day), f"a day after closing, {close}")
    stands = None if spec.opening is None else spec.opening.date
    if stands is not None and stands < close:
        yield Finding(("opening", "date"), str(stands), f"closing, {close}, or a later day")
    if end is None or end <= close:
        return
    before: list[tuple[Key, date | None]] = [
        (("settlement", "first_payment"), spec.settlement.first_payment),
        (("opening", "date"), stands),
    ]
    before += [
        (("tranches", name, "first_interest"), each.first_interest)
        for name, each in spec.tranches.items()
    ]
    before += [(("calls", name, "from_date"), each.from_date) for name, each in spec.calls.items()]
    for key, day in before:
        if day is not None and day > end:
            yield Finding(key, str(day), f"a day up to legal_end, {end}")
    paid = end + timedelta(days=spec.settlement.delay_days)
    for phase in spec.phases[:-1]:
        if phase.until is not None and phase.until > paid:
            found = f"{phase.until}, after the last payment date, so that no phase follows in time"
            yield Finding(("phases", phase.name, "until"), found, f"a day before {paid}")
