"""``scfcap pool``: what it shows, what it writes, and how it refuses."""

from __future__ import annotations

import json

import openpyxl
import pandas as pd
import pytest

from scfcap.pool.store import read_snapshot

POOL = """\
[pool.eligibility.bank]
rules = [{ test = "remaining_days <= 300" }]
concentrations = [{ column = "borrower_id", share = 0.02, treatment = "cut_back" }]

[pool.borrowing_base.line]
eligibility = "bank"
lender = "bank-a"
advance_rates = [{ name = "orders", test = 'segment == "order"', rate = 0.8 }]
otherwise = 0.5
"""
OLD = '[pool.eligibility.bank]\nrules = [{ test = "remaining_days <= 300" }]\n'


@pytest.fixture
def folder(mini):
    made = mini()
    path = made / "model.toml"
    text = path.read_text()
    assert OLD in text
    path.write_text(text.replace(OLD, POOL))
    return made


def test_it_shows_every_table(scfcap, folder):
    done = scfcap("pool", folder)
    assert done.exit_code == 0, done.stderr
    for title in ("Summary", "Eligibility answers", "Concentrations", "Borrowing base line",
                  "Stratification segment", "Largest borrower id"):  # fmt: skip
        assert title in done.stdout, title
    assert "Excess concentration: each borrower_id" in done.stdout
    assert "rules: " in done.stdout


def test_a_figure_is_explained(scfcap, folder):
    done = scfcap("pool", folder, "--explain", "line/class:orders", "--json")
    document = json.loads(done.stdout)
    figures = {row["figure"]: row["amount"] for row in document["tables"]["borrowing_base_line"]}
    loans = document["explained"]
    assert sum(loan["amount"] for loan in loans) == pytest.approx(figures["class:orders"])
    assert {loan["class"] for loan in loans} == {"orders"}
    assert "Loans behind line/gross" in scfcap("pool", folder, "--explain", "line/gross").stdout
    for wrong, said in (("lime/gross", "one of line"), ("line/gros", "one of gross, not_pledged")):
        done = scfcap("pool", folder, "--explain", wrong)
        assert done.exit_code == 2
        assert said in done.stderr


def test_related_groups_come_from_a_file(scfcap, folder):
    names = pd.read_csv(folder / "tape.csv", dtype=str)["loan_id"][:3]  # each its own borrower
    pd.DataFrame({"member": names, "group": "Holding"}).to_csv(folder / "related.csv", index=False)
    path = folder / "model.toml"
    path.write_text(path.read_text() + '\n[pool.groups]\npath = "related.csv"\n')
    document = json.loads(scfcap("pool", folder, "--json").stdout)
    assert "groups" in document["inputs"]
    found = {row["value"]: row["loans"] for row in document["tables"]["largest_group"]}
    assert found["Holding"] == 3
    path.write_text(path.read_text().replace("related.csv", "../related.csv"))
    done = scfcap("pool", folder)
    assert done.exit_code == 2
    assert "pool.groups.path" in done.stderr


def test_json_carries_the_tables_and_digests(scfcap, folder):
    done = scfcap("pool", folder, "--json")
    document = json.loads(done.stdout)
    assert document["folder"] is None
    assert set(document["inputs"]) == {"as_of", "lenders", "mapping", "rules", "tape"}
    figures = {row["figure"]: row["amount"] for row in document["tables"]["borrowing_base_line"]}
    assert figures["gross"] == pytest.approx(document["balance"])
    assert figures["limit"] == 15000.0


def test_out_holds_the_proof(scfcap, folder, tmp_path):
    out = tmp_path / "out"
    done = scfcap("pool", folder, "--quiet", "--out", out)
    assert (done.exit_code, done.stdout) == (0, "")
    trace = pd.read_parquet(out / "tables" / "trace_line.parquet")
    table = pd.read_csv(out / "borrowing_base_line.csv").set_index("figure")["amount"]
    assert trace["contribution"].sum() == pytest.approx(table["gross_availability"], abs=1e-9)
    assert trace["excess:each borrower_id"].sum() == pytest.approx(
        -table["excess:each borrower_id"], abs=1e-9
    )
    manifest = json.loads((out / "manifest.json").read_text())
    pool = read_snapshot(out / "pool.parquet", manifest["pool"]["inputs"])
    assert pool.digest == manifest["pool"]["digest"]
    assert len(pool) == len(trace)
    book = openpyxl.load_workbook(out / "pool.xlsx", data_only=True)
    assert book.sheetnames == ["Pool", "Inputs", "Data"]
    assert [sheet.title for sheet in book if sheet.sheet_state == "visible"] == ["Pool"]
    cells = {row[0]: row[4] for row in book["Pool"].iter_rows(values_only=True) if row[0]}
    assert cells["Availability"] == pytest.approx(table["availability"])
    again = tmp_path / "again"
    assert scfcap("pool", folder, "-q", "--out", again).exit_code == 0
    for path in ("pool.parquet", "pool.xlsx", "result.json", "tables/trace_line.parquet"):
        assert (out / path).read_bytes() == (again / path).read_bytes(), path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('lender = "bank-a"', 'lender = "bank-b"', "Did you mean bank-a?"),
        ("remaining_days <= 300", "remaning_days <= 300", "Did you mean remaining_days?"),
        ("remaining_days <= 300", "remaining_days < = 300", "at character 18"),
        ("remaining_days <= 300", "__import__('os')", "a function __import__()"),
        ('eligibility = "bank"', 'eligibility = "banc"', "one of the sets bank"),
        ("share = 0.02", "share = 0.02, amount = 5.0", "one of share (a decimal) and amount"),
    ],
)
def test_what_is_wrong_is_said(scfcap, folder, old, new, said):
    path = folder / "model.toml"
    path.write_text(path.read_text().replace(old, new))
    done = scfcap("pool", folder)
    assert done.exit_code == 2
    assert said in done.stderr
