"""``scfcap plan``: what it shows, writes and refuses."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import scfcap
from scfcap.report.cautions import over_limits
from scfcap.report.store import read_run

TABLES = {
    "plan_term_prices",
    "plan_terms",
    "plan_accounting",
    "plan_actions",
    "plan_balance_sheet",
    "plan_balances",
    "plan_borrower_cost",
    "plan_cap_sources",
    "plan_caps",
    "plan_cash_flow",
    "plan_cash_forecast",
    "plan_channels",
    "plan_checks",
    "plan_cost_of_funds",
    "plan_covenants",
    "plan_income",
    "plan_lending",
    "plan_limits",
    "plan_long_demand",
    "plan_marginal_funding",
    "plan_maturity_gaps",
    "plan_maturity_ladder",
    "plan_next",
    "plan_prices",
    "plan_sources_uses",
    "plan_unused",
    "plan_value",
}
#: Demand that needs more money than there is.
BUSY = ("--set", "demand.order.per_period=90000.0")


def test_it_shows_the_plan_from_sources_to_actions(scfcap, mini):
    done = scfcap("plan", mini(), *BUSY)
    assert done.exit_code == 0, done.stderr
    for said in (
        "A small platform, as of 2020-12-31; regime: none",
        "Plan of 4 months under base, optimal; net income CNY ",
        "Value beyond the horizon above book: CNY ",
        "Sources and uses of cash by channel, CNY k",
        "Balances at each close, CNY k",
        "Limits where they are tightest, CNY k",
        "What one more unit is worth",
        "CNY 1,000 more of net capital at the start earns CNY ",
        "Without selling loans to banks the plan ",
        "transfer",
        "months at 8.00%, due 2021-0",
        "Sources without new business:",
        "Securitization is not used: the model has no vehicle.",
        "Balance sheet, CNY k",
        "Income, CNY k",
        "Cash flows, CNY k",
        "Accounting beside what counts in the caps",
        "off balance sheet",
        "Cash forecast, 4 months",
        "Maturity gap: assets less liabilities due",
        "What money costs the company, CNY k",
        "What one more unit raised on",
        "What borrowers pay, all in, a year",
        "What to do, CNY k",
        "checks of the engine hold.",
        "--out DIR",
    ):
        assert said in done.stdout, said
    assert "Caution" not in done.stdout
    stations = [line.split()[0] for line in done.stderr.splitlines()]
    assert stations == ["tape", "pool", "credit", "cohorts", "plan", "statements"]


def test_json_is_the_plan_and_ties(scfcap, mini):
    done = scfcap("plan", mini(), "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["status"], document["regime"], document["periods"]) == ("optimal", "none", 4)
    assert set(document["tables"]) == TABLES
    assert all(tie["ok"] for tie in document["ties"])
    assert len(document["ties"]) >= 14
    assert document["cautions"] == []
    income = sum(row["amount"] for row in document["income"])
    assert income == pytest.approx(document["net_income"])
    sheet = pd.DataFrame(document["balance_sheet"])
    signed = sheet["amount"].where(sheet["side"] == "asset", -sheet["amount"])
    assert signed.groupby(sheet["period"]).sum().abs().max() < 1e-6
    unused = {row["channel"]: row for row in document["unused"]}
    assert unused["p2p"]["lost_per_unit"] is None
    assert {row["item"] for row in document["cost_of_funds"]} >= {"bank-a", "bank-t"}
    corrected = [row for row in document["borrower_cost"] if row["item"] == "offline, corrected"]
    assert corrected[0]["rate_high"] == pytest.approx(0.0822)


def test_the_folder_holds_every_table_with_its_units(scfcap, mini, tmp_path):
    out = tmp_path / "plan"
    done = scfcap("plan", mini(), "--out", out, *BUSY)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.rstrip().endswith(f"Tables: {out}")
    saved = read_run(out)
    assert set(saved.tables) == TABLES
    for table, column, unit in (
        ("cash_flow", "amount", "CNY"),
        ("maturity_gaps", "gap", "CNY"),
        ("maturity_gaps", "within_days", "days"),
        ("cost_of_funds", "rate", "1/year"),
        ("cost_of_funds", "cost_amount", "CNY"),
        ("cost_of_funds", "worth_of_more", "currency/currency"),
        ("marginal_funding", "rate", "1/year"),
        ("unused", "rate_change", "1/year"),
        ("accounting", "most_amount", "CNY"),
        ("borrower_cost", "rate_low", "1/year"),
    ):
        assert saved.tables[f"plan_{table}"].units[column] == unit, (table, column)
    assert saved.tables["plan_cash_flow"].title == "Cash-flow statement of the group by period"
    assert saved.manifest["run_seconds"].keys() >= {"solve", "unique"}
    actions = pd.read_csv(out / "plan_actions.csv")
    assert len(actions) == len(saved.tables["plan_actions"].frame) > 3
    assert (out / "plan_cash_forecast.csv").is_file()


def test_a_run_holds_the_same_tables(scfcap, mini, tmp_path):
    folder = mini()
    for command in ("plan", "run"):
        done = scfcap(command, folder, "-q", "--out", tmp_path / command)
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    for name in TABLES:
        one, other = (
            (tmp_path / command / "tables" / f"{name}.parquet").read_bytes()
            for command in ("plan", "run")
        )
        assert one == other, name


def test_a_plan_of_one_period_has_no_curve_and_no_rates(scfcap, mini):
    overrides = ("--set", "plan.periods=1")
    document = json.loads(scfcap("plan", mini(), "--json", *overrides).stdout)
    notes = {row["item"]: (row["rate"], row["note"]) for row in document["cost_of_funds"]}
    assert notes["bank-a"] == (None, "raised at the last close: not paid for yet")
    assert notes["bank-t"] == (None, "not used")
    assert all(tie["ok"] for tie in document["ties"])
    shown = scfcap("plan", mini(name="again"), *overrides).stdout
    assert "it has no marginal funding curve" in shown


def test_a_plan_by_weeks_has_a_forecast_of_thirteen(scfcap, mini):
    overrides = ("--set", "plan.frequency=week", "--set", "plan.periods=15")
    document = json.loads(scfcap("plan", mini(), "--json", *overrides).stdout)
    assert document["cash_forecast"]["periods"] == "13 weeks"
    assert max(row["period"] for row in document["cash_forecast"]["rows"]) == 13
    shown = scfcap("plan", mini(name="again"), *overrides).stdout
    assert "Cash forecast, 13 weeks" in shown
    assert "(first 13 of 15)" in shown


def test_the_plan_waits_for_a_notice(scfcap, mini):
    days, folder = {}, mini()
    for notice in (0, 40):
        done = scfcap("plan", folder, "--set", f"buyers.bank-t.notice_days={notice}", "--json")
        assert done.exit_code == 0, done.stderr
        rows = json.loads(done.stdout)["actions"]
        days[notice] = {row["date"][:10] for row in rows if row["action"] == "transfer"}
    assert "2021-01-31" in days[0]
    assert "2021-01-31" not in days[40]


def test_no_plan_is_explained_and_ends_with_3(scfcap, mini, tmp_path):
    out = tmp_path / "plan"
    done = scfcap("plan", mini(), "--set", "plan.liquidity_floor=9e6", "--json", "--out", out)
    assert done.exit_code == 3
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "infeasible"
    assert error["sentences"]
    assert error["sentences"][0] in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set", "lenders.bank-a.notice_days=-1"), "lenders.bank-a.notice_days"),
        (("--set", "lenders.bank-a.limit=-5"), "lenders.bank-a.limit"),
        (("--set", "plan.scenario=none"), "plan.scenario"),
        (("--tape", "none.csv"), "none.csv"),
        (("--nonsense",), "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input(scfcap, mini, options, said):
    done = scfcap("plan", mini(), *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_folder_with_other_files_is_not_written_over(scfcap, mini, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    done = scfcap("plan", mini(), "--out", tmp_path / "mine")
    assert done.exit_code == 2
    assert "a folder with other files in it" in done.stderr


def test_quotes_of_the_models_own_come_first_and_are_checked(scfcap, mini):
    folder = mini()
    (folder / "borrowing").mkdir()
    quotes = folder / "borrowing" / "cn_2013.toml"
    text = 'title = "t"\ncurrency = "CNY"\n[[claims]]\nname = "mine"\nplace = "offline"\n'
    quotes.write_text(f'{text}low = 0.05\nhigh = 0.06\nsource = "me"\n', encoding="utf-8")
    document = json.loads(scfcap("plan", folder, "--json").stdout)
    offline = [row["item"] for row in document["borrower_cost"] if row["place"] == "offline"]
    assert offline == ["mine"]
    quotes.write_text(f'{text}low = 0.07\nhigh = 0.06\nsource = "me"\n', encoding="utf-8")
    for command in ("plan", "run"):
        done = scfcap(command, folder)
        assert done.exit_code == 2
        assert "cohorts" not in done.stderr  # said before the work, not after it
    assert "borrowing/cn_2013.toml: claims.mine.low: found 0.07 above high, 0.06" in done.stderr


def test_a_line_below_what_is_drawn_is_told():
    sound = scfcap.load("alibaba-2013").spec
    low = scfcap.load("alibaba-2013", overrides={"lenders.bank-a.limit": 0.2e9}).spec
    assert over_limits(sound) == []
    # 300 million are drawn.
    assert over_limits(low) == [
        "At the start more than the line of bank-a is used, 150% of it: nothing new fits until "
        "older draws have run off."
    ]
