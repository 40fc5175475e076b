"""``[tape]``: values of the mapping that do not go together are refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from scfcap.schema.base import MisfitError
from scfcap.schema.tape import NEEDS, Derive, TapeSpec

BASE: dict[str, Any] = {"source": "file", "path": "tape.csv"}


def misfit(error: ValidationError) -> MisfitError:
    (fault,) = error.errors()
    found = fault["ctx"]["error"]
    assert isinstance(found, MisfitError)
    return found


@pytest.mark.parametrize(
    ("tables", "key", "found"),
    [
        ({"percent": ("rate",), "basis_points": ("rate",)}, "basis_points", "rate in both"),
        ({"daily": ("rate",), "monthly": ("rate",)}, "monthly", "rate in both"),
        ({"decimal": ",", "thousands": ","}, "thousands", "the decimal mark"),
        ({"group": {"by": "id", "take": {"id": "sum"}}}, "group.take.id", "column that groups"),
    ],
)
def test_what_does_not_go_together(tables: dict[str, Any], key: str, found: str) -> None:
    with pytest.raises(ValidationError) as error:
        TapeSpec(**BASE, **tables)
    fault = misfit(error.value)
    assert fault.key == key
    assert found in fault.found


@pytest.mark.parametrize("how", [how for how, needs in NEEDS.items() if needs])
def test_a_derived_column_names_all_that_it_needs(how: Any) -> None:
    with pytest.raises(ValidationError) as error:
        Derive(how=how)
    assert misfit(error.value).key == NEEDS[how][0]


@pytest.mark.parametrize(
    "tables",
    [
        {"where": "rate >"},
        {"where": "__import__('os')"},
        {"derive": {"rate": {"how": "expression", "expression": "a.b()"}}},
        {"scale": {"rate": 0.0}},
        {"scale": {"rate": float("inf")}},
        {"duplicates": "ignore"},
        {"group": {"by": "id", "take": {"x": "mean"}}},
        {"rules": {"outlier": "loud"}},
        {"term": {"column": "t", "unit": "weeks"}},
        {"default_days": 0},
    ],
)
def test_what_no_mapping_holds(tables: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TapeSpec(**BASE, **tables)
