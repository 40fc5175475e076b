"""Contracts by dates from a model file and a tape to the cash flow, the cohorts and the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scfcap.api.model import Model, load
from scfcap.axes import LOAN_TYPES
from scfcap.cashflow.cohorts import project_cohort
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LoanArrays
from scfcap.cashflow.payments import payments, said, told
from scfcap.cashflow.project import opening_loans
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.pool.terms import new_terms, terms_of
from scfcap.schema.contract import ContractSpec, IndexSpec
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

MODEL = """\
name = "dated"
title = "Loans by dates"
currency = "CNY"
as_of = 2020-12-31
regime = "none"

[tape]
source = "file"
path = "tape.csv"
[tape.values.payment_every]
M = "month"
W = "week"

[credit.segments.shop]
cdr = 0.0
severity = 0.5
[credit.segments.fee]
cdr = 0.1
cpr = 0.2
severity = 0.5

[contract.shop]
day_count = "act/365"
calendar = "CN"
rate_index = "lpr"
rate_margin = 0.02
reset_months = 1

[indices.lpr]
fixings = [{ day = 2020-04-20, rate = 0.0385 }, { day = 2021-02-20, rate = 0.05 }]

[scenarios.base]
[scenarios.up]
shocks = [{ kind = "rate_shock", index = 0.01 }]

[pool.eligibility.bank]
rules = [{ test = "credit_limit is missing or current_balance <= credit_limit" }]

[plan]
periods = 3
frequency = "month"
money_unit = 1e3

[opening]
cash = 5000.0

[demand.shop]
per_period = 20000.0
new_loans = { loan_type = "interest_only_bullet", rate = 0.2, shortest = 120, longest = 120 }

[demand.fee]
per_period = 10000.0
[demand.fee.new_loans]
loan_type = "flat_fee"
rate = 0.12
shortest = 90
longest = 90
contract = { payment_every = "month", payment_fee_share = 0.001, upfront_fee = 0.01 }

[[lenders]]
name = "bank-a"
limit = 50000.0
tenors = [{ periods = 3, rate = 0.06 }]
"""
HEAD = (
    "loan_id,segment,loan_type,origination_date,maturity_date,original_balance,current_balance,"
    "rate,payment_every,next_payment_date,payment_fee,credit_limit"
)
ROWS = (
    "a,shop,interest_only_bullet,2020-11-10,2021-03-10,10000,10000,0.06,M,,,",
    "b,shop,revolving_line,2020-12-01,2021-04-30,8000,5000,0.06,W,2021-01-04,,8000",
    "c,fee,flat_fee,2020-10-31,2021-04-30,6000,4000,0.12,M,2021-01-31,3,",
    "d,fee,level_payment,2020-10-31,2021-04-30,6000,4000,0.12,,,,",
)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Model]:
    def write(old: str = "", new: str = "", rows: tuple[str, ...] = ROWS) -> Model:
        assert old in MODEL
        (tmp_path / "model.toml").write_text(MODEL.replace(old, new), encoding="utf-8")
        (tmp_path / "tape.csv").write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
        return load(tmp_path)

    return write


def interest(model: Model, scenario: str, segment: str) -> np.ndarray:
    frame = model.cashflow().to_frame()
    chosen = (frame["scenario"] == scenario) & (frame["segment"] == segment)
    return frame.loc[chosen, "interest"].to_numpy()


def test_floating_interest_by_days_on_business_days(make: Callable[..., Model]) -> None:
    model = make(rows=ROWS[:1])
    # Payments on 10 January (a Sunday: the 11th), 10 February (before the New Year's Eve of the
    # 11th) and 10 March 2021; resets on the last of each month: 3.85%, and 5% from 28 February.
    days = [
        0.06 * 31 + 0.0585 * 0,  # 10 December to 31: the rate on the tape up to the first reset
        0.06 * 20 + 0.0585 * 10,
        0.0585 * 18 + 0.07 * 10,
    ]
    days[0] = 0.06 * 32  # 10 December to 11 January
    wanted = [10_000 * each / 365 for each in days]
    np.testing.assert_allclose(interest(model, "base", "shop")[:3], wanted, rtol=1e-12)
    up = [0.06 * 32, 0.06 * 20 + 0.0685 * 10, 0.0685 * 18 + 0.08 * 10]
    wanted = [10_000 * each / 365 for each in up]
    np.testing.assert_allclose(interest(model, "up", "shop")[:3], wanted, rtol=1e-12)


def test_a_line_pays_each_week_and_a_flat_fee_each_month(make: Callable[..., Model]) -> None:
    line = make('calendar = "CN"\nrate_index = "lpr"', 'calendar = "none"', rows=ROWS[1:2])
    # Mondays; the interest since 28 December: four payments by 31 January, of 28 days.
    assert interest(line, "base", "shop")[0] == pytest.approx(5000 * 0.06 * 28 / 365)
    fee = make("cdr = 0.1\ncpr = 0.2", "cdr = 0.0", rows=ROWS[2:3])
    flows = fee.cashflow().flows
    # A twelfth of the rate on what was lent, however long the month is.
    np.testing.assert_allclose(flows.interest[0, 0, :4], 6000 * 0.12 / 12, rtol=1e-12)
    np.testing.assert_allclose(flows.scheduled[0, 0, :4], 1000.0)
    np.testing.assert_allclose(flows.fees[0, 0, :4], 3.0)


def test_loans_without_any_term_pay_by_periods_beside_the_others(
    make: Callable[..., Model],
) -> None:
    whole = make().cashflow().flows
    whole.check()
    alone = make(rows=ROWS[3:]).cashflow().flows
    fee = make(rows=ROWS[2:3]).cashflow().flows
    fees = make().pool().segments.index("fee")
    np.testing.assert_allclose(
        whole.interest[:, fees, :4], alone.interest[:, 0, :4] + fee.interest[:, 0, :4]
    )


def test_new_loans_follow_their_contract_in_factors_and_plan(make: Callable[..., Model]) -> None:
    model = make()
    factors, new = model.factors(), model.new_loans()
    curves = model.curves()
    fee = curves.segments.index("fee")
    flows = project_cohort(new["fee"], fee, 1, 100.0, curves)
    # Upfront 1%, then a thousandth with each of three payments of those that still stand.
    assert flows.fees[0, 0, 0] >= 1.0
    assert 1.2 < flows.fees[0, 0].sum() < 1.3
    j = np.flatnonzero((factors.segment == fee) & (factors.vintage == 1))[0]
    got = flows.interest[0, 0] / 100.0
    assert (factors.interest[0, j] >= got - 1e-12).all()
    shop = curves.segments.index("shop")
    once = project_cohort(new["shop"], shop, 1, 100.0, curves)
    # The rate of the day is set at the start: index and margin, not the stated 20%.
    assert once.interest[0, 0].sum() == pytest.approx(100 * 0.065 * 120 / 365, rel=0.06)
    assert model.plan() is not None


def test_a_run_says_where_new_loans_leave_the_terms_of_the_tape(
    make: Callable[..., Model],
) -> None:
    stated = make().run()
    assert stated.cautions() == []
    terms = MODEL[MODEL.index("[demand.fee]") : MODEL.index("[[lenders]]")]
    like = '[demand.fee]\nper_period = 10000.0\nnew_loans = "tape"\n\n'
    run = make(terms, like).run()
    (said,) = run.result()["cautions"]
    assert said.startswith("CAUTION: new loans of fee take type, term and rate from the tape")
    assert "payment_every, next_payment_date, payment_fee; state [contract.fee]" in said
    assert make(terms, like + '[contract.fee]\npayment_every = "month"\n\n').run().cautions() == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"lpr"', '"lrp"', 'contract.shop.rate_index: found "lrp".*Did you mean lpr'),
        ('"CN"', '"CNN"', 'contract.shop.calendar: found "CNN"; expected one of CN, US'),
        ("[contract.shop]", "[contract.shap]", "contract.shap: found no segment.*mean shop"),
        (
            "payment_fee_share = 0.001",
            "payment_fee = 3.0",
            "new_loans.contract.payment_fee: found 3, an amount",
        ),
        (
            "rate_margin = 0.02",
            "rate_floor = 0.2\nrate_cap = 0.1",
            "rate_floor: found 0.2, above rate_cap, 0.1",
        ),
        (
            '"act/365"',
            '"act/act-icma"\npayment_every = "week"',
            "day_count: found .act/act-icma., with",
        ),
        (
            "reset_months = 1",
            'payment_every = "day"\npayment_day = 3',
            "payment_day: found a day of",
        ),
        ('"act/365"', '"act/366"', "contract.shop.day_count: found"),
        (
            "2020-04-20, rate = 0.0385",
            "2021-04-20, rate = 0.0385",
            "indices.lpr.fixings: found 2021-02-20 after 2021-04-20",
        ),
    ],
)
def test_terms_that_cannot_be_are_named(make, old, new, said) -> None:
    with pytest.raises(InputError, match=said):
        make(old, new)


def test_an_index_of_the_tape_that_the_model_does_not_state(make: Callable[..., Model]) -> None:
    rows = (*ROWS, "e,fee,level_payment,2020-10-31,2021-04-30,6000,4000,0.12,,,,")
    model = make(
        "[tape.values.payment_every]",
        'constants = { rate_index = "x" }\n[tape.values.payment_every]',
        rows,
    )
    with pytest.raises(InputError, match=r'indices.x: found loans at a rate over "x"'):
        model.cashflow()


def test_payments_of_a_loan_are_listed_by_day(make: Callable[..., Model]) -> None:
    model = make(rows=ROWS[:1])
    pool, curves = model.pool(), model.curves()
    paid = payments(opening_loans(pool, curves, pool.segment), curves)
    # 11 January, 10 February, 10 March: see above.
    assert paid["offset"].tolist() == [11, 41, 69]
    assert paid["principal"].tolist() == [0.0, 0.0, 10_000.0]
    assert said(paid, "interest", pool.as_of, (31, 69)) == (
        "48.9041 on 2021-02-10 + 48.0274 on 2021-03-10"
    )
    many = pd.concat([paid.assign(offset=paid["offset"] - k) for k in range(3)])
    assert said(many.sort_values("offset"), "interest", pool.as_of, (0, 100)).startswith(
        "448.6027 in 9 payments from 2021-01-09 to 2021-03-10"
    )
    assert pool.terms is not None
    words = {figure: value for figure, value, _ in told(pool.terms, pool.as_of)}
    assert words == {
        "payment_every": "month",
        "next_payment": "2021-01-10",
        "interest_from": "2020-12-10",
        "day_count": "act/365",
        "calendar": "CN",
        "rate_index": "lpr + 0.02",
        "next_reset": "2021-01-31",
    }


def test_a_dated_loan_is_explained_payment_by_payment(make: Callable[..., Model]) -> None:
    model = make()
    steps = model.explain("b").steps
    first = steps[(steps["period"] == 1) & (steps["figure"] == "interest_due")]
    assert first["numbers"].iloc[0] == " + ".join(
        f"5.7534 on 2021-01-{day:02d}" for day in (4, 11, 18, 25)
    )
    explained = model.explain("c")
    figures = explained.terms.set_index("figure")["value"]
    assert figures["payment_every"] == "month"
    assert figures["day_count"] == "act/act-icma"
    steps = explained.steps[explained.steps["figure"] == "interest_due"]
    assert steps["formula"].iloc[0] == (
        "principal lent x rate x nominal time of each payment (n months are n/12)"
    )
    assert steps["numbers"].iloc[0] == "60.0000 on 2021-01-31"


@pytest.mark.parametrize("kind", ["level_payment", "equal_principal", "bullet", "flat_fee"])
@pytest.mark.parametrize("index", [None, "lpr"])
def test_a_loan_made_in_a_period_goes_on_as_one_of_the_pool(kind: str, index: str | None) -> None:
    """A unit originated in January, and the same loan on a tape at the end of January."""
    spec = ContractSpec(
        day_count="act/365", calendar="TARGET", grace_payments=2, payment_fee_share=0.001,
        rate_index=index, rate_margin=0.02, reset_months=2,
    )  # fmt: skip
    fixings = [{"day": date(2014, 1, 1), "rate": 0.05}, {"day": date(2014, 5, 5), "rate": 0.08}]
    indices = {"lpr": IndexSpec.model_validate({"fixings": tuple(fixings)})}
    credit = {"a": SegmentCredit(cdr=0.1, cpr=0.2, severity=0.5)}

    def curves(as_of: date) -> CurveSet:
        grid = PeriodGrid.build(as_of, 14)
        return build_curves(("a",), credit, {"base": Scenario()}, grid, indices=indices)

    before, after = date(2013, 12, 31), date(2014, 1, 31)
    code, made, due = LOAN_TYPES.index(kind), date(2014, 1, 15), date(2014, 12, 10)
    offset = (due - before).days
    plain = LoanArrays(
        *(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.array([code])),
        *(np.array([1000.0]), np.array([0.07]), np.zeros(1), np.ones(1)),
        *(np.array([15]), np.array([offset])),
    )
    days = (plain.start_day, plain.maturity_day)
    terms = new_terms(spec, before, plain.loan_type, days=days, lent=plain.balance)
    unit = run_kernel(replace(plain, terms=terms), curves(before), 1)

    frame = pd.DataFrame(
        {
            "segment": pd.Categorical(["a"]),
            "loan_type": pd.Categorical([kind]),
            "origination_date": pd.to_datetime([made]).astype("datetime64[s]"),
            "maturity_date": pd.to_datetime([due]).astype("datetime64[s]"),
            "next_reset_date": pd.to_datetime(["2014-03-15"]).astype("datetime64[s]"),
            "original_balance": [1000.0],
            "current_balance": [1000.0],
        }
    )
    standing = replace(
        plain,
        start_day=np.zeros(1, dtype=np.int64),
        maturity_day=np.array([(due - after).days]),
        terms=terms_of(frame, after, {"a": spec}),
    )
    pool = run_kernel(standing, curves(after), 1)
    alive = unit.closing[0, 0, 0] / 1000.0
    for flow in ("default", "interest", "scheduled", "prepaid", "fees", "closing"):
        got, wanted = getattr(unit, flow)[0, 0, 1:], getattr(pool, flow)[0, 0, :-1] * alive
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10)
    assert pool.fees.sum() > 0.0
