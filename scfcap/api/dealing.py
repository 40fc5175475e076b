"""Deals of a model to show, to check and to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap.api.deals import asked_case, named_deal, refuse_dates
from scfcap.errors import InputError, Problem
from scfcap.report.files import RESULT_VERSION, manifest

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.deal.check import Checked
    from scfcap.deal.outcome import DealRun
    from scfcap.report.deal import DealReport
    from scfcap.schema.deal import DealSpec


def deal_report(
    model: Model,
    name: str | None = None,
    scenarios: Sequence[str] = (),
    *,
    explain: str | int | date | None = None,
    watch: Sequence[str] = (),
    trace: bool = True,
    analytics: Mapping[str, Any] | None = None,
) -> DealReport:
    """A deal in ``scenarios`` (all of the model, if none is named), to show and to save.

    ``explain`` is a period, by its number from 1 or by its date, that is told step by step, with
    the words of ``watch``; without ``scenarios`` only the model's first is then run. Without
    ``trace`` there is no table of steps. With ``analytics`` (``prices``, ``curve``, ``settlement``
    as of :func:`~scfcap.api.analytics.class_figures`, or nothing) there are figures of its classes.

    Raises:
        InputError: as :func:`~scfcap.api.deals.asked_case`; no such period.
    """
    from scfcap.api.analytics import class_figures
    from scfcap.deal.check import check_deals
    from scfcap.deal.explaining import explain_period
    from scfcap.report.deal import DealReport

    name = named_deal(model, name)
    if explain is not None and not scenarios:
        scenarios = tuple(model.spec.scenarios)[:1]
    words = _words(model.spec.deals[name], watch) if explain is not None else ()
    case = asked_case(model, name, scenarios, words)
    run = case.run(trace=trace or explain is not None, watch=words)
    period = None if explain is None else period_of(run, explain)
    told = () if period is None else [explain_period(run, each, period) for each in run.scenarios]
    known = [_said(problem) for problem in check_deals(model.loaded)[name].cautions]
    origin = manifest(model.provenance(model.tape()), {})
    figures = None
    if analytics is not None:
        figures = class_figures(model, name, scenarios, **analytics, ran=(case, run))
    return DealReport(model.loaded, run, origin, known, told, figures, case.around)


def deal_reports(model: Model) -> tuple[tuple[DealReport, ...], tuple[str, ...]]:
    """Every deal of a model in all its scenarios, and why others cannot run on it."""
    reports, left_out = [], []
    for name in model.spec.deals:
        try:
            reports.append(deal_report(model, name, trace=False))
        except InputError as error:
            reasons = " ".join(map(str, error.problems))
            left_out.append(f"Deal {name} is left out: {reasons}")
    return tuple(reports), tuple(left_out)


def _words(spec: DealSpec, watch: Sequence[str]) -> tuple[str, ...]:
    """What is watched: the accounts that steps pay from or into, and what is asked for."""
    from scfcap.deal.findings import lists, names

    used = {
        each
        for _, placed in lists(spec)
        for s in placed
        for each in (*s.spec.sources, *s.spec.targets)
    }
    accounts = [f"account.{each}" for each in names(spec, "accounts") if each in used]
    return tuple(dict.fromkeys((*accounts, *watch)))


def period_of(run: DealRun, asked: str | int | date) -> int:
    """The period (from 1) of a number or a date; a date is that of a payment, or a period's end.

    Raises InputError.
    """
    calendar = run.deal.calendar
    count = len(calendar.dates)
    text = str(asked).strip()
    if text.isdecimal():
        if 1 <= int(text) <= count:
            return int(text)
    else:
        for days in (calendar.dates, calendar.grid.ends):
            found = [t for t, day in enumerate(days, start=1) if day.isoformat() == text]
            if found:
                return found[0]
    dates = calendar.dates
    raise InputError(
        Problem(
            "--explain",
            f'"{text}"',
            f"a period from 1 to {count}, or its date from {dates[0]} to {dates[-1]}",
            "Dates are written as 2014-01-31.",
        )
    )


def _said(problem: Problem) -> str:
    """A caution of the check as a sentence."""
    action = f" {problem.action}" if problem.action else ""
    return f"{problem.where}: found {problem.found}; usual is {problem.expected}.{action}"


@dataclass(frozen=True)
class DealCheck:
    """What is wrong with a model's deals, and what the chosen ones are.

    ``checked`` by deal; ``described`` says in lines what each is; ``several``: whether the model
    has more than one.
    """

    model: str
    several: bool
    checked: dict[str, Checked]
    described: dict[str, list[str]]

    @property
    def problems(self) -> list[Problem]:
        """What refuses a deal."""
        return [problem for each in self.checked.values() for problem in each.errors]

    @property
    def cautions(self) -> list[str]:
        """What may be meant."""
        return [_said(p) for each in self.checked.values() for p in each.cautions]

    def document(self) -> dict[str, Any]:
        """The check as plain values."""
        return {
            "schema_version": RESULT_VERSION,
            "model": self.model,
            "deals": self.described,
            "cautions": self.cautions,
        }


def check_model_deals(
    path: str | Path, overrides: Sequence[str] = (), name: str | None = None
) -> DealCheck:
    """Check the deals of a model folder, or one of them; nothing is run.

    Raises:
        InputError: the model cannot be read; it has no deals, or none of that name.
    """
    from scfcap.api.model import Model
    from scfcap.deal.check import Checked, check_deals
    from scfcap.deal.wording import described
    from scfcap.schema.load import load_model

    loaded = load_model(path, overrides)
    model = Model(loaded)
    chosen = list(loaded.spec.deals) if name is None else []
    if not chosen:
        chosen = [named_deal(model, name)]
    found = {}
    for each, checked in check_deals(loaded).items():
        if each in chosen:
            late: tuple[Problem, ...] = ()
            try:
                refuse_dates(model, each, loaded.spec.deals[each])
            except InputError as error:
                late = error.problems
            found[each] = Checked((*checked.errors, *late), checked.cautions)
    said = {each: list(described(each, loaded.spec.deals[each])) for each in found}
    return DealCheck(loaded.spec.name, len(loaded.spec.deals) > 1, found, said)


def draw_deal(
    path: str | Path, overrides: Sequence[str], name: str | None, file: str | Path
) -> str:
    """Draw a deal's waterfall to ``file``, whose name's ending says how; gives the deal's name.

    Raises:
        InputError: the model cannot be read, has no such deal, or no drawing has such an ending.
    """
    from scfcap.api.model import Model
    from scfcap.report.waterfall import draw
    from scfcap.schema.files import put_in_place
    from scfcap.schema.load import load_model

    file = Path(file)
    loaded = load_model(path, overrides)
    name = named_deal(Model(loaded), name)
    content = draw(name, loaded.spec.deals[name], file)
    if not file.parent.is_dir():
        expected = "a file in a folder that is"
        raise InputError(Problem(f"--draw {file}", "a folder that is not there", expected))
    put_in_place(file, content, "a file in a folder that may be written", where=f"--draw {file}")
    return name
