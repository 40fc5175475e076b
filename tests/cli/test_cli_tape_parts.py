"""A tape of several files, with rows left out and rejected: both commands account for each row."""

from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture
def parted(mini, rows):
    """A model whose tape is two files of 20 rows, one bad row in the second."""
    rows[29][6] = -5
    folder = mini(rows=rows)
    head, *lines = (folder / "tape.csv").read_text().splitlines(keepends=True)
    (folder / "tape.csv").unlink()
    (folder / "tape-1.csv").write_text(head + "".join(lines[:20]))
    (folder / "tape-2.csv").write_text(head + "".join(lines[20:]))
    return folder, lines


@pytest.mark.parametrize("command", ["check", "run"])
def test_rejects_name_file_row_and_reason_and_totals_add_up(scfcap, parted, tmp_path, command):
    folder, lines = parted
    first = lines[0].split(",")[0]
    options = ["--set", 'tape.path="tape-*.csv"', "--set", f"tape.where='loan_id != \"{first}\"'"]
    out = tmp_path / "out"
    done = scfcap(command, folder, "-q", "--reject-limit", "0.05", *options, "--out", out)
    assert done.exit_code == 0, done.stderr
    rejects = pd.read_csv(out / "rejects.csv")
    assert rejects[["file", "row", "reason"]].to_numpy().tolist() == [
        ["tape-2.csv", 10, "current_balance: negative"]
    ]
    totals = pd.read_parquet(out / "tables" / "tape_totals.parquet").set_index("item")
    assert totals["rows"].to_dict() == {"read": 40, "left out": 1, "rejected": 1, "kept": 38}
    parts = totals.drop(index="read").sum()
    assert totals.loc["read"].tolist() == pytest.approx(parts.tolist(), abs=1e-6)
    name = "tape_counts" if command == "check" else "tape_reasons"
    reasons = pd.read_parquet(out / "tables" / f"{name}.parquet")
    assert reasons[["reason", "rows", "balance"]].to_numpy().tolist() == [["negative", 1, -5.0]]


def test_a_rule_that_the_model_names_wrongly(scfcap, parted):
    folder, _ = parted
    options = ["--set", 'tape.path="tape-*.csv"', "--set", 'tape.rules.outliers="off"']
    done = scfcap("check", folder, "-q", *options)
    assert done.exit_code == 2
    assert "tape.rules.outliers: found no such rule" in done.stderr
    assert "Did you mean outlier?" in done.stderr
