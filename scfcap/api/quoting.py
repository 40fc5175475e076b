"""Quotes of a model: from its plan, or from the prices that its last run left in its folder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.quote import Quoter, Stand
    from scfcap.funding.quote_words import Quote
    from scfcap.funding.quoted import Asked

#: File of a run folder that holds the plan's prices.
PRICES = "quote_prices.npz"
#: Where runs of a model are looked for, below the present folder.
RESULTS = Path("reports") / "out"
#: Largest rate that is quoted [1/year].
MOST_RATE = 1.0


def stored_prices(model: Model) -> dict[str, bytes]:
    """What a run folder keeps for quotes; nothing where :func:`_untold` says why."""
    if _untold(model) is not None:
        return {}
    from scfcap.funding.quote_file import packed

    return {PRICES: packed(stand_of(model))}


def stand_of(model: Model) -> Stand:
    """The model's plan as quotes need it. Raises InputError where it can give none."""
    problem = _untold(model)
    if problem is not None:
        raise InputError(problem)
    from scfcap.funding.quote import Stand

    return model.once("quotes", lambda: Stand.of(model.plan(), model.curves(), model.new_loans()))


def _untold(model: Model) -> Problem | None:
    """Why a plan of the model gives no quotes."""
    plan = model.loaded.spec.plan
    if plan.uncertainty is not None:
        return Problem(
            "model.toml: plan.uncertainty",
            "a plan over several scenarios",
            "a plan of one scenario: its prices are what a quote is made of",
            "Plan without [plan.uncertainty], with plan.scenario as the one expected, and quote "
            "from that run.",
        )
    if plan.objective != "max_income":
        return Problem(
            "model.toml: plan.objective",
            f'"{plan.objective}"',
            '"max_income": else the plan\'s prices are not what a loan earns',
            "Run with --set plan.objective=max_income, and quote with the same.",
        )
    return None


def quote(
    path: str | Path,
    segment: str,
    amount: float,
    tenor: int,
    *,
    rate: float | None = None,
    period: int | None = None,
    on: date | None = None,
    run: str | Path | None = None,
    overrides: Sequence[str] | Mapping[str, object] = (),
    tape: str | Path | None = None,
    verify: bool = False,
) -> Quote:
    """What one more loan earns for the model's last plan, and what funds it.

    ``amount`` in the model's currency, ``tenor`` in days, ``rate`` a year's (the segment's own,
    where none is given), made in ``period`` (from 1, the default) or in the one that holds the day
    ``on``. ``run`` is a run folder, else the latest below ``reports/out`` here; it must be of the
    model as it stands, with the same ``overrides`` and ``tape``. With ``verify`` the program is
    solved again with the loan, and both values are told. Raises
    :class:`~scfcap.errors.InputError`.
    """
    from scfcap.api.model import load

    model = load(path, overrides=overrides, tape=tape)
    stand = stored_stand(model, None if run is None else Path(run))
    return quoted(stand, segment, amount, tenor, rate=rate, period=period, on=on, verify=verify)


def quoted(
    stand: Stand,
    segment: str,
    amount: float,
    tenor: int,
    *,
    rate: float | None = None,
    period: int | None = None,
    on: date | None = None,
    verify: bool = False,
    least: bool = True,
) -> Quote:
    """A quote from a plan's prices; with ``least`` also the rate at which it earns nothing."""
    from scfcap.funding.quote import Quoter
    from scfcap.funding.quote_words import told

    asked = ask(stand, segment, amount, tenor, rate=rate, period=period, on=on)
    quoter = Quoter(stand)
    answer = quoter.answer(asked)
    return told(
        stand,
        asked,
        answer,
        least_rate=quoter.least_rate(asked) if least else None,
        rated=least,
        checked=_again(quoter, asked) if verify and answer is not None else None,
    )


def _again(quoter: Quoter, asked: Asked) -> Any:
    return quoter.by_solving(asked, quoter.columns(asked))


def ask(
    stand: Stand,
    segment: str,
    amount: float,
    tenor: int,
    *,
    rate: float | None = None,
    period: int | None = None,
    on: date | None = None,
) -> Asked:
    """The loan that is asked about. Raises :class:`InputError` with all that is wrong with it."""
    from scfcap.funding.quoted import Asked, usual_rate

    problems = list(_problems(stand, segment, amount, tenor, rate, period, on))
    if problems:
        raise InputError(problems)
    given = usual_rate(stand.new[segment]) if rate is None else rate
    return Asked(segment, amount, tenor, given, _period(stand, period, on) or 1)


def _period(stand: Stand, period: int | None, on: date | None) -> int | None:
    """The period meant; None where there is none."""
    from scfcap.funding.quoted import period_holding

    if on is not None:
        return period_holding(stand.inputs, on)
    if period is None:
        return 1
    return period if 1 <= period <= stand.inputs.horizon else None


def _problems(
    stand: Stand,
    segment: str,
    amount: float,
    tenor: int,
    rate: float | None,
    period: int | None,
    on: date | None,
) -> Iterator[Problem]:
    from scfcap.funding.quoted import longest_tenor
    from scfcap.schema.messages import closest

    inputs = stand.inputs
    if segment not in stand.new:
        near = closest(segment, tuple(stand.new))
        known = segment in inputs.segments
        yield Problem(
            "--segment",
            f"{segment!r}" + (", for which no terms of new loans are stated" if known else ""),
            f"one of {', '.join(sorted(stand.new))}",
            f"Did you mean {near}?" if near and not known else
            f"State [demand.{segment}] with new_loans." if known else "",
        )  # fmt: skip
    if not (math.isfinite(amount) and amount > 0.0):
        yield Problem("--amount", f"{amount:g}", f"more than 0 {inputs.spec.currency}")
    if rate is not None and not 0.0 <= rate <= MOST_RATE:
        yield Problem(
            "--rate", f"{rate:g}", "a decimal a year from 0 to 1", "Write 12% a year as 0.12."
        )
    ends = inputs.grid.ends
    if on is not None and period is not None:
        yield Problem("--date", f"{on} beside --period {period}", "one of the two")
        return
    made = _period(stand, period, on)
    if made is None:
        yield Problem(
            "--period" if on is None else "--date",
            f"{period if on is None else on}",
            f"1 to {inputs.horizon}" if on is None else
            f"a day after {inputs.grid.as_of} and up to {ends[-1]}",
            "The plan ends there.",
        )  # fmt: skip
        return
    longest = longest_tenor(stand.curves, made)
    if not 1 <= tenor <= longest:
        yield Problem(
            "--tenor",
            f"{tenor} days",
            f"1 to {longest} days for a loan made by {ends[made - 1]}: the curves end then",
            "State a longest term of new loans as long, so that the curves reach further.",
        )


def stored_stand(model: Model, folder: Path | None) -> Stand:
    """The prices of a run of ``model``: of ``folder``, else of its latest run.

    Raises:
        InputError: there is no such run, it is of other inputs, or it holds no prices.
    """
    from scfcap.funding.quote_file import unpacked
    from scfcap.report.store import is_run

    problem = _untold(model)
    if problem is not None:
        raise InputError(problem)
    name = model.loaded.folder.resolve().name
    if folder is None:
        folder = latest_run(RESULTS / name)
    if folder is None or not is_run(folder):
        raise InputError(
            Problem(
                str(RESULTS / name) if folder is None else f"--run {folder}",
                "no run of the model" if folder is None else "no run folder",
                "a folder that scfcap run wrote",
                f"Run it: scfcap run {name}.",
            )
        )
    _refuse_stale(model, folder)
    path = folder / PRICES
    if not path.is_file():
        raise InputError(
            Problem(
                str(folder),
                "a run without a plan's prices",
                f"a folder with {PRICES}, as scfcap run and scfcap plan --out write it",
                f"Run the model again: scfcap run {name}.",
            )
        )
    try:
        return unpacked(path.read_bytes())
    except ValueError as error:
        raise InputError(
            Problem(str(path), f"not readable ({error})", "a file as a run wrote it", "Run again.")
        ) from error


def latest_run(where: Path) -> Path | None:
    """The youngest run folder below ``where``, by its name; None where there is none."""
    from scfcap.report.store import is_run

    if not where.is_dir():
        return None
    found = [path for path in where.iterdir() if path.is_dir() and is_run(path)]
    return max(found, key=_age, default=None)


def _age(path: Path) -> tuple[str, int, str]:
    """Date and time of a folder ``YYYY-MM-DD_hh-mm-ss``, and its number in that second."""
    stamp, _, number = path.name[:19], path.name[19:20], path.name[20:]
    return stamp, int(number) if number.isdecimal() else 1, path.name


def _refuse_stale(model: Model, folder: Path) -> None:
    """Raise InputError where the run's digests are not those of the model and tape as they are."""
    from scfcap.report.store import read_manifest
    from scfcap.tape.read import fingerprint

    loaded, said = model.loaded, read_manifest(folder)
    digests = said.get("digests")
    digests = digests if isinstance(digests, dict) else {}
    again = f"Run it again: scfcap run {loaded.folder.resolve().name}."
    problems = []
    if digests.get("model") != loaded.digest:
        theirs, ours = said.get("overrides") or [], list(loaded.overrides)
        differ = theirs != ours
        problems.append(
            Problem(
                str(folder),
                f"a run with --set {' '.join(theirs) or 'nothing'}" if differ else
                "a run of other model files than stand there now",
                f"the model as it is asked for, with --set {' '.join(ours) or 'nothing'}"
                if differ else f"the files of {loaded.folder}",
                "Quote with the same --set, or run it again." if differ else again,
            )
        )  # fmt: skip
    tape = fingerprint(loaded.spec.tape, loaded.tape_folder, model.tape_path)
    if tape is not None and digests.get("tape") != tape:
        problems.append(
            Problem(str(folder), "a run of another tape", "the tape as it is now", again)
        )
    if problems:
        raise InputError(problems)
