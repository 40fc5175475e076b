"""Change a field of the model until a figure of a deal has the value that is wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scfcap.api.sizing import DealStudy
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.deal.outcome import DealRun
    from scfcap.deal.seek import Sought
    from scfcap.expressions import Expression
    from scfcap.quantities import FloatArray

#: Stations that no field of a deal bears on.
_KEPT = ("tape", "pool", "orders", "credit", "exposures", "history", "lives", "fit", "new_loans")
#: Figures of a whole run, by class (``wal.A``) and alone.
BY_CLASS = ("wal", "yield", "loss", "unpaid", "interest_coverage", "asset_coverage", "size")
ALONE = ("cost_of_funds",)
_SHARES = re.compile(r"deals\.([^.]+)\.tranches\.([^.]+)\.(share|balance)")
_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")


@dataclass(frozen=True)
class Goal:
    """A goal and what was found: ``field`` is changed until ``figure`` is ``target``."""

    field: str
    figure: str
    target: str
    sought: Sought

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        return self.sought.words(self.field, self.figure)


def seek_goal(
    model: Model,
    field: str,
    between: tuple[float, float],
    until: str,
    *,
    deal: str | None = None,
    scenario: str | None = None,
) -> Goal:
    """The least value of ``field`` at which ``until`` holds, such as ``yield.junior = 0.15``.

    Both sides are expressions over figures of the deal in one scenario: ``wal``, ``yield``,
    ``loss`` (share), ``unpaid`` [currency, at the legal end], ``interest_coverage`` and
    ``asset_coverage`` (the least), ``size`` of a class; ``cost_of_funds``; and the deal's words as
    they stand after the last step at the legal end. Where the size of a class of debt is changed,
    the last equity class takes what it leaves of the pool. Without ``deal`` it is the one that the
    field belongs to, else the only one.

    Raises:
        InputError: the goal cannot be read, a field or figure does not exist, or a value between
            the ends makes no model.
    """
    from scfcap.deal.seek import seek

    low, high = between
    if not (np.isfinite(between).all() and low < high):
        raise InputError(Problem("--between", f"{low:g} {high:g}", "two numbers, the lower first"))
    sides = _EQUALS.split(until)
    if len(sides) != 2:
        raise InputError(
            Problem("--until", f'"{until}"', "FIGURE = VALUE", "Such as yield.junior = 0.15.")
        )
    said = field.split(".")
    if deal is None and said[0] == "deals" and len(said) > 1:
        deal = said[1]
    study = DealStudy.of(model, deal, scenario)
    left, right = (_parsed(study, side.strip()) for side in sides)

    def evaluate(value: float) -> tuple[float, float]:
        run = _run(_changed(study, field, value), (*left.columns, *right.columns))
        return _value(left, run), _value(right, run)

    return Goal(field, left.text, right.text, seek(evaluate, low, high))


def _parsed(study: DealStudy, text: str) -> Expression:
    """One side of the goal, of words that exist. Raises InputError."""
    from scfcap.deal.check_formulas import check_words
    from scfcap.expressions import ExpressionError, parse

    try:
        side = parse(text)
    except ExpressionError as error:
        raise InputError(Problem("--until", error.found, error.expected, error.action)) from error
    spec = study.model.spec.deals[study.deal]
    problems = []
    for word in side.columns:
        family, _, name = word.partition(".")
        if family in BY_CLASS and name not in spec.tranches:
            problems.append(Problem("--until", f'"{word}"', f"{family}.CLASS, a class of the deal"))
    words = [word for word in side.columns if not _ours(word)]
    problems += [
        Problem("--until", p.found, f"{p.expected}, or {', '.join((*BY_CLASS, *ALONE))}", p.action)
        for p in check_words(spec, words, tuple(study.model.spec.indices))
    ]
    if problems:
        raise InputError(problems)
    return side


def _ours(word: str) -> bool:
    return word.partition(".")[0] in BY_CLASS or word in ALONE


def _changed(study: DealStudy, field: str, value: float) -> DealStudy:
    """The study with ``field`` of its model at ``value``; what it does not bear on is kept."""
    from scfcap.api.model import Model
    from scfcap.deal.check import refuse_deals
    from scfcap.deal.sizing import stated_balance, with_equity
    from scfcap.schema.load import load_model

    old = study.model
    path = [file for file in old.loaded.files if file.parent == old.loaded.folder][-1]
    loaded = load_model(path, [*old.loaded.overrides, f"{field}={value!r}"])
    refuse_deals(loaded)
    new = Model(loaded, old.tape_path)
    if field.startswith("deals."):
        new = new.given(**{name: kept for name in _KEPT if (kept := old.kept(name)) is not None})
    other = DealStudy(new, study.deal, study.scenario)
    sized = _SHARES.fullmatch(field)
    spec = new.spec.deals[study.deal]
    if sized and sized[1] == study.deal and spec.tranches[sized[2]].kind != "equity":
        pool = other.pool
        stated = np.array([[stated_balance(spec, name, pool)] for name in spec.tranches])
        other = DealStudy(new, study.deal, study.scenario, with_equity(spec, stated, pool)[:, 0])
    return other


def _run(study: DealStudy, words: tuple[str, ...]) -> DealRun:
    watch = tuple(word for word in dict.fromkeys(words) if not _ours(word))
    return study.watched(watch)


def _value(side: Expression, run: DealRun) -> float:
    """The value of a side in the only row of ``run``."""
    return float(np.asarray(side.evaluate(lambda word: _figure(word, run), 1))[0])


def _figure(word: str, run: DealRun) -> FloatArray:
    from scfcap.deal import figures
    from scfcap.deal.cost import cost_of_funds

    if word in ALONE:
        return np.array([cost_of_funds(run).rate])
    family, _, name = word.partition(".")
    if family not in BY_CLASS:
        return np.array([_last(word, run)])
    j = run.deal.tranches.index(name)
    found = {
        "wal": lambda: figures.lives(run)[0, j],
        "yield": lambda: figures.yields(run)[0, j],
        "loss": lambda: figures.loss_share(run)[0, j],
        "unpaid": lambda: (
            figures.unpaid_principal(run)[0, j] + run.of("owed")[0, j, run.legal_end - 1]
        ),
        "interest_coverage": lambda: figures.least(figures.coverages(run)[0])[0, j],
        "asset_coverage": lambda: figures.least(figures.coverages(run)[1])[0, j],
        "size": lambda: run.original[j, 0],
    }
    return np.array([found[family]()])


def _last(word: str, run: DealRun) -> float:
    """A watched word after the last step on the last payment date, up to the legal end."""
    assert run.watched is not None
    dates = np.flatnonzero(run.deal.calendar.pays[: run.legal_end])
    t = int(dates[-1])
    steps = run.deal.waterfall[run.deal.spec.phases[run.phase[t, 0]].name]
    return float(run.watched[run.watch.index(word), steps[-1].row, t, 0])
