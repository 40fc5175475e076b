"""Published deals, written in the grammar and run by the engine."""

from __future__ import annotations

import numpy as np

from tests.witnesses import deals
from tests.witnesses.book import golden, holds

# --- FJF-01 ---------------------------------------------------------------------------------


def test_fjf01_windows_and_average_lives() -> None:
    holds(deals.sequential())


def test_fjf01_pays_all_that_the_pool_brings() -> None:
    fjf01 = deals.fjf01()
    assert fjf01.paid_in_full.all()
    assert fjf01.timely_interest.all()
    came = fjf01.of("interest") + fjf01.of("principal_collected")
    went = (fjf01.of("interest_paid") + fjf01.of("principal")).sum(axis=1)
    np.testing.assert_allclose(went, came, atol=1e-4)


# --- Fannie Mae REMIC 2019-2, group 3 -------------------------------------------------------


def test_remic_decrement_table_and_average_lives() -> None:
    holds(deals.decrements())


def test_remic_average_lives_round_as_printed() -> None:
    """From settlement on 30 January 2019 to distributions on the 25th, at 30/360."""
    remic = deals.remic()
    for speed, row in golden(deals.REMIC)["expected"].items():
        # 400 PSA is printed 2.9, where this gives 2.95: the table's own note.
        if "average_life_years" not in row or speed == "psa_400":
            continue
        principal = remic.of("principal", "AB")[remic.scenarios.index(speed)]
        years = np.arange(len(principal)) / 12.0 + 25.0 / 360.0
        life = float((principal * years).sum() / principal.sum())
        assert f"{life:.1f}" == f"{row['average_life_years']:.1f}", speed


def test_remic_strips_leave_no_residual() -> None:
    """3.25% and 5% of 35% are the pass-through's 5%, but for the eleventh digit of the notional."""
    remic = deals.remic()
    assert remic.timely_interest[:, 0].all()
    assert remic.paid_in_full[:, 0].all()
    assert remic.trace is not None
    assert remic.trace[2, 2].sum(axis=0).max() < 0.02
    assert remic.of("owed").max() < 0.01
    ratio = remic.of("interest_paid", "IO")[:, :60] / remic.of("interest_paid", "AB")[:, :60]
    np.testing.assert_allclose(ratio, 0.35 * 0.05 / 0.0325, rtol=1e-6)


# --- the accrual bond of the Uniform Practices ----------------------------------------------


def test_accrual_bond_average_lives() -> None:
    holds(deals.accrual_bond())
    assert deals.z_bond().paid_in_full.all()
