"""Models that differ from another in some of their data, and what they share with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from scfcap.schema.load import load_model
from scfcap.schema.model import Model as ModelSpec

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.plan import Plan
    from scfcap.funding.replay import Engine
    from scfcap.schema.law import Calendar

#: Fields of a model that neither its loans nor their behaviour depend on.
FREE: Final = frozenset(
    ("name", "title", "regime", "regime_readings", "warning", "opening", "provisions", "tax",
     "dividends", "injections", "lenders", "buyers", "securitization", "deals", "p2p",
     "guaranteed", "guarantor", "joint", "concentration", "report", "plan", "demand", "factors",
     "proposals", "allocation")
)  # fmt: skip
#: Fields that behaviour and cash flows depend on, but not which loans there are.
LATER: Final = frozenset(("scenarios", "projection", "credit", "indices", "curves"))
#: Settings of the plan that its periods depend on.
_GRID = ("frequency", "periods", "stated_in")


def overridden(model: Model, overrides: Sequence[str] | Mapping[str, object]) -> Model:
    """The model with further ``overrides``, sharing with it what they leave as it is.

    ``overrides`` as :func:`scfcap.load` takes them. Raises :class:`InputError`.
    """
    from scfcap.api.model import Model as Loaded

    if isinstance(overrides, Mapping):
        from scfcap.schema.write import override_text

        overrides = [override_text(key, value) for key, value in overrides.items()]
    loaded = load_model(model.loaded.folder, [*model.loaded.overrides, *overrides])
    other = Loaded(loaded, model.tape_path)
    share(model, other)
    return other


def variant(model: Model, spec: ModelSpec, law: Calendar | None) -> Model:
    """The model's loans under ``spec`` (amounts of currency, not scaled again) and ``law``."""
    from scfcap.api.model import Model as Loaded

    given = replace(model.loaded, spec=spec.model_copy(update={"stated_for_book": None}), law=law)
    return Loaded(given, model.tape_path)


def share(model: Model, other: Model) -> None:
    """Give ``other`` the loans, behaviour and factors of ``model`` where its own are the same."""
    mine, its = model.loaded.spec, other.loaded.spec
    if same(mine, its, set(ModelSpec.model_fields) - FREE - LATER) and (
        mine.credit.where == its.credit.where
    ):
        lend_loans(model, other)
        if same(mine, its, {"credit"}):
            other.keep(credit=model.credit())
            lend_factors(model, other)


def lend_loans(model: Model, other: Model) -> None:
    """Give ``other`` the loans of ``model``, and its tape where it has one."""
    names = ("orders", "exposures") if model.kept("tape") is None else ("tape", "orders")
    lent = {name: kept for name in names if (kept := model.kept(name)) is not None}
    other.keep(pool=model.pool(), **lent)


def lend_factors(model: Model, other: Model) -> None:
    """Give ``other``, whose loans and behaviour are those of ``model``, its curves and factors
    where nothing else that they depend on differs.
    """
    if behind_factors(model) == behind_factors(other):
        names = ("curves", "new_loans", "factors")
        other.keep(**{name: getattr(model, name)() for name in names})


def behind_factors(model: Model) -> str:
    """What curves and factors depend on beside loans and behaviour, as a text that can be told
    from another's.
    """
    spec = model.spec
    held: dict[str, Any] = {name: _plain(spec, name) for name in sorted(LATER - {"credit"})}
    held["contract"], held["orders"] = _plain(spec, "contract"), _plain(spec, "orders")
    held["new"] = {
        name: json.loads(wish.model_dump_json(include={"new_loans"}))
        for name, wish in spec.demand.items()
    }
    held["plan"] = [str(getattr(spec.plan, name)) for name in _GRID]
    held["lenders"] = [x.name for x in spec.lenders]
    return json.dumps(held, sort_keys=True)


def same(a: ModelSpec, b: ModelSpec, fields: Iterable[str]) -> bool:
    """Whether two models agree in ``fields``."""
    return all(getattr(a, name) == getattr(b, name) for name in fields)


def engine_of(model: Model) -> Engine:
    """What the model's decisions are replayed with."""
    from scfcap.funding.replay import Engine

    def made() -> Engine:
        return Engine(model.pool(), model.curves().planned(), model.new_loans())

    return model.once("engine", made)


def what_if(
    model: Model, overrides: Sequence[str] | Mapping[str, object], *, choose: bool = True
) -> Plan:
    """See :meth:`scfcap.api.model.Model.what_if`."""
    from scfcap.funding.what_if import replan

    other = overridden(model, overrides)
    if other.kept("factors") is model.factors():
        other.keep(engine=engine_of(model))
    return replan(other.inputs(), engine_of(other), model.plan(), choose=choose)


def _plain(spec: ModelSpec, name: str) -> Any:
    return json.loads(spec.model_dump_json(include={name}))
