"""Orders paid by buyers, through the program: lock-box, tables, one loan, paths, plan, refusals."""

from __future__ import annotations

import json
from datetime import timedelta

import pandas as pd
import pytest

from tests.cli.conftest import AS_OF

ORDERS = """\
[orders]
advance_rate = 0.8
buyer_limit = 5000.0
disputed = "note == 1"
dispute_dilution = 0.3
fee = 0.01
recourse = 0.5

[scenarios.base]
"""


def ledger() -> pd.DataFrame:
    """Settled orders of three buyers, who pay early, late and very late; open ones; credits."""
    rows = []
    for k in range(120):
        buyer, start = k % 3, AS_OF - timedelta(days=125 - k)
        due = start + timedelta(days=30)
        paid = due + timedelta(days=(-8, 6, 20)[buyer] + k % 5)
        settled = paid <= AS_OF
        late = 0 if settled else max((AS_OF - due).days, 0)
        rows.append(
            {
                "loan_id": f"o{k:03}", "segment": "order", "loan_type": "order",
                "origination_date": start, "maturity_date": due, "original_balance": 800.0,
                "current_balance": 0.0 if settled else 800.0, "rate": 0.12,
                "status": "repaid" if settled else "late" if late else "current",
                "days_past_due": late, "buyer_id": f"buyer-{buyer}",
                "borrower_id": "maker", "order_amount": 1000.0,
                "settled_date": paid if settled else None, "note": int(k % 10 == 0),
            }
        )  # fmt: skip
    for k in range(10):
        end = AS_OF + timedelta(days=300)
        rows.append(
            {
                "loan_id": f"c{k}", "segment": "credit", "loan_type": "level_payment",
                "origination_date": AS_OF - timedelta(days=60), "maturity_date": end,
                "original_balance": 900.0, "current_balance": 800.0, "rate": 0.18,
                "status": "current", "days_past_due": 0, "buyer_id": None,
                "borrower_id": f"shop-{k}", "order_amount": None, "settled_date": None, "note": 0,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """Pictures take longer than all the rest, and have tests of their own."""
    monkeypatch.setattr("scfcap.report.projection.ProjectionReport.pictures", lambda _: {})


@pytest.fixture
def folder(mini, model_text):
    text = model_text.replace("lifetime_default = 0.005\ncpr = 0.1", "lifetime_default = 0.005")
    text = text.replace('path = "tape.csv"', 'path = "tape.csv"\nkeep = ["note"]')
    made = mini(model=text.replace("[scenarios.base]\n", ORDERS))
    ledger().to_csv(made / "tape.csv", index=False)
    return made


def test_the_lock_box_stands_beside_the_cash_flows(scfcap, folder, tmp_path):
    done = scfcap("project", folder, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "Lock-box, scenario base" in done.stdout
    box = pd.read_csv(tmp_path / "out" / "lock_box.csv")
    into = box["received"] + box["recourse"] + box["recovered"]
    out = box[["fees", "interest", "principal", "recovered", "surplus"]].sum(axis=1)
    assert into.to_numpy() == pytest.approx(out.to_numpy(), abs=1e-9)
    assert set(box["segment"]) == {"order"}
    flows = pd.read_parquet(tmp_path / "out" / "tables" / "cash_flows.parquet")
    mine = flows[flows["segment"] == "order"]
    assert mine["scheduled"].sum() == pytest.approx(box["principal"].sum())
    assert mine["fees"].sum() == pytest.approx(box["fees"].sum())
    buyers = pd.read_csv(tmp_path / "out" / "buyers.csv").set_index("buyer_id")
    assert buyers["delay"].iloc[:3].tolist() == pytest.approx([-6, 8, 22], abs=0.5)
    orders = pd.read_csv(tmp_path / "out" / "orders.csv")
    assert (orders["allowed"] <= 0.8 * orders["order_amount"]).all()
    assert len(orders) == int(buyers["open"].iloc[-1]) == len(orders["loan_id"].unique())


def test_what_the_future_holds_is_not_read(scfcap, folder):
    """Days of payment after the tape's change no figure."""
    before = json.loads(scfcap("project", folder, "--json").stdout)
    frame = ledger()
    still = frame["settled_date"].isna() & (frame["segment"] == "order")
    frame.loc[still, "settled_date"] = AS_OF + timedelta(days=1)
    frame.to_csv(folder / "tape.csv", index=False)
    after = json.loads(scfcap("project", folder, "--json").stdout)
    assert before["totals"] == after["totals"]


def test_one_order_is_told_by_its_days(scfcap, folder):
    done = scfcap("project", folder, "--loan", "o119", "--json")
    document = json.loads(done.stdout)
    figures = {row["figure"]: row["value"] for row in document["loan_terms"]}
    assert figures["dilution"] != "0"
    assert figures["part 10 of 10"] == "0.1"
    parts = pd.DataFrame(document["loan_periods"])
    assert parts[parts["period"] == 1]["opening"].sum() == pytest.approx(800.0)


def test_paths_know_what_buyers_leave_unpaid(scfcap, folder):
    document = json.loads(scfcap("project", folder, "--paths", "50", "--json").stdout)
    spread = pd.DataFrame(document["distribution"]).set_index(["measure", "segment"])
    totals = pd.DataFrame(document["totals"]).set_index(["scenario", "segment"])
    # Half of what disputes take of the loans is lost in every path, whatever else happens.
    assert spread.loc[("loss", "order"), "p1"] > 0.5 * totals.loc[("base", "order"), "loss"] > 0.0


def test_a_run_folder_is_projected_again_as_it_was(scfcap, folder, tmp_path):
    for name, rate in (("a", 0.3), ("b", 0.6)):
        given = ("--set", f"orders.dispute_dilution={rate}", "--out", tmp_path / name, "-q")
        assert scfcap("project", folder, *given).exit_code == 0
    done = scfcap("compare", tmp_path / "a", tmp_path / "b", "--json")
    assert done.exit_code == 0, done.stderr
    rows = pd.DataFrame(json.loads(done.stdout)["drivers"]).set_index(["measure", "segment"])
    loss = rows.loc[("loss", "order")]
    totals = {
        name: pd.read_csv(tmp_path / name / "cash_flow_totals.csv").set_index(
            ["scenario", "segment"]
        ).loc[("base", "order"), "loss"]
        for name in ("a", "b")
    }  # fmt: skip
    assert (loss["a"], loss["b"]) == pytest.approx((totals["a"], totals["b"]))
    assert totals["b"] > totals["a"]


def test_the_plan_and_its_replay_agree(scfcap, folder, tmp_path):
    done = scfcap("run", folder, "--out", tmp_path / "run", "-q")
    assert done.exit_code == 0, done.stderr
    checks = pd.read_parquet(tmp_path / "run" / "tables" / "plan_checks.parquet")
    assert len(checks) > 0
    assert (tmp_path / "run" / "tables" / "lock_box.parquet").is_file()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("credit.segments.order.cpr=0.1", "prepayment beside [orders]"),
        ("orders.disputed='colour == 1'", "orders.disputed: found column 'colour'"),
        ("orders.buyer_limits={ nobody = 5 }", "orders.buyer_limits.nobody"),
        ("orders.advance_rate=80", "orders.advance_rate"),
        ("orders.dilution=0.1", "a stated dilution, or disputes"),
    ],
)
def test_what_does_not_fit_is_refused(scfcap, folder, given, said):
    done = scfcap("project", folder, "--set", given)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
