"""What a run folder keeps so that its projection can be made again: pool, model, credit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap.api.model import Model
from scfcap.credit.contagion import Network
from scfcap.credit.exposure import Exposures
from scfcap.credit.stress import names_cores
from scfcap.errors import InputError, Problem
from scfcap.pool.store import read_snapshot, snapshot_bytes
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.law import Calendar
from scfcap.schema.load import LoadedModel
from scfcap.schema.model import Model as ModelSpec
from scfcap.schema.regime import Regime
from scfcap.schema.report import Pack

#: Files of a run folder that hold the inputs of its projection.
POOL, MODEL = "projected_pool.parquet", "projected_model.json"
#: Tables of a pool that its plan reads.
PLANNED = ("usable", "largest_borrower_id", "largest_group")
#: Version of :data:`MODEL`.
VERSION = 1
#: Largest :data:`MODEL` that is read back [bytes].
_MOST = 64 * 2**20


def stored_inputs(model: Model, *, plan: bool = False) -> dict[str, bytes]:
    """The files from which :func:`restored` makes the projection of ``model`` again.

    The pool's loans by id and contract, without its tables; the model as it was resolved, bases
    and overrides included; the credit behaviour as it was stated or estimated. With ``plan`` also
    what its plan needs: which loans are eligible, the tables :data:`PLANNED`, and the law.
    """
    bare: dict[str, Any] = {
        name: {} for name in ("tables", "borrowing_bases", "eligibility", "counted")
    }
    said: dict[str, Any] = {
        "version": VERSION,
        "model": json.loads(model.loaded.spec.model_dump_json(by_alias=True)),
        "credit": {k: json.loads(c.model_dump_json()) for k, c in model.credit()[0].items()},
    }
    cores = plan and any(x.core is not None for x in model.spec.concentration)
    if names_cores(model.spec.scenarios) or cores:
        said["exposures"] = _told(model.exposures())
    pool = model.pool()
    if plan:
        bare["eligibility"] = pool.eligibility
        bare["tables"] = {name: pool.tables[name] for name in PLANNED if name in pool.tables}
        said["law"] = _law_told(model.loaded.law)
    text = json.dumps(said, ensure_ascii=False, indent=1)
    return {POOL: snapshot_bytes(replace(pool, **bare)), MODEL: f"{text}\n".encode()}


def restored(folder: Path) -> Model:
    """The model of a run folder, with the pool and the credit behaviour of that run.

    Its report and tape are not there, and its plan only where :func:`unplanned` says nothing.
    Raises :class:`InputError` where the folder does not hold the inputs of a projection.
    """
    missing = [name for name in (POOL, MODEL) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            Problem(
                str(folder),
                f"no {' and no '.join(missing)}",
                "a folder that scfcap run or scfcap project wrote",
                "Run the model again: scfcap project MODEL --out DIR (without --workers).",
            )
        )
    path = folder / MODEL
    try:
        said = json.loads(path.read_text(encoding="utf-8") if path.stat().st_size < _MOST else "")
        spec = ModelSpec.model_validate_json(json.dumps(said["model"]))
        credit = {
            name: SegmentCredit.model_validate_json(json.dumps(each))
            for name, each in said["credit"].items()
        }
        exposures = _heard(said["exposures"]) if "exposures" in said else None
        law = _law_heard(said.get("law"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            Problem(str(path), f"not readable ({first})", "a file as a run wrote it", "Run again.")
        ) from error
    loaded = LoadedModel(
        spec=spec,
        folder=folder,
        tape_folder=folder,
        regime=None,
        regime_name=spec.regime,
        pack=Pack(title="", sheets=("cash_flows",)),
        digest="",
        files=(),
        overrides=(),
        law=law,
    )
    model = Model(loaded)
    model.keep(pool=read_snapshot(folder / POOL), credit=(credit, pd.DataFrame()))
    if exposures is not None:
        model.keep(exposures=exposures)
    return model


def unplanned(model: Model) -> str:
    """Why the plan of a :func:`restored` model cannot be made again; empty where it can."""
    if "usable" not in model.pool().tables:
        return "it does not keep what its plan was made from"
    if model.loaded.spec.orders is not None:
        return "open orders and how their buyers pay are not kept"
    return ""


def _law_told(law: Calendar | None) -> dict[str, Any] | None:
    if law is None:
        return None
    regimes = {
        name: json.loads(each.model_dump_json(by_alias=True)) for name, each in law.regimes.items()
    }
    return {
        "place": law.place,
        "regimes": regimes,
        "named": law.named,
        "readings": sorted(law.readings),
        "key": law.key,
    }


def _law_heard(said: Mapping[str, Any] | None) -> Calendar | None:
    if said is None:
        return None
    regimes = {
        str(name): Regime.model_validate_json(json.dumps(each))
        for name, each in said["regimes"].items()
    }
    named = None if said["named"] is None else str(said["named"])
    readings = frozenset(map(str, said["readings"]))
    return Calendar(str(said["place"]), regimes, named, readings, str(said["key"]))


def _told(exposures: Exposures) -> dict[str, Any]:
    return {
        "segments": exposures.segments,
        "cores": exposures.cores,
        "orders": exposures.orders.tolist(),
        "suppliers": exposures.suppliers.tolist(),
        "linked": exposures.network.linked.tolist(),
    }


def _heard(said: Mapping[str, Any]) -> Exposures:
    cores, segments = tuple(map(str, said["cores"])), tuple(map(str, said["segments"]))
    shape = (len(segments), len(cores))
    tables = {
        name: np.array(said[name], dtype=np.float64).reshape(size)
        for name, size in (("orders", shape), ("suppliers", shape), ("linked", shape[1:] * 2))
    }
    network = Network(cores, tables["linked"])
    return Exposures(segments, cores, tables["orders"], tables["suppliers"], network)
