"""The study of the business case: its key figures against closed forms, its verdicts against notes.

The notebook is run once; a last cell hands over what it found. Nothing is computed twice: what
stands here are identities, published values and sums by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from .notebooks import assert_clean, assert_pictures, code, executed, source

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "docs" / "scf-eras.ipynb"
NOTES = ROOT / "models" / "scf-eras" / "notes.md"
_LAST = "import json\nprint('FIGURES', json.dumps(figures))"


@pytest.fixture(scope="module")
def done() -> Iterator[dict[str, Any]]:
    with executed(STUDY, _LAST) as notebook:
        yield notebook


@pytest.fixture(scope="module")
def figures(done: dict[str, Any]) -> dict[str, Any]:
    text = "".join(done["cells"][-1]["outputs"][0]["text"])
    return json.loads(text.removeprefix("FIGURES"))


def test_every_cell_runs_and_shows_its_pictures(done: dict[str, Any]) -> None:
    assert_clean(done)
    calls = ("rows_of_bars(", "lines(", "report.plot(")
    drawn = [
        cell
        for cell in code(done)
        if any(line.startswith(calls) for line in source(cell).splitlines())
    ]
    assert len(drawn) >= 12
    assert_pictures(drawn)


def test_the_stored_notebook_is_bare_and_names_no_place() -> None:
    stored = json.loads(STUDY.read_text(encoding="utf-8"))
    for cell in code(stored):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
        compile(source(cell), "cell", "exec")
    ids = [cell["id"] for cell in stored["cells"]]
    assert len(set(ids)) == len(ids)
    text = STUDY.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|tmp)/", text)
    linked = re.findall(r"\]\((\.\./[^)]+)\)", text)
    assert linked
    assert all((STUDY.parent / link).is_file() for link in linked)


def test_the_limit_is_the_balance_sheet_and_the_cap(figures: dict[str, Any]) -> None:
    """Assets = net capital + bank debt, and bank debt = 0.5 of it, from the first close on."""
    found = figures["limit"]
    assert found["assets"][1:] == pytest.approx([1.5] * 6, abs=1e-9)
    assert all(loans < 1.5 for loans in found["loans"])
    assert found["loans"][-1] > 1.45


def test_each_way_earns_and_a_richer_choice_is_never_worse(figures: dict[str, Any]) -> None:
    gain, ways = figures["gain"], figures["ways"]
    assert all(each > 0.0 for each in gain["alone"].values())
    assert max(gain["alone"].values()) < gain["together"] < sum(gain["alone"].values())
    worth = {name: one["worth of 1 more of net capital"] for name, one in ways.items()}
    assert worth["all three"] == min(worth.values())
    assert ways["none"]["orders in lending"] < 0.05 < ways["all three"]["orders in lending"]


def test_without_a_limit_of_law_the_own_part_binds(figures: dict[str, Any]) -> None:
    """The company's part is a tenth of pool and reserve; own book and cash are the rest of 1.5."""
    found = figures["unlimited"]
    sheet = found["sheet"]
    assert found["bound"] == pytest.approx(15.0)
    put_in = found["pool"] - sheet["notes held by others"] - sheet["accrued coupons"]
    assert put_in == pytest.approx(0.1 * found["pool"], rel=1e-6)
    rest = sum(sheet[x] for x in ("loans on the own book", "recoveries expected", "free cash"))
    assert put_in + rest == pytest.approx(1.5, abs=1e-6)


def test_what_the_law_leaves(figures: dict[str, Any]) -> None:
    """2017: what is raised in a way is counted as bank money is. 2020: a cap of its own."""
    laws, kept = figures["laws"], figures["kept"]
    assert kept["2008"] == 1.0
    assert 0.0 <= kept["2017"] < 0.01
    assert 0.5 < kept["2020"] < 1.0
    assert laws["2017"]["without"] == pytest.approx(laws["2008"]["without"], abs=1e-6)
    assert laws["2020"]["without"] > laws["2008"]["without"]  # banks' lines bind, at 0.75


def test_what_borrowers_pay(figures: dict[str, Any]) -> None:
    """The sum as it is meant; (1 + r) / (1 - fee) - 1; (1 + d)^365 - 1."""
    cost = figures["cost"]
    assert cost["corrected"] == pytest.approx([0.05785, 0.0822])
    assert cost["upfront"] == pytest.approx([1.04785 / 0.99 - 1, 1.0522 / 0.97 - 1])
    assert cost["effective"] == pytest.approx([1.0005**365 - 1, 1.0006**365 - 1])
    assert cost["online"] == pytest.approx([0.18, 0.219])
    assert figures["days"] == pytest.approx([152.0, 204.0])


def test_orders_and_their_account(figures: dict[str, Any]) -> None:
    """Of an order 0.70 x 0.95 is lent and 0.95 paid; buyers pay ten days late, as drawn."""
    found = figures["orders"]
    assert found["advance"] == pytest.approx(0.665, abs=1e-5)
    assert found["delay"] == pytest.approx(10.0, abs=0.5)
    interest = 0.665 * (0.95 / 0.665 / found["cover"] - 1.0)
    assert interest < 0.665 * 0.12 * 150 / 365
    assert found["surplus"] == pytest.approx(0.95 - 0.665 - interest, abs=0.001)
    assert found["loss"] == pytest.approx(0.0006 * 0.75, rel=0.6)
    assert found["core"] > 100 * found["loss"]


def test_who_earns_in_each_era(figures: dict[str, Any]) -> None:
    """notes.md, by hand: 15.5 days, 1.41% a year, 1.06% lost; 13.8, 0.44 and 0 per 100."""
    eras, fees = figures["eras"], figures["fees"]
    assert figures["order loss"] == pytest.approx(0.0006 * 365 / 15.5 * 0.75, rel=0.03)
    own = eras["3.0: own funds and banks"]
    assert own["earns"] == pytest.approx(0.138, abs=0.002)
    assert own["capital"] == pytest.approx(2 / 3)
    assert eras["3.0: bank lends, platform guarantees"]["earns"] == pytest.approx(0.0044, abs=5e-4)
    assert eras["2.0: bank lends, platform informs"]["earns"] == pytest.approx(0.0, abs=1e-12)
    assert fees["2.0"][0] == pytest.approx(0.01)
    assert fees["3.0"][0] == pytest.approx(0.01 + figures["order loss"])


@pytest.mark.parametrize("era", ["2.0", "3.0"])
def test_the_plan_uses_the_bank_from_the_fee_that_is_reckoned(
    figures: dict[str, Any], era: str
) -> None:
    _, below, above = figures["fees"][era]
    assert below == pytest.approx(0.0, abs=1.0)
    assert above > 1e6


def test_a_guarantee(figures: dict[str, Any]) -> None:
    """The plan's own costs are those of the factors; Vasicek's quantile written out."""
    found = figures["guarantee"]
    assert found["plan cost"] == pytest.approx(found["payout"]["base"], rel=0.05)
    assert found["plan fee"] == pytest.approx(0.025, rel=1e-6)
    assert found["payout"]["stress"] == pytest.approx(found["default"]["stress"] * 0.85)
    assert found["default"]["stress"] == pytest.approx(3 * found["default"]["base"], rel=0.02)
    p, rho = found["default"]["base"] * 120 / 365, found["rho"]
    root = (norm.ppf(p) + np.sqrt(rho) * norm.ppf(0.99)) / np.sqrt(1 - rho)
    assert found["claims99"] == pytest.approx(norm.cdf(root), rel=1e-9)
    assert found["claims99"] > 3 * found["fee in window"]


def test_a_stock_is_no_flow(figures: dict[str, Any]) -> None:
    found = figures["flow"]
    assert found["by hand"] == pytest.approx(0.083, abs=5e-4)
    assert found["kernel"] == pytest.approx(0.01 * 365 / 50, rel=0.02)
    assert found["implied"] == pytest.approx([0.0084 * 365 / 90, 0.0084 * 365 / 180])
    for segment, life in (("order_core", 15.5), ("credit_long", 71), ("credit_short", 44)):
        pd = {"order_core": 0.0006}.get(segment, 0.005)
        assert found["segments"][segment] == pytest.approx(pd * 365 / life, rel=0.15)


def test_contagion_and_the_cap(figures: dict[str, Any]) -> None:
    """Check values: 1 - 0.98 (1 - 0.03 x 0.4); 50 (1 - 0.99 (1 - 0.0005)^49)."""
    assert figures["contagion"] == pytest.approx({"star": 0.03176, "davis_lo": 1.698}, abs=5e-4)
    core = figures["core"]
    assert core["cost"]["cap of 5%"] < 0.3 * core["cost"]["no cap"]
    assert core["return"]["cap of 5%"] < core["return"]["no cap"]
    assert core["return"]["cap of 8%"] == pytest.approx(core["return"]["no cap"], abs=1e-4)
    assert core["give way"][0] > core["give way"][1]


def test_shocks_cost_less_when_they_are_answered(figures: dict[str, Any]) -> None:
    shocks = figures["shocks"]
    for name in ("bank-cut", "market-shut"):
        assert 0.0 < shocks[name]["cost"] < 0.2 * shocks[name]["failure_amount"]
        assert shocks[name]["avoided"] > 0.0
    assert 0.0 < shocks["outage"]["cost"] < 0.02
    assert figures["outage trips"] is False


def test_what_revolving_lengthens(figures: dict[str, Any]) -> None:
    """All principal falls in months 13 to 15, or a month after the failure of month 6 on."""
    life = figures["life"]
    assert 365 * 13 / 12 < life["revolving"] < 365 * 15 / 12
    assert 365 * 6 / 12 < life["originator fails"] < 365 * 9 / 12
    assert life["still"] < 3 * life["loans"] < life["revolving"]
    assert life["turns"] * life["loans"] == pytest.approx(365, rel=0.15)


def test_the_maturity_gap(figures: dict[str, Any]) -> None:
    """A line of three months against 152 days: 60 days; a series of 15 months outlives them."""
    assert min(figures["gaps"].values()) > 0.0
    assert figures["long"]["bank-a, 3 months"] == pytest.approx(151.6 - 91.25, abs=0.5)
    assert figures["long"]["series to come"] == pytest.approx(151.6 - 456.25, abs=0.5)


def test_notes_hold_the_verdicts(figures: dict[str, Any]) -> None:
    """Words as they are, figures to the digit shown, within a hundredth of their size."""
    rows = re.findall(
        r"^\| ([A-I]\d)\. (.+?) \| (.+?) \| ((?:dis)?agrees.*?) \|$",
        NOTES.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {key: verdict for key, _, _, verdict in rows} == figures["verdicts"]
    for key, _, figure, _ in rows:
        told = figures["told"][key]
        assert re.sub(r"\d+(?:\.\d+)?", "#", figure) == re.sub(r"\d+(?:\.\d+)?", "#", told)
        for here, there in zip(_numbers(figure), _numbers(told), strict=True):
            assert here[0] == pytest.approx(there[0], rel=0.01, abs=1.5 * here[1]), key


def _numbers(text: str) -> list[tuple[float, float]]:
    """Numbers of a text, each with the unit of its last digit."""
    found = re.findall(r"\d+(?:\.(\d+))?", text)
    values = re.findall(r"\d+(?:\.\d+)?", text)
    return [(float(v), 10.0 ** -len(d)) for v, d in zip(values, found, strict=True)]


def test_every_verdict_is_reached(figures: dict[str, Any]) -> None:
    words = list(figures["verdicts"].values())
    assert set(words) <= {"agrees", "agrees with conditions", "disagrees"}
    assert len(words) >= 18
    assert words.count("disagrees") >= 5
