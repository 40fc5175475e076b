"""Published and closed-form programs, built with the labelled layer: optimum, duals, signs.

The sources stand in ``tests/golden/tables/optimisation``.
"""

from __future__ import annotations

import pytest

from tests.witnesses import programs, regimes
from tests.witnesses.book import golden, holds


def test_financing():
    """Wealth as published; duals are changes of the objective, and slopes of a shifted row."""
    holds(programs.short_term_financing())
    solution = programs.financing()
    assert solution.value("v", 0) == pytest.approx(solution.objective)
    expected = golden(programs.FINANCING)["expected"]
    assert all(dual < 0.0 for dual in expected["dual_d_objective_d_requirement"].values())


def test_a_shift_leaves_the_program_as_it_was():
    solution = programs.financing()
    january = solution.program.rows_of("Jan")[0]
    moved = solution.shifted({january: 50.0})
    assert moved == pytest.approx(
        golden(programs.FINANCING)["expected"]["variant_january_requirement_200"], abs=5e-7
    )
    assert solution.shifted({january: 1e9}) is None
    assert solution.shifted({january: 0.0}) == pytest.approx(solution.objective, abs=1e-9)


def test_cash_matching():
    holds(programs.cash_matching())


def test_every_case_of_the_table_is_solved_from_a_shipped_regime_and_retyped():
    cases = set(golden(regimes.CAPS)["expected"]) - {"formulas"}
    assert set(regimes.SHIPPED) == cases
    assert set(regimes.CASES) == cases


def test_managed_loans_under_a_regime():
    holds([*regimes.caps_in_closed_form(), regimes.caps_as_the_text_reads(), regimes.places()])


def test_shipped_regimes_have_the_multiples_of_the_texts():
    holds(regimes.multiples())
