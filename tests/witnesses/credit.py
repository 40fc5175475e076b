"""Estimators of credit and portfolio models beside published tables and closed forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.stats import chi2_contingency, multivariate_normal

from scfcap.credit.contagion import davis_lo_distribution, davis_lo_mean, star
from scfcap.credit.credibility import buhlmann_straub
from scfcap.credit.recovery import chain_ladder
from scfcap.credit.rollrates import count_transitions, fit_matrix, homogeneity
from scfcap.credit.survival import Lives, kaplan_meier, log_rank
from scfcap.credit.timing import loss_timing
from scfcap.credit.vasicek import (
    bivariate_normal,
    expected_shortfall,
    quantile,
    standard_deviation,
)
from scfcap.deal.analytics import ValueDistribution

from .book import Figure, Witness, alike, golden, known, near, within

FREIREICH = "Freireich et al. (1963), remission with 6-MP, as in Cox and Oakes"
STATES = ("current", "late", "repaid", "default")


def lives_of(times: Any, entry: Any = None, weight: Any = None) -> Lives:
    """Minus marks a censored time, as the published table writes it."""
    times = np.asarray(times, dtype=np.float64)
    return Lives(np.abs(times), (times > 0).astype(np.int64), entry, weight)


def freireich() -> Iterator[Witness]:
    """Kaplan-Meier, Greenwood's error and the log-rank test of the two groups."""
    name = "credit/km_freireich_6mp"
    table = golden(name)
    groups = table["inputs"]["groups"]
    curve = kaplan_meier(lives_of(groups["six_mp"]))
    rows = table["expected"]["six_mp"]
    ages = [float(age) for age in rows]
    columns = {
        "at_risk": ("Loans at risk by age", curve.at_risk, 0.0),
        "events": ("Events by age", curve.events, 0.0),
        "survival": ("Survival by age", curve.value, 6e-4),
        "greenwood_se": ("Its standard error by Greenwood", curve.se, 6e-5),
    }
    yield Witness("Ages at which events are", "credit.survival.kaplan_meier", FREIREICH,
                  known(table), tuple(alike("age", ages, curve.time, 0.0)), "weeks",
                  table=name)  # fmt: skip
    for key, (what, ours, tol) in columns.items():
        figures = tuple(
            near(f"week {age:g}", row[key], each, tol)
            for age, row, each in zip(ages, rows.values(), ours, strict=True)
        )
        yield Witness(what, "credit.survival.kaplan_meier", FREIREICH, known(table), figures,
                      table=name)  # fmt: skip
    # Collett's formula; at week 10 0.7529 ** exp(±1.96 * 0.0963 / (0.7529 * 0.2838)) by hand.
    ten = int(np.flatnonzero(curve.time == 10)[0])
    bounds = (
        near("low", 0.5032, curve.low[ten], 5e-4),
        near("high", 0.8894, curve.high[ten], 5e-4),
    )
    yield Witness("Log-log interval at week 10", "credit.survival.kaplan_meier",
                  "Collett, Modelling Survival Data in Medical Research, its formula", "by hand",
                  bounds)  # fmt: skip
    times = np.array(groups["six_mp"] + groups["placebo"])
    group = np.repeat([0, 1], [len(groups["six_mp"]), len(groups["placebo"])])
    test = log_rank(lives_of(times), group, ("six_mp", "placebo"))
    expected = table["expected"]["log_rank"]
    figures = (
        near("observed", expected["observed_1"], test.observed[0], 0.0),
        near("expected", expected["expected_1"], test.expected[0], 0.0055),
        near("chi-square", expected["chi_square"], test.chi_square, 0.0055),
        near("degrees of freedom", 1, test.degrees, 0.0),
        near("p of chi-square 16.79", 4.17e-5, test.p_value, 4.17e-7),
    )
    yield Witness("Log-rank test of two groups", "credit.survival.log_rank", FREIREICH,
                  known(table), figures, table=name)  # fmt: skip


def chain() -> Iterator[Witness]:
    """Roll rates of counted transitions: matrix, interval, ends, balances."""
    name = "credit/roll_rate_markov"
    table = golden(name)
    expected, how = table["expected"], known(table)
    fitted = fit_matrix(np.array(table["inputs"]["transition_counts"]))
    by, source = "credit.rollrates.fit_matrix", "maximum likelihood and powers of the matrix"
    matrix = tuple(alike("cell", expected["matrix"], fitted.matrix, 0.0, rel=1e-9))
    yield Witness("Matrix of monthly roll rates", by, source, how, matrix, "share", table=name)
    # 20 of 10,000: Wilson by hand, centre 0.002192, half 0.000896 (z = 1.96).
    interval = (
        near("low", 0.001295, fitted.low[0, 5], 2e-6),
        near("high", 0.003087, fitted.high[0, 5], 2e-6),
    )
    yield Witness("Interval of a roll rate, 20 of 10,000", by, "Wilson's interval", "by hand",
                  interval, "share")  # fmt: skip
    default = tuple(
        alike("state", expected["lifetime_default"], fitted.lifetime_default[:4], 0.0, rel=1e-9)
    )
    yield Witness("Default over the life of a loan, by state", by, source, how, default, "share",
                  table=name)  # fmt: skip
    wanted = expected["expected_months_to_absorption"]
    months = tuple(alike("state", wanted, fitted.months_to_absorption[:4], 0.0, rel=1e-9))
    yield Witness("Months until a loan has ended, by state", by, source, how, months, "months",
                  table=name)  # fmt: skip
    path = fitted.project(np.array(table["inputs"]["opening_balance"], dtype=float), 24)
    found: list[Figure] = []
    for month in table["inputs"]["months"]:
        states = expected["balances"][f"month_{month}"]
        found += alike(f"month {month}, state", states, path[month], 0.0, rel=1e-9)
    yield Witness("Balances by state", "credit.rollrates, project", source, how, tuple(found),
                  "currency", table=name)  # fmt: skip


def raa() -> Iterator[Witness]:
    """Mack (1994); the RAA triangle."""
    name = "credit/chain_ladder_raa"
    table = golden(name)
    rows, expected = table["inputs"]["cumulative_triangle"], table["expected"]
    triangle = np.full((10, 10), np.nan)
    for n, row in enumerate(rows):
        triangle[n, : len(row)] = row
    found = chain_ladder(triangle)
    source, how = "Mack (1994), the RAA triangle; R package ChainLadder", known(table)
    factors = alike("period", expected["development_factors"], found.factors, 6e-4)
    yield Witness("Chain ladder, development factors", "credit.recovery.chain_ladder", source, how,
                  tuple(factors), table=name)  # fmt: skip
    totals = (
        near("reserve", expected["total_reserve"], found.reserve.sum(), 1.0),
        near("standard error", expected["mack_standard_error"], found.total_se, 1.0),
        near("reserve of the oldest", 0.0, found.reserve[0], 0.0),
        near("its error", 0.0, found.se[0], 0.0),
    )
    yield Witness("Chain ladder, reserve and Mack's error", "credit.recovery.chain_ladder", source,
                  how, totals, "thousands", table=name)  # fmt: skip


def timing() -> Witness:
    """Lifetime net loss of 3%, its timing over six months, severity 60%."""
    name = "credit/loss_timing_curve"
    table = golden(name)
    given, expected = table["inputs"], table["expected"]
    found = loss_timing(
        given["lifetime_loss"],
        given["loss_severity"],
        np.array(given["timing"]),
        np.array(given["scheduled_share_of_survivors"]),
    )
    size = given["original_balance"]
    percent = 100 * np.cumsum(found.loss)
    figures = (
        *alike("default, month", expected["defaults"], size * found.default, 0.0, rel=1e-9),
        *alike("loss, month", expected["losses"], size * found.loss, 0.0, rel=1e-9),
        *alike("rate, month", expected["mdr"], found.rate, 0.0, rel=1e-9),
        *alike(
            "closing, month", expected["closing_performing"], size * found.closing, 1e-6, rel=1e-9
        ),
        *alike("loss so far, month", expected["cumulative_net_loss_percent"], percent, 0.0, 1e-9),
    )
    return Witness("Defaults and losses of a timing curve", "credit.timing.loss_timing",
                   "lifetime loss / severity x timing", known(table), figures, table=name,
                   )  # fmt: skip


#: C. A. Hachemeister (1975), bodily injury claims of five states in twelve quarters.
AVERAGE_CLAIMS = [
    [1738, 1642, 1794, 2051, 2079, 2234, 2032, 2035, 2115, 2262, 2267, 2517],
    [1364, 1408, 1597, 1444, 1342, 1675, 1470, 1448, 1464, 1831, 1612, 1471],
    [1759, 1685, 1479, 1763, 1674, 2103, 1502, 1622, 1828, 2155, 2233, 2059],
    [1223, 1146, 1010, 1257, 1426, 1532, 1953, 1123, 1343, 1243, 1762, 1306],
    [1456, 1499, 1609, 1741, 1482, 1572, 1606, 1735, 1607, 1573, 1613, 1690],
]
CLAIM_NUMBERS = [
    [7861, 9251, 8706, 8575, 7917, 8263, 9456, 8003, 7365, 7832, 7849, 9077],
    [1622, 1742, 1523, 1515, 1622, 1602, 1964, 1515, 1527, 1748, 1654, 1861],
    [1147, 1357, 1329, 1204, 998, 1077, 1277, 1218, 896, 1003, 1108, 1121],
    [407, 396, 348, 341, 315, 328, 352, 331, 287, 384, 321, 342],
    [2902, 3172, 3046, 3068, 2693, 2910, 3275, 2697, 2663, 3017, 3242, 3425],
]


def hachemeister() -> Iterator[Witness]:
    """Figures as in Bühlmann and Gisler (2005), 4.13, and of R's actuar, function ``cm``."""
    value, weight = np.array(AVERAGE_CLAIMS, float), np.array(CLAIM_NUMBERS, float)
    found = buhlmann_straub(np.repeat(np.arange(5), 12), value.ravel(), weight.ravel(), 5)
    by, source = (
        "credit.credibility.buhlmann_straub",
        "Hachemeister (1975); Bühlmann and Gisler 4.13",
    )
    structure = (
        near("variance within", 139_120_026, found.within, 1.3912),
        near("variance between", 89_639, found.between, 0.5),
        near("collective mean", 1683.713, found.collective, 5e-4),
    )
    yield Witness("Credibility, structure", by, source, "cited", structure)
    z = [0.9847404, 0.9276352, 0.8984754, 0.7279092, 0.9587911]
    yield Witness("Credibility, weight of a state's own figure", by, source, "cited",
                  tuple(alike("state", z, found.z, 5e-8)))  # fmt: skip
    means = [2055.165, 1523.706, 1793.444, 1442.967, 1603.285]
    yield Witness("Credibility, premium of a state", by, source, "cited",
                  tuple(alike("state", means, found.estimate, 5e-4)))  # fmt: skip


def large_pool() -> Iterator[Witness]:
    """Vasicek's closed forms."""
    name = "risk/vasicek_large_pool"
    table = golden(name)
    columns: dict[str, list[Figure]] = {}
    for case in table["inputs"]["cases"]:
        rate, rho, level = case["pd"], case["rho"], case["quantile"]
        got = {
            "quantile_default_rate": (quantile(rate, rho, level), 1e-10),
            "standard_deviation": (standard_deviation(rate, rho), 1e-7),
            "expected_shortfall": (expected_shortfall(rate, rho, level), 1e-7),
        }
        for key, (ours, tol) in got.items():
            said = f"PD {rate:.0%}, correlation {rho:.0%}, level {level:.1%}"
            theirs = table["expected"][case["id"]][key]
            columns.setdefault(key, []).append(near(said, theirs, ours, tol))
    for key, figures in columns.items():
        by = "quantile" if key.startswith("quantile") else key
        yield Witness(f"Default rate of a large pool, {by.replace('_', ' ')}",
                      f"credit.vasicek.{by}", "Vasicek (2002), Risk", known(table), tuple(figures),
                      "share", table=name)  # fmt: skip


def two_normals() -> Witness:
    """The bivariate normal distribution, by scipy."""
    found = []
    for rho in (0.0, 0.3, 0.8):
        peer = multivariate_normal(cov=[[1.0, rho], [rho, 1.0]]).cdf([-1.2, 0.4])
        ours = bivariate_normal(-1.2, 0.4, rho)
        found.append(near(f"correlation {rho:g}", float(peer), ours, 1e-6))
    return Witness("Distribution of two normals", "credit.vasicek.bivariate_normal",
                   "scipy, multivariate_normal", "peer", tuple(found))  # fmt: skip


def contagion() -> Iterator[Witness]:
    """A core enterprise and its suppliers; fifty firms of Davis and Lo."""
    # A supplier's own 2%, a core that fails with 3% and infects with 40%: 3.176%.
    yield Witness("Default of a supplier, by a core's failure", "credit.contagion.star",
                  "1 - (1 - 2%)(1 - 3% x 40%)", "by hand",
                  (near("2%, 3%, 40%", 0.03176, star(0.02, 0.03, 0.4), 1e-12),))  # fmt: skip
    chance = davis_lo_distribution(50, 0.01, 0.05)
    figures = (
        near("mean, infection 5%", 1.698, davis_lo_mean(50, 0.01, 0.05), 5e-4),
        near("mean of the distribution", 1.698, float(chance @ np.arange(51)), 5e-4),
        near("mean, no infection", 0.5, davis_lo_mean(50, 0.01, 0.0), 5e-13),
    )
    yield Witness("Defaults of 50 firms that infect each other",
                  "credit.contagion.davis_lo_mean, davis_lo_distribution",
                  "Davis and Lo (2001), formula", "by hand", figures)  # fmt: skip


def constancy() -> Witness:
    """A likelihood-ratio test that roll rates are the same in both halves, by scipy."""
    random = np.random.default_rng(2)
    loan = np.repeat(np.arange(300), 2)
    month = np.tile([0, 1], 300) + np.repeat(random.integers(0, 2, 300), 2)
    state = np.where(np.arange(600) % 2, random.choice([0, 3], 600), 0)
    test = homogeneity(count_transitions(loan, month, state, STATES), month=1)
    counts = np.zeros((2, 2))
    np.add.at(counts, (month[::2], (state[1::2] == 3).astype(int)), 1)
    peer = chi2_contingency(counts, correction=False, lambda_="log-likelihood")
    figures = (
        near("statistic", peer.statistic, test.statistic, 1e-6 * peer.statistic),
        near("p value", peer.pvalue, test.p_value, 1e-6 * peer.pvalue),
        near("degrees of freedom", 1, test.degrees, 0.0),
        near("month of the change", 1, test.month, 0.0),
    )
    return Witness("Whether roll rates have changed", "credit.rollrates.homogeneity",
                   "scipy, chi2_contingency", "peer", figures)  # fmt: skip


def rated_bond() -> Witness:
    """CreditMetrics, Technical Document (1997): a five-year 6% BBB bond."""
    name = "risk/creditmetrics_bbb_bond"
    table = golden(name)
    inputs, expected, tol = table["inputs"], table["expected"], within(table)
    found = ValueDistribution.of(inputs["value"], inputs["probability_percent"])
    spread = [inputs["recovery_sd"] if s == "default" else 0.0 for s in inputs["states"]]
    wide = ValueDistribution.of(inputs["value"], inputs["probability_percent"], np.array(spread))
    figures = (
        near("mean", expected["mean"], found.mean, tol),
        near("standard deviation", expected["standard_deviation"], found.deviation, tol),
        near(
            "with risk of recovery", expected["standard_deviation_with_recovery_risk"],
            wide.deviation, tol,
        ),
        # B: CCC and default come with 0.30%, B with 1.17%.
        near("first percentile", 98.10, found.percentile(0.01), 0.0),
        near("first permille", 51.13, found.percentile(0.001), 0.0),
    )  # fmt: skip
    return Witness("Value of a rated bond a year on", "deal.analytics.ValueDistribution",
                   "J.P. Morgan, CreditMetrics (1997)", known(table), figures, table=name,
                   )  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from freireich()
    yield from chain()
    yield constancy()
    yield from raa()
    yield timing()
    yield from hachemeister()
    yield from large_pool()
    yield two_normals()
    yield from contagion()
    yield rated_bond()
