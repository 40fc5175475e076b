"""Which early-warning indicators announce which shock, and how they stand today.

A sign is an indicator of ``scfcap warn`` or the headroom of covenants. Where no figure of a model
announces a shock, that is said. Sources:

- Wilson, Summers, Hope, Using payment behaviour data for credit risk modelling, Int. J. of the
  Economics of Business 7(3) (2000) 333-346: late payment goes before a company's failure.
- Sufi, Bank lines of credit in corporate finance, Review of Financial Studies 22(3) (2009)
  1057-1088: banks restrict lines after covenants are violated.
- Jiménez, Lopez, Saurina, Empirical analysis of corporate credit lines, Review of Financial Studies
  22(12) (2009) 5069-5098: borrowers draw their lines up before they default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.schema.scenario import MULTIPLES, Scenario

_LATE = "Wilson, Summers, Hope (2000)"
_LINES = "Sufi (2009)"
_DRAWN = "Jiménez, Lopez, Saurina (2009)"
_OWN = "own judgement"
#: The headroom of covenants, which the plan shows and ``scfcap warn`` does not.
HEADROOM = "covenant_headroom"
#: No figure of a model.
NONE = "none"


@dataclass(frozen=True)
class Sign:
    """An indicator that would have announced a shock, why, and who says so."""

    indicator: str
    why: str
    source: str = _OWN


_BORROWERS = (
    Sign("roll_30", "What rolls past 30 days is what defaults in the months after."),
    Sign("first_payment_default", "Loans that miss their first payment tell of looser lending."),
    Sign("vintage_30", "Young vintages show worse borrowers before old ones do."),
    Sign("prepayment", "Borrowers who repay early less often have less cash."),
)
_CORE = (
    Sign("buyer_late_share", "A buyer pays more orders late before it fails.", _LATE),
    Sign("buyer_days_late", "A buyer pays later and later before it fails.", _LATE),
    Sign("top_share", "How much hangs on the largest buyers: no sign of when, but of how much."),
    Sign("effective_number", "The same by the spread over all buyers."),
)
#: Signs by kind of shock, the first the best.
SIGNS: Mapping[str, tuple[Sign, ...]] = {
    "core_failure": _CORE,
    "contagion": _CORE,
    "borrower_stress": _BORROWERS,
    "bank_line_cut": (
        Sign(HEADROOM, "Banks restrict lines when covenants are near or broken.", _LINES),
        Sign("lender_line_use", "A line that is drawn up leaves nothing to draw before a cut."),
        Sign("roll_30", "Lenders read the arrears of the book too."),
    ),
    "p2p_run_off": (
        Sign("roll_30", "Lenders leave when arrears are known; no figure here is of the lenders."),
        Sign("vintage_30", "Young vintages tell of it earlier."),
    ),
    "draw_surge": (
        Sign("line_use", "Shops draw up their lines before all draw at once.", _DRAWN),
    ),
    "originator_failure": (
        Sign(HEADROOM, "The company's own covenants come near before it fails.", _LINES),
        Sign("lender_line_use", "A company draws its lines up before it fails.", _DRAWN),
    ),
    "market_shut": (
        Sign(NONE, "Markets shut for reasons outside the book: watch the spreads of new issues."),
    ),
    "outage": (Sign(NONE, "An outage comes without a sign."),),
    "rate_shock": (
        Sign(NONE, "No figure of the book tells of it: watch money-market rates."),
    ),
    "regime_change": (
        Sign(NONE, "A law is announced when its draft is: no figure of the book tells of it."),
    ),
}  # fmt: skip
_UNKNOWN = (Sign(NONE, "No sign of it is known here."),)
COLUMNS = (
    "scenario", "shock", "indicator", "entity", "value", "yellow", "red", "light", "trend",
    "lead_days", "why", "source",
)  # fmt: skip


def signs(
    scenarios: Mapping[str, Scenario],
    lights: pd.DataFrame | None,
    covenants: pd.DataFrame | None = None,
    value: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The signs of each scenario's shocks, as they stand today: a row for each sign.

    ``lights`` are those of :func:`scfcap.pool.lights.now`; of an indicator by buyer or lender the
    worst is told, and of a line's cut that of the lender who cuts. ``covenants`` is the plan's
    table, of which the least headroom of the first test counts. ``value``, where it has been
    measured, gives ``lead_days``: the median days from the first red light to the event.
    """
    rows = []
    for name, scenario in scenarios.items():
        for kind, lender in _kinds(scenario):
            for sign in SIGNS.get(kind, _UNKNOWN):
                stands = _stands(sign.indicator, lender, lights, covenants)
                lead = _lead(sign.indicator, kind, value)
                rows.append((name, kind, sign.indicator, *stands, lead, sign.why, sign.source))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _kinds(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Kinds of shocks of a scenario, each once with the lender it is of."""
    found = [(shock.kind, str(getattr(shock, "lender", ""))) for shock in scenario.shocks]
    own = any(getattr(scenario, name) != 1.0 for name in MULTIPLES) or scenario.severity_add > 0.0
    if own:
        found.append(("borrower_stress", ""))
    yield from dict.fromkeys(found)


_Row = tuple[str, float, float, float, str, str]
_NOTHING: _Row = ("", np.nan, np.nan, np.nan, "", "")


def _stands(
    indicator: str, lender: str, lights: pd.DataFrame | None, covenants: pd.DataFrame | None
) -> _Row:
    """Entity, value, yellow, red, light and trend of an indicator as it stands."""
    if indicator == HEADROOM:
        return _headroom(lender, covenants)
    if indicator == NONE or lights is None:
        return _NOTHING
    mine = lights[lights["indicator"] == indicator]
    if indicator == "lender_line_use" and lender not in ("", "all"):
        mine = mine[mine["entity"] == lender]
    if mine.empty:
        return _NOTHING
    x = mine.iloc[0]  # the worst comes first
    return (
        str(x["entity"]), float(x["value"]), float(x["yellow"]), float(x["red"]),
        str(x["light"]), str(x["trend"]),
    )  # fmt: skip


def _headroom(lender: str, covenants: pd.DataFrame | None) -> _Row:
    if covenants is None or covenants.empty:
        return _NOTHING
    mine = covenants[covenants["scenario"] == covenants["scenario"].iloc[0]]
    if lender not in ("", "all"):
        mine = mine[mine["lender"] == lender]
    mine = mine[mine["period"] == mine["period"].min()].dropna(subset=["headroom_share"])
    if mine.empty:
        return _NOTHING
    x = mine.loc[mine["headroom_share"].idxmin()]
    entity = f"{x['lender']}: {x['covenant']}"
    return (entity, float(x["headroom_share"]), np.nan, np.nan, "", "")


def _lead(indicator: str, kind: str, value: pd.DataFrame | None) -> float:
    """Median days by which a red light came before the event, where that was measured."""
    events: Sequence[str] = {
        "core_failure": ("core failure",),
        "contagion": ("core failure",),
        "borrower_stress": ("stress",),
    }.get(kind, ())
    if value is None or not events:
        return float("nan")
    rows = value["indicator"].eq(indicator) & value["light"].eq("red") & value["event"].isin(events)
    return float(value.loc[rows, "lead_days"].median()) if rows.any() else float("nan")
