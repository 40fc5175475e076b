"""A plan against what happened since, and the next plan from what stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scfcap.api import planning
from scfcap.api.model import Model, load
from scfcap.errors import InputError, Problem
from scfcap.funding.advice import advice, binding, common_closes, first_actions
from scfcap.funding.outturn import Outturn, planned
from scfcap.funding.plan import Plan
from scfcap.funding.reconcile import happened, period_closed
from scfcap.funding.replan import Length, Next, next_model
from scfcap.funding.replay import Engine, replay
from scfcap.funding.rolled import rolled_pool
from scfcap.funding.standing import actuals_of
from scfcap.funding.variance import variance
from scfcap.report.actuals import ActualsReport, Advice
from scfcap.report.files import manifest
from scfcap.report.store import is_run, read_run
from scfcap.schema.actuals import Actuals
from scfcap.schema.load import load_actuals

if TYPE_CHECKING:
    from scfcap.pool.snapshot import Pool


#: Tables of the next plan that are kept beside the comparison; a run of its model has all.
_KEPT = (
    "sources_uses", "balances", "lending", "limits", "balance_sheet", "income", "cash_flow",
    "cash_forecast", "actions", "value", "checks",
)  # fmt: skip


def compare_actuals(
    given: str | Path,
    file: str | Path,
    *,
    overrides: Sequence[str] = (),
    tape: str | Path | None = None,
    tape_after: str | Path | None = None,
    replan: bool = True,
    length: Length = "same",
) -> ActualsReport:
    """The plan of a model, or of a run folder, against the actuals in ``file``; then the re-plan.

    ``overrides`` and ``tape`` are the model's, ``tape_after`` the loan tape at the end of the
    actuals, which goes before that of the file. Without either, loans are rolled forward. Borrowers
    behave as in the plan, so that what changes in the advice comes from what happened.
    ``length``: the new plan is as long as the old, or goes to its end.

    Raises:
        InputError: actuals that do not fit the plan or do not reconcile.
        InfeasibleError: no plan keeps all limits, from the model's start or from what stands.
    """
    path = Path(file)
    told, stated = load_actuals(path)
    model = plan_of(given, overrides, tape)
    plan = model.plan()
    found = plan.optimum
    count = period_closed(told.as_of, found.inputs.grid, path.name)
    engine = _engine(model)
    expected = planned(found.inputs, found.decisions, engine, found.replay, count)
    actual, expected = happened(told, expected, found.inputs, path.name)
    compared = variance(expected, actual, model.spec.plan.opex_rate)
    after = Path(tape_after) if tape_after is not None else stated
    changed = None
    if replan:
        following = next_model(found.inputs, found.decisions, told, actual, path.name, length)
        changed = _advice(model, plan, actual, following, after, path.name, told)
    return ActualsReport(
        model=model.spec.name,
        file=path.name,
        currency=model.spec.currency,
        begin=model.spec.as_of,
        end=told.as_of,
        scenario=model.spec.plan.scenario,
        scaled=bool(model.loaded.spec.stated_for_book),
        plan=expected,
        actual=actual,
        variance=compared,
        advice=changed,
        origin=manifest(model.provenance(model.tape()), dict(plan.seconds)),
    )


def actuals_template(model: Model, until: int, scenario: str | None = None) -> Actuals:
    """The plan's first ``until`` periods as a file of actuals: a template to overwrite.

    With ``scenario`` the plan's decisions are carried out in that one, as they stand.

    Raises:
        InputError: no such period or scenario.
    """
    found = model.plan().optimum
    if not 1 <= until <= found.inputs.horizon:
        raise InputError(
            Problem("period", str(until), f"a period of the plan, 1 to {found.inputs.horizon}")
        )
    inputs, result, engine = found.inputs, found.replay, _engine(model)
    if scenario is not None and scenario != model.spec.plan.scenario:
        if scenario not in model.spec.scenarios:
            there = ", ".join(model.spec.scenarios)
            raise InputError(Problem("--scenario", scenario, f"one of {there}"))
        inputs = replace(planning.inputs(model, scenario), deals=found.inputs.deals)
        result = replay(inputs, found.decisions, engine)
    outturn = planned(inputs, found.decisions, engine, result, until)
    return actuals_of(outturn, inputs, found.decisions)


def plan_of(
    given: str | Path, overrides: Sequence[str] = (), tape: str | Path | None = None
) -> Model:
    """The model named, or that of a run folder, whose plan is made again from the same inputs.

    Raises:
        InputError: a run folder whose model is not there any more as it was.
    """
    if not is_run(Path(given)):
        return load(given, overrides=overrides, tape=tape)
    said = read_run(Path(given)).manifest
    name, texts = str(said.get("model", "")), [str(x) for x in said.get("overrides", [])]
    action = "Give the model's folder in place of the run folder, with the --set of that run."
    if overrides:
        raise InputError(
            Problem(f"--set for {given}", "a run folder", "a model, or no --set", action)
        )
    try:
        model = load(name, overrides=texts, tape=tape)
    except InputError as error:
        expected = "the run of a shipped model"
        raise InputError(Problem(str(given), f'a run of "{name}"', expected, action)) from error
    digests = said.get("digests", {})
    same = {"model": model.loaded.digest, "tape": model.tape().digest}
    differ = [key for key, digest in same.items() if digests.get(key) != digest]
    if differ:
        raise InputError(
            Problem(
                str(given),
                f"a run whose {' and '.join(differ)} differ from those of {name} now",
                "the same inputs, from which its plan follows again",
                action,
            )
        )
    return model


def _engine(model: Model) -> Engine:
    return Engine(model.pool(), model.curves().planned(), model.new_loans())


def _advice(
    model: Model,
    plan: Plan,
    actual: Outturn,
    following: Next,
    tape: Path | None,
    file: str,
    told: Actuals,
) -> Advice:
    """The next plan, and what changed in the advice."""
    after = _begun(model, following, tape)
    said = list(following.said)
    if tape is None:
        found = plan.optimum
        pool = rolled_pool(found.inputs, found.decisions, _engine(model), actual, file)
        after = after.given(
            pool=pool, tape=model.tape(), credit=model.credit(), new_loans=model.new_loans()
        )
        said.append(
            "Without a tape of that day, loans are those of the old tape as projected and those "
            "that the plan lent, scaled to what stands by segment and place; none is known to be "
            "behind."
        )
    else:
        _same_loans(after.pool(), actual, file, told.tolerance)
        said.append("Borrowers behave in the new plan as in the old one.")
    newer = after.plan()
    said += _other_capital(newer, told)
    closes = common_closes(plan.grid, newer.grid)
    before, now = plan.tables(), newer.tables()
    first = closes[0] if closes else newer.grid.ends[0]
    return Advice(
        flows=advice(before, now, closes, newer.grid.as_of),
        actions=first_actions(before, now, newer.grid.as_of, first),
        limits=binding(before, now, closes),
        objective=newer.objective,
        net_income=newer.net_income,
        end=newer.grid.ends[-1],
        first=first,
        common=len(closes),
        said=tuple(said),
        limits_changed=tuple(_limits_changed(model, after)),
        tables={name: now[name] for name in _KEPT},
    )


def _begun(model: Model, following: Next, tape: Path | None) -> Model:
    """The model from the new day on, with the plan's behaviour of borrowers."""
    loaded, spec = model.loaded, following.spec
    regime = loaded.regime
    if loaded.law is not None:
        rules = loaded.law.rules(spec.as_of, spec.plan.grid(spec.as_of).ends[-1])
        regime = rules[0] if rules else None
    again = Model(replace(loaded, spec=spec, regime=regime), tape or model.tape_path)
    return again.given(credit=model.credit(), new_loans=model.new_loans())


def _same_loans(pool: Pool, actual: Outturn, file: str, tolerance: float) -> None:
    """Refuse a tape whose loans are not those of the actuals by segment and place."""
    strange = {pool.places[int(p)] for p in np.unique(pool.place)} - set(actual.places)
    problems = [
        Problem(f"{file}: tape", f"loans held by {where}", "holders that the plan knows")
        for where in sorted(strange)
    ]
    for s, segment in enumerate(actual.segments):
        of = np.array([name == segment for name in pool.segments])[pool.segment]
        for c, where in enumerate(actual.places):
            there = np.array([name == where for name in pool.places])[pool.place]
            on_tape, stated = float(pool.balance[of & there].sum()), float(actual.closing[s, c])
            if abs(on_tape - stated) > max(tolerance, 1e-6 * stated):
                problems.append(
                    Problem(
                        f"{file}: loans.{segment}/{where}.closing",
                        f"{stated:,.2f}, while the tape of that day has {on_tape:,.2f}",
                        "the same principal in both",
                        "Loans that have defaulted must be charged off on the tape, or stand in "
                        "the closing balance; else correct one of them.",
                    )
                )
    if problems:
        raise InputError(problems)


def _other_capital(newer: Plan, told: Actuals) -> list[str]:
    """A sentence where the new plan's net capital is not the file's: what no model states."""
    inputs = newer.optimum.inputs
    begins, stated = inputs.net_capital * inputs.unit, told.company.net_capital
    if abs(begins - stated) <= max(told.tolerance, 1e-9 * abs(stated)):
        return []
    currency = told.currency
    return [
        f"Net capital at the start of the new plan is {currency} {begins:,.0f}, "
        f"{abs(begins - stated):,.0f} {'more' if begins > stated else 'less'} than the file's: "
        "what series expect of defaults, open claims, and coupons other than by whole periods "
        "stand in no model."
    ]


def _limits_changed(before: Model, after: Model) -> list[str]:
    """New limits in words."""
    said: list[str] = []
    for kind in ("lenders", "buyers", "guaranteed", "joint"):
        was = {x.name: x.limit for x in getattr(before.spec, kind)}
        said += [
            _changed(before, x.name, was[x.name], x.limit)
            for x in getattr(after.spec, kind)
            if x.limit != was[x.name]
        ]
    p2p, later = before.spec.p2p, after.spec.p2p
    if p2p is not None and later is not None and p2p.limit != later.limit:
        said.append(_changed(before, "P2P", p2p.limit, later.limit))
    return said


def _changed(model: Model, name: str, was: float, now: float) -> str:
    currency = model.spec.currency
    return f"The limit of {name} is {currency} {now:,.0f} now; it was {was:,.0f}."
