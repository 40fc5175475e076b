"""Random deals: valid by the checker, and often at the edge of what a deal can be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from scfcap.axes import DAY_COUNTS
from scfcap.deal.check import Known, check_deal
from scfcap.periods import Frequency, PeriodGrid
from scfcap.schema.deal import DealSpec
from scfcap.testing import deal_parts as parts
from scfcap.testing.deal_steps import add_waterfall
from scfcap.testing.dice import Dice

#: Throws after which :func:`any_deal` gives up; the checker refuses few of its deals.
_TRIES = 20
#: Most periods of a generated deal, by their length.
_LONGEST: Mapping[Frequency, int] = {"month": 24, "week": 30, "day": 60}


def tuples(value: Any) -> Any:
    """Lists as tuples, as a model's files are read."""
    if isinstance(value, list):
        return tuple(tuples(each) for each in value)
    if isinstance(value, Mapping):
        return {key: tuples(each) for key, each in value.items()}
    return value


def deal_spec(terms: Mapping[str, Any]) -> DealSpec:
    """A deal from plain data, read as a model's file is.

    Raises:
        pydantic.ValidationError: the terms are no deal.
    """
    return DealSpec.model_validate(tuples(terms), strict=True)


def any_grid(dice: Dice) -> PeriodGrid:
    """From one period up, by the month, the week or the day, from closing on a month end or not."""
    frequency: Frequency = dice.one_of(("month", "month", "month", "week", "day"))
    closing = dice.one_of((date(2019, 12, 31), date(2020, 1, 30), date(2020, 2, 15)))
    most = _LONGEST[frequency]
    return PeriodGrid.build(closing, int(dice.edge(2, most, 1, 1, most)), frequency)


def deal_terms(dice: Dice, grid: PeriodGrid) -> dict[str, Any]:
    """Terms of a deal over ``grid``, as its TOML file would have them."""
    ends = [*grid.ends]
    terms: dict[str, Any] = {
        "closing": grid.as_of,
        "day_count": dice.one_of(DAY_COUNTS),
        "cents": dice.chance(0.25),
    }
    parts.add_classes(dice, terms, ends)
    parts.add_accounts(dice, terms)
    parts.add_fees(dice, terms)
    parts.add_lines(dice, terms)
    parts.add_hedges(dice, terms, ends)
    parts.add_triggers(dice, terms)
    parts.add_phases(dice, terms, ends)
    parts.add_calls(dice, terms, ends)
    parts.add_settlement(dice, terms, grid.frequency, ends)
    if dice.chance(0.2):
        terms["legal_end"] = dice.one_of(ends)
    if dice.chance(0.3):
        terms["assets"] = {"price": dice.edge(0.9, 1.1, 1.0), "supply": dice.edge(0.0, 200.0, 0.0)}
    add_waterfall(dice, terms)
    return terms


def any_deal(dice: Dice, grid: PeriodGrid | None = None) -> tuple[DealSpec, PeriodGrid]:
    """A deal that the checker takes, and the periods it runs over.

    It has one to five classes of every kind, fees, a reserve, lines, hedges, triggers, one to four
    phases, calls, every action of steps with every limit, and payment dates each period or fewer.
    Its index is called "i"; it suits a pool of 1,000.

    Raises:
        AssertionError: no deal that the checker takes was thrown.
    """
    refused = []
    for _ in range(_TRIES):
        days = any_grid(dice) if grid is None else grid
        spec = deal_spec(deal_terms(dice, days))
        errors = check_deal("random", spec, Known((parts.INDEX,), (), ())).errors
        if not errors:
            return spec, days
        refused.append(str(errors[0]))
    msg = f"no deal that the checker takes in {_TRIES} throws: {'; '.join(refused[-3:])}"
    raise AssertionError(msg)
