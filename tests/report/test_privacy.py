"""Numbers in place of names: which, from what secret, and where in a text."""

from __future__ import annotations

import pandas as pd
import pytest

from scfcap.errors import InputError
from scfcap.report.labels import Labels
from scfcap.report.privacy import Mask, numbered, secret_of
from scfcap.report.tables import Table
from scfcap.schema.privacy import read_key, write_key

NAMES = {
    "borrower": ["17", "Ann Lee", "=cmd|'/C calc'!A0", "O'Neil & Sons (Pty) Ltd."],
    "buyer": ["某某商贸", "<b>Bo</b>", "Acme", "3"],
    "loan": ["L-1", "L-2", "388"],
}


@pytest.fixture(scope="module")
def mask():
    return Mask(numbered(NAMES, b"secret"), limits={("set", "each buyer_id"): "buyer_id"})


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("buyer", "Without {Acme} the plan earns CNY 2.0 m less."),
        ("buyer", "without {ACME}'s orders, acmes and Acmeville stay"),
        ("buyer", "concentration.{Acme}_limit"),
        ("buyer", "向{某某商贸}, 30 days"),
        ("buyer", 'buyer_id != "{3}" or score >= 3'),
        ("buyer", "core {3} fails in period 3"),
        ("borrower", "{Ann Lee} and Ann; {Ann Lee}"),
        ("borrower", "({O'Neil & Sons (Pty) Ltd})."),
        ("borrower", "borrower {17} owes 17 on 17 loans"),
        ("loan", "row 388: loan_id {388}, {L-1}"),
    ],
)
def test_a_text_loses_names_and_nothing_else(mask, kind, text):
    """Braces mark what has to go; what they mark is looked up as it stands among the names."""
    known = {name.strip(".").casefold(): name for name in NAMES[kind]}
    expected, plain = text, text.replace("{", "").replace("}", "")
    while "{" in expected:
        head, rest = expected.split("{", 1)
        name, tail = rest.split("}", 1)
        expected = head + mask.label(kind, known[name.casefold()]) + tail
    assert mask.text(plain) == expected
    assert mask.text(mask.text(plain)) == expected


def test_numbers_are_one_each_drawn_by_the_secret_and_not_by_the_name():
    names = {"borrower": [str(n) for n in range(1, 1001)]}
    one, two = (numbered(names, secret)["borrower"] for secret in (b"one", b"two"))
    assert sorted(one) == list(range(1, 1001)) == sorted(two)
    pd.testing.assert_series_equal(one, numbered(names, b"one")["borrower"])
    # A random order has one fixed point on average, and no rank correlation (3.3 / sqrt(n)).
    own = pd.Series([int(name) for name in one.index], index=one.index)
    for other in (own, two):
        assert int((one == other).sum()) < 12
        assert abs(one.corr(other, method="spearman")) < 0.11


def test_the_secret_rests_on_every_cell():
    frame = pd.DataFrame({"loan_id": ["a", "b"], "balance": [1.0, 2.0]})
    found = {
        secret_of(frame),
        secret_of(frame.assign(balance=[1.0, 2.5])),
        secret_of(frame.assign(loan_id=["a", "c"])),
        secret_of(frame.iloc[::-1]),
    }
    assert len(found) == 4
    assert secret_of(frame) == secret_of(frame.copy())


def test_known_numbers_stay_and_new_names_get_new_ones():
    first = numbered({"buyer": ["a", "b", "c"]}, b"march")["buyer"]
    known = {"buyer": {str(name): int(n) for name, n in first.items()}}
    second = numbered({"buyer": ["b", "c", "d", "e"]}, b"april", known)["buyer"]
    assert {name: second[name] for name in "abc"} == {name: first[name] for name in "abc"}
    assert sorted(second[["d", "e"]]) == [4, 5]


def test_a_key_file_tells_the_numbers_back_to_its_owner_alone(tmp_path):
    path = tmp_path / "key.csv"
    told = {"buyer": {'=A,"B"\nC': 2, "某某": 1}, "loan": {"007": 1}}
    assert read_key(path) == {}
    write_key(path, told)
    assert read_key(path) == told
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b,c\n", "first line"),
        ("kind,number,identity\nbuyer,one,A\n", "invalid literal"),
        ("kind,number,identity\nbuyer,1,A\nbuyer,1,B\n", "stands twice"),
        ("kind,number,identity\nbuyer,1\n", "not enough values"),
    ],
)
def test_a_file_that_is_no_key_is_refused_and_left(tmp_path, text, fault):
    path = tmp_path / "key.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=fault):
        read_key(path)
    assert path.read_text() == text


def test_lists_by_loan_lose_the_order_of_the_tape(mask):
    frame = pd.DataFrame(
        {
            "loan_id": ["L-1", "388", "L-2", "L-9"],
            "buyer_id": ["3", None, "Acme", "Bo"],
            "x": [1, 2, 3, 4],
        }
    )
    found = mask.table(Table("orders", "Orders of Acme", frame)).frame
    assert list(found["loan_id"]) == sorted(found["loan_id"])
    by_row = found.set_index("x")
    assert by_row.loc[4, "loan_id"] == "loan without a number"
    assert by_row.loc[3, "buyer_id"] == mask.label("buyer", "Acme")
    assert pd.isna(by_row.loc[2, "buyer_id"])


def test_findings_tell_neither_row_nor_what_a_wrong_column_holds(mask):
    frame = pd.DataFrame(
        {
            "row": [388, 2], "column": ["rate", "rate"], "value": ["Ann Lee Jr.", "18.5"],
            "detail": ["seen at Acme", ""], "loan_id": ["388", None],
        }
    )  # fmt: skip
    found = mask.table(Table("tape_findings", "Findings", frame)).frame
    assert set(found["row"]) == {0}
    assert set(found["value"]) == {"(not shown)", "18.5"}
    assert mask.label("buyer", "Acme") in found.iloc[0]["detail"] + found.iloc[1]["detail"]


def test_numbers_are_said_in_chinese(mask):
    labels = Labels("zh")
    assert labels(mask.label("buyer", "Acme")).startswith("核心企业 00")
    assert labels("(not shown)") == "（不显示）"
    assert labels.missing == set()
