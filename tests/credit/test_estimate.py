"""Curves from outcomes and payment times: figures by hand, survivorship named, thin segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit import estimate as module
from scfcap.credit.estimate import (
    as_stated,
    estimate,
    late_share,
    lateness,
    prepayment,
    stated_rows,
    wilson,
    with_rules,
)
from scfcap.errors import InputError
from scfcap.schema.credit import CreditRule, CreditSpec, HistorySpec, SegmentCredit
from scfcap.schema.tape import Derive, TapeSpec
from scfcap.tape.read import read_history, read_tape
from scfcap.tape.schema import Tape

AS_OF = date(2017, 7, 31)
NOW = pd.Timestamp(AS_OF)
HISTORY = HistorySpec(
    path="closed.csv",
    outcome_column="flag",
    bad_values=("Bad",),
    origination_column="o",
    closed_column="c",
    term_column="t",
    amount_column="a",
)
SPEC = CreditSpec(source="estimated", history=HISTORY, severity=0.6, recovery_lag=2)


def tape_of(*segments: tuple[str, int, int, int], flag: Any = ("Bad", "Good")) -> Tape:
    """Loans by (segment, term [days], bad, good); bad loans are of 300, good ones of 100."""
    rows = [
        (name, term, amount, value)
        for name, term, bad, good in segments
        for value, amount, count in ((flag[0], 300.0, bad), (flag[1], 100.0, good))
        for _ in range(count)
    ]
    frame = pd.DataFrame(rows, columns=["segment", "term", "original_balance", "flag"])
    frame["origination_date"] = pd.Timestamp("2017-07-01").as_unit("s")
    frame["maturity_date"] = frame["origination_date"] + pd.to_timedelta(frame["term"], unit="D")
    frame["segment"] = frame["segment"].astype("category")
    empty = pd.DataFrame()
    return Tape(frame, empty, empty, empty, AS_OF, "t", "d")


def history_of(*loans: tuple[int, int | None, float], times: int = 1) -> pd.DataFrame:
    """Loans by (term, days to closing or None, amount), all made on 1 January."""
    start = date(2017, 1, 1)
    rows = [
        (start, None if days is None else start + timedelta(days), float(term), amount)
        for term, days, amount in loans
        for _ in range(times)
    ]
    frame = pd.DataFrame(rows, columns=["origination_date", "closed_date", "term_days", "amount"])
    for name in ("origination_date", "closed_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    return frame


class TestWilson:
    @pytest.mark.parametrize(
        ("hits", "count", "low", "high"),
        [
            # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ],
    )
    def test_published_intervals(self, hits: int, count: int, low: float, high: float) -> None:
        assert wilson(hits / count, count) == pytest.approx((low, high), abs=5e-5)

    def test_without_loans_nothing_is_known(self) -> None:
        assert wilson(0.0, 0) == (0.0, 1.0)

    @given(st.integers(1, 10_000), st.data())
    def test_the_interval_holds_the_share(self, count: int, data: st.DataObject) -> None:
        share = data.draw(st.integers(0, count)) / count
        low, high = wilson(share, count)
        assert 0.0 <= low <= share + 1e-12
        assert share - 1e-12 <= high <= 1.0


class TestTiming:
    def test_prepayment_by_hand(self) -> None:
        # 30 days: 100 closes on day 10, 300 on day 30 (due), 200 on day 40.
        # At risk before maturity: 100*10 + 300*30 + 200*30 = 16,000 amount-days.
        found = prepayment(history_of((30, 10, 100.0), (30, 30, 300.0), (30, 40, 200.0)), NOW)
        q = 100 / (16_000 / 365)
        assert found.value == pytest.approx(1 - np.exp(-q), rel=1e-12)
        assert found.low < found.value < found.high
        assert found.count == 3

    def test_a_loan_that_is_still_open_is_at_risk_until_today(self) -> None:
        history = history_of((30, None, 100.0), (30, 15, 100.0), (365, None, 100.0))
        # Since 1 January 211 days have passed: the year's loan is at risk for 211 of its days.
        q = 100 / (100 * (30 + 15 + 211) / 365)
        found = prepayment(history, NOW)
        assert found.value == pytest.approx(1 - np.exp(-q), rel=1e-12)
        assert found.note == "", "not only loans that were repaid"
        share = late_share(history, NOW)
        assert (share.value, share.count) == (1.0, 1), "open after its maturity: late"
        assert lateness(history, NOW).count == 0, "how late is not known"

    def test_closings_after_the_tapes_day_are_not_known_yet(self) -> None:
        early = history_of((30, 15, 100.0), (365, 300, 100.0))
        none = history_of((30, 15, 100.0), (365, None, 100.0))
        assert prepayment(early, NOW).value == prepayment(none, NOW).value

    def test_intensity_is_cut_where_digits_end(self) -> None:
        found = prepayment(history_of((30, 1, 100.0), (30, 2, 100.0)), NOW)
        assert found.value == pytest.approx(1 - np.exp(-30.0), abs=0)
        assert found.value < 1.0
        assert "cut from 243.3 to 30 a year" in found.note

    def test_lateness_by_hand(self) -> None:
        history = history_of((30, 10, 999.0), (30, 30, 300.0), (30, 34, 100.0), (30, 40, 200.0))
        share = late_share(history, NOW)
        assert share.value == pytest.approx(300 / 600)
        assert share.count == 3, "what was closed before maturity never matured"
        days = lateness(history, NOW)
        assert days.value == pytest.approx((4 * 100 + 10 * 200) / 300)
        assert days.count == 2
        assert days.low < days.value < days.high

    def test_an_empty_history(self) -> None:
        empty = history_of()
        assert prepayment(empty, NOW).value == 0.0
        assert late_share(empty, NOW).value == 0.0
        assert lateness(empty, NOW).value == 0.0


class TestSegments:
    def test_losses_from_the_tape_and_timing_from_the_history(self) -> None:
        history = history_of((15, 5, 100.0), (15, 25, 100.0), times=40)
        more = history_of((30, 30, 100.0), times=40)
        curves, table = estimate(
            SPEC, tape_of(("a", 15, 10, 90), ("b", 30, 30, 30)), pd.concat([history, more])
        )
        assert curves["a"].lifetime_default == pytest.approx(3000 / 12_000)
        assert curves["b"].lifetime_default == pytest.approx(9000 / 12_000)
        assert curves["a"].cpr == pytest.approx(1 - np.exp(-100 / (100 * 20 / 365)))
        assert (curves["a"].late_share, curves["a"].late_days) == (1.0, 10)
        # No late loan: its mean lateness rests on none, so the whole book's figure stands in.
        assert (curves["b"].cpr, curves["b"].late_share, curves["b"].late_days) == (0.0, 0.0, 10)
        assert {curve.severity for curve in curves.values()} == {0.6}
        assert {curve.recovery_lag for curve in curves.values()} == {2}
        assert {curve.cdr for curve in curves.values()} == {None}
        rows = table.set_index(["segment", "measure"])
        assert rows.loc[("a", "lifetime_default"), "count"] == 100
        by_count = rows.loc[("a", "default_by_count")]
        assert by_count[["estimate", "low", "high"]].tolist() == pytest.approx(
            [0.1, *wilson(0.1, 100)]
        )
        for name in ("cpr", "late_share", "late_days"):
            assert "only loans that were repaid" in rows.loc[("a", name), "note"]
        assert rows.loc[("a", "severity"), "source"] == "stated in the model"

    def test_the_interval_by_amount_is_the_counts_where_amounts_are_equal(self) -> None:
        tape = tape_of(("a", 15, 10, 90))
        equal = replace(tape, frame=tape.frame.assign(original_balance=100.0))
        _, table = estimate(SPEC, equal, None)
        rows = table.set_index("measure")[["estimate", "low", "high"]]
        assert rows.loc["lifetime_default"].tolist() == pytest.approx(
            rows.loc["default_by_count"].tolist()
        )

    def test_a_thin_segment_takes_the_books_figures_and_says_so(self) -> None:
        tape = tape_of(("a", 15, 10, 90), ("b", 30, 29, 0))
        history = pd.concat(
            [history_of((15, 5, 100.0), times=60), history_of((30, 40, 100.0), times=29)]
        )
        curves, table = estimate(SPEC, tape, history)
        book = 39 * 300 / (39 * 300 + 90 * 100)
        assert curves["b"].lifetime_default == pytest.approx(book)
        assert curves["b"].cpr == prepayment(history, NOW).value
        rows = table.set_index(["segment", "measure"])
        assert rows.loc[("b", "lifetime_default"), "note"].startswith(
            "whole book's figure: the segment has 29 loans, fewer than 30"
        )
        assert rows.loc[("b", "lifetime_default"), "count"] == 129
        assert rows.loc[("b", "default_by_count"), "count"] == 29
        assert curves["a"].lifetime_default == pytest.approx(3000 / 12_000)

    def test_a_term_of_several_segments_counts_for_the_book_only(self) -> None:
        tape = tape_of(("a", 15, 10, 90), ("b", 15, 40, 40))
        history = history_of((15, 5, 100.0), (15, 20, 100.0), times=50)
        curves, table = estimate(SPEC, tape, history)
        assert curves["a"].cpr == curves["b"].cpr == prepayment(history, NOW).value
        notes = table[table["measure"] == "cpr"]["note"]
        assert notes.str.startswith("whole book's figure: the segment has 0 loans").all()

    def test_without_a_history_nothing_is_early_or_late(self) -> None:
        curves, table = estimate(SPEC, tape_of(("a", 15, 10, 90)), None)
        assert curves["a"] == SegmentCredit(lifetime_default=0.25, severity=0.6, recovery_lag=2)
        sources = table.set_index("measure")["source"]
        assert sources["cpr"] == "no history"

    def test_unknown_outcomes_are_left_out(self) -> None:
        tape = tape_of(("a", 15, 10, 90))
        known = tape.frame["flag"].astype(object).where(np.arange(100) >= 5, None)
        curves, table = estimate(SPEC, replace(tape, frame=tape.frame.assign(flag=known)), None)
        assert curves["a"].lifetime_default == pytest.approx(1500 / 10_500)
        assert table["count"].max() == 95

    def test_stated_segments_stay_as_stated(self) -> None:
        stated = SegmentCredit(cdr=0.1, severity=0.5)
        spec = SPEC.model_copy(update={"segments": {"b": stated}})
        tape = tape_of(("a", 15, 10, 90), ("b", 30, 30, 30))
        curves, _ = estimate(spec, tape, None)
        assert curves["b"] == stated
        all_stated = CreditSpec(segments={"a": stated, "b": stated, "new": stated})
        curves, table = estimate(all_stated, tape, None)
        assert curves == {"a": stated, "b": stated, "new": stated}
        assert set(table["source"]) == {"stated in the model"}
        assert set(table["segment"]) == {"a", "b", "new"}


class TestRefused:
    def test_no_outcome_column(self) -> None:
        tape = tape_of(("a", 15, 10, 90))
        with pytest.raises(InputError, match=r'tape\.keep = \["flag"\]'):
            estimate(SPEC, replace(tape, frame=tape.frame.drop(columns="flag")), None)

    def test_no_bad_loan(self) -> None:
        with pytest.raises(InputError, match=r"bad_values: found Bad: on no loan.*bad, good"):
            estimate(SPEC, tape_of(("a", 15, 10, 90), flag=("bad", "good")), None)


def test_superlender(data_dir: Callable[[str], Path]) -> None:
    """Figures of its SOURCE.md: 21.8% bad; 62.0% of closed loans early, 24.4% late."""
    folder = data_dir("superlender_microloans")
    terms = {"15": "15d", "30": "30d", "60": "60d", "90": "90d"}
    tape = read_tape(
        TapeSpec(
            source="file",
            path="trainperf.csv.gz",
            columns={
                "loan_id": "systemloanid",
                "segment": "termdays",
                "origination_date": "approveddate",
                "original_balance": "loanamount",
                "current_balance": "loanamount",
            },
            constants={"loan_type": "bullet", "rate": 1.0},
            derive={
                "maturity_date": Derive(how="add_days", column="approveddate", by="termdays"),
                "days_past_due": Derive(how="days_past_maturity"),
            },
            values={"segment": terms},
            keep=("good_bad_flag",),
        ),
        as_of=AS_OF,
        folder=folder,
    )
    history_spec = HistorySpec(
        path="trainprevloans.csv.gz",
        outcome_column="good_bad_flag",
        bad_values=("Bad",),
        borrower_column="customerid",
        origination_column="approveddate",
        closed_column="closeddate",
        term_column="termdays",
        amount_column="loanamount",
    )
    history = read_history(history_spec, folder=folder)
    assert history is not None
    assert len(history) == 18_183
    assert history["borrower_id"].nunique() == 4359
    assert history["amount"].sum() == 300_042_000.0
    terms_seen = history["term_days"].value_counts().to_dict()
    assert terms_seen == {30.0: 11_045, 15.0: 6_115, 60.0: 993, 90.0: 30}
    days = (history["closed_date"] - history["origination_date"]).dt.days - history["term_days"]
    assert (days < 0).mean() == pytest.approx(0.620, abs=5e-4)
    assert (days > 0).mean() == pytest.approx(0.244, abs=5e-4)

    curves, table = estimate(SPEC.model_copy(update={"history": history_spec}), tape, history)
    rows = table.set_index(["segment", "measure"])
    assert list(curves) == ["15d", "30d", "60d", "90d"]
    by_count = table[table["measure"] == "default_by_count"]
    assert by_count["count"].sum() == 4368
    assert (by_count["estimate"] * by_count["count"]).sum() == pytest.approx(952)
    used = table[table["measure"].isin(["lifetime_default", "cpr", "late_share", "late_days"])]
    assert (used["low"] <= used["estimate"]).all()
    assert (used["estimate"] <= used["high"]).all()
    # Losses read off the history of survivors would be nearly none: no loan of it is bad.
    assert all(0.15 < curve.lifetime_default < 0.25 for curve in curves.values())
    assert rows.loc[("90d", "cpr"), "count"] == 30
    assert "whole book" in rows.loc[("90d", "late_days"), "note"]
    assert module.THIN == 30


def test_each_language_is_told_in_one_figure_with_what_it_leaves_out():
    curve = {"ages": (30, 90), "cumulative": (0.01, 0.04)}
    matrix = np.eye(7)
    matrix[0, [0, 5]] = 0.99, 0.01
    rows = matrix.tolist()
    for credit, measure, figure, note in (
        (SegmentCredit(cdr=(0.01, 0.03), severity=0.5), "cdr", 0.02, "mean of 2 periods"),
        (SegmentCredit(sda=150, severity=0.5), "sda", 1.5, ""),
        (SegmentCredit(cdr=0, psa=165, severity=0.5), "psa", 1.65, ""),
        (SegmentCredit(default_by_age=[curve], severity=0.5), "default_by_age", 0.04, "90 days"),
        (
            SegmentCredit(roll_rates=rows, severity=0.5),
            "roll_rates",
            1 - 0.99**12,
            "current",
        ),
        (
            SegmentCredit(cdr=0, severity=0.5, recovery_curve=(0, 0.5, 0.5)),
            "recovery_lag",
            1.5,
            "3 periods",
        ),
    ):
        (row,) = stated_rows("x", credit, (measure,))
        assert row["estimate"] == pytest.approx(figure)
        assert note in row["note"]
    assert stated_rows("x", SegmentCredit(cdr=0, psa=165, severity=0.5), ("cpr", "mdr")) == []


def test_rules_are_told_with_what_they_state():
    rule = CreditRule(name="weak", test="score < 600", mdr=0.02, severity=0.9)
    segments = {"x": SegmentCredit(cdr=0.1, severity=0.5)}
    spec = CreditSpec(segments=segments, where=(rule,))
    table = with_rules(as_stated(spec)[1], spec.where)
    told = table[table["segment"] == "where weak"].set_index("measure")["estimate"]
    assert told.to_dict() == {"mdr": 0.02, "severity": 0.9}
