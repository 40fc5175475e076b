"""Which loan may go where, and the first reason why not: against loans with known answers."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from scfcap.errors import InputError
from scfcap.funding.allocation.admission import admit
from scfcap.pool.build import build_pool
from scfcap.tape.schema import Tape
from tests.funding.allocation.small_date import (
    BANK,
    JOINT,
    LINE,
    OWN,
    SERIES,
    date_of,
    frame,
    model,
)

COST = {"cost": 0.05}


def _answers(allocation, rows, **more):
    spec = model({"values": "stated", **allocation}, **more.pop("changes", {}))
    given = date_of(spec, frame(rows), **more)
    found = admit(given)
    said = [[found.reasons[code] for code in line] for line in found.refused]
    return given.keys, said, found


def test_a_set_answers_as_the_pool_does():
    """Eligible, ineligible and undetermined loans of the bank are those of the pool's own test."""
    rules = [{"name": "on time", "test": "days_past_due <= 0"}, {"test": "score >= 600"}]
    pool = {"eligibility": {"bank": {"rules": rules}, "vehicle": {}}}
    rows = [
        {"balance": 1.0, "score": 700.0},
        {"balance": 1.0, "score": 500.0},
        {"balance": 1.0, "score": np.nan},
        {"balance": 1.0, "score": np.nan, "days_past_due": 3},
    ]
    spec = model({"values": "stated", "channels": {BANK: COST}})
    spec = spec.model_copy(
        update={"pool": spec.pool.model_validate({**pool, "borrowing_base": {}})}
    )
    table = frame(rows)
    given = date_of(spec, table)
    found = admit(given)
    bank = given.keys.index(BANK)
    tape = Tape(table, table, table, table, given.pool.as_of, "tape", "test")
    answer = build_pool(tape, spec.pool).eligibility["bank"]
    assert (found.eligible[:, bank] == (answer == 1)).all()
    assert (found.undetermined[:, bank] == (answer == -1)).all()
    assert [found.reasons[code] for code in found.refused[:, bank]] == [
        "",
        "not eligible: score >= 600",
        "undetermined, a value is missing: score >= 600",
        "not eligible: on time",
    ]
    assert found.eligible[:, 0].all()


def test_what_a_funder_asks_besides_its_set():
    keys, said, _ = _answers(
        {"channels": {BANK: {**COST, "minimum_loan": 5.0, "averages": [MEAN]}, SERIES: COST}},
        [
            {"balance": 9.0, "score": 1.0},
            {"balance": 9.0, "score": 1.0, "segment": "order"},
            {"balance": 9.0, "score": 1.0, "age": 30},
            {"balance": 9.0, "score": 1.0, "age": 31},
            {"balance": 4.0, "score": 1.0},
            {"balance": 9.0},
        ],
    )
    bank = keys.index(BANK)
    assert [line[bank] for line in said] == [
        "",
        "of a segment that it does not take",
        "younger than 1 months",
        "",
        "smaller than 5",
        "score is missing",
    ]
    # A month before 2013-12-31 is 2013-11-30, 31 days earlier.
    assert (date(2013, 12, 31) - date(2013, 11, 30)).days == 31


MEAN = {"column": "score", "least": 0.0}


def test_loans_stay_with_those_who_keep_them():
    keys, said, found = _answers(
        {"channels": {BANK: {**COST, "releases": True}, SERIES: COST, JOINT: COST, LINE: {}}},
        [
            {"balance": 1.0, "channel": SERIES},
            {"balance": 1.0, "channel": BANK, "days_past_due": 9},
            {"balance": 1.0, "channel": OWN},
            {"balance": 1.0, "channel": LINE, "days_past_due": 9},
            {"balance": 1.0, "channel": LINE},
            {"balance": 1.0},
        ],
    )
    assert keys == (OWN, BANK, SERIES, JOINT, LINE)
    kept = f"held by {SERIES}, which keeps it"
    late = "not eligible: days_past_due <= 0"
    old = "lends from the start, and takes no older loan"
    assert said == [
        [kept, kept, "", kept, kept],
        ["", "", late, old, late],
        ["", "", "", old, ""],
        ["", late, late, old, late],
        ["", "", "", old, ""],
        ["", "", "", "", ""],
    ]
    assert not found.undetermined.any()


def test_series_and_windows_that_are_shut():
    vehicle = {**model({}).securitization.model_dump(), "revolving_periods": 5}
    keys, said, _ = _answers(
        {"channels": {SERIES: COST, BANK: {**COST, "open": False}}},
        [{"balance": 1.0}, {"balance": 1.0, "channel": SERIES}],
        changes={"securitization": vehicle},
    )
    # Closed on 2013-07-28; five months later is 2013-12-28, before the tape's day.
    ended = "its revolving period ended on 2013-12-28"
    assert [line[keys.index(SERIES)] for line in said] == [ended, ""]
    assert said[0][keys.index(BANK)] == "closed to new loans"


def test_frozen_and_promised_loans():
    keys, said, found = _answers(
        {
            "channels": {BANK: COST, SERIES: COST},
            "frozen": "score >= 900",
            "promised": [
                {"test": "borrower_id == 'P'", "channel": BANK, "name": "P's"},
                {"test": "borrower_id == 'P' or borrower_id == 'Q'", "channel": SERIES},
            ],
        },
        [
            {"balance": 1.0, "channel": OWN, "score": 900.0},
            {"balance": 1.0, "channel": OWN},
            {"balance": 1.0, "score": 900.0},
            {"balance": 1.0, "score": 1.0, "borrower_id": "P"},
            {"balance": 1.0, "score": 1.0, "borrower_id": "P", "segment": "order"},
            {"balance": 1.0, "score": 1.0, "borrower_id": "Q"},
        ],
    )
    bank, series = (f"promised to {key}" for key in (BANK, SERIES))
    frozen = "frozen where it is"
    assert keys == (OWN, BANK, SERIES)
    assert said[0] == ["", frozen, frozen]
    assert said[1] == ["", frozen, frozen]  # not known to be free
    assert said[2] == ["", "", ""]  # new: it is nowhere yet
    assert said[3] == [bank, "", bank]
    assert said[4] == [series, "of a segment that it does not take", ""]
    assert said[5] == [series, series, ""]
    assert found.cautions == [
        "Of 1 loans it is not known whether they are frozen; they stay.",
        f"P's: 1 loans promised to {BANK} may not go there.",
    ]


def test_an_earlier_allocation_takes_the_place_of_the_tapes_channels():
    rows = [{"balance": 1.0, "channel": OWN}, {"balance": 2.0, "channel": OWN}, {"balance": 4.0}]
    spec = model({"values": "stated", "channels": {BANK: COST}, "frozen": f'channel == "{BANK}"'})
    before = {"loan_id": ["L1", "L2", "gone"], "channel": [BANK, OWN, BANK]}
    given = date_of(spec, frame(rows), before)
    assert given.today.tolist() == [-1, 1, 0]
    assert given.held.tolist() == [4.0, 2.0]
    assert given.cautions == ("1 loans of the earlier allocation are no longer outstanding.",)
    found = admit(given)
    assert [found.reasons[code] for code in found.refused[1]] == ["frozen where it is", ""]


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ({"loan_id": ["L0", "L0"], "channel": [OWN, BANK]}, "loan L0 more than once"),
        ({"loan_id": ["L0"], "channel": ["bank_transfer:city-bnk"]}, "city-bnk"),
    ],
)
def test_an_earlier_allocation_that_cannot_be_used(before, found):
    spec = model({"values": "stated", "channels": {BANK: COST}})
    with pytest.raises(InputError, match=found):
        date_of(spec, frame([{"balance": 1.0}]), before)


def test_tests_and_means_that_do_not_fit_the_tape_are_told_together():
    spec = model(
        {
            "values": "stated",
            "frozen": "colour == 1",
            "channels": {BANK: {**COST, "averages": [{"column": "segment", "most": 1.0}]}},
            "limits": [{"column": "grup", "amount": 1.0}],
        }
    )
    with pytest.raises(InputError) as told:
        admit(date_of(spec, frame([{"balance": 1.0}])))
    places = [problem.where for problem in told.value.problems]
    assert [x.split(": ")[1].split(' "')[0].split(".")[1] for x in places] == [
        "frozen",
        "limits",
        "channels",
    ]
