"""What the model says of its allocation, in the words of the checker's files."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scfcap.axes import BANK_DEBT, OWN
from scfcap.expressions import parse
from scfcap.funding.allocation.assemble import Draft
from scfcap.funding.allocation.assembled import Funder
from scfcap.funding.allocation.counting import Side
from scfcap.funding.allocation.funders import Terms
from scfcap.funding.allocation.limits import TODAY, NameLimit, SumLimit
from scfcap.funding.allocation.program import (
    UNPLACED,
    AllocationProgram,
    Attribute,
    Choice,
    Row,
    Term,
)
from scfcap.funding.allocation.result import Allocation
from scfcap.report.proof import About, proof_of
from scfcap.schema.allocation import AllocationChannel
from scfcap.schema.model import Model
from scfcap.schema.placing import line_base
from scfcap.schema.tape import TapeSpec
from scfcap.tape.schema import Tape

#: Why the plan keeps a loan out, as :func:`scfcap.funding.allocation.admission.admit` says it.
BY_PLAN = "the plan has no such loan there"
#: The tape's rows beside the other files, where the model makes them itself.
KEPT_TAPE = "tape.parquet"
#: Columns that the checker always reads.
_ALWAYS = (
    "loan_id", "current_balance", "status", "channel", "rate", "origination_date", "maturity_date",
)  # fmt: skip


@dataclass(frozen=True)
class TapeSource:
    """The tape of an allocation: as read, how, and from where (``path``: given for the model's)."""

    tape: Tape
    mapping: TapeSpec
    folder: Path
    path: Path | None = None


def proof_files(
    draft: Draft, found: Allocation, source: TapeSource, *, before: bool = False
) -> dict[str, bytes]:
    """The checker's files by name. ``before``: loans are where an earlier allocation put them."""
    whole = _whole(draft, found)
    about = _About(draft, whole.program).about(before=before)
    used = _used(about, whole.program)
    stated, kept = _tape(source, used)
    files = proof_of(whole, replace(about, tape=stated)).files()
    return files | kept


def _whole(draft: Draft, found: Allocation) -> Allocation:
    """The answer with the rows that could not bind and were left out, at no price."""
    program = found.program
    there = {row.name for row in program.rows}
    more = tuple(_row(limit) for limit in draft.limits.sums if limit.name not in there)
    if not more:
        return found
    named = {term.attribute for row in more for term in row.terms} - {None}
    attributes = dict(program.attributes)
    for name in sorted(named - attributes.keys(), key=str):
        attributes[str(name)] = _attribute(draft, str(name))
    numbers = {**draft.limits.numbers, **program.numbers}
    whole = replace(program, rows=(*program.rows, *more), attributes=attributes, numbers=numbers)
    lefts = [_left(whole, row, found.choice) for row in more]
    return replace(
        found,
        program=whole,
        dual=np.append(found.dual, np.zeros(len(more))),
        branches=tuple(
            (taken, np.append(price, np.zeros(len(more)))) for taken, price in found.branches
        ),
        activity=np.append(found.activity, lefts),
    )


def _row(limit: SumLimit) -> Row:
    terms = tuple(
        Term(part.channel, part.weight, part.attribute, part.members, part.number)
        for part in limit.parts
    )
    return Row(limit.name, limit.kind, limit.right, terms, limit.stated)


def _attribute(draft: Draft, name: str) -> Attribute:
    if name == TODAY:
        return Attribute(draft.given.today.astype(np.int32), draft.given.keys)
    return Attribute(draft.limits.known[name].astype(np.int32), ("known",))


def _left(program: AllocationProgram, row: Row, choice: Choice) -> float:
    placed = np.flatnonzero(choice != UNPLACED)
    return math.fsum(program.coefficients(row)[placed, choice[placed]].tolist())


class _About:
    """Puts a draft into the words of ``limits.json``."""

    def __init__(self, draft: Draft, program: AllocationProgram) -> None:
        self.draft, self.given, self.program = draft, draft.given, program
        self.spec: Model = draft.given.spec
        self.numbers = {term.number for row in program.rows for term in row.terms if term.number}
        self.texts = {
            term.attribute for row in program.rows for term in row.terms if term.attribute
        }

    def about(self, *, before: bool) -> About:
        """All that is said beside the rows."""
        stated = self.spec.allocation
        names = [self._names(limit) for limit in self.draft.limits.names]
        whole = {name: self._added(name) for name in self.given.columns.added if name != "channel"}
        more = {
            "frozen": stated.frozen,
            "promised": [
                {"name": each.label, "test": each.test, "channel": each.channel}
                for each in stated.promised
            ],
            "holders": "before" if before else "tape",
            "columns": list(self._columns(whole)),
            "numbers": list(self._numbers()),
            "names": names,
            "worth": {
                "how": stated.values,
                "move_cost": stated.move_cost,
            },
        }
        return About(
            as_of=self.given.pool.as_of.isoformat(),
            currency=self.spec.currency,
            channels={
                funder.key: self._channel(funder, terms)
                for funder, terms in zip(self.given.funders, self.given.terms, strict=True)
            },
            more=more,
            names=dict(self._parts_of_names()),
            prices=self.draft.prices if stated.values == "stated" else {},
            kept=self._kept(),
            relief=dict(self._relief()),
            whole=whole,
            counts={name: self.draft.limits.numbers[name] for name in self._beyond()},
        )

    def _channel(self, funder: Funder, terms: Terms) -> dict[str, Any]:
        stated, aim = funder.stated, funder.target
        own = self.spec.allocation.channels.get(OWN, AllocationChannel()).cost or 0.0
        default = own if funder.kind in (OWN, BANK_DEBT) else 0.0
        return {
            "rules": funder.rules,
            "tests": [] if funder.key == OWN else list(_tests(funder, terms)),
            "retests": funder.kind == BANK_DEBT,
            "closed": terms.closed,
            "new_only": terms.new_only,
            "releases": terms.releases,
            "part": funder.part,
            "wanted": aim.wanted,
            "source": aim.source,
            "cost": default if stated.cost is None else stated.cost,
            "income_share": stated.income_share,
            "loss_share": stated.loss_share,
            "move_cost": stated.move_cost,
        }

    def _columns(self, whole: dict[str, Attribute]) -> Iterator[dict[str, Any]]:
        for name in sorted(self.texts | whole.keys()):
            if name in whole:
                yield {"name": name, "how": "given"}
            elif name == TODAY:
                yield {"name": name, "how": "today"}
            elif name in self.draft.limits.known:
                yield {"name": name, "how": "known", "of": name.removesuffix(" is known")}
            else:
                yield {"name": name, "how": "column", "of": name}

    def _added(self, name: str) -> Attribute:
        values = self.given.columns.added[name]
        labels = tuple(values.texts(np.arange(len(values))))
        return Attribute(values.codes.astype(np.int32), labels)

    def _beyond(self) -> list[str]:
        """Numbers that limits on names or products need, and no row names."""
        limits = self.draft.limits.names
        asked = {self._parted(c, side)[1] for limit in limits for c, side in limit.weights}
        named = {name for name in asked if name is not None}
        for name in self.numbers:
            named |= set(self._factors(name))
        return sorted(named - self.numbers)

    def _parted(self, channel: int, side: Side) -> tuple[float, str | None]:
        return self.draft.counting.parted(channel, side)

    def _factors(self, name: str) -> tuple[str, ...]:
        """The two numbers of which one is the product, where it is."""
        left, sign, right = name.partition(" times ")
        both = left in self.draft.limits.numbers and right in self.draft.counting.numbers
        return (left, right) if sign and both else ()

    def _numbers(self) -> Iterator[dict[str, Any]]:
        for name in sorted(self.numbers | set(self._beyond())):
            yield {"name": name, **self._number(name)}

    def _number(self, name: str) -> dict[str, Any]:
        given = self.given
        for funder in given.funders:
            if funder.kind == BANK_DEBT and name == f"advance rate of {funder.name}":
                base = line_base(self.spec, funder.name)
                rates = [{"test": each.test, "rate": each.rate} for each in base.advance_rates]
                return {"how": "advance", "channel": funder.key, "rates": rates,
                        "otherwise": base.otherwise}  # fmt: skip
            for side in ("partner", "own"):
                if name == f"{side} part of {funder.key}":
                    partner = side == "partner"
                    share = funder.part if partner else 1.0 - funder.part
                    return {"how": "part", "channel": funder.key, "share": share,
                            "share_there": 1.0 if partner else 0.0}  # fmt: skip
        factors = self._factors(name)
        if factors:
            return {"how": "product", "factors": list(factors)}
        if name in given.columns:
            return {"how": "column", "of": name}
        return {"how": "given"}

    def _relief(self) -> Iterator[tuple[str, float]]:
        """What sums are given beyond what is stated, by row."""
        stated = {limit.name: limit.right for limit in self.draft.limits.sums}
        for row in self.program.rows:
            if row.name in stated and row.right != stated[row.name]:
                yield row.name, row.right - stated[row.name]

    def _relief_of(self, limit: NameLimit) -> dict[str, float]:
        """What names are given beyond a limit on them, by name."""
        relief = self.draft.binding.relief.get(limit.name)
        if relief is None:
            return {}
        if limit.top > 1:
            return {"": float(relief[0])}
        codes = np.flatnonzero(relief)
        labels = self.given.columns.values(limit.column).texts(codes)
        return dict(zip(labels, relief[codes].tolist(), strict=True))

    def _names(self, limit: NameLimit) -> dict[str, Any]:
        weights = []
        for c, side in limit.weights:
            weight, number = self._parted(c, side)
            weights.append({"channel": self.given.keys[c], "weight": weight, "number": number})
        return {
            "name": limit.name,
            "column": limit.column,
            "top": limit.top,
            "share": limit.share,
            "cap": None if limit.share is not None else limit.cap,
            "relief": self._relief_of(limit),
            "weights": weights,
        }

    def _parts_of_names(self) -> Iterator[tuple[str, str]]:
        """Rows on names, and the limit of which each is a part."""
        limits = {limit.name for limit in self.draft.limits.names}
        sums = {limit.name for limit in self.draft.limits.sums}
        for row in self.program.rows:
            name = row.name.removesuffix(f": {row.subject}")
            if row.name not in sums and name in limits:
                yield row.name, name

    def _kept(self) -> dict[str, np.ndarray]:
        """Where the plan alone keeps loans out."""
        found = self.draft.admission
        if BY_PLAN not in found.reasons:
            return {}
        refused = found.refused == found.reasons.index(BY_PLAN)
        return {key: refused[:, c] for c, key in enumerate(self.given.keys) if refused[:, c].any()}


def _tests(funder: Funder, terms: Terms) -> Iterator[dict[str, str]]:
    """All that a loan has to meet to come into a channel, as expressions."""
    for rule in () if funder.chosen is None else funder.chosen.rules:
        yield {"name": rule.label, "test": rule.test}
    if terms.segments is not None:
        listed = ", ".join(_quoted(segment) for segment in terms.segments)
        yield {"name": "segments that it takes", "test": f"segment in ({listed})"}
    if terms.oldest_day < 0:
        yield {"name": terms.seasoning, "test": f"age_days >= {-terms.oldest_day}"}
    least = funder.stated.minimum_loan
    if least > 0.0:
        yield {"name": "smallest loan", "test": f"current_balance >= {least!r}"}
    for mean in funder.stated.averages:
        yield {"name": f"{mean.column} is there", "test": f"`{mean.column}` is present"}


def _quoted(text: str) -> str:
    sign = "'" if '"' in text else '"'
    return f"{sign}{text}{sign}"


def _used(about: About, program: AllocationProgram) -> set[str]:
    """Columns of the tape that the checker needs."""
    more = about.more
    tests = [test["test"] for channel in about.channels.values() for test in channel["tests"]]
    tests += [each["test"] for each in more["promised"]]
    tests += [rate["test"] for number in more["numbers"] for rate in number.get("rates", ())]
    tests += [more["frozen"]] if more["frozen"] is not None else []
    found = {name for test in tests for name in parse(test).columns}
    found |= {each["of"] for each in (*more["columns"], *more["numbers"]) if each.get("of")}
    found |= {each["column"] for each in more["names"]} | set(program.attributes)
    return found | set(_ALWAYS)


def _tape(source: TapeSource, used: set[str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What is said of the tape; and the tape itself, where the model makes it."""
    tape = source.tape
    if source.path is not None or source.mapping.source == "file":
        return {
            "name": tape.source,
            "sha256": tape.digest,
            "mapping": source.mapping.model_dump(mode="json", exclude_defaults=True),
            "folder": str(source.folder),
            "path": None if source.path is None else str(source.path),
        }, {}
    columns = [name for name in tape.frame if name in used]
    out = io.BytesIO()
    table = pa.Table.from_pandas(tape.frame[columns], preserve_index=False)
    pq.write_table(table, out, compression="zstd")
    content = out.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    return {"name": tape.source, "sha256": digest, "kept": KEPT_TAPE}, {KEPT_TAPE: content}
