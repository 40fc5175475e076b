"""Expressions over columns, as data: parsed by us, never run by Python.

::

    remaining_days <= 180 and score >= 600 and region != "X"
    status in ("current", "late") and (buyer_id is missing or not disputed == "Yes")
    origination_date >= date("2013-01-01") and `Due Date` - origination_date <= 90
    if(settled_on > as_of, min(amount, limit) * 0.8, 0)

    expression  = and { "or" and }
    and         = not { "and" not }
    not         = "not" not | comparison
    comparison  = sum [ { relation sum } | ["not"] "in" "(" literal {"," literal} ")"
                      | "is" ("missing" | "present") ]
    relation    = "<" | "<=" | ">" | ">=" | "==" | "!="
    sum         = term { ("+" | "-") term }
    term        = sign { ("*" | "/") sign }
    sign        = "-" sign | primary
    primary     = number | text | "true" | "false" | name | function "(" ... ")" | "(" or ")"

A name is a column, in backquotes where it holds blanks or signs other than a dot between words. A
missing value makes what depends on it undetermined, in the three-valued logic of S. C. Kleene
(Introduction to Metamathematics, 1952, § 64): ``false and unknown`` is false, ``true or unknown``
is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from scfcap.expressions.nodes import (
    FALSE,
    TRUE,
    UNKNOWN,
    Array,
    Cells,
    CodedTexts,
    Columns,
    ExpressionError,
    Node,
    Texts,
    kinds_asked,
    texts_beside,
    truth,
)
from scfcap.expressions.parser import MAX_DEPTH, MAX_LENGTH, MAX_OPERATORS, Parser

__all__ = [
    "FALSE",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_OPERATORS",
    "TRUE",
    "UNKNOWN",
    "Array",
    "Cells",
    "CodedTexts",
    "Expression",
    "ExpressionError",
    "ExpressionText",
    "Texts",
    "parse",
]


@dataclass(frozen=True)
class Expression:
    """A parsed expression. ``columns``: the names that it uses, in order of appearance."""

    text: str
    columns: tuple[str, ...]
    _root: Node

    def evaluate(self, cells: Columns, rows: int) -> Cells:
        """Its value in each row; ``cells`` gives a column by name.

        Raises :class:`ExpressionError` where kinds do not go together.
        """
        value = self._root.value(cells)
        if isinstance(value, str):
            return Texts(np.zeros(rows, dtype=np.int32), (value,))
        if isinstance(value, CodedTexts):
            if value.codes.ndim:
                return value
            return Texts(np.broadcast_to(value.codes, (rows,)), value.labels)
        return np.broadcast_to(value, (rows,)) if value.ndim == 0 else value

    def answers(self, cells: Columns, rows: int) -> npt.NDArray[np.int8]:
        """:data:`TRUE`, :data:`FALSE` or :data:`UNKNOWN` in each row, shape (rows,).

        Raises :class:`ExpressionError` where kinds do not go together, or it is no test.
        """
        found = truth(self._root.value(cells), self._root)
        return np.array(np.broadcast_to(found, (rows,)))

    @property
    def root(self) -> Node:
        """The tree, for those who read the expression otherwise than by evaluating it."""
        return self._root

    @property
    def uses(self) -> dict[str, str]:
        """What each column must be by the way it is used: "number", "text" or "date".

        Left out where several kinds would do, as in a comparison of two columns.
        """
        return dict(kinds_asked(self._root))

    def compared(self, name: str) -> list[str]:
        """Texts that the column ``name`` is compared with."""
        return list(texts_beside(self._root, name))


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Read an expression, once where it is asked for again.

    Raises :class:`ExpressionError` with the place of the fault.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(found=f"{len(text):,} characters", expected=f"at most {MAX_LENGTH:,}")
    parser = Parser(text)
    root = parser.whole()
    return Expression(text, tuple(parser.columns), root)


def _checked(text: str) -> str:
    parse(text)
    return text


#: A text field of a schema that holds an expression.
ExpressionText = Annotated[str, AfterValidator(_checked)]
