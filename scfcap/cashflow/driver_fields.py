"""Which driver each input of a projection belongs to, field by field.

Whoever adds a field to one of these classes says here what a change of it is a change of; where a
projection does not read a field, it is neutral.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scfcap.credit.curves import CurveSet
from scfcap.credit.stress import Stress
from scfcap.pool.payers import Payers
from scfcap.pool.snapshot import Pool
from scfcap.pool.terms import DatedTerms
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.languages import DEFAULT_LANGUAGES, PREPAY_LANGUAGES

#: Drivers in the order in which they are taken from the second projection.
DRIVERS = ("balance", "rate", "default", "recovery", "prepayment", "timing")
#: What each of them is.
MEANING = {
    "balance": "outstanding principal of each segment, segments that come or go",
    "rate": "what loans earn: average contract rate of each segment, indices, margins, floors, "
    "caps and resets, fees",
    "default": "default behaviour, what buyers leave unpaid, the scenario's stress on it",
    "recovery": "severity, lag and recovery curve, recourse to sellers, the scenario's stress on "
    "them",
    "prepayment": "prepayment behaviour, draws on revolving lines, the scenario's stress on them",
    "timing": "the loans themselves: types, terms, ages, arrears, credit limits, mix; days of "
    "payment, lateness, outages, dates, order of events, advances of the servicer",
}
#: Of fields that a projection does not read, or that say only what the others are of.
NEUTRAL: Final = "neutral"

#: Fields by class and driver.
FIELDS: Final[Mapping[type, Mapping[str, tuple[str, ...]]]] = {
    CurveSet: {
        "rate": ("indices", "late_fee"),
        "default": (
            *("default_intensity", "default_base", "stated_default", "lifetime", "struck"),
            *("default_days", "has_roll_rates", "roll_rates", "period_rolls"),
        ),
        "recovery": (
            *("severity", "stated_severity", "recovery_lag", "lag_unit", "recovery_share"),
            *("struck_recovery", "struck_lag"),
        ),
        "prepayment": (
            *("prepay_intensity", "prepay_base", "stated_prepay", "draw_intensity", "draw_base"),
        ),
        "timing": ("grid", "late_share", "late_days", "order", "servicer_advances"),
        # ageing and stress are told field by field, as SegmentCredit and Stress
        NEUTRAL: ("scenarios", "segments", "parent", "ageing", "stress"),
    },
    Stress: {
        "rate": ("index_rate",),
        "default": ("default_multiple", "infected", "unpaid"),
        "recovery": ("severity_add", "unpaid_recovery", "unpaid_lag"),
        "prepayment": ("prepay_multiple", "draw_multiple"),
        "timing": ("held",),
        NEUTRAL: (
            *("scenarios", "lenders", "demand", "line", "p2p_renewed", "p2p_new", "issue"),
            *("bank_rate", "p2p_rate", "coupon", "originator_default", "servicer_fee"),
            *("line_called", "line_running", "surge"),
        ),
    },
    # what is read of it where curves go by age; the rest is in the curve set
    SegmentCredit: {
        "default": (*DEFAULT_LANGUAGES, "loss_timing", "default_days"),
        "recovery": ("severity", "recovery_lag", "recovery_curve"),
        "prepayment": (*PREPAY_LANGUAGES, "draw_rate"),
        "timing": ("late_share", "late_days"),
        NEUTRAL: ("run_on",),
    },
    Pool: {
        "balance": ("balance",),
        "rate": ("rate",),
        "timing": (
            *("as_of", "segment", "loan_type", "origination_day", "maturity_day"),
            *("days_past_due", "rule", "limit_ratio"),
        ),
        # terms and payers are told field by field, as DatedTerms and Payers
        NEUTRAL: (
            *("loan_id", "segments", "places", "place", "original_balance", "eligibility"),
            *("tables", "digest", "inputs", "counted", "borrowing_bases", "terms", "payers"),
            "rules",
        ),
    },
    DatedTerms: {
        "rate": (
            *("fee", "upfront", "index", "margin", "floor", "cap", "next_reset_day"),
            *("reset_months", "indices"),
        ),
        "timing": (
            *("every_months", "every_days", "next_day", "anchor", "from_day", "day_count"),
            *("calendar", "grace", "original", "calendars"),
        ),
    },
    Payers: {
        "rate": ("fee",),
        "default": ("dilution",),
        "recovery": ("recourse",),
        "timing": ("amount", "pay_day"),
    },
}


def fields_of(kind: type, driver: str) -> tuple[str, ...]:
    """Fields of ``kind`` (a key of :data:`FIELDS`) that belong to ``driver``."""
    return FIELDS[kind].get(driver, ())
