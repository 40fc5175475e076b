"""All figures of a deal's classes, as an investor asks for them, from the deal's runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.cashflow.yields import Effective, effective
from scfcap.credit.term_structure import TermStructure
from scfcap.deal.analytics import (
    HIGHEST,
    LOWEST,
    Priced,
    at_price,
    at_yield,
    discount_margin,
    i_spread,
    value_at_margin,
    value_over,
    z_spread,
)
from scfcap.deal.holders import Holdings
from scfcap.deal.outcome import DealRun
from scfcap.deal.paydown import Decrement, ExcessSpread, decrement, excess_spread
from scfcap.deal.weights import RiskWeights, risk_weights
from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.deal_parts import TrancheSpec
from scfcap.schema.holders import AnalyticsSpec

#: Share of what is outstanding that may be left unpaid for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ClassFigures:
    """Figures of the classes of a deal: K scenarios, J classes.

    ``run`` is the deal's, ``terms`` say how classes are priced, ``curve`` is what spreads are over
    (None: none are taken). ``levels`` by index [K or 1, T + 1] are what floating classes ran with;
    ``moved(move)`` runs the deal with all rates moved by ``move`` from the settlement on, a coupon
    that is set by then unmoved; ``speeds()`` runs it at the speeds of the decrement tables, a
    scenario each, in the order of ``terms.speeds``.
    """

    run: DealRun
    terms: AnalyticsSpec
    curve: TermStructure | None
    levels: Mapping[str, FloatArray]
    moved: Callable[[float], DealRun]
    speeds: Callable[[], DealRun]

    @cached_property
    def holdings(self) -> Holdings:
        """The classes as they are bought."""
        return self._held(self.run)

    def _held(self, run: DealRun) -> Holdings:
        return Holdings.of(run, self.terms.settlement, self.terms.day_count)

    @cached_property
    def priced(self) -> Priced:
        """The classes at their prices: as stated, else as issued; NaN for an interest-only class
        of which neither is said.
        """
        prices = [
            self.terms.prices.get(name, 100.0 * each.issue_price if _said(each) else np.nan)
            for name, each in self.run.deal.spec.tranches.items()
        ]
        per_year = self.terms.yields_per_year
        return at_price(self.holdings, np.array(prices), per_year=per_year)

    @cached_property
    def z_spread(self) -> FloatArray:
        """[K, J; 1/year]; NaN without a curve."""
        return self._nan if self.curve is None else z_spread(self.priced, self.curve)

    @cached_property
    def i_spread(self) -> FloatArray:
        """[K, J; 1/year]; NaN without a curve."""
        return self._nan if self.curve is None else i_spread(self.priced, self.curve)

    @cached_property
    def discount_margin(self) -> FloatArray:
        """[K, J; 1/year]; NaN for classes that do not float."""
        return discount_margin(self.priced, self.levels)

    @cached_property
    def effective(self) -> Effective:
        """Sensitivities to a move of all rates by ``terms.shift``, [K, J].

        The deal is run again, and what it pays is worth what it is at the same discount margin
        (floating classes), at the same spread over the moved curve, or, without one, at the yield
        moved as much.
        """
        return effective(self._full_after, shift=self.terms.shift)

    def _full_after(self, move: float) -> FloatArray:
        """Dirty prices after a move [K, J; currency]."""
        if not move:
            return self.priced.full
        holdings, per_year = self._held(self.moved(move)), self.priced.per_year
        if self.curve is None:
            full = at_yield(holdings, self.priced.measures.rate + move, per_year=per_year).full
        else:
            full = value_over(holdings, self.curve.moved(move), self.z_spread, per_year)
        levels = {name: each + move for name, each in self.levels.items()}
        at_margin = value_at_margin(holdings, levels, self.discount_margin)
        return np.where(np.isfinite(self.discount_margin), at_margin, full)

    @cached_property
    def decrements(self) -> tuple[Decrement, ...]:
        """The decrement table of each class that is owed principal, or lives on one that is."""
        run = self.speeds()
        heads = tuple(f"{speed:.0%}" for speed in self.terms.speeds)
        named = run.deal.spec.tranches.items()
        return tuple(
            decrement(
                run,
                name,
                speeds=heads,
                settlement=self.terms.settlement,
                day_count=self.terms.day_count,
            )
            for name, each in named
            if each.kind != "equity"
        )

    @cached_property
    def excess(self) -> ExcessSpread:
        """Excess spread by payment date."""
        return excess_spread(self.run)

    @cached_property
    def weights(self) -> RiskWeights | None:
        """Risk weights on the day of settlement; None without ``[capital]``."""
        terms = self.run.deal.spec.capital
        return None if terms is None else risk_weights(self.run, terms, self.terms.settlement)

    # --- single figures -----------------------------------------------------------------------

    def yield_at(self, tranche: str, clean: float, scenario: str | None = None) -> float:
        """Yield [1/year] of a class at a clean price [%], in a scenario (the first, if None).

        Raises:
            InputError: no such class or scenario, or no yield.
        """
        k, j = self._row(scenario, tranche)
        per_year = self.terms.yields_per_year
        return self._there(at_price(self.holdings, clean, per_year=per_year).measures.rate, k, j)

    def price_at(self, tranche: str, rate: float, scenario: str | None = None) -> float:
        """Clean price [%] of a class at a yield [1/year], in a scenario (the first, if None).

        Raises:
            InputError: no such class or scenario, or no price.
        """
        k, j = self._row(scenario, tranche)
        return self._there(
            at_yield(self.holdings, rate, per_year=self.terms.yields_per_year).clean, k, j
        )

    def _row(self, scenario: str | None, tranche: str) -> tuple[int, int]:
        run = self.run
        for given, there in (
            (scenario or run.scenarios[0], run.scenarios),
            (tranche, run.deal.tranches),
        ):
            if given not in there:
                where = f"deals/{run.deal.name}.toml: analytics"
                raise InputError(Problem(where, f'"{given}"', f"one of {', '.join(there)}"))
        return run.scenarios.index(scenario or run.scenarios[0]), run.deal.tranches.index(tranche)

    def _there(self, values: FloatArray, k: int, j: int) -> float:
        found = float(values[k, j])
        if np.isnan(found):
            run = self.run
            where = f"deals/{run.deal.name}.toml: {run.deal.tranches[j]}, {run.scenarios[k]}"
            says = self._why(k, j) or "no such figure"
            raise InputError(Problem(where, says, "a class that pays something for its price"))
        return found

    # --- the table ----------------------------------------------------------------------------

    def frame(self) -> pd.DataFrame:
        """One row a scenario and class; units as in :data:`UNITS`, dates, and a note."""
        run, priced, found = self.run, self.priced, self.priced.measures
        k, j = (each.ravel() for each in np.indices(self.holdings.par.shape))
        first, last = self.holdings.window
        repaid = self.holdings.unpaid <= _ROUNDING
        figures = {
            "outstanding": self.holdings.par,
            "clean_price": priced.clean,
            "accrued": priced.accrued,
            "dirty_price": priced.dirty,
            "yield": found.rate,
            "z_spread": self.z_spread,
            "i_spread": self.i_spread,
            "discount_margin": self.discount_margin,
            "average_life": found.average_life,
            "macaulay_duration": found.macaulay,
            "modified_duration": found.modified,
            "convexity": found.convexity,
            "effective_duration": self.effective.duration,
            "effective_convexity": self.effective.convexity,
            "unpaid": self.holdings.unpaid,
        }
        kinds = [each.kind for each in run.deal.spec.tranches.values()]
        legal = np.datetime64(run.deal.spec.legal_end or "NaT", "s")
        return pd.DataFrame(
            {
                "scenario": np.array(run.scenarios, dtype=object)[k],
                "tranche": np.array(run.deal.tranches, dtype=object)[j],
                "kind": np.array(kinds, dtype=object)[j],
                **{name: values.ravel() for name, values in figures.items()},
                "first_principal": self._days(first)[k, j],
                "last_principal": self._days(last)[k, j],
                "expected_final": self._days(np.where(repaid, last, 0))[k, j],
                "legal_final": np.full(len(k), legal),
                "note": [self._why(int(a), int(b)) for a, b in zip(k, j, strict=True)],
            }
        )

    def _days(self, periods: IntArray) -> npt.NDArray[np.datetime64]:
        """Payment dates of periods, from 1; none for 0."""
        dates = np.array([None, *self.run.deal.calendar.dates], dtype="datetime64[s]")
        return np.asarray(dates[periods])

    def _why(self, k: int, j: int) -> str:
        """What must be known of a row's figures."""
        holdings, said = self.holdings, []
        if not holdings.par[k, j] > 0.0:
            return "nothing is outstanding at settlement"
        if not holdings.flows[k, j].sum() > 0.0:
            return "nothing is paid after settlement"
        if np.isnan(self.priced.clean[k, j]):
            return "no price is stated"
        between = f"between {LOWEST:.0%} and {HIGHEST:.0%}"
        floats = self.run.deal.tranches[j] in self._floating
        if self.curve is not None and np.isnan(self.z_spread[k, j]):
            said.append(f"no spread {between}")
        if floats and np.isnan(self.discount_margin[k, j]):
            said.append(f"no margin {between}")
        if holdings.unpaid[k, j] > _ROUNDING:
            said.append(f"{holdings.unpaid[k, j]:.2%} is not repaid by the end of the run")
        return "; ".join(said)

    @property
    def _floating(self) -> list[str]:
        return [n for n, t in self.run.deal.spec.tranches.items() if t.index is not None]

    @property
    def _nan(self) -> FloatArray:
        return np.full(self.holdings.par.shape, np.nan)


def _said(spec: TrancheSpec) -> bool:
    """Whether a class's issue price means anything: par is no price of interest alone."""
    return spec.kind != "interest_only" or "issue_price" in spec.model_fields_set


#: Units of the figures of :meth:`ClassFigures.frame`; what is outstanding is in currency.
UNITS = {
    **dict.fromkeys(("clean_price", "accrued", "dirty_price"), "% of outstanding"),
    **dict.fromkeys(("yield", "z_spread", "i_spread", "discount_margin"), "1/year"),
    **dict.fromkeys(
        ("average_life", "macaulay_duration", "modified_duration", "effective_duration"), "years"
    ),
    **dict.fromkeys(("convexity", "effective_convexity"), "years^2"),
    "unpaid": "share",
}
