"""Sizes of a model's deal, and what its classes bear: break-even, losses, sensitivity, goals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from scfcap.api.deals import DealCase, case_under, deal_case, deal_grid, named_deal
from scfcap.errors import InputError, Problem
from scfcap.schema.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.api.model import Model
    from scfcap.deal.breakeven import BreakEven
    from scfcap.deal.cost import CostOfFunds
    from scfcap.deal.losses import ClassLosses
    from scfcap.deal.outcome import DealRun
    from scfcap.deal.sizing import Sizing
    from scfcap.quantities import FloatArray

#: What a sensitivity grid goes over: multiples of defaults and of prepayment, severity added.
DEFAULTS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
PREPAYMENTS = (0.5, 0.75, 1.0, 1.25, 1.5)
SEVERITIES = (0.0, 0.1, 0.2)
#: Scenarios that are projected in one pass at most, and figures of new loans that they hold
#: together, which bounds the memory.
_PATHS, _FIGURES = 250, 50_000_000


@dataclass(frozen=True)
class DealStudy:
    """A deal of a model with one structure: as it states it, or with the original ``balances``
    [J] that were found for it. ``scenario`` is what is expected, from which the rest departs.
    """

    model: Model
    deal: str
    scenario: str
    balances: FloatArray | None = None

    @classmethod
    def of(cls, model: Model, deal: str | None = None, scenario: str | None = None) -> DealStudy:
        """A deal as it is stated. Raises InputError: no such deal or scenario."""
        name = named_deal(model, deal)
        chosen = scenario or model.spec.plan.scenario
        there = {**model.spec.scenarios, **model.loaded.stresses}
        if chosen not in there:
            raise InputError(Problem("--scenario", f'"{chosen}"', f"one of {', '.join(there)}"))
        return cls(model, name, chosen)

    @property
    def tranches(self) -> tuple[str, ...]:
        """Names of its classes, senior first."""
        return tuple(self.model.spec.deals[self.deal].tranches)

    @cached_property
    def sizing(self) -> Sizing:
        """The largest classes with a rating: see :func:`~scfcap.deal.sizing.size_classes`."""
        return deal_case(self.model, self.deal).sized()

    def as_sized(self) -> DealStudy:
        """The same with the sizes found."""
        found = self.sizing
        other = DealStudy(self.model, self.deal, self.scenario, found.balances)
        other.__dict__["sizing"] = found
        return other

    @cached_property
    def expected(self) -> DealRun:
        """The deal's run in the expected scenario."""
        return self._run({self.scenario: self._base})

    @cached_property
    def break_even(self) -> tuple[BreakEven, ...]:
        """The largest multiple of the expected defaults that each class of debt bears."""
        from scfcap.deal.breakeven import break_even

        specs = self.model.spec.deals[self.deal].tranches
        size = self.expected.original[:, 0]
        names = [
            name
            for name, held in zip(specs, size, strict=True)
            if specs[name].kind not in ("equity", "interest_only") and held > 0.0
        ]

        def run(multiples: FloatArray) -> DealRun:
            return self._run(
                {f"x {m:.12g} #{n}": self._harder(m) for n, m in enumerate(multiples.tolist())}
            )

        return break_even(run, names)

    def losses(
        self, paths: int, seed: int, tell: Callable[[int], object] | None = None
    ) -> ClassLosses:
        """Losses of each class over Monte Carlo paths, drawn as ``[factors]`` says.

        ``tell`` hears how many are done.
        """
        from scfcap.cashflow.distribution import refuse_count
        from scfcap.deal.losses import ClassLosses

        refuse_count(paths)
        runs = []
        for case in self._drawn(paths, seed):
            runs.append(self._of(case))
            if tell is not None:
                tell(sum(len(run.scenarios) for run in runs))
        return ClassLosses.of(runs, seed)

    def sensitivity(
        self,
        defaults: Sequence[float] = DEFAULTS,
        prepayments: Sequence[float] = PREPAYMENTS,
        severities: Sequence[float] = SEVERITIES,
    ) -> pd.DataFrame:
        """One row a class and point of the grid: see :func:`~scfcap.deal.figures.class_frame`.

        ``default_multiple`` and ``prepay_multiple`` on the expected scenario, ``severity_add``
        added to its severity.
        """
        import pandas as pd

        from scfcap.deal.figures import class_frame

        points = list(itertools.product(defaults, prepayments, severities))
        scenarios = {
            f"{d:g} {p:g} {s:g}": self._base.and_also(
                Scenario(default_multiple=d, prepay_multiple=p, severity_add=s)
            )
            for d, p, s in points
        }
        size, names = self._at_once(), list(scenarios)
        passes = [names[first : first + size] for first in range(0, len(names), size)]
        frames = [class_frame(self._run({n: scenarios[n] for n in some})) for some in passes]
        frame = pd.concat(frames, ignore_index=True)
        each = np.repeat(np.array(points), len(self.tranches), axis=0)
        frame = frame.drop(columns="scenario")
        for place, name in enumerate(("default_multiple", "prepay_multiple", "severity_add")):
            frame.insert(place, name, each[:, place])
        return frame

    def cost_of_funds(self) -> CostOfFunds:
        """What the funding costs all in, as expected; see :mod:`scfcap.deal.cost`.

        Raises InputError where the deal has closed: what it raised is not in its file.
        """
        from scfcap.deal.cost import cost_of_funds

        opening = self.model.spec.deals[self.deal].opening
        if opening is not None:
            raise InputError(
                Problem(
                    f"deals/{self.deal}.toml: opening",
                    f"a deal that stands since {opening.date}",
                    "a deal run from its closing",
                )
            )
        return cost_of_funds(self.expected)

    def retention(self) -> pd.DataFrame:
        """What the originator keeps, by each form of each rule."""
        from scfcap.deal.retention import Kept, retention_frame
        from scfcap.schema.load import retention_rules

        spec = self.model.spec.deals[self.deal]
        rules = retention_rules(self.model.loaded.folder)
        return retention_frame(Kept.of(self.expected), rules, spec.closing)

    @property
    def pool(self) -> float:
        """Pool at the start of the run [currency]."""
        from scfcap.api.deals import deal_pool, start_of_actuals

        spec = self.model.spec.deals[self.deal]
        if spec.actuals:
            return start_of_actuals(spec)
        return deal_pool(self.model, self.deal, spec).total

    def watched(self, watch: Sequence[str]) -> DealRun:
        """The expected run with the words ``watch`` after each step."""
        case = deal_case(self.model, self.deal, {self.scenario: self._base})
        return self._of(case, watch)

    @property
    def _base(self) -> Scenario:
        return {**self.model.spec.scenarios, **self.model.loaded.stresses}[self.scenario]

    def _harder(self, multiple: float) -> Scenario:
        return self._base.and_also(Scenario(default_multiple=multiple))

    def _run(self, scenarios: Mapping[str, Scenario]) -> DealRun:
        return self._of(deal_case(self.model, self.deal, scenarios))

    def _of(self, case: DealCase, watch: Sequence[str] = ()) -> DealRun:
        rows = np.arange(len(case.lent.scenarios))
        balances = self.balances
        if balances is not None:
            balances = np.repeat(balances[:, None], len(rows), axis=1)
        return case.runner(watch)(rows, balances)

    def _at_once(self) -> int:
        """Scenarios in one pass: what new loans of each period do in each later one fits."""
        periods = len(deal_grid(self.model, self.model.spec.deals[self.deal]))
        return max(1, min(_PATHS, _FIGURES // (6 * periods * periods)))

    def _drawn(self, paths: int, seed: int) -> Iterator[DealCase]:
        """Cases of some paths at a time, made as they are asked for."""
        from scfcap.api.drawing import draw
        from scfcap.api.projecting import curves_over, drawn_over

        grid = deal_grid(self.model, self.model.spec.deals[self.deal])
        curves = curves_over(self.model, grid, {self.scenario: self._base})
        drawing = replace(draw(self.model, seed), spec=drawn_over(self.model, curves)[1])
        size = self._at_once()
        for first in range(0, paths, size):
            numbers = np.arange(first, min(first + size, paths))
            under = curves.under(drawing.paths(curves, grid, numbers).stress)
            yield case_under(self.model, self.deal, under)
