"""Two projections side by side: run folders, or models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap import __version__
from scfcap.api.model import Model, load
from scfcap.api.projecting import longer
from scfcap.api.stored import MODEL, POOL, restored
from scfcap.cashflow.drivers import Side, alike
from scfcap.credit.curves import CurveSet, parted
from scfcap.errors import InputError, Problem
from scfcap.report.compare import Comparison, Party
from scfcap.report.store import SavedRun, is_run, read_run
from scfcap.schema.base import names_given
from scfcap.schema.credit import SegmentCredit


def compare(
    a: str | Path | Model,
    b: str | Path | Model,
    *,
    overrides: tuple[Sequence[str], Sequence[str]] = ((), ()),
    scenarios: tuple[str | None, str | None] = (None, None),
    tapes: tuple[str | Path | None, str | Path | None] = (None, None),
) -> Comparison:
    """What changed from ``a`` to ``b`` and why: each a run folder, a model or its name.

    ``overrides`` and ``tapes`` for models, ``scenarios`` (else each plan's own) are of a and of b.

    Raises:
        InputError: what is named is neither, holds no projection, or the two cannot be compared:
            other currencies, periods of another length, an unknown scenario.
    """
    sources = [_open(*each) for each in zip((a, b), overrides, tapes, strict=True)]
    models = [model for model, _ in sources]
    currencies = [model.loaded.spec.currency for model in models]
    if currencies[0] != currencies[1]:
        raise InputError(
            Problem("currency", " and ".join(currencies), "amounts in one currency", "Convert one.")
        )
    names = tuple(
        scenario or model.loaded.spec.plan.scenario
        for scenario, model in zip(scenarios, models, strict=True)
    )
    for model, name, given in zip(models, names, (a, b), strict=True):
        if name not in model.loaded.spec.scenarios:
            there = ", ".join(model.loaded.spec.scenarios)
            raise InputError(Problem(f"{given}: scenario", repr(name), f"one of {there}"))
    whole = [
        Side(model.pool(), curves, _behaviour(model))
        for model, curves in zip(models, _over_both(models), strict=True)
    ]
    sides = alike(whole[0], whole[1], [(names[0], names[1])])
    titles = _titles((a, b), names)
    parties = [
        _party(title, model, side, name, saved)
        for title, (model, saved), side, name in zip(titles, sources, sides, names, strict=True)
    ]
    return Comparison(parties[0], parties[1], currencies[0])


def holds_inputs(given: str | Path | Model) -> bool:
    """Whether projections of what was given can be compared: not of a folder without its inputs."""
    if isinstance(given, Model) or not is_run(Path(given)):
        return True
    return all((Path(given) / name).is_file() for name in (POOL, MODEL))


def _behaviour(model: Model) -> dict[str, SegmentCredit]:
    """Credit behaviour by curve: of segments, and of their loans that behave otherwise."""
    credit = model.credit()[0]
    ruled = {
        parted(name, rule.name): rule.over(behaviour)
        for name, behaviour in credit.items()
        for rule in model.spec.credit.where
    }
    return credit | ruled


def _over_both(models: Sequence[Model]) -> list[CurveSet]:
    """Curves of each model, over the periods of the longer where its own are not stated."""
    curves = [model.projection_curves() for model in models]
    periods = max(len(each.grid) for each in curves)
    return [
        each if model.spec.projection.periods is not None else longer(each, periods)
        for model, each in zip(models, curves, strict=True)
    ]


def _open(
    given: str | Path | Model, overrides: Sequence[str], tape: str | Path | None
) -> tuple[Model, SavedRun | None]:
    if isinstance(given, Model):
        return given, None
    if not is_run(Path(given)):
        return load(given, overrides=overrides, tape=tape), None
    if overrides or tape is not None:
        option = "--set" if overrides else "--tape"
        expected = "a model; what a run folder was made from stays as it was"
        raise InputError(Problem(f"{option} for {given}", "a run folder", expected))
    return restored(Path(given)), read_run(Path(given))


def _titles(
    given: tuple[str | Path | Model, str | Path | Model], scenarios: Sequence[str]
) -> list[str]:
    """Short names that tell the two apart."""
    names = [title_of(each) for each in given]
    if scenarios[0] != scenarios[1]:
        return [f"{name} {scenario}" for name, scenario in zip(names, scenarios, strict=True)]
    return names


def title_of(given: str | Path | Model) -> str:
    """A short name of what was given."""
    if isinstance(given, Model):
        folder = given.loaded.folder
        return folder.name or given.name
    return Path(given).resolve().name if Path(given).exists() else str(given)


def _party(title: str, model: Model, side: Side, scenario: str, saved: SavedRun | None) -> Party:
    spec = model.loaded.spec
    about = {
        "model": spec.name,
        "as_of": spec.as_of.isoformat(),
        "scenario": scenario,
        "loans": f"{len(side.pool)}",
        "version": __version__,
    }
    plain: dict[str, Any] = json.loads(spec.model_dump_json())
    if saved is None:
        about["overrides"] = ", ".join(model.loaded.overrides)
        return Party(
            title,
            side,
            about,
            plain,
            model.credit()[1],
            names=names_given(spec),
            language=model.loaded.pack.language,
        )
    about["version"] = str(saved.manifest.get("versions", {}).get("scfcap", "unknown"))
    about["overrides"] = ", ".join(map(str, saved.manifest.get("overrides", [])))
    frames = {name: table.frame for name, table in saved.tables.items()}
    figures = {
        name: float(value)
        for name, value in saved.result.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in _NO_FIGURE
    }
    return Party(
        title,
        side,
        about,
        plain,
        frames.get("credit", pd.DataFrame()),
        stored=_stored(saved, side, scenario),
        figures=figures,
        tables=frames,
        names=names_given(spec),
        language=model.loaded.pack.language,
    )


_NO_FIGURE = ("schema_version", "periods", "paths", "seed")


def _stored(saved: SavedRun, side: Side, scenario: str) -> pd.DataFrame | None:
    """The folder's own cash flows of the scenario, over the periods that are compared."""
    if "cash_flows" not in saved.tables:
        return None
    frame = saved.tables["cash_flows"].frame
    mine = (frame["scenario"] == scenario) & (frame["period"] <= len(side.curves.grid))
    return frame[mine].reset_index(drop=True) if mine.any() else None
