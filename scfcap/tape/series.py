"""A series of month-end tapes read as one history."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from scfcap.errors import InputError, Problem
from scfcap.periods import add_months
from scfcap.quantities import FloatArray
from scfcap.schema.history import LOAN_COLUMNS, PerformanceSpec
from scfcap.schema.tape import TapeSpec
from scfcap.tape import convert
from scfcap.tape.checks import findings_of
from scfcap.tape.files import Files
from scfcap.tape.history import History, history_from_panel, month_of
from scfcap.tape.monthly import Rows, complete, without_idle
from scfcap.tape.performance import ahead, files_of, floats
from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape


def read_series(
    spec: PerformanceSpec, mapping: TapeSpec | None, roots: Sequence[Path]
) -> list[Tape]:
    """The tapes that ``[history]`` names in ``roots``, each at its own day, in order of days.

    The last of ``roots`` is the model's folder.

    Raises :class:`InputError` where a tape is unusable, tells no day, or shares its month.
    """
    if mapping is None:
        msg = 'kind = "tapes" needs the mapping of the tapes'
        raise ValueError(msg)
    own = mapping.model_copy(update={"source": "file", "path": None, "paths": ()})
    tapes = sorted(
        (
            read_tape(own, as_of=_day(spec, file), folder=roots[-1], path=file)
            for file in files_of(spec, roots)
        ),
        key=lambda tape: tape.as_of,
    )
    for before, after in pairwise(tapes):
        if (before.as_of.year, before.as_of.month) == (after.as_of.year, after.as_of.month):
            found = f"two tapes of one month, {before.as_of} and {after.as_of}"
            raise InputError(Problem(f"{before.source}, {after.source}", found, "one a month"))
    return tapes


def _day(spec: PerformanceSpec, file: Path) -> date:
    """The day of a tape, from its name or its column."""
    where = f"{file.name}: the tape's day"
    if spec.sources("date"):
        (column,) = spec.sources("date")
        with Files([file], spec) as files:
            if column not in files.names:
                raise InputError(Problem(file.name, f"no column {column}", "the tape's day"))
            cells = files.read([column])[0].column(column)
        days, issues = convert.dates(pc.unique(cells), column, spec.date_formats.get("date"))
        if issues or len(days) != 1 or np.isnat(days[0]):
            found = f"{len(days)} values in {column}"
            raise InputError(Problem(where, found, "the same date in every row"))
        day: date = days[0].astype("datetime64[D]").item()
        return day
    form = spec.date_in_name or "%Y-%m-%d"
    ends = "".join(file.suffixes)
    try:
        named = datetime.strptime(file.name, form)  # noqa: DTZ007  (a day, no time of day)
    except ValueError:
        try:
            named = datetime.strptime(file.name.removesuffix(ends), form)  # noqa: DTZ007
        except ValueError:
            hint = "Set history.date_in_name, or history.columns.date."
            raise InputError(Problem(where, f"name {file.name}", f"a name {form}", hint)) from None
    return named.date() if "%d" in form else add_months(named.date(), 0, month_end=True)


def history_of(tapes: Sequence[Tape], spec: PerformanceSpec, as_of: date) -> History:
    """A history from month-end tapes, in order of days.

    Principal is the growth of ``paid_principal`` where the tapes have it, else what the balance
    fell by. A loan is described by the first tape that holds it.
    """
    frames = [tape.frame for tape in tapes]
    sizes = [len(frame) for frame in frames]
    ids, codes = np.unique(
        np.concatenate([f["loan_id"].to_numpy(dtype=object).astype(str) for f in frames]),
        return_inverse=True,
    )
    month = np.repeat([int(month_of(np.datetime64(tape.as_of, "D"))) for tape in tapes], sizes)
    order = np.lexsort((month, codes))

    def column(name: str) -> FloatArray:
        return np.concatenate([floats(frame, name) for frame in frames])[order]

    def status(word: str) -> np.ndarray:
        return np.concatenate([(f["status"] == word).to_numpy(dtype=bool) for f in frames])[order]

    loan = codes[order]
    paid = column("paid_principal")
    same = np.r_[False, loan[1:] == loan[:-1]]
    nothing = np.full(len(loan), np.nan)
    rows = Rows(
        loan=loan,
        month=month[order],
        balance=column("current_balance"),
        principal=np.where(same, np.diff(paid, prepend=np.nan), np.nan),
        paid=nothing,
        charged_off=nothing,
        recovered=nothing,
        days_past_due=column("days_past_due"),
        lost=status("charged_off"),
        failed=status("default"),
        row=order,
    )
    loans = _described(frames, ids)
    maturity = loans["maturity_date"].to_numpy()
    panel, issues = complete(rows, floats(loans, "instalment"), maturity, spec)
    issues += ahead(panel, as_of)
    loans, panel = without_idle(loans, panel)
    failed = panel.pop("failed").to_numpy()
    digest = hashlib.sha256("".join(tape.digest for tape in tapes).encode()).hexdigest()
    return history_from_panel(
        loans,
        panel,
        source=_source([tape.source for tape in tapes]),
        digest=digest,
        default_days=spec.default_days,
        defaulted=failed,
        findings=_findings(tapes, findings_of(issues)),
        totals=_totals(tapes),
    )


def _source(names: Sequence[str]) -> str:
    """The first and the last of ``names``, and how many there are."""
    return f"{names[0]} to {names[-1]} ({len(names)} tapes)" if len(names) > 1 else names[0]


def _described(frames: Sequence[pd.DataFrame], ids: np.ndarray) -> pd.DataFrame:
    names = [n for n in LOAN_COLUMNS if n in frames[0]]
    both = pd.concat([frame[["loan_id", *names]] for frame in frames], ignore_index=True)
    first = both.drop_duplicates("loan_id").set_index("loan_id").loc[list(ids)]
    return first.reset_index().astype({"segment": "category"})


def _findings(tapes: Sequence[Tape], own: pd.DataFrame) -> pd.DataFrame:
    """What each tape's check said, with the tape's day in front, and what the series adds."""
    parts = [
        tape.findings.assign(detail=f"{tape.as_of}: " + tape.findings["detail"].astype("str"))
        for tape in tapes
        if len(tape.findings)
    ]
    return pd.concat([*parts, own], ignore_index=True) if parts else own


def _totals(tapes: Sequence[Tape]) -> pd.DataFrame:
    """Rows and balances of all tapes together [currency]."""
    both = pd.concat([tape.totals for tape in tapes], ignore_index=True)
    summed = both.groupby("item", sort=False)[["rows", "current_balance"]].sum().reset_index()
    return summed.rename(columns={"current_balance": "balance"})
