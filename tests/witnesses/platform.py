"""The simulated platform beside the figures that were published of the real one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache

from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.calibration import calibration
from scfcap.synthetic.lives import Lives, simulate

from .book import Figure, Witness

AS_OF = date(2013, 12, 31)
#: Loans simulated.
LOANS = 500_000
#: Retyped: figure, product, target. Mean amount 11,000 in the first quarter of 2013; default to 90
#: days 0.06%, 0.5%, 2.5% a loan; turnover 44 days; non-performing 0.84% in June 2013.
PUBLISHED = {
    ("mean amount", "order"): 11_000,
    ("mean amount", "credit"): 30_000,
    ("mean amount", "b2b"): 150_000,
    ("share of lending", "order"): 0.60,
    ("share of lending", "credit"): 0.30,
    ("share of lending", "b2b"): 0.10,
    ("mean life", "order"): 15,
    ("mean life", "credit"): 60,
    ("mean life", "b2b"): 150,
    ("default, 90 days", "order"): 0.0006,
    ("default, 90 days", "credit"): 0.005,
    ("default, 90 days", "b2b"): 0.025,
    ("life by turnover", ""): 44,
    ("non-performing share", ""): 0.0084,
    ("default flow", ""): 0.038,
    ("lending in October and November", ""): 1.8,
    ("lending in February", ""): 0.6,
    ("largest five core enterprises", "order"): 0.35,
    ("loss of a default", ""): 0.75,
    ("loans of a shop", ""): 15,
}


@cache
def lives() -> Lives:
    """The platform of 500,000 loans that the calibration is read from."""
    return simulate(LivesSpec(loans=LOANS, seed=2013), AS_OF)


def witnesses() -> Iterator[Witness]:
    """One for each measure of the calibration; the tolerance is its stated range."""
    table = calibration(lives())
    for measure, rows in table.groupby("measure", sort=False):
        figures = []
        for row in rows.itertuples():
            theirs = float(PUBLISHED[row.measure, row.product])
            figures.append(
                Figure(
                    row.product or "all", theirs, float(row.achieved),
                    theirs - float(row.low), float(row.high) - theirs,
                )
            )  # fmt: skip
        yield Witness(str(measure).capitalize(), "synthetic.calibration.calibration",
                      "models/shops-2013/sources.md", "cited", tuple(figures),
                      str(rows["unit"].iloc[0]))  # fmt: skip
