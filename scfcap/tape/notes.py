"""The history of a deal's notes, from trustees' reports in long form: read, cleaned, tied out.

One row is one amount: trust, month, class, what it is, how much. Rows that stand twice with equal
amounts are dropped and counted; with different amounts they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.quantities import HALF_CENT
from scfcap.tape import convert
from scfcap.tape.files import read_any

#: Columns of the file.
KEY: Final = ("company", "period", "class", "variable")
VALUE: Final = "value"
#: What a row holds = our column, all in units of currency.
VARIABLES: Final[Mapping[str, str]] = {
    "BeginningNotePrincipalBalance": "beginning",
    "PrincipalDistribution": "principal",
    "EndingNotePrincipalBalance": "ending",
    "InterestDistribution": "interest",
}
#: The identities, as :attr:`NoteHistory.ties` names them.
ROLLS: Final = "beginning - principal = ending"
CARRIED: Final = "ending = next beginning"
SEQUENTIAL: Final = "no principal while a senior class is open"
_LISTED = 20


@dataclass(frozen=True)
class NoteHistory:
    """The notes of one or more trusts, month by month.

    ``frame``: one row a trust, month and class, in this order, with beginning, principal, ending
    and interest [currency], NaN where the reports give none; ``rank``: order of payment, 1 first,
    equal for parts of one class (A-2a, A-2b). ``read``, ``repeated``: rows of the file, and those
    dropped because they repeat an earlier row. ``ties``: rule, checked, failed. ``findings``:
    company, period, class, rule, difference [currency] of each that failed.
    """

    frame: pd.DataFrame
    read: int
    repeated: int
    ties: pd.DataFrame
    findings: pd.DataFrame
    source: str
    digest: str

    def to_frame(self) -> pd.DataFrame:
        """One row a trust, month and class."""
        return self.frame

    def wide(self, measure: str, company: str) -> pd.DataFrame:
        """One of beginning, principal, ending, interest: months down, classes across."""
        rows = self.frame[self.frame["company"] == company]
        order = rows.sort_values(["rank", "class"])["class"].unique()
        wide = rows.pivot_table(index="period", columns="class", values=measure, aggfunc="first")
        return wide.reindex(columns=list(order))


def read_notes(path: Path) -> NoteHistory:
    """Read a history of notes and check its identities.

    Raises :class:`InputError` for missing columns, cells that do not parse, unknown variables and
    rows that repeat a key with another amount.
    """
    table, info = read_any(path)
    lacking = [name for name in (*KEY, VALUE) if name not in table.column_names]
    if lacking:
        found = f"no column {', '.join(lacking)} (there are: {', '.join(table.column_names)})"
        expected = f"columns {', '.join((*KEY, VALUE))}"
        raise InputError(Problem(info.name, found, expected, "Correct the names in the file."))
    rows = _rows(table, info.name)
    repeated = rows.duplicated([*KEY, VALUE])
    clean = rows[~repeated]
    _refuse_conflicts(clean, info.name)
    frame = _one_row_a_class(clean)
    ties, findings = tie_out(frame)
    return NoteHistory(
        frame, len(rows), int(repeated.sum()), ties, findings, info.name, info.digest
    )


def _rows(table: Any, source: str) -> pd.DataFrame:
    """The cells, typed. Raises :class:`InputError` with every fault."""
    columns: dict[str, Any] = {}
    issues: list[convert.Issue] = []
    for name in ("company", "class", "variable"):
        cells, faults = convert.texts(table.column(name), name)
        columns[name], issues = cells.to_pandas(), issues + faults
    days, faults = convert.dates(table.column("period"), "period")
    columns["period"], issues = days.astype("datetime64[s]"), issues + faults
    columns[VALUE], faults = convert.numbers(table.column(VALUE), VALUE)
    issues = issues + faults
    problems = [
        Problem(f"{source} row {row + 1}, {issue.column}", repr(value), str(issue.detail))
        for issue in issues
        for row, value in zip(issue.rows[:_LISTED].tolist(), issue.values, strict=False)
    ]
    rows = pd.DataFrame(columns)
    for name in columns:
        said = [issue.rows for issue in issues if issue.column == name]
        empty = np.flatnonzero(rows[name].isna())
        lost = np.setdiff1d(empty, np.concatenate([np.array([], dtype=np.int64), *said])).tolist()
        problems += [
            Problem(f"{source} row {r + 1}, {name}", "nothing", "a value") for r in lost[:_LISTED]
        ]
    strange = sorted(set(rows["variable"].dropna()) - set(VARIABLES))
    if strange:
        found, expected = ", ".join(strange[:_LISTED]), f"one of {', '.join(VARIABLES)}"
        problems.append(Problem(f"{source}, variable", found, expected))
    if problems:
        raise InputError(problems)
    return rows


def _refuse_conflicts(rows: pd.DataFrame, source: str) -> None:
    """Rows of one key with different amounts."""
    twice = rows[rows.duplicated(list(KEY), keep=False)]
    keys = twice.groupby(list(KEY), sort=True)[VALUE].agg(list).reset_index().head(_LISTED)
    problems = []
    for row in keys.to_dict("records"):
        place = f"{row['company']}, {row['period']:%Y-%m}, {row['class']}, {row['variable']}"
        amounts = " and ".join(f"{value:,.2f}" for value in row[VALUE])
        hint = "Keep the row of the filing that holds."
        problems.append(Problem(f"{source}: {place}", amounts, "one amount", hint))
    if problems:
        raise InputError(problems)


def _one_row_a_class(rows: pd.DataFrame) -> pd.DataFrame:
    frame = rows.pivot_table(
        index=["company", "period", "class"], columns="variable", values=VALUE, aggfunc="first"
    )
    frame = frame.rename(columns=dict(VARIABLES)).reset_index()
    frame.columns.name = None
    for name in VARIABLES.values():
        if name not in frame:
            frame[name] = np.nan
    frame["rank"] = ranks(frame["class"])
    frame = frame.sort_values(["company", "period", "rank", "class"], ignore_index=True)
    return frame[["company", "period", "class", "rank", *VARIABLES.values()]]


def ranks(classes: pd.Series) -> pd.Series:
    """Order of payment by name, from 1: A-1, A-2 (with A-2a and A-2b), A-3, ..., B, C."""
    parts = classes.str.extract(r"^([A-Za-z]+?)-?(\d*)[a-z]?$")
    stem = parts[0].str.upper() + parts[1].fillna("").str.zfill(4)
    return stem.fillna(classes).rank(method="dense").astype("int64")


def tie_out(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The identities of :class:`NoteHistory`: how often each was checked, and what failed.

    Differences of up to half a cent pass. A class-month is checked where it has all the amounts.
    """
    later = frame.groupby(["company", "class"], sort=False)
    months = frame["period"].dt.year * 12 + frame["period"].dt.month
    follows = months.groupby([frame["company"], frame["class"]], sort=False).shift(-1) == months + 1
    gaps = {
        ROLLS: frame["beginning"] - frame["principal"] - frame["ending"],
        CARRIED: (later["beginning"].shift(-1) - frame["ending"]).where(follows),
        SEQUENTIAL: _senior_open(frame),
    }
    failed = {rule: gap.abs() > HALF_CENT for rule, gap in gaps.items()}
    ties = pd.DataFrame(
        {
            "rule": list(gaps),
            "checked": [int(gap.notna().sum()) for gap in gaps.values()],
            "failed": [int(mask.sum()) for mask in failed.values()],
        }
    )
    parts = [
        frame.loc[mask, ["company", "period", "class"]].assign(
            rule=rule, difference=gaps[rule][mask].to_numpy()
        )
        for rule, mask in failed.items()
    ]
    return ties, pd.concat(parts, ignore_index=True)


def _senior_open(frame: pd.DataFrame) -> pd.Series:
    """What senior classes still owe at the end of a month in which a class gets principal."""
    keys = ["company", "period", "rank"]
    owed = frame.assign(ending=frame["ending"].fillna(0.0)).groupby(keys)["ending"].sum()
    senior = owed.groupby(level=[0, 1]).cumsum() - owed
    found = senior.reindex(pd.MultiIndex.from_frame(frame[keys])).to_numpy()
    paid = frame["principal"].notna()
    return pd.Series(np.where(frame["principal"] > 0, found, 0.0), index=frame.index).where(paid)
