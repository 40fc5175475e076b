"""Credit curves of all segments in all scenarios, on the axes that the kernel reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from scfcap.credit.ageing import Ageing, goes_by_age
from scfcap.credit.exposure import Exposures
from scfcap.credit.generators import over_months
from scfcap.credit.indices import Indices
from scfcap.credit.languages import intensities
from scfcap.credit.stated import Stated
from scfcap.credit.stress import Stress, compile_scenarios
from scfcap.errors import InputError, Problem
from scfcap.periods import Frequency, PeriodGrid
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.contract import IndexSpec
from scfcap.schema.credit import CreditRule, SegmentCredit
from scfcap.schema.curves import CurveSpec
from scfcap.schema.languages import ROLL_STATES
from scfcap.schema.projection import ProjectionSpec
from scfcap.schema.scenario import Scenario

#: Events in the order of survivors, no advances.
_PLAIN = ProjectionSpec()
#: Months in a period of the grid.
_MONTHS = {"month": 1.0, "week": 7.0 * 12.0 / 365.0, "day": 12.0 / 365.0}


@dataclass(frozen=True)
class CurveSet:
    """Intensities by scenario K, segment S and period T.

    ``segments`` are those of the pool and the plan, then loans of them that behave otherwise by a
    rule of ``[[credit.where]]``; ``parent`` [S] is the segment whose stress each takes, itself or
    the one it was parted from.

    ``default_intensity`` [K, S, T]: where ``lifetime[S]``, the log-hazard over a loan's whole
    term, -ln(1 - lifetime_default); where the segment's defaults go by age or by roll rates, what
    scenarios multiply them by; elsewhere a year's, -ln(1 - cdr) [1/year]. ``prepay_intensity``
    [K, S, T]: -ln(1 - cpr) [1/year], or the multiple where prepayment goes by age.
    ``draw_intensity`` [K, S, T]: -ln(1 - draw_rate) [1/year], of which an outage holds back its
    share. ``default_base``, ``prepay_base`` and ``draw_base`` [S, T] are those without any
    scenario.
    ``stated_default`` and ``stated_prepay`` [S] are one figure for each segment, the log-hazard
    of a year or of a loan: of a rate that changes, its mean or its level. ``severity`` [K, S, T]:
    share of what defaults in a period that is never recovered. ``recovery_lag`` [S]: periods from
    default to recovery; ``recovery_share`` [S, L] of it arrives 0, 1, ... periods after default,
    adding up to one. ``late_share`` [S] of the balances that are repaid at once pays ``late_days``
    [S] after maturity. A loan ``default_days`` [S] past due has defaulted. Where ``has_roll_rates``
    [S], ``roll_rates`` [S, 7, 7] holds monthly probabilities between the states of
    :data:`~scfcap.schema.languages.ROLL_STATES` (nan elsewhere), and the default intensity is what
    scenarios multiply: 1 without any. ``ageing`` [S] says how hazards go by age (None: not).
    ``period_rolls`` [S, 7, 7] are the roll rates over one period of the grid. ``order`` of events,
    ``servicer_advances`` and ``late_fee`` are as
    :class:`~scfcap.schema.projection.ProjectionSpec` states them.

    ``struck`` [K, S, T]: share of the loans standing at a period's start that the failure of core
    enterprises takes at once, before all other defaults; ``struck_recovery`` [K, S, T] of it comes
    back after ``struck_lag`` [K, S, T] periods. ``stress`` is what the scenarios were compiled to.
    ``indices`` are what floating rates follow.
    """

    scenarios: tuple[str, ...]
    segments: tuple[str, ...]
    grid: PeriodGrid
    default_intensity: FloatArray
    prepay_intensity: FloatArray
    draw_intensity: FloatArray
    default_base: FloatArray
    prepay_base: FloatArray
    draw_base: FloatArray
    stated_default: FloatArray
    stated_prepay: FloatArray
    stated_severity: FloatArray
    severity: FloatArray
    recovery_lag: IntArray
    struck: FloatArray
    struck_recovery: FloatArray
    struck_lag: IntArray
    stress: Stress
    lifetime: BoolArray
    late_share: FloatArray
    late_days: IntArray
    default_days: IntArray
    has_roll_rates: BoolArray
    roll_rates: FloatArray
    recovery_share: FloatArray
    ageing: tuple[Ageing | None, ...]
    period_rolls: FloatArray
    order: str
    servicer_advances: bool
    late_fee: float
    parent: IntArray
    indices: Indices = field(default_factory=Indices)
    lag_unit: Frequency | None = None
    """What ``recovery_lag`` counts on a grid whose periods differ; None: the grid's periods."""

    @property
    def parents(self) -> tuple[str, ...]:
        """Segments of the pool and of the plan; they come first among ``segments``."""
        return self.segments[: int(self.parent.max(initial=-1)) + 1]

    @property
    def by_term(self) -> BoolArray:
        """Whether a segment's defaults come over the original term of each loan [S]."""
        return np.array(
            [a is not None and a.default == "lifetime_loss" for a in self.ageing], dtype=np.bool_
        )

    @property
    def recovered_in(self) -> IntArray:
        """Period in which comes back what defaults in each period, ``as_of`` too [S, T + 1]."""
        unit = self.lag_unit or self.grid.frequency
        found = {lag: self.grid.later(lag, unit) for lag in set(self.recovery_lag.tolist())}
        return np.array([found[lag] for lag in self.recovery_lag.tolist()], dtype=np.int64)

    def planned(self) -> CurveSet:
        """The same as the plan and its deals reckon: recoveries in one piece after the mean lag.

        Raises:
            InputError: events have another order than ``survivors``, the servicer advances, or
                borrowers draw on their lines.
        """
        problems = list(self.draws_to_fund("the plan and its deals do"))
        action = "`scfcap project` takes it; to plan, add --set projection.{}."
        if self.order != "survivors":
            problems.append(
                Problem(
                    "model.toml: projection.order",
                    f'"{self.order}"',
                    '"survivors", in which the plan and its deals reckon',
                    action.format("order=survivors"),
                )
            )
        if self.servicer_advances:
            problems.append(
                Problem(
                    "model.toml: projection.servicer_advances",
                    "advances of a servicer",
                    "none: the plan and its deals take what borrowers pay",
                    action.format("servicer_advances=false"),
                )
            )
        if problems:
            raise InputError(problems)
        share = np.zeros((len(self.segments), int(self.recovery_lag.max(initial=0)) + 1))
        share[np.arange(len(self.segments)), self.recovery_lag] = 1.0
        return replace(self, recovery_share=share)

    def draws_to_fund(self, who: str) -> Iterator[Problem]:
        """Segments and rules whose lines are drawn, each once, as problems of ``who``, that "the
        plan does" not fund it.
        """
        drawn = []
        for base, name, parent in zip(self.draw_base, self.segments, self.parent, strict=True):
            own = self.segments[parent]
            if base.any() and name == own:
                drawn.append(f"segments.{name}")
            elif base.any() and not np.array_equal(base, self.draw_base[parent]):
                drawn.append(f"where.{name.removeprefix(parted(own, ''))}")
        for where in dict.fromkeys(drawn):
            yield Problem(
                f"model.toml: credit.{where}.draw_rate",
                "draws on revolving lines",
                f"none: {who} not fund them",
                "`scfcap project` takes them; else set draw_rate = 0.",
            )

    def refuse_draws(self, who: str) -> None:
        """Raise InputError where lines are drawn, which ``who`` (as "the plan does") not fund."""
        problems = list(self.draws_to_fund(who))
        if problems:
            raise InputError(problems)

    def under(self, stress: Stress) -> CurveSet:
        """The same segments' stated behaviour in the scenarios of ``stress``.

        Multiples act on the intensities, so that a stressed rate stays below one; the severity
        and what is added to it are cut at one. ``stress`` has the parents of this; where it has
        more periods, rates by period go on as they end.
        """
        periods = stress.held.shape[1]
        rows = self.parent if len(self.parents) < len(self.segments) else slice(None)
        default, prepay = stress.default_multiple[:, rows], stress.prepay_multiple[:, rows]
        draw = stress.draw_multiple[:, rows] * (1.0 - stress.held[:, None, :])
        infected, unpaid, unpaid_recovery, unpaid_lag, severity_add = (
            each[:, rows]
            for each in (
                *(stress.infected, stress.unpaid, stress.unpaid_recovery),
                *(stress.unpaid_lag, stress.severity_add),
            )
        )
        severity = np.minimum(self.stated_severity[None, :, None] + severity_add, 1.0)
        hit = infected + unpaid
        recovered = infected * (1.0 - severity) + unpaid * unpaid_recovery
        usual = self.recovery_lag[None, :, None]
        if self.grid.mixed:
            usual = (self.recovered_in[:, 1:] - np.arange(1, len(self.grid) + 1))[None, :, :periods]
        lag = np.where(infected > 0.0, usual, 0)
        return replace(
            self,
            scenarios=stress.scenarios,
            default_intensity=_over(self.default_base, periods) * default,
            prepay_intensity=_over(self.prepay_base, periods) * prepay,
            draw_intensity=_over(self.draw_base, periods) * draw,
            severity=severity,
            struck=1.0 - (1.0 - infected) * (1.0 - unpaid),
            struck_recovery=recovered / np.where(hit > 0.0, hit, 1.0),
            struck_lag=np.maximum(lag, unpaid_lag),
            stress=stress,
        )


def build_curves(
    segments: Sequence[str],
    credit: Mapping[str, SegmentCredit],
    scenarios: Mapping[str, Scenario],
    grid: PeriodGrid,
    *,
    lenders: Sequence[str] = (),
    exposures: Exposures | None = None,
    indices: Mapping[str, IndexSpec] | None = None,
    rates: Mapping[str, CurveSpec] | None = None,
    rules: Sequence[CreditRule] = (),
    projection: ProjectionSpec = _PLAIN,
    stated_in: Frequency | None = None,
) -> CurveSet:
    """Curves of ``segments`` in every scenario over ``grid``; see :meth:`CurveSet.under`.

    ``lenders`` and ``exposures`` to core enterprises are needed where a scenario names them;
    ``projection`` says in which order events come; periods and lags of ``credit`` and
    ``scenarios`` are told in periods ``stated_in``, those of ``grid`` where it is left out.

    Raises:
        InputError: a segment has no curve (names every such segment), a list of rates ends before
            ``grid`` does, roll rates cannot be told over its periods, or a scenario names what is
            not there.
    """
    _refuse_missing(segments, credit)
    told = Stated(stated_in or grid.frequency, grid)
    stress = compile_scenarios(
        told.scenarios(scenarios), segments, grid, lenders=lenders, exposures=exposures
    )
    names, parent, behaviour = _with_rules(segments, credit, rules)
    behaviour = told.behaviour(names, behaviour)
    bases = intensities(behaviour, grid)
    unset = np.zeros((0, len(names), len(grid)))
    return CurveSet(
        scenarios=(),
        segments=tuple(names),
        grid=grid,
        default_intensity=unset,
        prepay_intensity=unset,
        draw_intensity=unset,
        default_base=bases.default,
        prepay_base=bases.prepay,
        draw_base=bases.draw,
        stated_default=bases.stated_default,
        stated_prepay=bases.stated_prepay,
        severity=unset,
        struck=unset,
        struck_recovery=unset,
        struck_lag=unset.astype(np.int64),
        stress=stress,
        order=projection.order,
        servicer_advances=projection.servicer_advances,
        late_fee=projection.late_fee,
        parent=np.array(parent, dtype=np.int64),
        indices=Indices(indices or {}, rates or {}),
        lag_unit=told.frequency if grid.mixed else None,
        **_told(names, behaviour, grid),
    ).under(stress)


def _refuse_missing(segments: Sequence[str], credit: Mapping[str, SegmentCredit]) -> None:
    missing = [name for name in segments if name not in credit]
    if missing:
        raise InputError(
            Problem(
                where=f"model.toml: credit.segments.{name}",
                found=f"no curve for segment {name!r}",
                expected=f"one for each segment of the tape; there are {', '.join(sorted(credit))}",
                action=f"Add a table [credit.segments.{name}], or map the segment to another name "
                "in [tape.values.segment].",
            )
            for name in missing
        )


def _with_rules(
    segments: Sequence[str], credit: Mapping[str, SegmentCredit], rules: Sequence[CreditRule]
) -> tuple[list[str], list[int], list[SegmentCredit]]:
    """Names of the curves, the segment of each and its behaviour: segments first, then rules."""
    names = [*segments, *(parted(name, rule.name) for name in segments for rule in rules)]
    parent = [*range(len(segments)), *(s for s in range(len(segments)) for _ in rules)]
    behaviour = [credit[name] for name in segments]
    behaviour += [_ruled(name, credit[name], rule) for name in segments for rule in rules]
    return names, parent, behaviour


def _told(
    names: Sequence[str], behaviour: Sequence[SegmentCredit], grid: PeriodGrid
) -> dict[str, Any]:
    """What each segment's behaviour tells beside its intensities, by field of the curve set."""
    recovery_share = _recovery_share(behaviour)
    # Of a curve its mean: what the failure of core enterprises takes comes back in one piece.
    lag = np.rint(recovery_share @ np.arange(recovery_share.shape[1]))
    return {
        "stated_severity": np.array([c.severity for c in behaviour], dtype=np.float64),
        "recovery_lag": lag.astype(np.int64),
        "lifetime": np.array([c.lifetime_default is not None for c in behaviour], dtype=np.bool_),
        "late_share": np.array([c.late_share for c in behaviour], dtype=np.float64),
        "late_days": np.array([c.late_days for c in behaviour], dtype=np.int64),
        "default_days": np.array([c.default_days for c in behaviour], dtype=np.int64),
        "has_roll_rates": np.array([c.roll_rates is not None for c in behaviour], dtype=np.bool_),
        "roll_rates": _roll_rates(behaviour),
        "recovery_share": recovery_share,
        "ageing": tuple(
            Ageing(name, credit, grid.per_year) if goes_by_age(credit) else None
            for name, credit in zip(names, behaviour, strict=True)
        ),
        "period_rolls": _period_rolls(names, behaviour, grid),
    }


def parted(segment: str, rule: str) -> str:
    """Name of the curve of loans of ``segment`` for which ``rule`` holds."""
    return f"{segment} where {rule}"


def _ruled(name: str, segment: SegmentCredit, rule: CreditRule) -> SegmentCredit:
    """Behaviour of loans of a segment for which ``rule`` holds.

    Raises:
        InputError: what the rule states does not go together with the segment.
    """
    fault = rule.misfit(segment)
    if fault is not None:
        raise InputError(
            Problem(
                f"model.toml: credit.where.{rule.name}",
                rule.told(fault, name),
                fault.expected,
                fault.action,
            )
        )
    return rule.over(segment)


def _over(base: FloatArray, periods: int) -> FloatArray:
    """``base`` [S, T] cut to ``periods``, or going on as it ends."""
    return base[:, np.minimum(np.arange(periods), base.shape[1] - 1)]


def _roll_rates(behaviour: Sequence[SegmentCredit]) -> FloatArray:
    """Matrices [S, 7, 7], nan where a segment has none."""
    size = len(ROLL_STATES)
    found = np.full((len(behaviour), size, size), np.nan)
    for s, credit in enumerate(behaviour):
        if credit.roll_rates is not None:
            found[s] = credit.roll_rates
    return found


def _period_rolls(
    segments: Sequence[str], behaviour: Sequence[SegmentCredit], grid: PeriodGrid
) -> FloatArray:
    """Roll rates over one period of ``grid`` [S, 7, 7], nan where a segment has none."""
    found = _roll_rates(behaviour)
    problems = []
    for s, name in enumerate(segments):
        if behaviour[s].roll_rates is None:
            continue
        if grid.mixed:
            problems.append(
                Problem(
                    f"model.toml: credit.segments.{name}.roll_rates",
                    "monthly probabilities on a grid of weeks and then months",
                    "a grid of equal periods",
                    'Plan by the month (plan.frequency = "month"), or tell default by cdr, '
                    "lifetime_default or a curve by age.",
                )
            )
            continue
        try:
            found[s] = over_months(found[s], _MONTHS[grid.frequency])
        except ValueError as error:
            problems.append(
                Problem(
                    f"model.toml: credit.segments.{name}.roll_rates",
                    f"monthly probabilities on a grid by the {grid.frequency}; {error}",
                    "a grid by the month, or probabilities that a loan may also follow in parts of "
                    "a month: then it may come in one month wherever it may come in several",
                    'Project by the month (projection.frequency = "month"), or tell default by '
                    "cdr, lifetime_default or a curve by age.",
                )
            )
    if problems:
        raise InputError(problems)
    return found


def _recovery_share(behaviour: Sequence[SegmentCredit]) -> FloatArray:
    """Shares of the recovery by periods since default [S, L]; L is one more than the longest."""
    curves = [c.recovery_curve or (*[0.0] * c.recovery_lag, 1.0) for c in behaviour]
    found = np.zeros((len(behaviour), max(map(len, curves), default=1)))
    for s, curve in enumerate(curves):
        found[s, : len(curve)] = np.array(curve) / sum(curve)
    return found
