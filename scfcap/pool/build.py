"""A checked tape becomes the frozen pool: outstanding loans as arrays, with the pool's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.errors import InputError, InvariantError, Problem
from scfcap.pool.borrowing_base import BorrowingBase, borrowing_base
from scfcap.pool.columns import Columns, Values, ask, expression_problems
from scfcap.pool.concentration import concentration_tables
from scfcap.pool.digests import combined, digest_of, named_digests
from scfcap.pool.eligibility import Eligibility, evaluate, validate
from scfcap.pool.groups import Memberships, grouped, read_memberships
from scfcap.pool.snapshot import ELIGIBLE, Pool
from scfcap.pool.stratify import Classes, stratify, summarise
from scfcap.pool.terms import terms_of
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray, IntArray
from scfcap.schema.contract import ContractSpec
from scfcap.schema.credit import CreditRule
from scfcap.schema.model import Model
from scfcap.schema.plan import Lender
from scfcap.schema.pool import GROUP, PoolSpec
from scfcap.schema.tape import TapeSpec
from scfcap.tape.schema import Tape

_LEFT_OUT = ("", "no balance", "repaid", "charged_off")


@dataclass(frozen=True)
class Around:
    """What of the model, besides its rules, the pool depends on.

    ``mapping``: how the tape was read. ``stated_for_book``: the book for which the pool's amounts
    are stated [currency]; they are scaled with the loans outstanding. ``members``: what the file
    of related groups says. ``contracts``: when loans pay, by segment.
    ``rules``: which loans behave otherwise than their segment.
    """

    mapping: TapeSpec | None = None
    lenders: tuple[Lender, ...] = ()
    stated_for_book: float | None = None
    members: Memberships | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    contracts: Mapping[str, ContractSpec] = field(default_factory=dict)
    rules: tuple[CreditRule, ...] = ()

    @classmethod
    def of(cls, model: Model, folder: Path) -> Around:
        """What surrounds the pool of ``model``, whose data files stand in ``folder``.

        Raises :class:`InputError` where the file of related groups cannot be used.
        """
        groups = model.pool.groups
        members, digest = (None, "")
        if groups is not None and groups.path is not None:
            members, digest = read_memberships(folder / groups.path)
        digests = {"groups": digest} if members is not None else {}
        if model.contract:
            by_name = {name: digest_of(contract) for name, contract in model.contract.items()}
            digests["contracts"] = combined(by_name)
        if model.credit.where:
            by_name = {rule.name: digest_of(rule) for rule in model.credit.where}
            digests["credit_where"] = combined(by_name)
        return cls(
            mapping=model.tape,
            lenders=model.lenders,
            stated_for_book=model.stated_for_book,
            members=members,
            digests=digests,
            contracts=model.contract,
            rules=model.credit.where,
        )


def build_pool(tape: Tape, spec: PoolSpec, around: Around | None = None) -> Pool:
    """The outstanding loans of ``tape`` with the answers of every eligibility set.

    Left out, and shown in the table ``summary``: loans that are repaid, charged off or have no
    balance. ``segments`` are all the tape's, sorted; ``places`` begin with ``own_capital``.

    Raises :class:`InputError` where a rule, limit or stratification names no tape column, tests
    a column of the wrong kind, or no loan is outstanding.
    """
    around = around or Around()
    reasons = _left_out(tape.frame)
    columns = columns_of(tape, spec, around)
    validate(columns, spec)
    scaled, lenders = _scaled(spec, around, float(columns.balance.sum()))
    found, tables = evaluate(columns, scaled)
    answers = {name: each.answer for name, each in found.items()}
    counted, more = concentration_tables(columns, scaled, answers)
    tables |= more
    bases = _bases(columns, scaled, lenders, found)
    tables |= {f"borrowing_base_{name}": base.table for name, base in bases.items()}
    pool = _loans(tape, columns, around)
    held = _alphabetical(Classes(pool.place, pool.places))
    tables["summary"] = summarise(columns, tape.frame, reasons, held)
    for by in spec.stratify_by:
        name = by if isinstance(by, str) else by.column
        tables[f"stratification_{name}"] = stratify(columns, by)
    _tie(tape.frame, tables["summary"])
    inputs = named_digests(tape, spec, around.mapping, lenders, around.digests)
    return pool.with_(
        eligibility=answers,
        tables=tables,
        digest=combined(inputs),
        inputs=inputs,
        counted=counted,
        borrowing_bases=bases,
    )


def columns_of(tape: Tape, spec: PoolSpec, around: Around) -> Columns:
    """The columns of the loans of :func:`build_pool`, in its order, with their related groups.

    Raises :class:`InputError` where no loan is outstanding or groups name no tape column.
    """
    columns = Columns(_outstanding(tape, _left_out(tape.frame)), tape.as_of)
    if spec.groups is not None:
        columns.added[GROUP] = grouped(columns, spec.groups, around.members)
    return columns


def loans_of(tape: Tape, around: Around | None = None) -> Pool:
    """The outstanding loans of ``tape`` alone: no rule is asked, and no table is made.

    Raises :class:`InputError` where no loan is outstanding.
    """
    frame = _outstanding(tape, _left_out(tape.frame))
    return _loans(tape, Columns(frame, tape.as_of), around or Around())


def _loans(tape: Tape, columns: Columns, around: Around) -> Pool:
    held = _held(columns)
    segments = tuple(sorted(tape.frame["segment"].cat.categories))
    return Pool(
        as_of=tape.as_of,
        loan_id=columns.frame["loan_id"].array,
        segments=segments,
        segment=_coded(columns.values("segment"), segments),
        places=held.labels,
        place=held.codes.astype(np.int64, copy=False),
        loan_type=_coded(columns.values("loan_type"), axes.LOAN_TYPES),
        balance=columns.balance,
        original_balance=columns.numbers("original_balance"),
        rate=columns.numbers("rate"),
        origination_day=-columns.numbers("age_days").astype(np.int64),
        maturity_day=columns.numbers("remaining_days").astype(np.int64),
        days_past_due=np.nan_to_num(columns.numbers("days_past_due")).astype(np.int64),
        eligibility={},
        tables={},
        digest="",
        terms=terms_of(columns.frame, tape.as_of, around.contracts),
        rules=tuple(rule.name for rule in around.rules),
        rule=_first_rule(columns, around.rules),
        limit_ratio=_limit_ratio(columns),
    )


def _limit_ratio(columns: Columns) -> FloatArray | None:
    """Credit limit of each revolving line over its balance; None where the tape has none."""
    if "credit_limit" not in columns:
        return None
    limit = columns.numbers("credit_limit")
    lines = _coded(columns.values("loan_type"), axes.LOAN_TYPES) == axes.REVOLVING_LINE
    ratio = np.where(lines, limit / columns.balance, np.nan)
    return None if np.isnan(ratio).all() else ratio


def _first_rule(columns: Columns, rules: tuple[CreditRule, ...]) -> IntArray | None:
    """Position of the first of ``rules`` that holds for each loan, -1 where none does."""
    problems = [
        problem
        for rule in rules
        for problem in expression_problems(
            columns, rule.test, f"model.toml: credit.where.{rule.name}.test"
        )
    ]
    if problems:
        raise InputError(problems)
    if not rules:
        return None
    found = np.full(len(columns), -1, dtype=np.int64)
    for position in reversed(range(len(rules))):
        found[ask(columns, rules[position].test) == ELIGIBLE] = position
    return found


def _left_out(frame: pd.DataFrame) -> pd.Series[Any]:
    """Why each loan is not in the pool, empty where it is."""
    code = (frame["current_balance"] <= 0.0).to_numpy().astype(np.int8)
    for k, name in enumerate(_LEFT_OUT[2:], start=2):
        code[(frame["status"] == name).to_numpy()] = k
    reason = pd.Categorical.from_codes(code, pd.Index(_LEFT_OUT, dtype="str"))
    return pd.Series(reason, index=frame.index)


def _outstanding(tape: Tape, reasons: pd.Series[Any]) -> pd.DataFrame:
    kept = (reasons == "").to_numpy()
    if not kept.any():
        raise InputError(
            Problem(
                tape.source,
                "no outstanding loan",
                "at least one with a balance that is neither repaid nor charged off",
                "Check the mapping of current_balance and status.",
            )
        )
    return tape.frame if kept.all() else tape.frame[kept].reset_index(drop=True)


def _scaled(spec: PoolSpec, around: Around, total: float) -> tuple[PoolSpec, tuple[Lender, ...]]:
    """Rules and lenders with their amounts for a book of ``total`` [currency]."""
    if not around.stated_for_book:
        return spec, around.lenders
    factor = total / around.stated_for_book
    return spec.scaled(factor), tuple(lender.scaled(factor) for lender in around.lenders)


def _bases(
    columns: Columns,
    spec: PoolSpec,
    lenders: tuple[Lender, ...],
    found: Mapping[str, Eligibility],
) -> dict[str, BorrowingBase]:
    by_name = {lender.name: lender for lender in lenders}
    bases = {}
    for name, base in spec.borrowing_base.items():
        rules = spec.eligibility[base.eligibility]
        lender = None if base.lender is None else by_name.get(base.lender)
        bases[name] = borrowing_base(columns, base, rules, found[base.eligibility], lender)
    return bases


def _held(columns: Columns) -> Classes:
    """Where each loan sits: own capital first, also where the tape does not say."""
    values = columns.values("channel") if "channel" in columns else None
    if values is None:
        return Classes(np.zeros(len(columns), dtype=np.int64), (axes.OWN,))
    there = values.counts()[:-1] > 0
    labels = [str(label) for label, used in zip(values.labels, there, strict=True) if used]
    places = (axes.OWN, *sorted(set(labels) - {axes.OWN}))
    codes = _coded(values, places)
    return Classes(np.where(codes < 0, 0, codes), places)


def _alphabetical(held: Classes) -> Classes:
    order = np.argsort(np.array(held.labels, dtype=np.str_), kind="stable")
    places = np.argsort(order).astype(np.int32)
    return Classes(places[held.codes], tuple(held.labels[k] for k in order))


def _coded(values: Values, order: tuple[str, ...]) -> IntArray:
    """Codes of ``values`` in ``order``."""
    place = {label: k for k, label in enumerate(order)}
    codes = np.array([*(place.get(str(label), -1) for label in values.labels), -1], dtype=np.int64)
    return np.asarray(codes[values.codes], dtype=np.int64)


def _tie(frame: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Pool and what is left out add up to the tape, in loans and balance."""
    parts = summary[summary["part"].isin(["pool", "left out"])]
    loans, balance = int(parts["loans"].sum()), float(parts["balance"].sum())
    total = float(frame["current_balance"].sum())
    if loans != len(frame) or abs(balance - total) > ENGINE_TOLERANCE * max(1.0, total):
        msg = (
            f"pool and left-out loans hold {loans} loans, {balance}; the tape {len(frame)}, {total}"
        )
        raise InvariantError(msg)
