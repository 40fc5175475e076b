"""Two plans side by side: run folders that hold one, or models that are planned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap import __version__
from scfcap.api.compare import title_of
from scfcap.api.model import Model, load
from scfcap.api.stored import MODEL, POOL, restored, unplanned
from scfcap.errors import InputError, Problem
from scfcap.report.compare_plans import PlanComparison, PlanParty
from scfcap.report.store import SavedRun, is_run, read_run
from scfcap.schema.base import names_given

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.funding.plan import Plan

#: Tables of a plan that a comparison reads.
NEEDED = ("lending", "actions", "limits", "prices", "next")
#: Tables that its workbook shows besides.
_SHOWN = ("sources_uses", "balances")


def holds_plan(given: str | Path) -> bool:
    """Whether ``given`` is a run folder with the tables of a plan."""
    folder = Path(given)
    tables = folder / "tables"
    return is_run(folder) and all((tables / f"plan_{x}.parquet").is_file() for x in NEEDED)


def opened(
    given: str | Path,
    overrides: Sequence[str],
    scenario: str | None,
    tape: str | Path | None,
) -> Path | Model:
    """A model, loaded, to be planned under ``scenario``; a run folder as it was given.

    Raises:
        InputError: no such model, an override it cannot take, or one of a folder.
    """
    if not is_run(Path(given)):
        more = [] if scenario is None else [f"plan.scenario={json.dumps(scenario)}"]
        return load(given, overrides=[*overrides, *more], tape=tape)
    for option, said in (("--set", overrides), ("--tape", tape)):
        if said:
            expected = "a model; what a run folder was made from stays as it was"
            raise InputError(Problem(f"{option} for {given}", "a run folder", expected))
    return Path(given)


def compare_plans(
    a: str | Path | Model,
    b: str | Path | Model,
    *,
    overrides: tuple[Sequence[str], Sequence[str]] = ((), ()),
    scenarios: tuple[str | None, str | None] = (None, None),
    tapes: tuple[str | Path | None, str | Path | None] = (None, None),
) -> PlanComparison:
    """What changed from plan ``a`` to plan ``b`` and why: each a run folder, a model or its name.

    Models are planned; of folders the stored plan is shown, and it is made again where what it was
    made from is kept, to tell why the plans differ. ``overrides`` and ``tapes`` are of models,
    ``scenarios`` of either.

    Raises:
        InputError: what is named is neither, holds no plan, or is of another currency.
        InfeasibleError: one of the models has no plan that keeps all limits.
    """
    sides = [_opened(*each) for each in zip((a, b), overrides, scenarios, tapes, strict=True)]
    currencies = [x.currency for x in sides]
    if currencies[0] != currencies[1]:
        raise InputError(
            Problem("currency", " and ".join(currencies), "amounts in one currency", "Convert one.")
        )
    parties = [_party(side) for side in sides]
    models = [side.model for side in sides]
    if models[0] is None or models[1] is None:
        whose = [f"{side.name}: {side.missing}" for side in sides if side.model is None]
        return PlanComparison(parties[0], parties[1], currencies[0], None, "; ".join(whose))
    from scfcap.api.plan_steps import plan_steps

    steps = plan_steps(models[0], models[1])
    return PlanComparison(parties[0], parties[1], currencies[0], steps)


@dataclass(frozen=True)
class _Side:
    """What was given: the model, where there is one, and the folder, where its plan is told."""

    name: str
    model: Model | None
    saved: SavedRun | None
    missing: str = ""

    @property
    def currency(self) -> str:
        if self.model is not None:
            return self.model.loaded.spec.currency
        assert self.saved is not None
        return str(self.saved.result["currency"])


def _opened(
    given: str | Path | Model,
    overrides: Sequence[str],
    scenario: str | None,
    tape: str | Path | None,
) -> _Side:
    title = title_of(given)
    found = given if isinstance(given, Model) else opened(given, overrides, scenario, tape)
    if isinstance(found, Model):
        return _Side(title, found, None)
    given = found
    if not holds_plan(given):
        raise InputError(
            Problem(
                str(given),
                "a run folder without a plan",
                "a folder that scfcap run or scfcap plan --out wrote",
                "Plan the model: scfcap plan MODEL --out DIR.",
            )
        )
    return _of_folder(Path(given), title, scenario)


def _of_folder(folder: Path, title: str, scenario: str | None) -> _Side:
    saved = read_run(folder)
    there = all((folder / name).is_file() for name in (POOL, MODEL))
    model = restored(folder) if there else None
    missing = unplanned(model) if model is not None else "it does not keep what its plan is of"
    if missing:
        model = None
    own = str(saved.result.get("scenario", ""))
    if scenario is None or scenario == own:
        return _Side(title, model, saved, missing)
    if model is None or scenario not in model.loaded.spec.scenarios:
        expected = own if model is None else f"one of {', '.join(model.loaded.spec.scenarios)}"
        raise InputError(Problem(f"{folder}: scenario", repr(scenario), expected))
    from dataclasses import replace

    spec = model.loaded.spec
    plan = spec.plan.model_copy(update={"scenario": scenario})
    loaded = replace(model.loaded, spec=spec.model_copy(update={"plan": plan}))
    return _Side(title, Model(loaded).given(**model._kept), None)


def _party(side: _Side) -> PlanParty:
    if side.saved is None:
        assert side.model is not None
        return _planned(side.name, side.model)
    saved = side.saved
    frames = {
        name.removeprefix("plan_"): table.frame
        for name, table in saved.tables.items()
        if name.startswith("plan_")
    }
    result = saved.result
    again = None
    spec: Mapping[str, Any] = {}
    about = {
        "model": str(result.get("model", "")),
        "as_of": str(result.get("as_of", "")),
        "scenario": str(result.get("scenario", "")),
        "regime": str(result.get("regime", "")),
        "objective": "max_income",
        "span": f"to {frames['limits']['end'].max():%Y-%m-%d}",
        "version": str(saved.manifest.get("versions", {}).get("scfcap", "unknown")),
        "overrides": ", ".join(map(str, saved.manifest.get("overrides", []))),
    }
    if side.model is not None:
        plan = _again(side.model)
        again = (plan.objective, plan.net_income)
        about["objective"] = side.model.spec.plan.objective
        spec = json.loads(side.model.loaded.spec.model_dump_json())
    return PlanParty(
        side.name,
        about,
        spec,
        float(result["objective"]),
        float(result["net_income"]),
        frames,
        tuple(map(str, result.get("cautions", ()))),
        again,
        () if side.model is None else names_given(side.model.loaded.spec),
        "en" if side.model is None else side.model.loaded.pack.language,
    )


def _again(model: Model) -> Plan:
    """The plan of a folder's model made again, without what each channel is worth."""
    from scfcap.api.variants import engine_of
    from scfcap.funding.plan import solve_plan

    return model.once("plan", lambda: solve_plan(model.inputs(), engine_of(model), channels=False))


def _planned(name: str, model: Model) -> PlanParty:
    plan, spec = model.plan(), model.loaded.spec
    tables = plan.tables()
    about = {
        "model": spec.name,
        "as_of": spec.as_of.isoformat(),
        "scenario": spec.plan.scenario,
        "regime": model.loaded.regime_name,
        "objective": spec.plan.objective,
        "span": f"to {plan.grid.ends[-1]:%Y-%m-%d}",
        "version": __version__,
        "overrides": ", ".join(model.loaded.overrides),
    }
    return PlanParty(
        name,
        about,
        json.loads(spec.model_dump_json()),
        plan.objective,
        plan.net_income,
        {table: tables[table] for table in (*NEEDED, *_SHOWN)},
        tuple(_cautions(model, tables)),
        names=names_given(spec),
        language=model.loaded.pack.language,
    )


def _cautions(model: Model, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    from scfcap.funding.holding import holding_cautions
    from scfcap.report.cautions import over_limits
    from scfcap.report.plan import broken_covenants

    return [
        *holding_cautions(model.inputs()),
        *broken_covenants(tables["covenants"]),
        *over_limits(model.loaded.spec),
    ]
