"""Speeds of prepayment and default beside the bond market's printed tables, chapter SF."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scfcap.credit import speeds

from .book import Witness, alike, golden, known, near, within

BMA = "BMA, Uniform Practices (1999), "


def of_smm() -> Iterator[Witness]:
    """Page SF-9; PSA from month 30 on."""
    name = "prepayment/bma_smm_cpr_table_shared"
    table = golden(name)
    cpr, psa, back = [], [], []
    for key, row in table["expected"].items():
        smm = float(key) / 100
        rate = speeds.per_year(smm, 1 / 12)
        said = f"SMM {key}%"
        cpr.append(near(said, row["cpr_percent"], 100 * rate, within(table, "cpr_percent")))
        psa.append(near(said, row["psa_percent"], speeds.cpr_psa(rate, 30), within(table)))
        back.append(near(said, smm, speeds.per_period(rate, 1 / 12), 1e-12 * smm))
    source, how = BMA + "p. SF-9", known(table)
    yield Witness("CPR of an SMM", "credit.speeds.per_year", source, how, tuple(cpr), "%",
                  table=name)  # fmt: skip
    yield Witness("PSA of an SMM", "credit.speeds.cpr_psa", source, how, tuple(psa), "% PSA",
                  table=name)  # fmt: skip
    yield Witness("SMM, to a year and back", "credit.speeds.per_period", source, how, tuple(back),
                  "share", table=name)  # fmt: skip


def of_psa() -> Witness:
    """Page SF-10: the first thirty months."""
    name = "prepayment/bma_psa_smm_table_shared"
    table, found = golden(name), []
    for key, row in table["expected"].items():
        months = np.arange(1, len(row) + 1)
        cpr = speeds.psa_cpr(float(key.removeprefix("psa_")), months)
        smm = 100 * speeds.per_period(cpr, 1 / 12)
        found += alike(f"{key.removeprefix('psa_')} PSA, month", row, smm, within(table))
    return Witness("SMM of a PSA speed by month", "credit.speeds.psa_cpr, per_period",
                   BMA + "p. SF-10", known(table), tuple(found), "%", table=name)  # fmt: skip


def of_abs() -> Witness:
    """Page SF-15: the first fifty months."""
    name = "prepayment/bma_abs_smm_table_shared"
    table, found = golden(name), []
    for key, row in table["expected"].items():
        months = np.arange(1, len(row) + 1)
        smm = speeds.abs_smm(float(key.removeprefix("abs_")) / 100, months)
        found += alike(f"{key.removeprefix('abs_')} ABS, month", row, 100 * smm, within(table))
    return Witness("SMM of an ABS speed by month", "credit.speeds.abs_smm", BMA + "p. SF-15",
                   known(table), tuple(found), "%", table=name)  # fmt: skip


def of_sda() -> Iterator[Witness]:
    """Pages SF-20 and SF-21, and the columns of Cash Flow B."""
    name = "prepayment/sda_curve"
    table, rates, monthly = golden(name), [], []
    for key, row in table["expected"]["sda_100"].items():
        cdr = speeds.sda_cdr(100, int(key.removeprefix("month_")))
        said = key.replace("_", " ")
        rates.append(near(said, row["cdr_percent"], 100 * cdr, 1e-9))
        monthly.append(near(said, row["mdr"], speeds.per_period(cdr, 1 / 12), within(table)))
    source, how = BMA + "pp. SF-20 to SF-21", known(table)
    yield Witness("CDR of 100 SDA by month", "credit.speeds.sda_cdr", source, how, tuple(rates),
                  "%", table=name)  # fmt: skip
    yield Witness("Its default rate a month", "credit.speeds.per_period", source, how,
                  tuple(monthly), "share", table=name)  # fmt: skip


def of_two_factors() -> Iterator[Witness]:
    """Pages SF-7 and SF-8: a Ginnie Mae I pool in June 1989."""
    name = "prepayment/bma_sf7_ginnie_psa"
    table = golden(name)
    told, expected, tol = table["inputs"], table["expected"], within(table)
    coupon, term = told["gross_coupon"], told["issue_term"]
    remaining = (told["rem_1"], told["rem_2"])
    factors = (told["factor_1"], told["factor_2"])
    before, after = speeds.scheduled_balance(coupon, term, remaining)
    scheduled = factors[0] * after / before
    source, how = BMA + "pp. SF-7 to SF-8", known(table)
    balances = (
        near("balance before", expected["bal_1"], before, 5e-7),
        near("balance after", expected["bal_2"], after, tol),
        near("scheduled factor", expected["scheduled_factor"], scheduled, tol),
        near("amortization", expected["amortization"], factors[0] - scheduled, tol),
        near("prepayments", expected["prepayments"], scheduled - factors[1], tol),
    )
    yield Witness("Scheduled balance and prepayment between two pool factors",
                  "credit.speeds.scheduled_balance", source, how, balances, "of par",
                  table=name)  # fmt: skip
    smm = speeds.historical_smm(factors, coupon, term, remaining)
    cpr = float(speeds.per_year(smm, 1 / 12))
    psa = speeds.historical_psa(factors, coupon, term, remaining, told["month"])
    rates = (
        near("SMM", expected["smm_percent"], 100 * smm, within(table, "smm_percent")),
        near("CPR", expected["cpr_percent"], 100 * cpr, within(table, "cpr_percent")),
        near("PSA", expected["psa_percent"], psa, within(table, "psa_percent")),
    )
    yield Witness("Historical SMM, CPR and PSA of a pool",
                  "credit.speeds.historical_smm, historical_psa", source, how, rates, "%",
                  table=name)  # fmt: skip


def of_car_loans() -> Witness:
    """Page SF-14: car loans of 36 months, issued with 34 left."""
    name = "prepayment/bma_sf14_abs_speed"
    table = golden(name)
    spot, told, tol = table["inputs"]["spot"], table["inputs"]["historical"], within(table)
    smm = float(speeds.abs_smm(spot["abs"], spot["month"]))
    speed = speeds.historical_abs(
        (told["factor_1"], told["factor_2"]),
        told["gross_coupon"],
        told["issue_term"],
        (told["issue_term"], told["rem_2"]),
        (told["age_1"], told["age_2"]),
    )
    figures = (
        near("SMM", table["expected"]["smm_percent"], 100 * smm, tol),
        near("ABS", table["expected"]["abs_percent"], 100 * speed, tol),
    )
    return Witness("Spot and historical ABS speed of car loans",
                   "credit.speeds.abs_smm, historical_abs", BMA + "p. SF-14", known(table), figures,
                   "%", table=name)  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from of_smm()
    yield of_psa()
    yield of_abs()
    yield from of_sda()
    yield from of_two_factors()
    yield of_car_loans()
