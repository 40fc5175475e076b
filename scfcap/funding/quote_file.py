"""A solved plan's prices in one file, from which quotes are made without solving it again.

The file is an archive of arrays, as numpy writes them, and one text in it that says what they are:
plain values, and objects of the types listed here. Nothing is unpickled.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import BaseModel
from scipy import sparse

from scfcap.cashflow.cohorts import NewLoans
from scfcap.cashflow.orders import NewOrders
from scfcap.credit.ageing import Ageing
from scfcap.credit.curves import CurveSet
from scfcap.credit.indices import Indices
from scfcap.credit.stress import Stress
from scfcap.deal.accounts import SeriesState
from scfcap.funding import cohort_inputs, covenant_inputs, inputs, partner
from scfcap.funding.program import Program
from scfcap.funding.quote import Stand
from scfcap.funding.quote_lines import Lines
from scfcap.funding.rows import Columns, Rows, Terms
from scfcap.funding.tenor import Maturity
from scfcap.periods import PeriodGrid
from scfcap.schema.contract import ContractSpec, IndexSpec
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.curves import CurveSpec
from scfcap.schema.model import Model
from scfcap.schema.plan import SupplyStep
from scfcap.schema.regime import Cap, Regime
from scfcap.schema.securitization import SecuritizationSpec

#: Version of the file.
VERSION = 1
_TEXT = "said"

_RECORDS: tuple[type, ...] = (
    inputs.Inputs, inputs.LenderInputs, inputs.Recourse, inputs.BuyerInputs, inputs.DealInputs,
    inputs.P2PInputs, inputs.DatedCap, inputs.BankChoice,
    cohort_inputs.CohortInputs, cohort_inputs.CreditPath, cohort_inputs.ProvisionInputs,
    cohort_inputs.Maturing, covenant_inputs.CovenantInputs, covenant_inputs.CrossDefault,
    covenant_inputs.PledgeInputs, covenant_inputs.LateInputs, covenant_inputs.Breach,
    partner.PartnerInputs, partner.GuarantorInputs, Maturity, SeriesState, PeriodGrid, CurveSet,
    Stress, Ageing, Indices, NewLoans, NewOrders, Lines, Columns, Rows, Stand,
)  # fmt: skip
_MODELS: tuple[type[BaseModel], ...] = (
    Model, Regime, Cap, SecuritizationSpec, SupplyStep, SegmentCredit, ContractSpec, IndexSpec,
    CurveSpec,
)  # fmt: skip
_RECORD = {kind.__name__: kind for kind in _RECORDS}
_MODEL = {kind.__name__: kind for kind in _MODELS}


def packed(stand: Stand) -> bytes:
    """The file of ``stand``. Raises TypeError where it holds a type that the file does not know."""
    arrays: dict[str, Any] = {}
    text = json.dumps({"version": VERSION, "stand": _said(stand, arrays)}, ensure_ascii=False)
    arrays[_TEXT] = np.frombuffer(text.encode(), dtype=np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def unpacked(content: bytes) -> Stand:
    """The plan's prices from a file's content.

    Raises:
        ValueError: it is not such a file, or of another version.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            said = json.loads(arrays[_TEXT].tobytes())
            found = _heard(said["stand"], arrays) if said["version"] == VERSION else None
    except Exception as error:  # a damaged archive raises what it will
        msg = f"{type(error).__name__}: {error}"
        raise ValueError(msg) from error
    if isinstance(found, Stand):
        return found
    msg = f"not of version {VERSION}"
    raise ValueError(msg)


def _said(value: Any, arrays: dict[str, Any]) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"array": _array(value, arrays)}
    if isinstance(value, sparse.csr_array):
        parts = [_array(x, arrays) for x in (value.data, value.indices, value.indptr)]
        return {"sparse": parts, "shape": list(value.shape)}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, Mapping):
        return {"map": [[_said(k, arrays), _said(v, arrays)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_said(x, arrays) for x in value]}
    if isinstance(value, frozenset):
        return {"set": [_said(x, arrays) for x in sorted(value)]}
    if isinstance(value, Program):
        return {"program": _said(_program(value), arrays)}
    name = type(value).__name__
    if _MODEL.get(name) is type(value):
        return {"model": name, "is": value.model_dump_json(by_alias=True)}
    if _RECORD.get(name) is type(value) and is_dataclass(value):
        held = {f.name: _said(getattr(value, f.name), arrays) for f in fields(value)}
        return {"record": name, "is": held}
    msg = f"the file of quotes does not know {type(value).__module__}.{name}"
    raise TypeError(msg)


def _array(value: Any, arrays: dict[str, Any]) -> str:
    if value.dtype.hasobject:
        msg = "the file of quotes holds no array of objects"
        raise TypeError(msg)
    name = f"a{len(arrays)}"
    arrays[name] = value
    return name


def _heard(said: Any, arrays: Mapping[str, Any]) -> Any:
    if not isinstance(said, dict):
        return said
    if "array" in said:
        return arrays[said["array"]]
    if "sparse" in said:
        data, indices, start = (arrays[name] for name in said["sparse"])
        return sparse.csr_array((data, indices, start), shape=tuple(said["shape"]))
    if "day" in said:
        return date.fromisoformat(said["day"])
    if "map" in said:
        return {_heard(k, arrays): _heard(v, arrays) for k, v in said["map"]}
    if "list" in said:
        return [_heard(x, arrays) for x in said["list"]]
    if "tuple" in said:
        return tuple(_heard(x, arrays) for x in said["tuple"])
    if "set" in said:
        return frozenset(_heard(x, arrays) for x in said["set"])
    if "program" in said:
        return _restored(_heard(said["program"], arrays))
    if "model" in said:
        return _MODEL[said["model"]].model_validate_json(said["is"])
    kind = _RECORD[said["record"]]
    return kind(**{name: _heard(x, arrays) for name, x in said["is"].items()})


def _program(program: Program) -> dict[str, Any]:
    """A program as labels and arrays."""
    rows, costs = program.rows, program.objective
    return {
        "name": program.name,
        "column_family": program.columns.family,
        "column_key": program.columns.key,
        "bounds": np.array([program.columns.lower, program.columns.upper]),
        "integer": program.columns.integer,
        "row_family": rows.family,
        "row_key": rows.key,
        "sense": rows.sense,
        "right": np.array([rows.right, rows.constant]),
        "matrix": program.matrix(),
        "priced": np.array(list(costs.coefficients), dtype=np.int64),
        "costs": np.array(list(costs.coefficients.values())),
        "constant": costs.constant,
    }


def _restored(said: Mapping[str, Any]) -> Program:
    program = Program(said["name"])
    lower, upper = said["bounds"].tolist()
    program.columns = Columns(
        said["column_family"], said["column_key"], lower, upper, said["integer"]
    )
    matrix = said["matrix"]
    start, indices, data = (x.tolist() for x in (matrix.indptr, matrix.indices, matrix.data))
    right, constant = said["right"].tolist()
    terms = [dict(zip(indices[a:b], data[a:b], strict=True)) for a, b in pairwise(start)]
    program.rows = Rows(said["row_family"], said["row_key"], said["sense"], right, constant, terms)
    program.index()
    objective = Terms.of(said["priced"].tolist(), said["costs"], said["constant"])
    program.objective = objective
    return program
