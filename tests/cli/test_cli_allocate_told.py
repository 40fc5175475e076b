"""``scfcap allocate --loan``, ``--funder`` and the funders' lists in its folder."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.cli.eighty_loans import write_model

LINE, BUYER = "bank_debt:bank-a", "bank_transfer:city-bank"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    return write_model(tmp_path_factory.mktemp("eighty") / "model")


def test_the_folder_holds_each_funders_list(scfcap, model, tmp_path):
    out = tmp_path / "out"
    done = scfcap("allocate", model, "--out", out, "--funder", LINE, "--loan", "L17", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    tables = {path.stem: pd.read_parquet(path) for path in (out / "tables").glob("*.parquet")}
    placed = tables["allocation"].set_index("loan_id")
    for key in (LINE, BUYER):
        folder = out / "lists" / key.replace(":", "-")
        loans = pd.read_parquet(folder / "loans.parquet").set_index("loan_id")
        there = placed.index[(placed["channel"] == key) | (placed["before"] == key)]
        assert sorted(loans.index) == sorted(there)
        after = loans["movement"] != "out"
        total = placed.loc[placed["channel"] == key, "balance"].sum()
        assert loans.loc[after, "balance"].sum() == pytest.approx(total)
        text = pd.read_csv(folder / "loans.csv")
        assert text["loan_id"].tolist() == loans.index.tolist()
        assert len(list(folder.glob("*.xlsx"))) == 1
    assert len(tables["loan_reasons"]) == 80
    base = {row["figure"]: row["amount"] for row in document["handed"]["report"]}
    pledged = placed.loc[placed["channel"] == LINE, "balance"].sum()
    assert base["gross_availability"] == pytest.approx(0.7 * pledged)
    assert base["availability"] == pytest.approx(0.7 * pledged - 60_000.0)
    explained = document["explained"]
    assert explained["loan"]["channel"] == placed.loc["L17", "channel"]
    nets = [row["net"] for row in explained["options"]]
    assert nets == sorted(nets, reverse=True)


def test_a_loan_says_why_it_goes_where_it_goes_and_a_funder_sees_its_report(scfcap, model):
    done = scfcap("allocate", model, "--loan", "L17", "--funder", BUYER)
    assert done.exit_code == 0, done.stderr
    text = done.stdout
    assert "Loan L17, CNY" in text
    assert "Not bank transfer city-bank: undetermined, a value is missing: score of 520." in text
    assert "rate 0.1241" in text
    told = re.search(r"worth CNY ([\d.]+), the limits charge CNY ([\d.]+) .* CNY ([\d.]+) is", text)
    worth, charge, left = map(float, told.groups())
    assert worth - charge == pytest.approx(left, abs=0.011)
    assert f"Purchase report of {BUYER}" in text
    lines = r"(?:Outstanding|Ineligible|Undetermined|Eligible).*│ +(\S+) *\n"
    amounts = [float(found.replace(",", "")) for found in re.findall(lines, text)]
    assert len(amounts) == 5
    assert np.sum(amounts[:4]) == pytest.approx(amounts[4], abs=0.011)
    assert "more of the most in bank transfer city-bank (CNY 120,000) earns up to" in text


def test_a_loan_that_is_not_there_is_named(scfcap, model):
    done = scfcap("allocate", model, "--loan", "X")
    assert done.exit_code == 2
    assert "no loan with this id" in done.stderr
