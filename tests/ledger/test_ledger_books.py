"""Tapes, deliveries, answers and purchases by hand."""

from __future__ import annotations

import time
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest

from scfcap.deal.loan_ledger import COLUMNS as DEAL_COLUMNS
from scfcap.errors import InputError, InvariantError
from scfcap.ledger import frames
from scfcap.ledger.amounts import in_proportion
from scfcap.ledger.confirmations import confirm
from scfcap.ledger.deliveries import cancel, propose, settle
from scfcap.ledger.outbox import deliver, list_of, open_ledger, recover
from scfcap.ledger.tapes import open_with, roll
from scfcap.ledger.trace import COLUMNS, trace
from scfcap.report.files import csv_bytes

from .books import (
    BANK,
    DAY,
    LINE,
    OWN,
    SERIES,
    answers,
    answers_to,
    content,
    opened,
    tape_of,
    wanted,
)

LOANS = {
    "A": {"balance": 1000.0, "paid_interest": 0.0},
    "B": {"balance": 500.0, "paid_interest": 0.0, "channel": LINE},
    "C": {"balance": 250.5, "paid_interest": 0.0},
}
january = partial(date, 2020, 1)


@pytest.fixture
def book(tmp_path):
    with opened(tmp_path / "ledger.sqlite", LOANS) as ledger:
        yield ledger


def sold(ledger, folder, on=DAY, **places):
    """Propose, send, accept and settle."""
    made = propose(ledger, wanted(**places), on)
    deliver(ledger, on, csv_bytes, made)
    rows = [(k, loan, "accepted") for k in made for loan in list_of(ledger, k)["loan_id"]]
    confirm(ledger, answers_to(folder / f"{on}.csv", rows), on)
    return [settle(ledger, number, on) for number in made]


def test_a_loan_is_followed_from_the_purchase_to_the_last_cent(book, tmp_path):
    """By hand: A (1,000.00) bought at 980.00; 300.00 and 12.34 interest come; it is charged off
    owing 700.00, of which 50.00 came before and 40.01 comes after.
    """
    moves = wanted(A=SERIES).assign(price=980.0)
    (number,) = propose(book, moves, DAY)
    deliver(book, DAY, csv_bytes)
    confirm(book, answers(tmp_path / "yes.csv", A="accepted"), DAY)
    settle(book, number, DAY)
    rest = {key: LOANS[key] for key in ("B", "C")}
    state = {"paid_principal": 0.0}
    roll(book, tape_of(january(2), {"A": {**LOANS["A"], **state}, **rest}))
    for day, a in (
        (10, {"balance": 700.0, "paid_principal": 300.0, "paid_interest": 12.34}),
        (20, {"balance": 650.0, "status": "charged_off", "paid_principal": 350.0,
              "paid_interest": 12.34}),
        (30, {"balance": 650.0, "status": "charged_off", "paid_principal": 390.01,
              "paid_interest": 12.34}),
    ):  # fmt: skip
        roll(book, tape_of(january(day), {"A": a, **rest}))
    by_day = {
        2: {"income": 20.0, "received": 0.0, "balance": 1000.0, "loss": 0.0},
        10: {"income": 32.34, "received": 312.34, "balance": 700.0, "loss": 0.0},
        20: {"income": 32.34, "received": 362.34, "balance": 0.0, "loss": 650.0},
        30: {"income": 72.35, "received": 402.35, "balance": 0.0, "loss": 650.0},
    }
    for day, expected in by_day.items():
        found = trace(book, SERIES, january(day))
        (row,) = found.loans.to_dict("records")
        assert found.interest_stated
        assert row["price"] == 980.0
        assert {name: row[name] for name in expected} == expected
        assert {name: found.total[name] for name in expected} == expected
        assert round(980.0 + row["income"], 2) == round(
            row["received"] + row["balance"] + row["loss"], 2
        )


def test_the_words_are_those_of_a_deals_own_run():
    assert set(COLUMNS) - {"delivery", "drawn", "unexplained"} <= set(DEAL_COLUMNS)


def test_the_price_is_for_what_is_delivered(book, tmp_path):
    """By hand: C (250.50 at 240.00) owes 100.20 at the settlement, 2/5: 96.00 are paid."""
    (number,) = propose(book, wanted(C=BANK).assign(price=240.0), DAY)
    deliver(book, DAY, csv_bytes)
    confirm(book, answers(tmp_path / "yes.csv", C="accepted"), DAY)
    now = {**LOANS, "C": {"balance": 100.2, "paid_interest": 1.5}}
    roll(book, tape_of(january(3), now))
    done = settle(book, number, january(3))
    assert (done.loans, done.balance, done.price, done.lapsed) == (1, 100.2, 96.0, 0)
    (row,) = trace(book, BANK).loans.to_dict("records")
    assert (row["balance_bought"], row["price"], row["income"], row["received"]) == (
        100.2, 96.0, 4.2, 0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("price", "now", "then", "paid"),
    [(100, 1, 2, 50), (1, 1, 2, 0), (3, 1, 2, 2), (10**13, 10**13 - 1, 10**13, 10**13 - 1)],
)
def test_prices_in_proportion_are_exact_and_half_to_even(price, now, then, paid):
    assert in_proportion(price, now, then) == paid


def test_a_loan_bought_back_and_sold_again_is_two_purchases(book, tmp_path):
    """By hand: the bank pays 1,000.00 and gets it back; the series pays it once more."""
    sold(book, tmp_path, A=BANK)
    sold(book, tmp_path, january(2), A=OWN)
    sold(book, tmp_path, january(3), A=SERIES)
    (bank,) = trace(book, BANK).loans.to_dict("records")
    assert (bank["repurchased"], bank["sold"], bank["how"]) == (1000.0, 0.0, "repurchased")
    assert bank["left"] == pd.Timestamp(2020, 1, 2)
    (before,) = trace(book, BANK, january(1)).loans.to_dict("records")
    assert (before["balance"], before["how"]) == (1000.0, "")
    (series,) = trace(book, SERIES).loans.to_dict("records")
    assert (series["price"], series["balance"], series["how"]) == (1000.0, 1000.0, "")
    assert list(frames.history(book, "A")["what"])[-4:] == ["proposed", "sent", "accepted", "came"]
    held = [frames.holdings(book, january(k)).set_index("loan_id")["channel"]["A"] for k in (1, 2)]
    assert held == [BANK, OWN]


def test_moves_between_two_days(book, tmp_path):
    sold(book, tmp_path, january(2), A=BANK)
    sold(book, tmp_path, january(4), B=OWN)
    found = frames.moves(book, january(1), january(3))
    assert list(found["loan_id"]) == ["A"]
    assert (found["origin"][0], found["channel"][0], found["price"][0]) == (OWN, BANK, 1000.0)
    last = frames.moves(book, january(3), january(4))
    assert (last["origin"][0], last["channel"][0]) == (LINE, OWN)
    assert np.isnan(last["price"][0])  # the release of a pledge is no purchase


def test_what_a_tape_tells_of_each_loan(book):
    """By hand: A drew 10.00, B is repaid, C fell by 50.50 of which 20.00 was paid, D is new."""
    before = {key: {**row, "paid_principal": 0.0} for key, row in LOANS.items()}
    roll(book, tape_of(january(2), before))
    taken = roll(
        book,
        tape_of(
            january(3),
            {
                "A": {"balance": 1010.0},
                "B": {"balance": 0.0, "status": "repaid", "paid_principal": 500.0},
                "C": {"balance": 200.0, "paid_principal": 20.0, "channel": SERIES},
                "D": {"balance": 70.0, "channel": LINE},
            },
        ),
    )
    assert (taken.new, taken.new_balance, taken.repaid, taken.charged_off) == (1, 70.0, 1, 0)
    assert (taken.drawn, taken.principal, taken.unexplained, taken.loss) == (10.0, 520.0, 30.5, 0.0)
    assert np.isnan(taken.interest)
    assert taken.elsewhere.to_dict("records") == [
        {"loan_id": "C", "ledger": OWN, "tape": SERIES}
    ]  # the tape's B is repaid, and in no channel any more
    assert dict(frames.summary(book).set_index("channel")["balance"]) == {OWN: 1210.0, LINE: 70.0}


def test_a_loan_that_is_no_longer_on_the_tape_is_not_taken_as_repaid(book):
    taken = roll(book, tape_of(january(2), {"A": LOANS["A"], "B": LOANS["B"]}))
    assert taken.vanished == ("C",)
    held = frames.holdings(book).set_index("loan_id")
    assert (held["balance"]["C"], held["frozen"]["C"], held["frozen"]["A"]) == (250.5, True, False)
    with pytest.raises(InputError, match="loan C: found no longer on the tape"):
        propose(book, wanted(C=BANK), january(2))
    roll(book, tape_of(january(3), LOANS))
    assert not frames.holdings(book)["frozen"].any()


def test_tapes_go_forward_and_are_taken_once(book):
    before = content(book)
    assert open_with(book, tape_of(DAY, LOANS)).repeated
    assert content(book) == before
    other = {**LOANS, "A": {"balance": 999.0}}
    with pytest.raises(InputError, match="a ledger that is open"):
        open_with(book, tape_of(DAY, other))
    for day in (DAY, date(2019, 12, 31)):
        with pytest.raises(InputError, match="while that of 2020-01-01 is in the ledger"):
            roll(book, tape_of(day, other))
    assert content(book) == before


def test_a_loan_is_promised_once(book):
    propose(book, wanted(A=BANK, C=BANK), DAY)
    with pytest.raises(InputError) as said:
        propose(book, wanted(A=SERIES, B=SERIES, X=BANK), DAY)
    texts = [str(problem) for problem in said.value.problems]
    assert len(texts) == 2
    assert texts[0].startswith("loan X: found not in the ledger")
    assert texts[1].startswith("loan A: found promised in delivery 1")
    assert len(frames.deliveries(book)) == 1
    cancel(book, 1, DAY)
    assert propose(book, wanted(A=SERIES), DAY) == (2,)


@pytest.mark.parametrize(
    ("moves", "said"),
    [
        (wanted(A="the moon"), "found for the moon; expected the key of a channel"),
        (pd.concat([wanted(A=BANK), wanted(A=BANK)]), "found twice in the list"),
        (wanted(A=BANK).assign(today=LINE), f"found held by {OWN} and not {LINE}"),
        (wanted(A=BANK).assign(balance=900.0), "found owed 1,000.00; expected the balance"),
        (wanted(A=BANK).assign(price=-1.0), "a price below 0"),
    ],
)
def test_what_cannot_be_proposed_is_said(book, moves, said):
    with pytest.raises(InputError, match=said):
        propose(book, moves, DAY)
    assert len(frames.deliveries(book)) == 0


def test_a_business_day_is_never_before_the_last(book):
    propose(book, wanted(A=BANK), january(5))
    with pytest.raises(InputError, match="the day 2020-01-04, while the ledger has come to"):
        deliver(book, january(4), csv_bytes)
    assert list(frames.events(book)["seq"]) == [1, 2]


def test_the_same_answers_change_nothing_and_others_are_refused_by_row(book, tmp_path):
    propose(book, wanted(A=BANK, C=BANK), DAY)
    with pytest.raises(InputError, match="delivery 1, which is not sent"):
        confirm(book, answers(tmp_path / "early.csv", A="accepted"), DAY)
    deliver(book, DAY, csv_bytes)
    half = answers(tmp_path / "half.csv", C="refused")
    done = confirm(book, half, DAY)
    assert (done.accepted, done.refused, done.deliveries) == (0, 1, ((1, "sent"),))
    whole = answers(tmp_path / "whole.csv", A="Accepted", C="refused")
    done = confirm(book, whole, DAY)
    assert (done.accepted, done.refused, done.deliveries) == (1, 0, ((1, "part-refused"),))
    before = content(book)
    for file in (half, whole, answers(tmp_path / "copy.csv", A="accepted")):
        assert confirm(book, file, DAY).repeated
    other = answers(tmp_path / "other.csv", C="accepted", A="perhaps", X="refused")
    with pytest.raises(InputError) as said:
        confirm(book, other, DAY)
    texts = [str(problem) for problem in said.value.problems]
    assert texts[0].startswith("other.csv row 2, answer (loan A): found 'perhaps'")
    assert texts[1].startswith("other.csv row 3, loan_id (loan X): found a loan in no delivery")
    assert texts[2].startswith(
        "other.csv row 1, answer (loan C): found accepted, while refused was imported before"
    )
    assert len(texts) == 3
    assert content(book) == before
    settle(book, 1, DAY)
    assert confirm(book, whole, DAY).repeated
    propose(book, wanted(A=OWN), DAY)
    deliver(book, DAY, csv_bytes)
    assert confirm(book, whole, DAY).repeated  # an old answer is none to a later delivery
    cancel(book, 2, DAY)
    assert frames.holdings(book).set_index("loan_id")["channel"].to_dict() == {
        "A": BANK, "B": LINE, "C": OWN,
    }  # fmt: skip


def test_a_file_that_contradicts_itself_is_refused(book, tmp_path):
    propose(book, wanted(A=BANK), DAY)
    deliver(book, DAY, csv_bytes)
    file = tmp_path / "both.csv"
    file.write_text("loan_id,answer\nA,accepted\nA,refused\n")
    with pytest.raises(InputError, match=r"both.csv row 2, answer \(loan A\)"):
        confirm(book, file, DAY)
    file.write_text("loan,answer\nA,accepted\n")
    with pytest.raises(InputError, match="no column loan_id"):
        confirm(book, file, DAY)


def test_an_answer_may_name_its_delivery(book, tmp_path):
    sold(book, tmp_path, A=BANK)
    propose(book, wanted(A=OWN), january(2))
    deliver(book, january(2), csv_bytes)
    file = tmp_path / "late.csv"
    file.write_text("loan_id,answer,delivery,reason\nA,accepted,1,\nA,refused,2,not due\n")
    done = confirm(book, file, january(2))
    assert (done.accepted, done.refused) == (0, 1)
    assert done.deliveries == ((1, "settled"), (2, "refused"))
    assert frames.history(book, "A")["note"].iloc[-1] == "not due"


def test_a_list_says_what_is_delivered(book):
    propose(book, wanted(C=BANK, A=BANK).assign(price=[249.99, 990.0], reason="=1+1"), DAY)
    (sent,) = deliver(book, DAY, csv_bytes)
    assert sent.file.read_text() == (
        "delivery,date,loan_id,origin,destination,balance,price,reason\n"
        "1,2020-01-01,A,own_capital,bank_transfer:bank-c,1000.0,990.0,'=1+1\n"
        "1,2020-01-01,C,own_capital,bank_transfer:bank-c,250.5,249.99,'=1+1\n"
    )
    assert deliver(book, DAY, csv_bytes, [1]) == ()  # what is sent stays as it is
    assert list(list_of(book, np.int64(1))["loan_id"]) == ["A", "C"]


def test_a_file_in_the_way_is_not_overwritten(book):
    propose(book, wanted(A=BANK), DAY)
    book.lists.mkdir()
    place = book.lists / "000001_2020-01-01_bank_transfer-bank-c_in.csv"
    place.write_text("somebody's own")
    before = content(book)
    with pytest.raises(InputError, match="a file that is not this delivery's list"):
        deliver(book, DAY, csv_bytes)
    assert place.read_text() == "somebody's own"
    assert content(book) == before


def test_a_disk_that_fails_leaves_the_delivery_proposed(book, monkeypatch):
    propose(book, wanted(A=BANK), DAY)
    before = content(book)
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "no space left")))
    with pytest.raises(OSError, match="no space left"):
        deliver(book, DAY, csv_bytes)
    monkeypatch.undo()
    recover(book)
    assert list(frames.deliveries(book)["status"]) in (["proposed"], ["sent"])
    if frames.deliveries(book)["status"][0] == "proposed":
        assert content(book) == before


def test_the_tables_forbid_what_must_never_happen(book, tmp_path):
    sold(book, tmp_path, A=BANK)
    propose(book, wanted(C=BANK), DAY)
    line = "INSERT INTO lines (delivery, loan, balance, reason) VALUES (1, 3, 1, '')"
    holding = "INSERT INTO holdings (loan, channel, since, bought) VALUES (1, ?, ?, 1)"
    for statement, values in (
        (line, ()),
        (holding, (SERIES, "2020-01-02")),
        (holding, (SERIES, "2019-12-31")),
        ("UPDATE holdings SET channel = ?", (SERIES,)),
        ("UPDATE events SET date = ?", ("2021-01-01",)),
        ("DELETE FROM events WHERE seq > ?", (0,)),
        ("INSERT INTO events (date, what, loans, amount, detail) VALUES (?, '', 0, 0, '')",
         ("2019-01-01",)),
        ("UPDATE loans SET balance = ? WHERE id = 1", (-1,)),
        ("INSERT INTO receipts VALUES (1, ?, 1, 5, 0, 1, 0, 0, 3, 0, 0)", ("2020-01-02",)),
    ):  # fmt: skip
        with pytest.raises(InvariantError), book.transaction():
            book.do(statement, values)


def test_a_cent_that_is_missing_is_found(book, tmp_path):
    sold(book, tmp_path, A=BANK)
    with book.transaction():
        book.do("UPDATE loans SET first = first + 1 WHERE loan = 'A'")
    with pytest.raises(InvariantError, match=r"1 loans do not tie, by up to 0\.01"):
        trace(book, BANK)


@pytest.mark.parametrize("channel", [OWN, LINE, SERIES])
def test_only_buyers_have_purchases(book, channel):
    with pytest.raises(InputError):
        trace(book, channel)


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_large_book_is_delivered_in_seconds(tmp_path, count):
    """Opened, proposed and sent; the bound is some three times what that takes."""
    ids = np.array([f"L{k:06}" for k in range(count)], dtype=object)
    owed = np.random.default_rng(3).integers(10_000, 10_000_000, count)
    frame = pd.DataFrame({"loan_id": ids, "current_balance": owed / 100.0})
    tape = tape_of(DAY, {"A": {"balance": 1.0}})
    tape = type(tape)(frame, *([pd.DataFrame()] * 3), DAY, "tape.csv", "digest")
    start = time.process_time()
    with open_ledger(tmp_path / "ledger.sqlite", create=True) as ledger:
        open_with(ledger, tape)
        propose(ledger, pd.DataFrame({"loan_id": ids, "channel": BANK}), DAY)
        (sent,) = deliver(ledger, DAY, csv_bytes)
        took = time.process_time() - start
        table = frames.deliveries(ledger)
    assert table["balance"][0] == owed.sum() / 100.0
    assert sent.file.read_bytes().count(b"\n") == count + 1
    assert took < max(2.0, 8e-5 * count)
