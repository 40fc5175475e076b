"""Curves from a history: loans of a known chain, late entry, credibility, what is missing."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from scfcap.credit.estimate import COLUMNS
from scfcap.credit.fit import fit, gather
from scfcap.credit.vintages import triangle, vintages
from scfcap.errors import InputError
from scfcap.schema.credit import CreditSpec, SegmentCredit
from scfcap.tape.history import DEFAULT, STATES, history_from_panel

from .histories import CHAIN, SEVERITY, simulate, truth

SPEC = CreditSpec(source="history")


@pytest.fixture(scope="module")
def known():
    """One chain in both segments: 8,000 loans, maturity in three years."""
    return simulate((("a", 7_500, CHAIN), ("b", 500, CHAIN)), term_months=36, seed=21)


@pytest.fixture(scope="module")
def fitted(known):
    return fit(known, SPEC)


def row(table, segment, measure):
    return table[(table["segment"] == segment) & (table["measure"] == measure)].iloc[0]


class TestKnownChain:
    def test_three_ways_to_the_lifetime_default_agree(self, fitted):
        table = fitted.tables["lifetime"]
        own = table[table["segment"] == "all"]
        expected = truth()[0]
        assert len(own) == 4
        np.testing.assert_allclose(own["default"], expected, atol=0.012)
        bounds = own.dropna(subset=["low"])
        assert len(bounds) == 3
        assert ((bounds["low"] <= expected) & (expected <= bounds["high"])).all()
        spread = own["default"].max() - own["default"].min()
        assert spread < 0.006

    def test_they_agree_over_the_same_months_too(self):
        # Cut off after 8 months on book, the incidence is the power of the matrix.
        table = fit(simulate(months=8, vintages=1, seed=5), SPEC).tables["lifetime"]
        over = table[(table["segment"] == "all") & (table["months"] == 8)]
        truth_8 = np.linalg.matrix_power(CHAIN, 8)[0, DEFAULT]
        assert len(over) == 2
        np.testing.assert_allclose(over["default"], truth_8, atol=0.012)

    def test_the_default_rate_is_that_of_the_balance_at_risk(self, known, fitted):
        panel = known.panel
        held = panel["opening"].sum()
        lost = panel.loc[panel["charged_off"] > 0, "charged_off"].sum()
        yearly = 1 - (1 - lost / held) ** 12
        figure = row(fitted.tables["credibility"], "a", "cdr")
        # Made on the first: the month of origination counts in full, and has no default.
        whole = held + panel.loc[panel["opening"] == 0, "adjusted"].sum()
        assert figure["book"] == pytest.approx(1 - (1 - lost / whole) ** 12, rel=1e-9)
        assert figure["book"] < yearly
        assert figure["own_low"] < figure["own"] < figure["own_high"]

    def test_severity_and_lag_do_not_count_the_young_as_lost(self, fitted):
        for segment in ("a", "b"):
            assert fitted.curves[segment].severity == pytest.approx(SEVERITY, abs=1e-4)
            assert fitted.curves[segment].recovery_lag == 3  # (0.1 x 1 + 0.25 x 4) / 0.35 = 3.1
            # Some 1,500 defaults, whose lags scatter by 1.4 months: 3.1 +- 0.1, in whole months.
            figure = row(fitted.table, segment, "recovery_lag")
            assert (figure["low"], figure["high"]) == (3, 4)

    def test_the_lag_of_few_defaults_is_less_certain(self):
        found = fit(simulate((("a", 200, CHAIN),), term_months=36), SPEC)
        figure = row(found.table, "a", "recovery_lag")
        assert figure["low"] < 3
        assert figure["high"] - figure["low"] >= 2

    def test_each_row_has_interval_count_and_source(self, fitted):
        table = fitted.table
        assert list(table.columns) == COLUMNS
        assert set(table["segment"]) == {"a", "b"}
        inside = (table["low"] <= table["estimate"] + 1e-9) & (
            table["estimate"] <= table["high"] + 1e-9
        )
        assert inside.all()
        assert (table["count"] > 0).all()
        assert (table["source"] == "history").all()
        assert table["note"].str.contains("Z ").all()

    def test_one_chain_is_one_matrix_all_the_time(self, fitted):
        test = fitted.tables["roll_test"].set_index("segment").loc["all"]
        assert test["p_value"] > 0.001
        assert test["gaps"] == 0

    def test_roll_rates_by_count_cover_the_truth(self, fitted):
        cells = fitted.tables["roll_rates"].query("segment == 'all' and basis == 'count'")
        codes = {name: n for n, name in enumerate(STATES)}
        true = np.array([CHAIN[codes[a], codes[b]] for a, b in cells[["from", "to"]].to_numpy()])
        inside = (cells["low"] <= true) & (true <= cells["high"])
        assert inside.mean() > 0.85

    def test_segments_that_are_alike_share_a_figure(self, fitted):
        assert fitted.curves["a"].cpr == pytest.approx(fitted.curves["b"].cpr, rel=0.02)


def test_the_timing_curve_is_the_hazard_by_another_name(known, fitted):
    table = fitted.tables["timing"].query("segment == 'all'")
    assert table["timing"].sum() == pytest.approx(1.0)
    loans = gather(known).loans
    age = loans.last - loans.made
    for row in table.head(6).itertuples():
        held = loans.amount[age >= row.age].sum()
        gone = loans.amount[(age == row.age) & (loans.end == 1)].sum()
        assert row.rate == pytest.approx(gone / held)


def test_prepayment_is_not_claimed_where_no_maturity_is_known():
    found = fit(simulate(seed=4), SPEC)
    assert found.curves["a"].cpr == 0.0
    figure = row(found.table, "a", "cpr")
    assert "no maturity is known" in figure["note"]
    assert np.isnan(figure["low"])
    assert np.isnan(figure["high"])


class TestCredibility:
    def test_a_thin_segment_is_pulled_to_the_book(self):
        worse = CHAIN.copy()
        worse[0, 5], worse[0, 6] = 0.03, 0.11
        history = simulate(
            (("good", 4000, CHAIN), ("bad", 4000, worse), ("thin", 60, worse)), term_months=36
        )
        found = fit(history, SPEC).tables["credibility"].query("measure == 'cdr'")
        z = found.set_index("segment")["z"]
        assert z["good"] > 0.9
        assert z["thin"] < z["bad"]
        thin = found.set_index("segment").loc["thin"]
        low, high = sorted((thin["own"], thin["book"]))
        assert low - 0.05 <= thin["estimate"] <= high + 0.05

    @pytest.mark.parametrize("term", [36, 3])
    def test_the_estimate_is_the_mean_of_own_and_book_by_z(self, term):
        """On the scale of the docstring of scfcap.credit.measures; for all measures."""
        worse, none = CHAIN.copy(), CHAIN.copy()
        worse[0, 5], worse[0, 6] = 0.03, 0.11
        none[:5, 4] += none[:5, 5]
        none[:5, 5] = 0.0  # never a default of its own
        groups = (("good", 3000, CHAIN), ("bad", 600, worse), ("thin", 60, worse), ("no", 80, none))
        table = fit(simulate(groups, term_months=term, seed=2), SPEC).tables["credibility"]
        assert table["measure"].nunique() == (4 if term == 3 else 3)
        shrunk = 0
        for figure in table.itertuples():
            yearly = figure.measure == "cdr" or (figure.measure == "cpr" and term == 36)
            speed = figure.measure == "cpr" and term == 3
            own, book, estimate = (
                1 - (1 - x) ** (1 / 12) if yearly else -np.log1p(-x) if speed else x
                for x in (figure.own, figure.book, figure.estimate)
            )
            assert figure.z == 0 or not np.isnan(own)
            mean = figure.z * np.nan_to_num(own) + (1 - figure.z) * book
            assert estimate == pytest.approx(mean, rel=1e-9, abs=1e-12)
            shrunk += 0.01 < figure.z < 0.99
        assert shrunk >= 3

    def test_the_note_names_the_book_of_the_table(self):
        worse = CHAIN.copy()
        worse[0, 5], worse[0, 6] = 0.03, 0.11
        found = fit(simulate((("a", 2000, CHAIN), ("b", 500, worse)), term_months=36), SPEC)
        for figure in found.tables["credibility"].itertuples():
            told = row(found.table, figure.segment, figure.measure)["note"]
            assert f"book {figure.book:.4g}" in told

    def test_a_segment_without_loans_takes_the_mean(self):
        history = simulate((("a", 800, CHAIN), ("b", 800, CHAIN)), term_months=36)
        loans = history.loans.assign(segment=history.loans["segment"].cat.add_categories("new"))
        empty = fit(type(history)(**{**history.__dict__, "loans": loans}), SPEC)
        figure = row(empty.tables["credibility"], "new", "cdr")
        assert figure["z"] == 0.0
        assert np.isnan(figure["own"])
        assert empty.curves["new"].cdr is not None


def test_few_loans_without_a_default_are_not_said_to_be_safe():
    none = CHAIN.copy()
    none[:5, 6] += none[:5, 5]
    none[:5, 5] = 0.0
    history = simulate((("a", 400, CHAIN), ("few", 6, none)), months=12, term_months=36)
    tables = fit(history, SPEC).tables
    table = tables["lifetime"]
    forever = table[(table["segment"] == "few") & table["note"].str.contains("for ever")].iloc[0]
    assert (forever["default"], forever["low"]) == (0.0, 0.0)
    assert forever["high"] > 0.2
    assert "no path to default was seen" in forever["note"]
    ends = tables["roll_ends"].query("segment == 'few' and state == 'current'").iloc[0]
    assert ends["high"] == forever["high"]


@pytest.fixture(scope="module")
def short():
    return fit(simulate(term_months=3, seed=8), SPEC)


class TestShortLoans:
    def test_the_default_is_told_over_the_life(self, short):
        curve = short.curves["a"]
        assert curve.cdr is None
        assert curve.lifetime_default == pytest.approx(truth()[0], abs=0.02)

    def test_lateness_is_measured(self, short):
        curve = short.curves["a"]
        assert 0.0 < curve.late_share < 1.0
        assert 28 < curve.late_days < 365


class TestLateShare:
    """Bullets of 30 days made on the first; one in four is repaid 40 days after maturity."""

    def facts(self, months, per_month=8):
        count = months * per_month
        made = 480 + np.arange(count) // per_month
        start = made.astype("datetime64[M]").astype("datetime64[D]")
        due = start + np.timedelta64(30, "D")
        late = np.arange(count) % 4 == 0
        closed = due + np.where(late, 40, 0).astype("timedelta64[D]")
        over = closed.astype("datetime64[M]").astype(np.int64)
        last = 480 + months - 1
        rows = [
            (n, m, 0.0 if m == made[n] else 10.0, 10.0 if m == made[n] else 0.0, m == over[n])
            for n in range(count)
            for m in range(made[n], min(over[n], last) + 1)
        ]
        panel = pd.DataFrame(rows, columns=["loan", "month", "opening", "adjusted", "over"])
        paid = np.where(panel.pop("over"), 10.0, 0.0)
        panel = panel.assign(principal=paid, paid=paid, charged_off=0.0, recovered=0.0)
        panel["closing"] = panel["opening"] + panel["adjusted"] - paid
        panel["days_past_due"] = 0
        known = closed <= (
            np.datetime64(last + 1, "M").astype("datetime64[D]") - np.timedelta64(1, "D")
        )
        loans = pd.DataFrame({"loan_id": [str(n) for n in range(count)], "segment": "a"})
        loans["original_balance"] = 10.0
        for name, day in (("origination_date", start), ("maturity_date", due)):
            loans[name] = day.astype("datetime64[s]")
        blank = np.datetime64("NaT", "s")
        loans["closed_date"] = np.where(known, closed.astype("datetime64[s]"), blank)
        return history_from_panel(loans, panel, source="", digest="")

    @pytest.mark.parametrize("months", [4, 6, 24])
    def test_what_is_late_still_is_not_left_out(self, months):
        found = fit(self.facts(months), CreditSpec(source="history", severity=0.5))
        assert found.curves["a"].late_share == pytest.approx(0.25)
        assert found.curves["a"].late_days == 40


class TestLateEntry:
    def test_the_estimates_hold_where_the_first_year_is_not_seen(self):
        part = fit(simulate(term_months=36, seen_from=12, seed=3), SPEC)
        whole = fit(simulate(term_months=36, seed=3), SPEC)
        assert part.curves["a"].cdr == pytest.approx(whole.curves["a"].cdr, rel=0.15)
        own = part.tables["lifetime"].query("segment == 'all'")["default"]
        np.testing.assert_allclose(own, truth()[0], atol=0.03)

    def test_vintages_say_from_which_age(self):
        facts = gather(simulate(term_months=36, seen_from=12, seed=3))
        table = vintages(facts.loans, facts.last)
        starts = table.groupby("vintage")["from_age"].first()
        assert starts["2016-03"] == 10
        assert starts["2017-01"] == 0


class TestVintages:
    def test_whole_vintages_are_plain_ratios(self, known):
        facts = gather(known)
        table = vintages(facts.loans, facts.last)
        loans = facts.loans.where(facts.loans.made == facts.loans.made.min())
        last = table[table["vintage"] == "2016-01"].iloc[-1]
        assert last["loans"] == len(loans)
        assert last["default_count"] == pytest.approx((loans.end == 1).mean())
        assert last["default_amount"] == pytest.approx(loans.defaulted.sum() / loans.amount.sum())
        net = (loans.defaulted - loans.recovered).sum() / loans.amount.sum()
        assert last["net_loss"] == pytest.approx(net)
        early = (loans.end == 2) * loans.amount
        assert last["prepaid_amount"] == pytest.approx(early.sum() / loans.amount.sum())

    def test_quarters_hold_their_months(self, known):
        facts = gather(known)
        months = vintages(facts.loans, facts.last)
        quarters = vintages(facts.loans, facts.last, "quarter")
        first = quarters[quarters["vintage"] == "2016Q1"].iloc[0]
        chosen = months[months["vintage"].isin(["2016-01", "2016-02", "2016-03"])]
        assert first["loans"] == chosen.groupby("vintage")["loans"].first().sum()

    def test_the_triangle_ends_where_the_history_does(self, known):
        facts = gather(known)
        wide = triangle(vintages(facts.loans, facts.last), "default_count")
        young, old = wide.loc["2018-12"], wide.loc["2016-01"]
        assert young.notna().sum() == 60 - 35 + 1
        assert old.notna().sum() > young.notna().sum()
        assert (wide.diff(axis=1).iloc[:, 1:].fillna(0) >= 0).all().all()

    def test_nothing_is_an_empty_table(self, known):
        facts = gather(known)
        none = facts.loans.where(np.zeros(len(facts.loans), dtype=bool))
        assert len(vintages(none, facts.last)) == 0


class TestWhatIsMissing:
    def test_stated_segments_stay_as_stated(self, known):
        stated = SegmentCredit(cdr=0.5, severity=0.5)
        found = fit(known, CreditSpec(source="history", segments={"a": stated}))
        assert found.curves["a"] is stated
        assert row(found.table, "a", "cdr")["source"] == "stated in the model"
        assert found.curves["b"].cdr < 0.5

    def test_no_recovery_takes_the_stated_severity(self, known):
        panel = known.panel.query("recovered == 0").drop(columns="state")
        bare = history_from_panel(
            known.loans.drop(columns=["entry_date", "end_date", "end"]), panel, source="", digest=""
        )
        found = fit(bare, CreditSpec(source="history", severity=0.7, recovery_lag=5))
        assert found.curves["a"].severity == 0.7
        assert found.curves["a"].recovery_lag == 5
        assert "no recovery on" in row(found.table, "a", "severity")["note"]
        assert fit(bare, SPEC).curves["a"].severity == 1.0

    def test_no_default_needs_a_severity(self):
        safe = CHAIN.copy()
        safe[:, 5], safe[:5, 6] = 0.0, CHAIN[:5, 6] + CHAIN[:5, 5]
        safe[5, 5] = 1.0
        history = simulate((("a", 300, safe),), term_months=36)
        with pytest.raises(InputError, match=r"credit\.severity"):
            fit(history, SPEC)
        found = fit(history, CreditSpec(source="history", severity=0.6))
        assert found.curves["a"].cdr == 0.0
        assert found.curves["a"].severity == 0.6
        figure = row(found.table, "a", "cdr")
        panel = history.panel
        # No default seen in so many loan-months of equal balances; here they are not all equal.
        rate = -np.log(0.025) / ((panel["opening"] + panel["adjusted"]) > 0).sum()
        assert figure["low"] == 0.0
        assert 1 - (1 - rate) ** 12 < figure["high"] < 3 * (1 - (1 - rate) ** 12)

    def test_no_loan_at_risk_is_said(self):
        loans = pd.DataFrame({"loan_id": ["x"], "segment": ["a"]})
        panel = pd.DataFrame(
            {
                **dict.fromkeys(("opening", "principal", "charged_off", "paid", "recovered"), 0.0),
                "loan": [0],
                "month": [560],
                "adjusted": 10.0,
                "closing": 10.0,
                "days_past_due": 0,
            }
        )
        history = history_from_panel(loans, panel, source="", digest="")
        with pytest.raises(InputError, match="none of them with a balance"):
            fit(history, SPEC)


def test_the_default_rule_goes_into_the_curves(known):
    assert fit(known, SPEC, default_days=60).curves["a"].default_days == 60


def test_the_lag_is_in_periods_of_the_plan(known):
    assert fit(known, SPEC, per_year=52).curves["a"].recovery_lag == 14  # 3.1 months


def test_the_same_history_gives_the_same_figures(known, fitted):
    again = fit(known, SPEC)
    pd.testing.assert_frame_equal(again.table, fitted.table)
    assert again.curves == fitted.curves


def test_a_long_history_takes_seconds():
    history = simulate((("a", 30_000, CHAIN), ("b", 30_000, CHAIN)), term_months=36)
    start = time.process_time()
    fit(history, SPEC)
    assert time.process_time() - start < 5.0


class TestPrepayment:
    """A loan of 1,000 over ten months at no interest pays 100 a month, and now and then more."""

    def months(self, loan_type):
        paid = [150.0, 50.0, 800.0]
        opening = [1000.0, 850.0, 800.0]
        loans = pd.DataFrame({"loan_id": ["x"], "segment": ["a"], "rate": [0.0]})
        loans["original_balance"] = 1000.0
        loans["origination_date"] = pd.Timestamp("2019-12-31")
        loans["maturity_date"] = pd.Timestamp("2020-10-31")
        if loan_type:
            loans["loan_type"] = loan_type
        panel = pd.DataFrame(
            {
                "loan": 0,
                "month": [600, 601, 602],
                "opening": opening,
                "adjusted": 0.0,
                "principal": paid,
                "charged_off": 0.0,
                "closing": [850.0, 800.0, 0.0],
                "paid": paid,
                "recovered": 0.0,
                "days_past_due": 0,
            }
        )
        return gather(history_from_panel(loans, panel, source="", digest="")).months

    def test_what_is_above_the_schedule_counts_and_what_is_missed_too(self):
        found = self.months("level_payment")
        # Due by month: 1000 / 10, 850 / 9, 800 / 8.
        np.testing.assert_allclose(found.prepaid[0], [50.0, 50.0 - 850 / 9, 700.0])
        np.testing.assert_allclose(found.left[0], [900.0, 850 * 8 / 9, 700.0])

    def test_nothing_is_due_of_a_bullet_before_maturity(self):
        found = self.months("bullet")
        np.testing.assert_allclose(found.prepaid[0], [150.0, 50.0, 800.0])
        np.testing.assert_allclose(found.left[0], [1000.0, 850.0, 800.0])

    def test_of_an_unknown_type_only_full_repayment_counts(self):
        found = self.months("")
        np.testing.assert_allclose(found.prepaid[0], [0.0, 0.0, 800.0])
        np.testing.assert_allclose(found.left[0], [1000.0, 850.0, 800.0])

    def test_what_is_due_in_the_last_month_is_no_prepayment(self):
        loans = pd.DataFrame({"loan_id": ["x"], "segment": ["a"], "rate": [0.0]})
        loans["loan_type"], loans["original_balance"] = "bullet", 1000.0
        loans["origination_date"] = pd.Timestamp("2020-01-16")
        loans["maturity_date"] = pd.Timestamp("2020-03-31")
        zero = dict.fromkeys(("charged_off", "recovered"), 0.0)
        panel = pd.DataFrame(
            {
                "loan": 0,
                "month": [600, 601, 602],
                "opening": [0.0, 1000.0, 1000.0],
                "adjusted": [1000.0, 0.0, 0.0],
                "principal": [0.0, 0.0, 900.0],
                "closing": [1000.0, 1000.0, 100.0],
                "paid": [0.0, 0.0, 900.0],
                "days_past_due": 0,
                **zero,
            }
        )
        found = gather(history_from_panel(loans, panel, source="", digest="")).months
        np.testing.assert_allclose(found.prepaid[0], [0.0, 0.0, 0.0])
        np.testing.assert_allclose(found.left[0], [0.0, 1000.0, 0.0])
        # Made on the 16th of January: 16 of its 31 days are left.
        np.testing.assert_allclose(found.balance[0], [1000.0 * 16 / 31, 1000.0, 1000.0])
        np.testing.assert_allclose(found.balance_squares[0], (found.balance[0] ** 2).sum())
