"""A model's funding date becomes a program: who may take which loan, worth what, within limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from scfcap.funding.allocation.admission import Admission, admit
from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.binding import Binding, NameRow, binding
from scfcap.funding.allocation.counting import Counting
from scfcap.funding.allocation.funders import Setting
from scfcap.funding.allocation.limits import TODAY, Limits, SumLimit, limits_of
from scfcap.funding.allocation.program import AllocationProgram, Attribute, Row, Term
from scfcap.funding.allocation.structure import HELD
from scfcap.quantities import BoolArray, FloatArray


@dataclass(frozen=True)
class Draft:
    """A funding date whose rows on names may still grow: see :mod:`.cuts`.

    ``value`` (loans, channels) [currency]; ``prices``: what it is made of, by loan and name.
    """

    given: Setting
    admission: Admission
    counting: Counting
    limits: Limits
    binding: Binding
    value: FloatArray
    prices: dict[str, FloatArray]

    def assembled(self, rows: Sequence[NameRow] | None = None, rounds: int = 1) -> Assembled:
        """The program with ``rows`` on names; None: those to begin with."""
        chosen = self.binding.rows if rows is None else rows
        given = self.given
        attributes = _attributes(given, self.limits, self.binding.sums, chosen)
        made = [_sum_row(limit) for limit in self.binding.sums]
        made += [self._name_row(row, attributes) for row in chosen]
        program = AllocationProgram(
            loan_id=given.pool.ids(HELD),
            balance=given.balance,
            channels=given.keys,
            value=self.value,
            eligible=self.counting.eligible,
            must=np.ones(len(given), dtype=np.bool_),
            today=given.today,
            attributes={name: attribute for name, (attribute, _) in attributes.items()},
            numbers=_used({**self.limits.numbers, **self.counting.numbers}, made),
            rows=tuple(made),
        )
        counts = {
            "rows": len(made),
            "rows that cannot bind": self.binding.left_out,
            "rows on names that nothing broke": self.binding.waiting
            - sum(row.limit.top == 1 for row in chosen[len(self.binding.rows) :]),
            "rows added when broken": len(chosen) - len(self.binding.rows),
            "rounds": rounds,
        }
        return Assembled(
            program=program,
            funders=given.funders,
            columns=given.columns,
            as_of=given.pool.as_of,
            currency=given.spec.currency,
            reasons=tuple(self.admission.reasons),
            refused=self.admission.refused,
            undetermined=self.admission.undetermined,
            cautions=(
                *given.cautions,
                *self.admission.cautions,
                *self.limits.cautions,
                *self.binding.cautions,
            ),
            prices=self.prices,
            counts=counts,
            made=self,
        )

    def _name_row(
        self, row: NameRow, attributes: dict[str, tuple[Attribute, dict[int, int]]]
    ) -> Row:
        """``sum over members - share of all <= 0``, or ``sum over members <= cap``."""
        limit = row.limit
        labels, places = attributes[limit.column]
        members = tuple(places[code] for code in row.members)
        said = ", ".join(labels.labels[place] for place in members)
        terms = []
        for c, side in limit.weights:
            weight, number = self.counting.parted(c, side)
            terms.append(Term(c, weight, limit.column, members, number))
            if limit.share is not None:
                terms.append(Term(c, -limit.share * weight, None, (), number))
        right = limit.cap if limit.share is None else 0.0
        right += self.binding.relieved(limit, row.members[0])
        name = f"{limit.name}: {said}"
        return Row(name, limit.kind, right, tuple(terms), limit.stated, said)


def draft(
    given: Setting,
    value: FloatArray,
    prices: dict[str, FloatArray] | None = None,
    counts: dict[str, FloatArray] | None = None,
    unknown: BoolArray | None = None,
) -> Draft:
    """Everything of a funding date but which rows on names it needs.

    ``value`` (loans, channels) [currency]; ``prices`` what it is made of, by loan and name;
    ``counts`` numbers by which amounts of targets count loans, by name; ``unknown`` (loans,
    channels): places of which the values know nothing.

    Raises:
        InputError: a test or limit of ``[allocation]`` does not fit the tape's columns.
        InfeasibleError: a limit is broken wherever the loans go.
    """
    found = admit(given, unknown)
    counting = Counting.of(given, found)
    limits = limits_of(given, found, counting, counts or {})
    given.columns.forget()
    return Draft(given, found, counting, limits, binding(counting, limits), value, prices or {})


def _sum_row(limit: SumLimit) -> Row:
    terms = tuple(
        Term(part.channel, part.weight, part.attribute, part.members, part.number)
        for part in limit.parts
    )
    return Row(limit.name, limit.kind, limit.right, terms, limit.stated)


def _attributes(
    given: Setting, limits: Limits, sums: Iterable[SumLimit], rows: Iterable[NameRow]
) -> dict[str, tuple[Attribute, dict[int, int]]]:
    """Attributes that rows name, with the values alone that some row is on (-1: any other), and
    where each of a column's codes stands among them.
    """
    wanted: dict[str, set[int]] = {}
    for row in rows:
        wanted.setdefault(row.limit.column, set()).update(row.members)
    found: dict[str, tuple[Attribute, dict[int, int]]] = {}
    for column, codes in wanted.items():
        values = given.columns.values(column)
        kept = np.array(sorted(codes), dtype=np.int64)
        table = np.full(len(values) + 1, -1, dtype=np.int32)
        table[kept] = np.arange(len(kept), dtype=np.int32)
        places = {int(code): place for place, code in enumerate(kept)}
        found[column] = Attribute(table[values.codes], tuple(values.texts(kept))), places
    named = {part.attribute for limit in sums for part in limit.parts}
    if TODAY in named:
        found[TODAY] = Attribute(given.today.astype(np.int32), given.keys), {}
    for name, codes_of in limits.known.items():
        if name in named:
            found[name] = Attribute(codes_of.astype(np.int32), ("known",)), {}
    return found


def _used(numbers: dict[str, FloatArray], rows: Iterable[Row]) -> dict[str, FloatArray]:
    """The numbers that rows ask for."""
    used = {term.number for row in rows for term in row.terms if term.number is not None}
    return {name: values for name, values in numbers.items() if name in used}
