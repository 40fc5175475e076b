"""Whether what a deal says of prices and of banks' capital fits the deal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from scfcap.deal.capital import CHINA_FROM, RATINGS, class_ratings
from scfcap.deal.findings import Finding, names, unknown
from scfcap.schema.deal import DealSpec

#: Rules under which ratings are of use: the others have no table of them, or bar them.
RATED = ("basel", "china")


def check_holders(spec: DealSpec) -> Iterator[Finding]:
    """Names and dates of ``[analytics]`` and ``[capital]``."""
    tranches = names(spec, "tranches")
    for name in spec.analytics.prices:
        if name not in tranches:
            yield unknown(("analytics", "prices", name), name, tranches, "tranches")
    begin = spec.closing if spec.opening is None else spec.opening.date
    settles, end = spec.analytics.settlement, spec.legal_end
    if settles is not None and (settles < begin or (end is not None and settles >= end)):
        until = "" if end is None else f" to before legal_end, {end}"
        yield Finding(("analytics", "settlement"), str(settles), f"a day from {begin} on{until}")
    yield from _capital(spec, begin)


def _capital(spec: DealSpec, begin: date) -> Iterator[Finding]:
    terms = spec.capital
    if terms is None:
        return
    tranches = names(spec, "tranches")
    for name in terms.ratings:
        if name not in tranches:
            yield unknown(("capital", "ratings", name), name, tranches, "tranches")
    ratings = {**class_ratings(spec, terms), **terms.ratings}
    for name, rating in ratings.items():
        if rating not in RATINGS:
            key = ("capital", "ratings") if name in terms.ratings else ("tranches",)
            last = () if name in terms.ratings else ("rating",)
            yield unknown((*key, name, *last), rating, RATINGS, "ratings of CRE42")
    if ratings and terms.rules not in RATED:
        yield Finding(
            ("capital", "ratings"),
            f'ratings, under rules = "{terms.rules}"',
            f"ratings under {' or '.join(RATED)} alone: the others are weighed by formula",
            "Take the ratings out.",
        )
    stands = spec.actuals[-1].end if spec.actuals else begin
    if terms.rules == "china" and stands < CHINA_FROM:
        yield Finding(
            ("capital", "rules"),
            f'"china", for a deal as of {stands}',
            f"a deal as of {CHINA_FROM} or later: the Basel text is in force there from that day",
            'Use rules = "basel" to see what it would be.',
        )
    grouped = Counter(name for group in terms.pari_passu for name in group)
    for number, group in enumerate(terms.pari_passu):
        for name in group:
            if name not in tranches:
                yield unknown(("capital", "pari_passu", number), name, tranches, "tranches")
    for name, count in grouped.items():
        if count > 1:
            found = f'"{name}" {count} times'
            yield Finding(("capital", "pari_passu"), found, "each class in one group")
    accounts = names(spec, "accounts")
    for name in terms.reserves or ():
        if name not in accounts:
            yield unknown(("capital", "reserves"), name, accounts, "accounts")
