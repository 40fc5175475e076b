"""What credibility is learnt from: whole vintages, grown defaults; by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scfcap.credit.measures import LATE, LIFETIME, SEVERITY, SPEED, Facts
from scfcap.credit.observed import DEFAULTED, PREPAID, REPAID, Loans, Months

NONE = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def facts_of(rows, last=20, recoveries=NONE):
    """Facts of loans of 10, one row (made, first, last, end, more...) each, in one segment."""
    made, first, stop, end = (
        np.array(column) for column in zip(*(r[:4] for r in rows), strict=True)
    )
    more = [dict(r[4]) if len(r) > 4 else {} for r in rows]

    def column(name, value):
        return np.array([m.get(name, value) for m in more], dtype=np.float64)

    loans = Loans(
        row=np.arange(len(rows)),
        segment=np.zeros(len(rows), np.int64),
        made=made,
        first=first,
        last=stop,
        end=end,
        amount=column("amount", 10.0),
        defaulted=column("defaulted", 0.0),
        recovered=column("recovered", 0.0),
        days=column("days", 30.0),
        term_days=column("term_days", 60.0),
        late_days=column("late_days", np.nan),
    )
    none = np.zeros((1, 1))
    return Facts(loans, Months(0, none, none, none, none, *np.zeros((4, 1))), recoveries, last, 1)


def cells(measure, facts):
    _, value, weight = measure.observations(facts)
    return list(zip(value.tolist(), weight.tolist(), strict=True))


def test_defaults_by_vintage_are_of_whole_vintages():
    facts = facts_of(
        [
            (1, 1, 4, DEFAULTED),
            (1, 1, 3, REPAID),
            (2, 2, 3, REPAID),
            (3, 4, 5, DEFAULTED),  # seen late: those of its month that ended before are not known
            (4, 4, 20, 0),  # open: what the vintage comes to is not known, nor of younger ones
            (4, 4, 5, DEFAULTED),
            (5, 5, 6, REPAID),
        ]
    )
    assert cells(LIFETIME, facts) == [(0.5, 20.0), (0.0, 10.0)]


def test_a_loan_lost_from_sight_does_not_close_its_vintage():
    facts = facts_of([(1, 1, 4, DEFAULTED), (2, 2, 9, 0), (3, 3, 4, REPAID)])
    assert cells(LIFETIME, facts) == [(1.0, 10.0), (0.0, 10.0)]


def test_severity_is_learnt_from_defaults_that_half_of_the_lags_have_followed():
    grown = {"defaulted": 10.0, "recovered": 4.0}
    young = {"defaulted": 10.0, "recovered": 0.0}
    rows = [
        (0, 0, 10, DEFAULTED, grown),
        (0, 0, 15, DEFAULTED, grown),
        (0, 0, 18, DEFAULTED, young),
    ]
    found = cells(SEVERITY, facts_of(rows))
    # Two of the three are seen at lag 5, which is how far the curve runs.
    assert found == [(pytest.approx(0.6), 10.0), (pytest.approx(0.6), 10.0)]


def test_one_young_default_does_not_hide_what_the_others_recovered():
    old = {"defaulted": 10.0}
    rows = [(0, 0, at, DEFAULTED, old) for at in (5, 6, 7, 20)]
    came = (np.array([0, 1, 2]), np.array([3, 3, 3]), np.array([6.0, 6.0, 6.0]))
    own = SEVERITY.own(facts_of(rows, recoveries=came))
    assert own.value[0] == pytest.approx(0.4)


def test_speed_is_by_days_under_observation_not_by_the_term():
    rows = [(0, 0, 1, PREPAID, {"days": 73.0}), (0, 0, 1, REPAID, {"days": 292.0})]
    own = SPEED.own(facts_of(rows))
    assert own.value[0] == pytest.approx(1.0)
    none = SPEED.own(facts_of([(0, 0, 1, REPAID, {"days": 73.0})] * 2))
    assert none.value[0] == 0.0
    # None in 0.4 loan-years: exp(-0.4 q) = 2.5%.
    assert none.high[0] == pytest.approx(-np.log(0.025) / 0.4)


def test_a_loan_is_at_risk_from_the_month_in_which_it_is_first_seen():
    lives = facts_of([(4, 4, 9, REPAID), (4, 6, 9, DEFAULTED)]).loans.lives()
    # At risk at ages above the entry: from age 0 on, and from age 2 on.
    assert lives.entry.tolist() == [-1.0, 1.0]
    assert lives.time.tolist() == [5.0, 5.0]


def test_who_is_late_is_told_by_those_that_matured():
    rows = [
        (0, 0, 1, REPAID, {"late_days": -1.0, "amount": 20.0}),
        (0, 0, 1, REPAID, {"late_days": 3.0}),
        (0, 0, 20, 0, {"late_days": 9.0}),
        (0, 0, 20, 0),
        (0, 0, 2, DEFAULTED, {"late_days": 90.0}),
        (0, 0, 1, PREPAID, {"late_days": -30.0}),
    ]
    own = LATE.own(facts_of(rows))
    assert own.value[0] == pytest.approx(20.0 / 40.0)
    assert (own.count[0], own.events[0]) == (3, 2)
