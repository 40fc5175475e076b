"""The columns that an expression of the mapping names, as typed cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.errors import InputError, Problem
from scfcap.expressions import UNKNOWN, Array, Cells, Expression, ExpressionError
from scfcap.schema.tape import TapeSpec
from scfcap.tape import convert
from scfcap.tape.convert import Issue, NumberForm
from scfcap.tape.mapping import AS_OF, BY_NAME


def number_form(spec: TapeSpec, *ours: str) -> NumberForm:
    """How the source writes the numbers of columns of ours."""
    currency = any(name in spec.currency_text for name in ours)
    return NumberForm(spec.decimal, spec.thousands, currency)


def date_form(spec: TapeSpec, *names: str) -> str | tuple[str, ...] | None:
    """Form of dates that is stated for the first of ``names`` that has one."""
    return next((spec.date_formats[name] for name in names if name in spec.date_formats), None)


@dataclass
class Names:
    """Cells by name: of the source as they stand there, else ours as ``ours`` gives them.

    A text cell of the source is a number, a date or a text as the expression uses it, and as the
    mapping says where it is mapped. ``issues`` lists the cells that then do not parse.
    """

    table: Any
    spec: TapeSpec
    as_of: date
    ours: Callable[[str], Cells]
    expression: Expression
    target: str
    issues: list[Issue] = field(default_factory=list)

    def __call__(self, name: str) -> Cells:
        """Typed cells of ``name``."""
        if name in self.table.column_names:
            return self._source(name)
        return np.asarray(np.datetime64(self.as_of, "D")) if name == AS_OF else self.ours(name)

    def _source(self, name: str) -> Cells:
        cells = self.table.column(name)
        mapped = [ours for ours, theirs in self.spec.columns.items() if theirs == name] or [name]
        form = date_form(self.spec, name, *mapped)
        is_day = any(BY_NAME[ours].kind == "date" for ours in mapped if ours in BY_NAME)
        kind = self.expression.uses.get(name, "")
        if form is not None or is_day or kind == "date" or convert.is_date(cells):
            found, issues = convert.dates(cells, self.target, form)
            return self._told(name, found, issues)
        if pa.types.is_boolean(cells.type):
            truth = convert.plain(cells).cast(pa.int8())
            return np.asarray(pc.fill_null(truth, UNKNOWN).to_numpy(zero_copy_only=False))
        numbers = number_form(self.spec, *mapped)
        if kind == "number" or not convert.is_text(cells):
            values, issues = convert.numbers(cells, self.target, form=numbers)
            return self._told(name, values, issues)
        return convert.coded(cells) if kind == "text" else self._guessed(cells, numbers)

    def _guessed(self, cells: Any, form: NumberForm) -> Cells:
        """Numbers where all cells are, else days where all are, else texts."""
        values, faults = convert.numbers(cells, self.target, form=form)
        if not faults and not convert.has_leading_zeros(cells):
            return values
        days, faults = convert.dates(cells, self.target)
        return convert.coded(cells) if faults else days

    def _told(self, name: str, cells: Array, issues: list[Issue]) -> Array:
        self.issues += [from_source(name, issue) for issue in issues]
        return cells


def from_source(name: str, issue: Issue) -> Issue:
    """An issue that says which source column its cells are from."""
    return Issue(
        *(issue.column, issue.reason, issue.severity, f"{issue.detail} in source column {name}"),
        *(issue.rows, issue.values),
    )


def refused(error: ExpressionError, key: str) -> InputError:
    """An expression that does not fit its columns, as the user's to mend."""
    return InputError(Problem(f"model.toml: tape.{key}", error.found, error.expected, error.action))
