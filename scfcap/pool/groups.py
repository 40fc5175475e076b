"""Related borrowers: who belongs together, by shared values, stated groups, files and links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scfcap.errors import InputError, Problem
from scfcap.pool.columns import Columns, Values, column_problems
from scfcap.quantities import IntArray
from scfcap.schema.pool import GROUP, Groups
from scfcap.tape.files import read_any

_WHERE = "model.toml: pool.groups"


@dataclass(frozen=True)
class Memberships:
    """Members (texts) and the group that each belongs to, row by row."""

    members: Sequence[str]
    groups: Sequence[str]


def grouped(columns: Columns, spec: Groups, listed: Memberships | None = None) -> Values:
    """The related group of each loan, by value of ``spec.member``.

    ``listed`` is what the file at ``spec.path`` says. A group is a connected component of
    members, shared values and stated groups; it is called by the first of its stated names, else
    by the first of its members on the tape. Raises :class:`InputError` where a column is missing.
    """
    problems = column_problems(columns, [spec.member], f"{_WHERE}.member")
    problems += column_problems(columns, spec.columns, f"{_WHERE}.columns")
    if GROUP in columns.frame:
        found = f"a tape column {GROUP!r} beside [pool.groups]"
        problems.append(Problem(_WHERE, found, f"{GROUP!r} made by one of them",
                                "Leave the column out of tape.keep."))  # fmt: skip
    if problems:
        raise InputError(problems)
    stated = _stated(spec.names, listed)
    base = columns.values(spec.member)
    own = np.array([str(label) for label in base.labels], dtype=object)
    pairs = np.array(spec.links, dtype=object).reshape(-1, 2)
    names = np.concatenate([own, np.array(stated.members, dtype=object), pairs.ravel()])
    member, _ = pd.factorize(names)
    known_members = count = int(member.max(initial=-1)) + 1
    group, labels = pd.factorize(np.array(stated.groups, dtype=object))
    near, far = member[: len(own)], member[len(own) : len(own) + len(group)]
    ends = member[len(own) + len(group) :].reshape(-1, 2)
    edges = [(far, count + group), (ends[:, 0], ends[:, 1])]
    count += len(labels)
    for name in spec.columns:
        shared = columns.values(name)
        known = (shared.codes >= 0) & (base.codes >= 0)
        edges.append((near[base.codes[known]], count + shared.codes[known].astype(np.int64)))
        count += len(shared)
    component = _components(edges, count)
    return _named(base, component[near], own, labels, component[known_members:])


def read_memberships(path: Path) -> tuple[Memberships, str]:
    """The columns ``member`` and ``group`` of a file, and the SHA-256 of its bytes.

    Raises :class:`InputError` where the file cannot be read or lacks a column.
    """
    table, info = read_any(path)
    lacking = [name for name in ("member", "group") if name not in table.column_names]
    if lacking:
        raise InputError(
            Problem(
                f"{path.name} ({_WHERE}.path)",
                f"columns {', '.join(map(str, table.column_names))}",
                "the columns member and group",
                f"Add {' and '.join(lacking)}.",
            )
        )
    rows = zip(*(table[name].to_pylist() for name in ("member", "group")), strict=True)
    kept = [(str(member), str(group)) for member, group in rows if member and group]
    members, groups = zip(*kept, strict=True) if kept else ((), ())
    return Memberships(members, groups), info.digest


def _stated(names: Mapping[str, Sequence[str]], listed: Memberships | None) -> Memberships:
    members = [member for all_of in names.values() for member in all_of]
    groups = [group for group, all_of in names.items() for _ in all_of]
    if listed is not None:
        members += listed.members
        groups += listed.groups
    return Memberships(members, groups)


def _components(edges: Sequence[tuple[IntArray, IntArray]], count: int) -> IntArray:
    left, right = (np.concatenate(side) for side in zip(*edges, strict=True))
    links = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _named(
    base: Values,
    component: IntArray,
    own: npt.NDArray[np.object_],
    labels: npt.NDArray[np.object_],
    after: IntArray,
) -> Values:
    """Groups with their names: the first stated one, else the first member's."""
    names: dict[int, str] = {}
    order = np.argsort(own.astype(np.str_), kind="stable")
    first, at = np.unique(component[order], return_index=True)
    names |= dict(zip(first.tolist(), own[order][at].tolist(), strict=True))
    stated = sorted(zip(map(str, labels), after[: len(labels)].tolist(), strict=True), reverse=True)
    names |= {part: label for label, part in stated if part in names}
    code, found = pd.factorize(component)
    texts = np.array([names[part] for part in found.tolist()], dtype=object)
    codes = np.append(code, -1)[base.codes]
    return Values(codes.astype(np.int32), texts)
