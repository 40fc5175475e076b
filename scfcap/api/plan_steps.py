"""From one plan to another by groups of data, one after the other, each step a plan of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ValidationError

from scfcap.api.variants import behind_factors, engine_of, lend_loans, same, variant
from scfcap.errors import InfeasibleError, InputError
from scfcap.report.compare_plans import Step
from scfcap.schema.crosscheck import crosscheck
from scfcap.schema.messages import Key, dotted
from scfcap.schema.model import Model as ModelSpec

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.pool.snapshot import Pool

#: Fields of a model by the driver that a change of them is, in the order of the drivers.
#: ``plan.scenario`` goes with the scenarios.
GROUPS: Final = {
    "opening": ("as_of", "tape", "history", "contract", "orders", "pool", "opening",
                "stated_for_book"),
    "credit": ("credit", "indices", "curves", "projection"),
    "scenario": ("scenarios",),
    "demand": ("demand",),
    "lenders": ("lenders",),
    "buyers": ("buyers",),
    "securitization": ("securitization",),
    "p2p": ("p2p",),
    "partners": ("guaranteed", "guarantor", "joint"),
    "law": ("regime", "regime_readings"),
    "policy": ("plan", "provisions", "tax", "dividends", "injections", "concentration"),
}  # fmt: skip
#: Fields that move no plan.
NEUTRAL: Final = ("name", "title", "currency", "factors", "warning", "deals", "proposals",
                  "allocation", "report")  # fmt: skip


class _ApartError(Exception):
    """Groups of data that do not stand without each other."""


class _Side:
    """One of the two models; ``n`` is its place."""

    def __init__(self, n: int, model: Model) -> None:
        self.n, self.model, self.spec = n, model, model.spec


def plan_steps(a: Model, b: Model) -> list[Step]:
    """Plans between those of ``a`` and ``b``: each group of data that differs is taken from b.

    Each starts from the basis of the one before. A group whose data do not go together with the
    others', or with which no plan keeps all limits, waits for the next: both are then one step.
    The last is the plan of ``b``. Empty where nothing differs.
    """
    return _Walk(_Side(0, a), _Side(1, b)).steps()


class _Walk:
    def __init__(self, a: _Side, b: _Side) -> None:
        self.a, self.b = a, b
        self.flows: dict[tuple[int, int, str], Model] = {}
        self.remember(a.model, 0, 0)
        self.remember(b.model, 1, 1)

    def remember(self, model: Model, loans: int, credit: int) -> None:
        self.flows.setdefault((loans, credit, behind_factors(model)), model)

    def steps(self) -> list[Step]:
        changed = [name for name in GROUPS if self.differs(name)]
        found: list[Step] = []
        before, spec = self.a.model.plan(), self.a.spec
        moved: set[str] = set()
        waiting: list[str] = []
        for name in changed:
            moved.add(name)
            waiting.append(name)
            spec = self.taken(spec, name)
            if name == changed[-1]:
                plan = self.b.model.plan()
            else:
                try:
                    plan = self.between(spec, moved, before)
                except (InputError, InfeasibleError, ValidationError, _ApartError):
                    continue
            found.append(Step(tuple(waiting), plan.objective, plan.net_income))
            waiting, before = [], plan
        return found

    def differs(self, name: str) -> bool:
        a, b = self.a, self.b
        if name == "opening" and not _same_loans(a.model.pool(), b.model.pool()):
            return True
        if name == "credit" and a.model.credit()[0] != b.model.credit()[0]:
            return True
        if name == "law" and a.model.loaded.law != b.model.loaded.law:
            return True
        if name == "scenario" and a.spec.plan.scenario != b.spec.plan.scenario:
            return True
        if name == "policy":
            settings = a.spec.plan.model_copy(update={"scenario": b.spec.plan.scenario})
            if settings == b.spec.plan:
                return not same(a.spec, b.spec, set(GROUPS[name]) - {"plan"})
        if name == "opening":
            return not same(a.spec, b.spec, set(GROUPS[name]) - {"stated_for_book"})
        return not same(a.spec, b.spec, GROUPS[name])

    def taken(self, spec: ModelSpec, name: str) -> ModelSpec:
        """``spec`` with one group as b has it."""
        new: dict[str, Any] = {field: getattr(self.b.spec, field) for field in GROUPS[name]}
        if name == "policy":
            kept = {"scenario": spec.plan.scenario}
            new["plan"] = self.b.spec.plan.model_copy(update=kept)
        if name == "scenario":
            kept = {"scenario": self.b.spec.plan.scenario}
            new["plan"] = spec.plan.model_copy(update=kept)
        return spec.model_copy(update=new)

    def between(self, spec: ModelSpec, moved: set[str], before: Any) -> Any:
        from scfcap.funding.what_if import replan

        loans = self.b if "opening" in moved else self.a
        credit = self.b if "credit" in moved else self.a
        if loans is not credit and self.a.spec.credit.where != self.b.spec.credit.where:
            raise _ApartError  # the pool says which loan follows which rule
        spec = ModelSpec.model_validate_json(spec.model_dump_json(by_alias=True))
        law = (self.b if "law" in moved else self.a).model.loaded.law
        model = variant(loans.model, spec, law)
        last = model.plan_periods.ends[-1]
        rules = [] if law is None else law.rules(spec.as_of, last)
        problems = crosscheck(spec, rules, _where)
        if problems:
            raise InputError(problems)
        lend_loans(loans.model, model)
        model.keep(credit=credit.model.credit())
        key = (loans.n, credit.n, behind_factors(model))
        if key in self.flows:
            like = self.flows[key]
            names = ("curves", "new_loans", "factors")
            model.keep(**{name: getattr(like, name)() for name in names}, engine=engine_of(like))
        self.remember(model, loans.n, credit.n)
        return replan(model.inputs(), engine_of(model), before)


def _same_loans(a: Pool, b: Pool) -> bool:
    """Whether two pools hold the same loans, as a plan sees them."""
    if (a.as_of, a.segments, a.places, len(a)) != (b.as_of, b.segments, b.places, len(b)):
        return False
    if a.digest == b.digest:
        return True
    arrays = ("segment", "place", "loan_type", "balance", "rate", "origination_day",
              "maturity_day", "days_past_due")  # fmt: skip
    plain = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)
    sets = a.eligibility.keys() == b.eligibility.keys() and all(
        np.array_equal(a.eligibility[name], b.eligibility[name]) for name in a.eligibility
    )
    bare = all(x.terms is None and x.rule is None and x.limit_ratio is None for x in (a, b))
    return plain and sets and bare


def _where(key: Key) -> str:
    return dotted(key)
