"""The plain readings of the bond market's formulas meet what it printed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.witnesses.book import golden

from .behaviour_oracles import bma_pool, expected_months, psa, sda


def test_cash_flow_a_to_the_dollar() -> None:
    # BMA, Standard Formulas (1999), ch. SF, C.6, Cash Flow A, pp. SF-23 to SF-30.
    table = golden("prepayment/bma_cash_flow_a")
    given, tol = table["inputs"], table["tol"]["abs"]
    rows = bma_pool(
        given["balance"],
        given["wac"],
        [(given["smm"], given["mdr"])] * given["wam_months"],
        lag=given["months_to_liquidation"],
        severity=given["loss_severity"],
    )
    for month, expected in table["expected"]["rows"].items():
        got = vars(rows[int(month) - 1])
        for name, value in expected.items():
            assert got[name] == pytest.approx(value, abs=tol), (month, name)
    for name, value in table["expected"]["totals"].items():
        assert sum(vars(row)[name] for row in rows) == pytest.approx(value, abs=tol), name


def cumulative_default(percent_psa: float, percent_sda: float, given: dict[str, Any]) -> float:
    """Share of a new pool that defaults in the end, at constant severity and lag [percent]."""
    months = range(1, given["wam_months"] + 1)
    speeds = [(psa(month, percent_psa), sda(month, percent_sda)) for month in months]
    lag, severity = given["months_to_liquidation"], given["loss_severity"]
    rows = bma_pool(100.0, given["wac"], speeds, lag=lag, severity=severity)
    return sum(row.new_defaults for row in rows)


def test_matrix_of_cumulative_defaults() -> None:
    # BMA, Standard Formulas (1999), ch. SF, C.4, p. SF-21.
    table = golden("prepayment/bma_cumulative_default_matrix_shared")
    for speed, row in table["expected"].items():
        for rate, value in row.items():
            got = cumulative_default(float(speed[4:]), float(rate[4:]), table["inputs"])
            assert got == pytest.approx(value, abs=table["tol"]["abs"]), (speed, rate)


def test_paths_of_states_add_up_to_powers_of_the_matrix() -> None:
    table = golden("credit/roll_rate_markov")
    expected = table["expected"]
    # Its last two states are paid off and defaulted; 90+ days is not among them.
    places = [0, 1, 2, 3, 6, 5]
    matrix = np.eye(7)
    for row, place in zip(expected["matrix"], places, strict=True):
        matrix[place] = 0.0
        matrix[place, places] = row
    flat = [(1e6, 0.0, 0.0)] * 3
    months = expected_months(matrix.tolist(), 0, flat)
    default = prepaid = 0.0
    for month in range(1, 4):
        balances = expected["balances"][f"month_{month}"]
        default += months[month - 1].default
        prepaid += months[month - 1].prepaid
        assert default == pytest.approx(balances[5], rel=1e-12)
        assert prepaid == pytest.approx(balances[4], rel=1e-12)
        assert months[month - 1].closing == pytest.approx(sum(balances[:4]), rel=1e-12)
        assert months[month - 1].delinquent == pytest.approx(sum(balances[1:4]), rel=1e-12)
