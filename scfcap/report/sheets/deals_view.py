"""Deals and series alike: what each collects, loses and pays to its classes, by period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from scfcap.report.sheets.common import Kit
from scfcap.report.totals import deal_tranches

#: Columns of :attr:`View.flows`; beside them ``<class>|balance``, ``|interest`` and ``|principal``.
FLOWS = (
    "interest", "principal", "recovery", "default", "pool", "delinquent", "fees", "residual",
    "cash",
)  # fmt: skip


@dataclass(frozen=True)
class View:
    """A deal in one scenario.

    ``flows`` has a row a period with ``date``, ``phase`` and :data:`FLOWS` [currency]; ``classes``
    are in order of seniority with their original balances; ``pool_start`` [currency] is the pool
    that factors are of, ``delinquency`` tells whether late loans are known.
    """

    name: str
    scenario: str
    flows: pd.DataFrame
    classes: Mapping[str, float]
    pool_start: float
    delinquency: bool


def views(kit: Kit) -> Iterator[View]:
    """Every deal, then every series of the plan, in the scenario that is shown (else its first)."""
    classes = kit.frame("deals_classes")
    names = [] if classes is None else list(dict.fromkeys(classes["deal"].astype(str)))
    for name in names:
        yield _deal(kit, name)
    for key, table in kit.tables.items():
        name = key.removeprefix("deal_")
        if key.startswith("deal_") and not table.frame.empty and name not in names:
            yield _series(kit, name, table.frame)


def shown_scenario(kit: Kit, frame: pd.DataFrame) -> str:
    """The plan's scenario where ``frame`` has it, else its first."""
    names = list(dict.fromkeys(frame["scenario"].astype(str)))
    return kit.meta.scenario if kit.meta.scenario in names else names[0]


def _of(kit: Kit, table: str, name: str, scenario: str) -> pd.DataFrame:
    frame = kit.tables[table].frame
    return frame[(frame["deal"] == name) & (frame["scenario"] == scenario)]


def _deal(kit: Kit, name: str) -> View:
    classes = kit.tables["deals_classes"].frame
    scenario = shown_scenario(kit, classes[classes["deal"] == name])
    mine = classes[(classes["deal"] == name) & (classes["scenario"] == scenario)]
    periods = _of(kit, "deals_periods", name, scenario).set_index("period")
    parts = {
        "date": periods["date"],
        "phase": periods["phase"],
        "interest": periods["interest"],
        "principal": periods["principal_collected"],
        "recovery": periods["recovery"],
        "default": periods["default"],
        "pool": periods["pool"],
        "delinquent": periods["delinquent"],
        "fees": periods["fees_paid"],
        "residual": periods["residual_paid"],
        "cash": periods["closing_cash"],
    }
    for tranche, rows in _of(kit, "deals_tranches", name, scenario).groupby("tranche", sort=False):
        by_period = rows.set_index("period")
        parts[f"{tranche}|balance"] = by_period["balance"]
        parts[f"{tranche}|interest"] = by_period["interest_paid"]
        parts[f"{tranche}|principal"] = by_period["principal"]
    uses = _of(kit, "deals_sources_uses", name, scenario)
    loans = uses[(uses["side"] == "use") & (uses["item"] == "loans")]["amount"]
    start = float(loans.sum()) if len(loans) else float(periods["pool"].iloc[0])
    sizes = dict(zip(mine["tranche"].astype(str), mine["original"].astype(float), strict=True))
    flows = _alive(pd.DataFrame(parts))
    return View(name, scenario, flows, sizes, start, bool(flows["delinquent"].abs().max() > 0.0))


def _series(kit: Kit, name: str, frame: pd.DataFrame) -> View:
    scenario = shown_scenario(kit, frame)
    mine = frame[(frame["scenario"] == scenario) & (frame["phase"] != "before closing")]
    flows = mine.set_index("period")
    tranches = deal_tranches(frame)
    fees = [c for c in map(str, frame.columns) if c.endswith(" fee") or c == "issue cost"]
    parts = {
        "date": flows["end"],
        "phase": flows["phase"],
        "interest": flows["interest collected"],
        "principal": flows["principal collected"],
        "recovery": flows["recoveries"],
        "default": flows["defaults"],
        "pool": flows["pool"],
        "delinquent": 0.0 * flows["pool"],
        "fees": flows[fees].sum(axis=1),
        "residual": flows["residual"],
        "cash": flows["cash"] + flows["reserve"],
    }
    for tranche in tranches:
        parts[f"{tranche}|balance"] = flows[f"{tranche} notes"]
        parts[f"{tranche}|interest"] = flows[f"{tranche} interest"]
        parts[f"{tranche}|principal"] = flows[f"{tranche} principal"]
    made = _alive(pd.DataFrame(parts))
    sizes = {t: float(made[f"{t}|balance"].max()) for t in tranches}
    start = float(made["pool"].iloc[0]) if len(made) else 0.0
    return View(name, scenario, made, sizes, start, delinquency=False)


def _alive(flows: pd.DataFrame) -> pd.DataFrame:
    """Periods up to the last in which anything moves or stands."""
    busy = (flows.drop(columns=["date", "phase"]).abs() > 0.005).any(axis=1)
    last = flows.index[busy].max() if busy.any() else flows.index[:1].max()
    return flows.loc[:last]
