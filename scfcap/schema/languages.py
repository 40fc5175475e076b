"""What the languages of default and prepayment ask of the figures stated in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from scfcap.quantities import Share
from scfcap.schema.base import MisfitError, Schema

if TYPE_CHECKING:
    from scfcap.schema.credit import SegmentCredit

#: Fields of :class:`~scfcap.schema.credit.SegmentCredit` of which one says how loans default.
DEFAULT_LANGUAGES = (
    *("cdr", "mdr", "sda", "lifetime_default", "lifetime_loss"),
    *("default_by_age", "roll_rates"),
)
#: Fields of which at most one says how loans are prepaid.
PREPAY_LANGUAGES = ("cpr", "smm", "psa", "abs", "prepay_by_age")
#: Keys of which a table holds one.
_ONE_OF = (
    (*DEFAULT_LANGUAGES, "loss_timing"),
    PREPAY_LANGUAGES,
    ("recovery_lag", "recovery_curve"),
)
_TOGETHER = frozenset({"lifetime_loss", "loss_timing"})
#: The keys that a key takes the place of, where a table is laid over another.
RIVALS = {
    key: frozenset(keys) - {key} - (_TOGETHER if key in _TOGETHER else frozenset())
    for keys in _ONE_OF
    for key in keys
}
#: States of a roll-rate matrix, in the order of its rows and columns; the last two absorb.
ROLL_STATES = ("current", "1-30", "31-60", "61-90", "90+", "default", "prepaid")
#: States from which a loan may still move.
OPEN_STATES = len(ROLL_STATES) - 2
#: What shares that should add up to one may lack of it.
_SUM = 1e-9
#: A standard curve is stated in percent: less than this is taken for a multiple by mistake.
_LEAST_PERCENT = 5.0


class AgeCurve(Schema):
    """A cumulative share of the amount lent, by age in days; zero at age zero, straight between."""

    terms: tuple[int, int] | None = None
    """Shortest and longest original term [days] of the loans it is for, both included; absent: all
    loans."""
    ages: tuple[Annotated[int, Field(ge=1, le=36_525)], ...] = Field(min_length=1)
    """Ages [days], rising."""
    cumulative: tuple[Share, ...] = Field(min_length=1)
    """Share of the amount lent that has gone by each of ``ages``, never falling."""

    @model_validator(mode="after")
    def _rising(self) -> AgeCurve:
        if len(self.ages) != len(self.cumulative):
            raise MisfitError(
                key="cumulative",
                found=f"{len(self.cumulative)} shares for {len(self.ages)} ages",
                expected="one share for each age",
            )
        for key, values, strictly in (
            ("ages", self.ages, True),
            ("cumulative", self.cumulative, False),
        ):
            for before, after in pairwise(values):
                if after < before or (strictly and after == before):
                    word = "each more than the one before" if strictly else "none below the last"
                    raise MisfitError(key=key, found=f"{after} after {before}", expected=word)
        if self.terms is not None and not 1 <= self.terms[0] <= self.terms[1]:
            raise MisfitError(
                key="terms",
                found=f"{self.terms[0]} to {self.terms[1]} days",
                expected="the shortest and the longest term, from 1 day on",
            )
        return self


def _square(value: Any) -> Any:
    """Rows of a matrix in the order of :data:`ROLL_STATES`, absorbing rows added."""
    if isinstance(value, str):
        raise MisfitError(
            found=f'"{value}"', expected="the name of a CSV or TOML file in the model's folder"
        )
    if isinstance(value, Mapping):
        value = _rows(value)
    if not isinstance(value, Sequence) or len(value) not in (OPEN_STATES, len(ROLL_STATES)):
        count = len(value) if isinstance(value, Sequence) else type(value).__name__
        raise MisfitError(
            found=f"{count} rows",
            expected=f"{OPEN_STATES} rows, of {', '.join(ROLL_STATES[:OPEN_STATES])}",
        )
    size = len(ROLL_STATES)
    ends = [[float(column == row) for column in range(size)] for row in range(len(value), size)]
    rows = [*value, *ends]
    for name, row in zip(ROLL_STATES, rows, strict=True):
        _check_row(name, row)
    for name, row, end in zip(ROLL_STATES[-2:], rows[-2:], (-2, -1), strict=True):
        if row[end] != 1.0:
            raise MisfitError(found=f"loans that leave {name}", expected="none: it is an end")
    return tuple(tuple(row) for row in rows)


def _rows(table: Mapping[str, Any]) -> list[list[Any]]:
    """A table of rows by state, each a list or a table by state."""
    strange = [name for name in table if name not in ROLL_STATES]
    missing = [name for name in ROLL_STATES[:OPEN_STATES] if name not in table]
    if strange or missing:
        raise MisfitError(
            found=f"a row {strange[0]!r}" if strange else f"no row {missing[0]!r}",
            expected=f"rows {', '.join(ROLL_STATES[:OPEN_STATES])}",
        )
    rows = []
    for name in ROLL_STATES:
        row = table.get(name)
        if row is None:
            row = {name: 1.0}
        if isinstance(row, Mapping):
            unknown = [state for state in row if state not in ROLL_STATES]
            if unknown:
                raise MisfitError(
                    found=f"{name} to {unknown[0]!r}", expected=f"one of {', '.join(ROLL_STATES)}"
                )
            row = [row.get(state, 0.0) for state in ROLL_STATES]
        rows.append(list(row))
    return rows


def _check_row(name: str, row: Any) -> None:
    good = isinstance(row, Sequence) and len(row) == len(ROLL_STATES)
    if not good or not all(isinstance(x, int | float) and 0.0 <= x <= 1.0 for x in row):
        raise MisfitError(
            found=f"row {name}: {row}",
            expected=f"{len(ROLL_STATES)} probabilities, of {', '.join(ROLL_STATES)}",
        )
    if abs(sum(row) - 1.0) > _SUM:
        raise MisfitError(
            found=f"row {name} adds up to {sum(row):.10g}", expected="rows that add up to 1"
        )


#: Monthly probabilities from state to state, 7 rows of 7 in the order of :data:`ROLL_STATES`.
RollMatrix = Annotated[tuple[tuple[Share, ...], ...], BeforeValidator(_square)]


def check_together(credit: SegmentCredit, default: str, prepay: str) -> None:
    """Raise MisfitError where figures do not go together with the languages they are told in."""
    _check_lists(credit)
    _check_percent(credit)
    _check_loss(credit)
    _check_ranges(credit)
    if default == "roll_rates" and (prepay != "cpr" or credit.cpr != 0.0):
        raise MisfitError(
            key=prepay, found="roll_rates beside it", expected="one of them: the matrix prepays"
        )
    if default == "roll_rates" and credit.late_share > 0.0:
        raise MisfitError(
            key="late_share",
            found="roll_rates beside it",
            expected="one of them: the matrix says who is late",
        )
    if default == "roll_rates" and credit.draw_rate != 0.0:
        raise MisfitError(
            key="draw_rate",
            found="roll_rates beside it",
            expected="one of them: the matrix knows no draws",
            action="Set draw_rate = 0, or tell default by cdr, lifetime_default or a curve by age.",
        )
    alone = prepay in ("cpr", "smm") and isinstance(getattr(credit, prepay), float | int)
    if default == "lifetime_default" and not alone:
        raise MisfitError(
            key=prepay,
            found="a speed that changes, beside lifetime_default",
            expected="cpr or smm as one number",
            action="State lifetime_loss or default_by_age instead of lifetime_default.",
        )
    by_age = default in ("lifetime_loss", "default_by_age")
    if by_age and isinstance(getattr(credit, prepay), tuple) and prepay in ("cpr", "smm"):
        raise MisfitError(
            key=prepay,
            found=f"a list by period, beside {default}",
            expected="a speed that depends on nothing but a loan's age",
            action="State one number, or psa, abs or prepay_by_age.",
        )


def _check_lists(credit: SegmentCredit) -> None:
    for key in ("cdr", "mdr", "cpr", "smm", "draw_rate", "default_by_age", "prepay_by_age"):
        if getattr(credit, key) == ():
            raise MisfitError(key=key, found="an empty list", expected="a value for each period")
    for key in ("loss_timing", "recovery_curve"):
        shares = getattr(credit, key)
        if shares is not None and abs(sum(shares) - 1.0) > _SUM:
            raise MisfitError(
                key=key, found=f"a sum of {sum(shares):.10g}", expected="shares that add up to 1"
            )
    if credit.recovery_curve is not None and credit.recovery_lag:
        raise MisfitError(
            key="recovery_curve",
            found="recovery_lag beside it",
            expected="one of them",
            action="Begin recovery_curve with a 0 for each period of the lag.",
        )


def _check_percent(credit: SegmentCredit) -> None:
    for key in ("psa", "sda"):
        value = getattr(credit, key)
        if value is not None and 0.0 < value < _LEAST_PERCENT:
            raise MisfitError(
                key=key,
                found=f"{value:g}",
                expected=f"percent of the standard curve, 0 or at least {_LEAST_PERCENT:g}",
                action=f"Write {key} = {100 * value:g} for {value:g} times the curve.",
            )


def _check_loss(credit: SegmentCredit) -> None:
    if credit.loss_timing is not None and credit.lifetime_loss is None:
        raise MisfitError(key="loss_timing", found="no lifetime_loss", expected="both of them")
    if credit.lifetime_loss is not None and credit.lifetime_loss > credit.severity:
        raise MisfitError(
            key="lifetime_loss",
            found=f"{credit.lifetime_loss:g} with a severity of {credit.severity:g}",
            expected="at most severity: more than every loan would have to default",
        )


def _check_ranges(credit: SegmentCredit) -> None:
    for key in ("default_by_age", "prepay_by_age"):
        curves: Sequence[AgeCurve] = getattr(credit, key) or ()
        if len(curves) > 1 and any(curve.terms is None for curve in curves):
            raise MisfitError(
                key=key, found="a curve without terms", expected="terms for each of several curves"
            )
        ranges = sorted(curve.terms for curve in curves if curve.terms is not None)
        for before, after in pairwise(ranges):
            if after[0] <= before[1]:
                raise MisfitError(
                    key=key,
                    found=f"terms {list(before)} and {list(after)}, which overlap",
                    expected="ranges of original terms without overlap",
                )
