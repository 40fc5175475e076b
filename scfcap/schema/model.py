"""``model.toml``: everything that a user states about a platform and its funding."""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from scfcap.quantities import LoanAmount
from scfcap.schema.allocation import Allocation
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.capital import Dividends, Injection, Provisions, Tax
from scfcap.schema.contract import ContractSpec, IndexSpec
from scfcap.schema.covenants import check_covenants
from scfcap.schema.credit import CreditSpec
from scfcap.schema.curves import CurveSpec
from scfcap.schema.deal import DealSpec
from scfcap.schema.factors import FactorSpec
from scfcap.schema.history import PerformanceSpec
from scfcap.schema.lending import Guaranteed, Guarantor, Joint
from scfcap.schema.orders import OrdersSpec
from scfcap.schema.plan import (
    P2P,
    BookShare,
    Buyer,
    Demand,
    Lender,
    Opening,
    PlanSettings,
)
from scfcap.schema.pool import PoolSpec
from scfcap.schema.projection import ProjectionSpec
from scfcap.schema.proposals import Proposal
from scfcap.schema.scenario import Scenario
from scfcap.schema.securitization import SecuritizationSpec
from scfcap.schema.tape import TapeSpec
from scfcap.schema.warning import WarningSpec


class Model(Schema):
    """A model folder's ``model.toml``."""

    name: str
    title: str
    currency: str = Field(min_length=3, max_length=3)
    """ISO 4217 code."""
    as_of: date
    """Day at whose close the tape stands; the plan begins the day after."""
    regime: str
    """Name of a regime (``regimes/NAME.toml``), a jurisdiction ("cn": what is in force on each day
    of the plan), or "none"."""
    regime_readings: tuple[str, ...] = ()
    """How to read what the texts leave open: names among ``caps.NAME.readings`` of the regimes."""
    stated_for_book: LoanAmount | None = None
    """The funding set's amounts are stated for an outstanding book of this size [currency]; they
    are all multiplied by (the tape's outstanding balance / this). Absent: taken as they are."""
    tape: TapeSpec
    history: PerformanceSpec | None = None
    """What the loans did, in a second file or in a series of tapes."""
    credit: CreditSpec
    contract: dict[str, ContractSpec] = Field(default_factory=dict)
    """When and how loans pay, by segment; a segment without pays by the plan's periods."""
    indices: dict[str, IndexSpec] = Field(default_factory=dict)
    """Indices of floating rates, by name."""
    curves: dict[str, CurveSpec] = Field(default_factory=dict)
    """Curves of interest rates, by name: what indices follow and spreads are taken over."""
    orders: OrdersSpec | None = None
    """How loans of type "order" are sized and paid; absent: as their contracts say."""
    projection: ProjectionSpec = ProjectionSpec()
    """Periods of the projection, the order of events in them, and whether the servicer advances."""
    scenarios: dict[str, Scenario]
    """Scenarios by name; "base" must be among them."""
    factors: FactorSpec = FactorSpec()
    """How Monte Carlo paths are drawn."""
    pool: PoolSpec = PoolSpec()
    warning: WarningSpec = WarningSpec()
    """Thresholds of the early warnings."""
    plan: PlanSettings = PlanSettings()
    opening: Opening
    provisions: Provisions | None = None
    """What is set aside for loans; absent: losses are taken when loans default."""
    tax: Tax | None = None
    """Tax on profit; absent: none."""
    dividends: Dividends | None = None
    """What may be paid to the owners; absent: nothing."""
    injections: tuple[Injection, ...] = ()
    """Capital that the owners pay in."""
    demand: dict[str, Demand] = Field(default_factory=dict)
    """Demand by segment; without any, no new loan is made in the plan."""
    lenders: tuple[Lender, ...] = ()
    buyers: tuple[Buyer, ...] = ()
    securitization: SecuritizationSpec | None = None
    deals: dict[str, DealSpec] = Field(default_factory=dict)
    """Deals by name; each from the folder's ``deals/NAME.toml``."""
    p2p: P2P | None = None
    guaranteed: tuple[Guaranteed, ...] = ()
    guarantor: Guarantor | None = None
    """Who stands behind the guarantees; absent: no multiple limits them."""
    joint: tuple[Joint, ...] = ()
    concentration: tuple[BookShare, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    """Sources of funds to be judged; the plan does without them."""
    allocation: Allocation = Allocation()
    """Which loan goes to which funder; the plan does not depend on it."""
    report: str = "treasury"
    """Name of a report pack (``reports/NAME.toml``)."""

    @model_validator(mode="after")
    def _references(self) -> Model:
        if "base" not in self.scenarios:
            raise MisfitError(
                key="scenarios",
                found=f"scenarios {', '.join(self.scenarios) or 'none'}",
                expected='one named "base"',
            )
        if self.plan.scenario not in self.scenarios:
            raise MisfitError(
                key="plan.scenario",
                found=f'"{self.plan.scenario}"',
                expected=f"one of the scenarios {', '.join(sorted(self.scenarios))}",
            )
        uncertain = self.plan.uncertainty
        strange = [] if uncertain is None else sorted(set(uncertain.weights) - set(self.scenarios))
        if strange:
            raise MisfitError(
                key="plan.uncertainty.weights",
                found=f"scenario {', '.join(strange)}",
                expected=f"scenarios of the model: {', '.join(sorted(self.scenarios))}",
                action="State the scenario, or include a shipped one: scenarios.NAME.include.",
            )
        strange = sorted(set(self.plan.contingency or ()) - set(self.scenarios))
        if strange:
            raise MisfitError(
                key="plan.contingency",
                found=f"scenario {', '.join(strange)}",
                expected=f"scenarios of the model: {', '.join(sorted(self.scenarios))}",
            )
        periods = self.projection.misfit(self.plan.unit, self.plan.projected)
        if periods is not None:
            raise periods
        for kind, names in (
            ("lenders", [x.name for x in self.lenders]),
            ("buyers", [x.name for x in self.buyers]),
            ("guaranteed", [x.name for x in self.guaranteed]),
            ("joint", [x.name for x in self.joint]),
            ("proposals", [x.name for x in self.proposals]),
        ):
            if len(set(names)) < len(names):
                raise MisfitError(
                    key=kind, found=f"names {', '.join(names)}", expected="names that differ"
                )
        check_covenants([(x.name, x.covenants) for x in self.lenders], list(self.pool.eligibility))
        wanted = {b.eligibility for b in self.buyers}
        wanted |= {x.eligibility for x in self.guaranteed if x.eligibility}
        wanted |= {x.eligibility for x in self.joint if x.eligibility}
        if self.p2p is not None and self.p2p.eligibility is not None:
            wanted.add(self.p2p.eligibility)
        if self.securitization is not None:
            wanted.add(self.securitization.eligibility)
        missing = sorted(wanted - set(self.pool.eligibility))
        if missing:
            raise MisfitError(
                key="pool.eligibility",
                found=f"sets {', '.join(self.pool.eligibility) or 'none'}",
                expected=f"a set named {', '.join(missing)}, which a channel refers to",
                action=f"Add [pool.eligibility.{missing[0]}] or change the channel's eligibility.",
            )
        return self
