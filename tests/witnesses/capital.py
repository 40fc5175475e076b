"""Risk weights beside what supervisors print (Basel, CRE40 to CRE42; June 2006, Annex 5)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.integrate import quad

from scfcap.deal.capital import attachments, irb_charge, pool_charge, sec_erba, sec_sa

from .book import Figure, Witness, golden, known, near, within

ANNEX = "Basel Committee (June 2006), Annex 5"
IRB = ("basel_irb_risk_weights_shared", "basel_irb_retail_risk_weights")


def irb() -> Iterator[Witness]:
    """Every cell of the illustrative risk weights, by asset class."""
    for name in IRB:
        table = golden(f"risk/{name}")
        for asset in table["inputs"]["assets"]:
            found = []
            for rate, weight in table["expected"][asset["id"]].items():
                charge = irb_charge(
                    *(float(rate) / 100.0, asset["lgd"], asset["kind"]),
                    maturity=asset["maturity_years"],
                    sales=asset.get("sales_million_eur"),
                )
                found.append(near(f"PD {rate}%", weight, 1250.0 * charge, within(table)))
            yield Witness(f"IRB weight, {asset['id'].replace('_', ' ')}", "deal.capital.irb_charge",
                          ANNEX, known(table), tuple(found), "%", table=f"risk/{name}",
                          )  # fmt: skip
    # The same table's note: K of a corporate with PD 1% is 7.386%, its weight over 12.5.
    found_k = round(1250.0 * float(irb_charge(0.01, 0.45, "corporate")), 2) / 12.5
    yield Witness("IRB charge of a corporate, PD 1%", "deal.capital.irb_charge", ANNEX, "printed",
                  (near("K", 7.386, found_k, 5.001e-4),), "%")  # fmt: skip


def closed_form() -> Iterator[Witness]:
    """SEC-SA of four exposures, with and without the floor."""
    name = "risk/sec_sa_shared"
    table = golden(name)
    charges: list[Figure] = []
    weights: list[Figure] = []
    for exposure in table["inputs"]["exposures"]:
        expected = table["expected"][exposure["id"]]
        said = exposure["id"].replace("_", " ")
        k_a = pool_charge(exposure["ksa"], exposure["w"])
        charges.append(near(said, expected["ka"], float(k_a), 1e-15))
        points = exposure["attachment"], exposure["detachment"]
        for floor, suffix in ((0.0, "_before_floor"), (exposure["floor"], "")):
            weight = 100.0 * float(sec_sa(*points, k_a, p=exposure["p"], floor=floor))
            key = f"risk_weight{suffix}_percent"
            figure = near(f"{said}{suffix.replace('_', ' ')}", expected[key], weight, within(table))
            weights.append(figure)
    yield Witness("Charge of a pool, K_A", "deal.capital.pool_charge", "Basel Framework, CRE41.6",
                  known(table), tuple(charges), "share", table=name)  # fmt: skip
    yield Witness("SEC-SA weight of a class", "deal.capital.sec_sa", "Basel Framework, CRE41",
                  known(table), tuple(weights), "%", table=name)  # fmt: skip


def supervisors() -> Iterator[Witness]:
    """Examples of a supervisor's rulebook."""
    # CBUAE, Standardised Approach, paragraphs 33 to 39: 953.8% with K_A unrounded.
    k_a = pool_charge(0.09, 0.06, 0.01)
    figures = (
        near("K_A in percent", 12.35, 100.0 * float(k_a), 0.005),
        near("with K_A as it is", 953.8, 100.0 * float(sec_sa(0.05, 0.25, k_a)), 0.05),
        near("with K_A of 12.35%", 954.0, 100.0 * float(sec_sa(0.05, 0.25, 0.1235)), 0.5),
    )
    yield Witness("SEC-SA, a worked example", "deal.capital.pool_charge, sec_sa",
                  "CBUAE, Standardised Approach, paras 33 to 39", "printed", figures, "%",
                  )  # fmt: skip
    # Paragraph 40: 497.5% x 0.75 = 373%.
    weight = 100.0 * float(sec_erba("BB+", 0.05, 0.30, 2.0, senior=False))
    yield Witness("SEC-ERBA, a worked example", "deal.capital.sec_erba",
                  "CBUAE, External Ratings-Based Approach, para. 40", "printed",
                  (near("BB+, 5% to 30%, 2 years", 373.125, weight, 1e-9),), "%")  # fmt: skip
    ends = (
        near("AAA senior, 5 years", 20.0, _rated("AAA", 0.2, 1.0, 5.0, senior=True), 1e-9),
        near("A- thin, 1 year", 120.0, _rated("A-", 0.1, 0.1, 1.0), 1e-9),
        near("A- thick, 1 year", 60.0, _rated("A-", 0.1, 0.9, 1.0), 1e-9),
        near("A-2, short term", 50.0, _rated("A-2", 0.1, 0.9, 1.0), 0.0),
        near("below CCC", 1250.0, _rated("CCC-", 0.1, 0.9, 1.0, senior=True), 0.0),
    )
    yield Witness("SEC-ERBA at the ends of its table", "deal.capital.sec_erba",
                  "Basel Framework, CRE42", "printed", ends, "%")  # fmt: skip


def _rated(rating: str, low: float, high: float, years: float, *, senior: bool = False) -> float:
    return 100.0 * float(sec_erba(rating, low, high, years, senior=senior))


def deal_of_75_15_10() -> Iterator[Witness]:
    """W of 1%; the weights worked out apart, with a quadrature of the exponential."""
    low, high = attachments(100.0, np.array([75.0, 15.0, 10.0]))
    found: list[Figure] = []
    whole: list[Figure] = []
    for k_sa, printed in ((0.06, (15.0, 278.7, 1146.9)), (0.08, (19.6, 483.7, 1232.6))):
        k_a = float(pool_charge(k_sa, 0.01))

        def charge(x: float, k_a: float = k_a) -> float:
            return 1.0 if x <= k_a else float(np.exp(-(x - k_a) / k_a))

        names = ("senior", "mezzanine", "junior")
        for name, a, d, weight in zip(names, low, high, printed, strict=True):
            said = f"{name}, K_SA {k_sa:.0%}"
            found.append(near(said, weight, 100.0 * float(sec_sa(a, d, k_a)), 0.05))
            area = 1250.0 * quad(charge, a, d, points=[k_a])[0] / (d - a)
            ours = 100.0 * float(sec_sa(a, d, k_a, floor=0.0))
            whole.append(near(said, area, ours, 1e-9 * area))
    yield Witness("SEC-SA weights of a deal of 75, 15 and 10", "deal.capital.sec_sa",
                  "worked out apart from CRE41", "by hand", tuple(found), "%")  # fmt: skip
    yield Witness("The same without the floor", "deal.capital.sec_sa", "scipy, quad of the density",
                  "peer", tuple(whole), "%")  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from irb()
    yield from closed_form()
    yield from supervisors()
    yield from deal_of_75_15_10()
