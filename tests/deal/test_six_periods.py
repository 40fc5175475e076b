"""A revolving deal of six months by hand, in the grammar of deals, to the cent.

Loans of 1,000 bear 1.5% a month and fall due 250, 200, 150, 150, 150, 100; new loans run two
months. Of what falls due 1%, 1%, 2%, 4%, 25% and 40% defaults and nothing is recovered. Notes:
senior 700 at 6%, mezzanine 150 at 12% a year; equity 150; fee 1.2% a year of the pool at the last
payment date; reserve 1% of the notes, 8.50. New loans on offer: 220 in the first month, 400 in the
second, 900 in the third. Cumulative default above 20 ends the revolving period, which would last
four months::

    month   stands  interest  falls due   lost   collected   fee  senior   mezz.    left    bought
      1    1000.00    15.00     250.00     2.50    262.50   1.00    3.50    1.50  256.50    220.00
      2     970.00    14.55     200.00     2.00    212.55   0.97    3.50    1.50  243.08    243.08
      3    1013.08    15.20     370.00     7.40    377.80   1.01    3.50    1.50  371.79    371.79
      4    1014.87    15.22     393.08    15.72    392.58   1.01    3.50    1.50  386.57
      5     621.79     9.33     521.79   130.45    400.67   0.62    1.57    1.50  396.98
      6     100.00     1.50     100.00    40.00     61.50   0.10    0.00    0.66   60.74

What falls due: 370 = 150 + 220 bought in month 1, 393.08 = 150 + 243.08, 521.79 = 150 + 371.79.
Month 1 finds loans for 220 of 256.50: 36.50 lie idle, and are lent in month 2, where 36.50 + 212.55
- 5.97 = 243.08 are at hand. Month 4: 2.50 + 2.00 + 7.40 + 15.72 = 27.62 have defaulted, the deal
amortises: 386.57 to the senior, which stands at 313.43. Month 5: 313.43 to the senior, which is
repaid, 83.55 to the mezzanine, which stands at 66.45. Month 6: 60.74 and, at the end, 5.71 of the
reserve repay it; 2.79 of the reserve go to equity.
"""

from __future__ import annotations

from datetime import date

import pytest

from .dealing import ParLoans, run

DEAL = """
closing = 2019-12-31
legal_end = 2020-06-30
day_count = "act/act-icma"
cents = true
phases = [
    { name = "revolving", until = 2020-04-30 },
    { name = "amortising", when = "trigger.defaults" },
]
[accounts.reserve]
target = "if(notes > 0, 0.01 * notes_at_closing, 0)"
initial = "0.01 * notes_at_closing"
[fees.servicer]
rate = 0.012
[tranches.senior]
balance = 700
coupon = 0.06
[tranches.mezzanine]
balance = 150
coupon = 0.12
[tranches.equity]
kind = "equity"
balance = 150
[triggers.defaults]
test = "cumulative_default > 0.02 * pool_at_closing"
[[waterfall.revolving]]
pay = "fee"
to = "servicer"
from = ["collection", "reserve"]
[[waterfall.revolving]]
pay = "interest"
to = ["senior", "mezzanine"]
split = "in order"
from = ["collection", "reserve"]
[[waterfall.revolving]]
pay = "account"
to = "reserve"
[[waterfall.revolving]]
pay = "purchase"
[[waterfall.amortising]]
pay = "fee"
to = "servicer"
from = ["collection", "reserve"]
[[waterfall.amortising]]
pay = "interest"
to = ["senior", "mezzanine"]
split = "in order"
from = ["collection", "reserve"]
[[waterfall.amortising]]
pay = "principal"
to = ["senior", "mezzanine"]
split = "in order"
[[waterfall.amortising]]
pay = "principal"
name = "out of the reserve"
to = ["senior", "mezzanine"]
split = "in order"
from = "reserve"
when = "final"
[[waterfall.amortising]]
pay = "residual"
to = "equity"
from = ["collection", "reserve"]
when = "notes <= 0"
"""


def test_six_months_to_the_cent() -> None:
    loans = ParLoans(
        falls_due=[250.0, 200.0, 150.0, 150.0, 150.0, 100.0],
        rate=0.015,
        default=[0.01, 0.01, 0.02, 0.04, 0.25, 0.40],
        offer=[220.0, 400.0, 900.0, 0.0, 0.0, 0.0],
        life=2,
    )
    result = run(DEAL, loans, 6, trace=True)

    def cents(quantity: str, tranche: str | None = None) -> list[float]:
        return [round(float(x), 9) for x in result.of(quantity, tranche)[0]]

    assert result.closing.contribution.tolist() == [8.5]
    assert cents("interest") == [15.0, 14.55, 15.2, 15.22, 9.33, 1.5]
    assert cents("principal_collected") == [247.5, 198.0, 362.6, 377.36, 391.34, 60.0]
    assert cents("default") == [2.5, 2.0, 7.4, 15.72, 130.45, 40.0]
    assert cents("purchases") == [220.0, 243.08, 371.79, 0.0, 0.0, 0.0]
    assert cents("pool") == [970.0, 1013.08, 1014.87, 621.79, 100.0, 0.0]
    assert result.fee_paid[:, 0, 0].round(9).tolist() == [1.0, 0.97, 1.01, 1.01, 0.62, 0.1]
    assert cents("interest_paid", "senior") == [3.5, 3.5, 3.5, 3.5, 1.57, 0.0]
    assert cents("interest_paid", "mezzanine") == [1.5, 1.5, 1.5, 1.5, 1.5, 0.66]
    assert cents("principal", "senior") == [0.0, 0.0, 0.0, 386.57, 313.43, 0.0]
    assert cents("principal", "mezzanine") == [0.0, 0.0, 0.0, 0.0, 83.55, 66.45]
    assert cents("balance", "mezzanine") == [150.0, 150.0, 150.0, 150.0, 66.45, 0.0]
    assert cents("residual", "equity") == [0.0, 0.0, 0.0, 0.0, 0.0, 2.79]
    idle, reserve = result.cash[:, :, 0].T
    assert idle.round(9).tolist() == [36.5, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert reserve.round(9).tolist() == [8.5, 8.5, 8.5, 8.5, 8.5, 0.0]
    assert result.tripped[:, 0, 0].tolist() == [False, False, False, True, True, True]
    assert result.phase[:, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert result.paid_in_full.tolist() == [[True, True, False]]

    june = result.steps_frame("base", 6).set_index("step")
    assert june.loc["out of the reserve", "paid"] == pytest.approx(5.71)
    assert june["date"].iloc[0].date() == date(2020, 6, 30)
