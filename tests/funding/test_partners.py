"""Banks that the company guarantees, joint lenders, and sales with recourse, in whole plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from scfcap.axes import GUARANTEED_BANK, JOINT_LENDING, OWN
from scfcap.errors import InfeasibleError, InputError
from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import DatedCap, Recourse
from scfcap.funding.partner import GuarantorInputs
from scfcap.funding.plan import Optimum, Plan, optimum, solve_plan
from scfcap.funding.postings import PlaceFlows
from scfcap.funding.program import solve
from scfcap.funding.recourse import beyond_cap
from scfcap.funding.replay import replay
from scfcap.funding.variables import declare
from scfcap.pool.snapshot import Pool
from scfcap.schema import plan as funds
from scfcap.schema.regime import Cap, Regime

from .golden_partners import joint
from .golden_parts import Cohort, buyer, line, tiny
from .partner_platform import GUARANTEED, JOINT, partner_model, partner_pool, with_partners
from .small_platform import LAW, MODEL, Platform, platform, small_pool
from .test_plan import platforms
from .test_replay import replay_fails
from .test_statements import assert_tied, tables_of
from .variants import BARE, UNIT, edited, law

BANK_G, BANK_J, CITY = "guaranteed_bank:bank-g", "joint_lending:bank-j", "bank_transfer:city-bank"
SHOCKS = {"shocks": [{"kind": "outage", "days": 10, "from_period": 2}]}
#: Name: changes of the platform with partners, its law.
PLANS: dict[str, tuple[dict[str, Any], Regime | None]] = {
    "law": ({}, LAW),
    "no law": ({}, None),
    "stress": ({"plan.scenario": "stress", "buyers.0.recourse_cap": 0.01}, LAW),
    "outage": ({"scenarios": {"base": SHOCKS}}, LAW),
    "dear": ({"guaranteed.0.fee": 0.12, "joint.0.fee": 0.1, "buyers.0.servicing_fee": 0.1}, LAW),
    "lags": ({"guaranteed.0.payout_lag": 6, "guaranteed.0.cover": 1.0, "plan.periods": 5}, LAW),
}


@cache
def built(name: str) -> tuple[Platform, Plan]:
    changes, regime = PLANS[name]
    p = with_partners(changes, regime)
    return p, solve_plan(p.inputs, p.engine, channels=False)


def value(p: Platform) -> float:
    return optimum(p.inputs, p.engine).solution.objective


def amounts(frame: pd.DataFrame, item: str) -> np.ndarray:
    """Amounts of an item by period."""
    return frame[frame["item"] == item].groupby("period")["amount"].sum().to_numpy()


# Sound plans.


def assert_sound(p: Platform, plan: Plan) -> None:
    checks = plan.tables()["checks"]
    assert checks["ok"].all(), checks[~checks["ok"]].to_string()
    capped = checks["check"].str.endswith("beyond its cap")
    mine = checks[checks["check"].str.startswith("replay") & ~capped]
    assert mine["value"].max() < 1e-8 * max(p.inputs.net_capital, 1.0) * UNIT
    assert_tied(tables_of(p, plan))


@pytest.mark.parametrize("name", PLANS)
def test_plans_with_partners_are_sound(name):
    p, plan = built(name)
    assert_sound(p, plan)
    if name == "dear":
        where = {place for _, place, _ in plan.optimum.decisions.booked}
        assert where == {BANK_G, BANK_J}
        assert any(place == CITY for _, place, _ in plan.optimum.decisions.transfers)


@st.composite
def partnered(draw: st.DrawFn) -> tuple[dict[str, Any], Regime | None, Pool]:
    """Any platform, with guarantees, joint loans and recourse on any terms."""
    model, regime, pool = draw(platforms())
    share = st.floats(0.0, 1.0).map(lambda x: round(x, 3))
    fee = st.floats(0.0, 0.2).map(lambda x: round(x, 4))
    money = st.floats(0.0, 30.0).map(lambda x: round(x * UNIT, -3))
    common = {"limit": money, "fee": fee, "per_period": st.none() | money}
    sets = st.sampled_from([None, "bank", "vehicle"])
    wanted = st.sampled_from([[], ["credit"], ["order"]])
    common |= {"eligibility": sets, "segments": wanted}
    lags = st.integers(0, 9)
    banks = st.fixed_dictionaries(
        {"name": st.just("bank-g"), "cover": share, "payout_lag": lags, **common}
    )
    partners = st.fixed_dictionaries(
        {"name": st.just("bank-j"), "own_share": st.floats(0.05, 1.0), **common}
    )
    net_assets = st.none() | money
    guarantor = st.fixed_dictionaries(
        {"multiple": st.sampled_from([0.5, 10.0]), "net_assets": net_assets}
    )
    for sale in model["buyers"]:
        sale |= {"recourse": draw(st.booleans()), "recourse_cap": draw(share)}
    model |= {
        "guaranteed": draw(st.lists(banks, max_size=1)),
        "joint": draw(st.lists(partners, max_size=1)),
        "guarantor": draw(st.none() | guarantor),
    }
    return model, regime, pool


@given(partnered())
@settings(max_examples=25, deadline=None)
def test_any_terms_give_a_sound_plan_or_none(case):
    p = platform(*case)
    try:
        plan = solve_plan(p.inputs, p.engine, channels=False)
    except InfeasibleError:
        event("no plan")
        return
    event("lends with partners" if plan.optimum.decisions.booked else "plan")
    assert_sound(p, plan)


# Closed forms.


def no_new(changes: dict[str, Any], pool: Pool) -> Platform:
    """Loans that run off: no demand, no other source."""
    return platform(
        edited({**BARE, "plan.periods": 8, "demand": {}, "lenders": [], **changes}), None, pool
    )


def all_in(where: str) -> Pool:
    pool = small_pool()
    return replace(pool, places=(where,), place=np.zeros(len(pool), dtype=np.int64))


def run_off(changes: dict[str, Any], where: str) -> Plan:
    funds = {"opening": {"cash": 20.0e6}}
    p = no_new({**funds, **changes}, all_in(where))
    return solve_plan(p.inputs, p.engine, channels=False)


def test_a_full_guarantee_costs_what_own_loans_would():
    own = run_off({}, OWN).tables()["income"]
    bank = {**GUARANTEED, "cover": 1.0, "segments": []}
    guaranteed = run_off({"guaranteed": [bank]}, BANK_G).tables()
    lost = amounts(guaranteed["income"], "credit losses of others' loans")
    assert lost == pytest.approx(amounts(own, "credit losses"), rel=1e-9)
    assert lost.sum() < -1.0e5
    # Defaults are paid two months later; what is recovered arrives as it would on the own book.
    flows = guaranteed["sources_uses"]
    own_flows = run_off({}, OWN).tables()["sources_uses"]
    back = amounts(flows, "bank-g: recoveries")
    assert back == pytest.approx(amounts(own_flows, "recoveries"), rel=1e-9)
    paid = amounts(flows, "bank-g: guarantee paid")
    assert list(paid[:2]) == [0.0, 0.0]
    assert paid[2] > 0.0
    unpaid = amounts(guaranteed["balance_sheet"], "claims under guarantees")
    assert unpaid[0] == 0.0
    assert unpaid[2] == pytest.approx(paid[2] + paid[3], rel=1e-12)


def test_half_a_guarantee_costs_half():
    def lost(cover: float) -> np.ndarray:
        bank = {**GUARANTEED, "cover": cover, "segments": []}
        table = run_off({"guaranteed": [bank]}, BANK_G).tables()["income"]
        return amounts(table, "credit losses of others' loans")

    assert lost(0.5) == pytest.approx(0.5 * lost(1.0), rel=1e-12)


def test_a_guarantee_without_defaults_earns_its_fee():
    calm = {"credit.segments.credit.cdr": 0.0, "credit.segments.order.lifetime_default": 0.0}
    bank = {**GUARANTEED, "segments": []}
    plan = run_off({**calm, "guaranteed": [bank]}, BANK_G)
    tables = plan.tables()
    stock = amounts(tables["balances"], "bank-g: loans")
    assert stock[0] == pytest.approx(78.0e6)
    fees = 0.05 / 12.0 * stock[:-1]
    assert amounts(tables["income"], "fees from partners") == pytest.approx(fees, rel=1e-12)
    assert np.abs(amounts(tables["income"], "credit losses of others' loans")).max() == 0.0
    # With interest on cash and running cost nothing else moves net capital.
    income = tables["income"]
    other = income[income["item"].isin(["interest on cash", "running cost"])]
    assert plan.net_income == pytest.approx(fees.sum() + other["amount"].sum(), rel=1e-9)


def test_recourse_costs_what_own_loans_would():
    own = run_off({}, OWN).tables()["income"]
    sale = {**partner_model()["buyers"][0], "recourse": True}
    sold = run_off({"buyers": [sale]}, CITY).tables()
    lost = amounts(sold["income"], "credit losses of others' loans")
    assert lost == pytest.approx(amounts(own, "credit losses"), rel=1e-9)
    sheet = sold["balance_sheet"]
    kept, owed = (
        amounts(sheet, x) for x in ("loans sold with recourse", "owed on loans sold with recourse")
    )
    assert kept[0] == pytest.approx(78.0e6)
    assert list(kept) == list(owed)


SHORT: dict[str, Any] = {"plan.periods": 6}


def test_recourse_with_a_cap_of_nothing_is_a_clean_sale():
    clean = solve_plan(*_of(platform(edited(SHORT), LAW)), channels=False)
    nothing = {"buyers.0.recourse": True, "buyers.0.recourse_cap": 0.0}
    capped = solve_plan(*_of(platform(edited({**SHORT, **nothing}), LAW)), channels=False)
    assert capped.objective == clean.objective
    for name, frame in clean.tables().items():
        pd.testing.assert_frame_equal(capped.tables()[name], frame)


def _of(p: Platform) -> tuple[Any, Any]:
    return p.inputs, p.engine


def test_recourse_is_never_worth_more_than_a_clean_sale():
    cheap = {**SHORT, "buyers.0.servicing_fee": 0.12}
    clean, recourse = (
        value(platform(edited({**cheap, "buyers.0.recourse": on}))) for on in (False, True)
    )
    assert recourse < clean - 1e-3


def test_a_joint_loan_that_is_all_its_own_is_an_own_loan():
    alone = value(platform(edited(SHORT), LAW))
    whole = {**JOINT, "own_share": 1.0}
    assert value(platform(edited({**SHORT, "joint": [whole]}), LAW)) == pytest.approx(
        alone, rel=1e-9
    )


@pytest.mark.parametrize("key", ["guaranteed", "joint"])
def test_left_out_is_limit_zero(key):
    terms = {"guaranteed": {**GUARANTEED, "fee": 0.15}, "joint": {**JOINT, "fee": 0.1}}[key]
    without, shut, there = (
        value(platform(edited({**SHORT, key: [*each]}), LAW))
        for each in ((), ({**terms, "limit": 0.0},), (terms,))
    )
    assert shut == pytest.approx(without, rel=1e-9)
    assert there > without + 1e-3


def test_the_worth_of_a_channel_is_what_its_limit_at_zero_costs():
    p = with_partners({"guaranteed.0.fee": 0.12}, LAW)
    plan = solve_plan(p.inputs, p.engine)
    channels = plan.tables()["channels"].set_index("channel")
    for channel, key in ((GUARANTEED_BANK, "guaranteed"), (JOINT_LENDING, "joint")):
        other = value(with_partners({"guaranteed.0.fee": 0.12, f"{key}.0.limit": 0.0}, LAW))
        row = channels.loc[channel]
        assert row["income_without"] == pytest.approx(other * UNIT, rel=1e-9)
        assert row["worth"] > 1e3


# P2P lenders who lend themselves.

PASS: dict[str, Any] = {
    "mode": "pass_through",
    "limit": 15.0e6,
    "per_period": 5.0e6,
    "rolling_12_months": 25.0e6,
    "fee": 0.09,
}


def passed(changes: dict[str, Any] | None = None, regime: Regime | None = LAW) -> Platform:
    """Every ninth own loan lies with P2P lenders, who lend themselves."""
    pool = small_pool()
    mine = (pool.place == 0) & (np.arange(len(pool)) % 9 == 0)
    theirs = replace(pool, places=(*pool.places, "p2p"), place=np.where(mine, 2, pool.place))
    model = edited({"plan.periods": 8, "p2p": PASS})
    return platform(edited(changes or {}, model), regime, theirs)


@pytest.mark.parametrize("scenario", ["base", "run off"])
def test_loans_passed_through_are_no_debt(scenario):
    shock = {"kind": "p2p_run_off", "from_period": 3, "share": 0.7, "cut": 0.8}
    shocks = {"run off": {"shocks": [shock]}}
    model = {"scenarios": {"base": {}, **shocks}, "plan.scenario": scenario}
    p = passed(model)
    plan = solve_plan(p.inputs, p.engine)
    assert_sound(p, plan)
    tables = plan.tables()
    assert amounts(tables["balance_sheet"], "P2P notes").max() == 0.0
    assert not (tables["sources_uses"]["item"] == "notes placed").any()
    held = amounts(tables["balances"], "P2P lenders: loans")
    assert held[0] > 1.0e6
    assert held.max() <= 15.0e6 + 1e-3
    fees = amounts(tables["income"], "fees from partners")
    assert fees == pytest.approx(0.09 / 12.0 * held[:-1], rel=1e-12)
    assert tables["channels"].set_index("channel").loc["p2p", "worth"] > 1e3
    lent = np.zeros(9)
    for (_, _, t), amount in plan.optimum.decisions.booked.items():
        lent[t] += amount
    assert lent.sum() <= 25.0 + 1e-9
    if scenario == "run off":
        flow = plan.optimum.replay.places["p2p"].principal
        assert (lent[3:] <= 0.2 * 5.0 + 0.3 * flow[3:] + 1e-7).all()
    else:
        assert lent.max() <= 5.0 + 1e-9


def test_loans_passed_through_count_in_the_caps_as_p2p():
    cap = {
        "name": "p2p", "base": "net_capital", "multiple": 0.1, "weights": {"p2p": 1.0},
        "source": "own",
    }  # fmt: skip
    p = passed(None, law(caps=[*(x.model_dump() for x in LAW.caps), cap]))
    caps = solve_plan(p.inputs, p.engine, channels=False).tables()["caps"].query("cap == 'p2p'")
    assert caps["headroom"].min() == pytest.approx(0.0, abs=1e-3)
    assert caps["replayed"].to_numpy() == pytest.approx(caps["counted"].to_numpy(), abs=1e-3)


@pytest.mark.parametrize(
    "closed", [{"p2p.limit": 0.0}, {"p2p.open_from": date(2020, 1, 1)}, {"p2p.per_period": 0.0}]
)
def test_p2p_lenders_left_out_are_limit_zero(closed):
    no_lenders = passed({"p2p.limit": 0.0})
    assert value(passed(closed)) == pytest.approx(value(no_lenders), rel=1e-9)
    assert value(passed(None, law(closed_channels=["p2p"]))) == value(no_lenders)


@pytest.mark.parametrize(
    ("p2p", "key"),
    [
        ({**PASS, "tenor": 4}, "tenor"),
        ({**PASS, "steps": [{"per_period": 1.0, "rate": 0.1}]}, "steps"),
        ({**PASS, "outstanding": 5.0}, "outstanding"),
        ({"mode": "pass_through", "limit": 5.0}, "per_period"),
        ({"limit": 5.0, "steps": [{"per_period": 1.0, "rate": 0.1}]}, "tenor"),
        ({"limit": 5.0, "tenor": 4}, "steps"),
        ({**MODEL["p2p"], "fee": 0.01}, "fee"),
    ],
)
def test_p2p_is_debt_or_passed_through_never_both(p2p, key):
    with pytest.raises(ValueError, match=key):
        funds.P2P.model_validate(p2p)


def test_loans_with_p2p_lenders_need_the_mode_that_has_them():
    with pytest.raises(InputError, match="'p2p'"):
        passed({"p2p": MODEL["p2p"]})


# The law.


def test_managed_loans_of_twenty_where_the_own_share_is_three_tenths():
    """Six times net capital by the draft of 2020; 0.30 of each loan is the company's: 20."""
    cap = {"base": "net_assets", "source": "Draft of 2020-11-02, Art. 12"}
    caps = (
        {**cap, "name": "non_standard", "multiple": 1.0, "weights": {"bank": 1.0}},
        {**cap, "name": "standardised", "multiple": 4.0, "weights": {"bond": 1.0}},
    )
    inputs = tiny(
        1,
        [Cohort(0, 1, steps=((1.0, 0.0, 0.0, 0.0),))],
        asked={(0, 1): 1000.0},
        caps=tuple(DatedCap(Cap.model_validate(x), frozenset({1}), "draft") for x in caps),
        lenders=(
            line("bank", 50.0, (1, 0.06)),
            line("bonds", 50.0, (1, 0.06), kind="bond"),
        ),
        partners=(joint(fee=0.01, open_stock=np.zeros(2)),),
        net_capital=1.0,
        cash=1.0,
    )
    cohorts = replace(inputs.cohorts, terminal=np.array([1.1]), annuity=np.array([1.0]))
    book = declare(replace(inputs, cohorts=cohorts))
    solution = solve(build_program(book))
    assert solution.value("OC", (0, "joint_lending:j", 1)) == pytest.approx(20.0, abs=1e-7)
    assert solution.value("O", (0, 1)) == pytest.approx(0.0, abs=1e-7)
    managed = book.total(OWN, 1).extend(book.total("joint_lending:j", 1))
    assert managed.value(solution.x) == pytest.approx(20.0, abs=1e-7)
    assert book.total(OWN, 1).value(solution.x) == pytest.approx(6.0, abs=1e-7)


LEAST = {"least": 0.4, "source": "Notice 24, Art. 9"}


def test_a_share_below_the_least_is_refused_with_its_article():
    with pytest.raises(InputError) as caught:
        with_partners(None, law(joint_share=LEAST))
    (problem,) = caught.value.problems
    assert problem.where == "model.toml: joint.bank-j.own_share"
    assert problem.found == "0.3"
    assert problem.expected == "at least 0.4 of each joint loan (Notice 24, Art. 9)"
    with_partners({"joint.0.own_share": 0.4}, law(joint_share=LEAST))
    with_partners({"joint.0.limit": 0.0}, law(joint_share=LEAST))


def test_a_least_share_that_comes_later_ends_joint_lending():
    later = law(joint_share={**LEAST, "start": date(2014, 5, 1)})
    p = with_partners({"joint.0.fee": 0.1}, later)
    booked = optimum(p.inputs, p.engine).decisions.booked
    periods = {t for _, where, t in booked if where == BANK_J}
    assert periods
    assert max(periods) <= 4, "April is the fourth month"


@pytest.mark.parametrize(
    ("closed", "key"), [("guaranteed_bank", "guaranteed"), ("joint_lending", "joint")]
)
def test_closed_by_law_is_closed_by_limit(closed, key):
    dear = {"guaranteed.0.fee": 0.12, "joint.0.fee": 0.1}
    assert value(with_partners(dear, law(closed_channels=[closed]))) == value(
        with_partners({**dear, f"{key}.0.limit": 0.0}, LAW)
    )


@pytest.mark.parametrize("source", ["guaranteed", "joint_partner", "transfer_recourse"])
def test_a_cap_counts_what_partners_hold(source):
    changes = PLANS["dear"][0]
    if source == "transfer_recourse":
        shut = {"guaranteed.0.limit": 0.0, "joint.0.limit": 0.0, "lenders.0.limit": 0.0}
        changes = {**shut, "buyers.0.servicing_fee": 0.15}
    most = {
        "name": "partners", "base": "net_capital", "multiple": 0.05,
        "weights": {source: 1.0}, "source": "own",
    }  # fmt: skip
    free, zero, counted = (
        with_partners(changes, law(caps=[*(cap.model_dump() for cap in LAW.caps), *extra]))
        for extra in ((), ({**most, "weights": {source: 0.0}},), (most,))
    )
    assert value(zero) == pytest.approx(value(free), rel=1e-12)
    plan = solve_plan(counted.inputs, counted.engine, channels=False)
    assert plan.objective / UNIT < value(free) - 1e-4
    caps = plan.tables()["caps"].query("cap == 'partners'")
    assert caps["counted"].max() == pytest.approx(caps["limit"].iloc[caps["counted"].argmax()])
    assert caps["replayed"].to_numpy() == pytest.approx(caps["counted"].to_numpy(), abs=1e-3)


def test_guarantees_stay_within_the_multiple():
    wide = {"guaranteed.0.fee": 0.15, "guaranteed.0.limit": 50e6, "guaranteed.0.per_period": None}
    values = []
    for multiple in (0.05, 0.1, 10.0):
        p = with_partners({**wide, "guarantor": {"multiple": multiple}}, LAW)
        found = optimum(p.inputs, p.engine)
        held = 0.8 * found.replay.places[BANK_G].balance[1:]
        room = multiple * found.replay.net_capital[1:]
        assert (held <= room + 1e-6).all()
        assert (held >= room - 1e-6).any() == (multiple < 1.0)
        values.append(found.solution.objective)
    assert values[0] < values[1] < values[2]


def test_guarantees_of_before_above_the_multiple_are_no_plan():
    terms = {"guarantor": {"multiple": 0.01, "source": "Decree 683, Art. 15"}}
    shut = {**terms, "guaranteed.0.limit": 0.0, "guarantor.net_assets": 10.0e6}
    p = with_partners(shut)
    with pytest.raises(InfeasibleError, match=r"0\.01 times .* \(Decree 683, Art\. 15\)"):
        optimum(p.inputs, p.engine)


# The opening.


@pytest.mark.parametrize("place", ["guaranteed_bank:nobody", "joint_lending:nobody"])
def test_a_place_that_the_model_does_not_state_is_refused(place):
    pool = partner_pool()
    strange = replace(pool, places=(*pool.places[:-1], place))
    with pytest.raises(InputError, match="nobody"):
        with_partners(None, None, strange)


def test_loans_of_before_run_off_with_their_holders():
    _, plan = built("law")
    pool = partner_pool()
    held = amounts(plan.tables()["balances"], "bank-g: loans")[0]
    assert held == pytest.approx(pool.balance[pool.place == pool.places.index(BANK_G)].sum())
    joint_held = amounts(plan.tables()["balances"], "bank-j: loans")[0]
    assert joint_held == pytest.approx(pool.balance[pool.place == pool.places.index(BANK_J)].sum())


# Eligibility.


def test_partners_lend_the_eligible_share_of_a_segment():
    wide = {"guaranteed.0.fee": 0.2, "guaranteed.0.limit": 90e6, "joint.0.limit": 0.0}
    p = with_partners(wide, LAW)
    share = {name: np.minimum(x, 0.25) for name, x in p.inputs.eligible.items()}
    q = replace(p.inputs, eligible=share)
    found = optimum(q, p.engine)
    lent = found.decisions.originated[0]
    with_bank = {t: x for (_, _, t), x in found.decisions.booked.items()}
    assert with_bank
    for t, amount in with_bank.items():
        assert amount <= 0.25 * (lent[t] + amount) + 1e-7


# The replay finds what is wrong.


@pytest.fixture(scope="module")
def dear() -> tuple[Platform, Optimum]:
    p, plan = built("dear")
    return p, plan.optimum


@pytest.mark.parametrize("where", [BANK_G, BANK_J])
def test_loans_with_partners_that_are_not_the_plans_are_found(dear, where):
    p, found = dear
    assert not replay_fails(found)
    booked = dict(found.decisions.booked)
    key = max((k for k in booked if k[1] == where), key=booked.__getitem__)
    wrong = replace(found.decisions, booked={**booked, key: booked[key] * 0.999})
    assert replay_fails(replace(found, replay=replay(p.inputs, wrong, p.engine)))


@pytest.mark.parametrize(
    "changed", [{"fee": 0.121}, {"cover": 0.81}, {"payout_lag": 1}, {"own_share": 0.01}]
)
def test_wrong_terms_of_a_guarantee_are_found(dear, changed):
    p, _ = dear
    bank, *others = p.inputs.partners
    wrong = replace(p.inputs, partners=(replace(bank, **changed), *others))
    found = optimum(wrong, p.engine)
    assert not replay_fails(found)
    truth = replay(p.inputs, found.decisions, p.engine)
    assert replay_fails(replace(found, replay=truth))


# The cap of a recourse.


def test_losses_beyond_a_pooled_cap_by_hand():
    """Cap 0.1 of 20 sold before and 10 in month 2, of which 0.5 was borne: 1.5, then 2.5.

    Losses of 1, 1 and 2 add up to 1, 2 and 4; the company bears 1, 2 and 2.5.
    """
    zeros = np.zeros(4)
    flows = PlaceFlows(
        zeros, zeros, zeros, zeros,
        credit_cost=np.array([0.0, 1.0, 1.0, 2.0]),
        received=np.array([0.0, 0.0, 10.0, 0.0]),
        balance=zeros,
        provisions=zeros,
    )  # fmt: skip
    sale = buyer("bank", 1, recourse=Recourse(0.1, sold=20.0, borne=0.5))
    assert list(beyond_cap(sale, flows)) == [0.0, 0.0, 0.0, 1.5]
    assert list(beyond_cap(replace(sale, recourse=Recourse(1.0, 20.0)), flows)) == [0.0] * 4
    # By cohort each cap would be used alone: 0.1 * 20 of the old, 0.1 * 10 of the new loans.
    assert list(beyond_cap(replace(sale, recourse=None), flows)) == [0.0] * 4


@pytest.mark.parametrize(("cap", "binds"), [(0.002, True), (0.5, False)])
def test_the_cap_is_listed_and_not_failed(cap, binds):
    p = with_partners({"buyers.0.recourse_cap": cap, "plan.scenario": "stress"}, LAW)
    plan = solve_plan(p.inputs, p.engine, channels=False)
    checks = plan.tables()["checks"].set_index("check")
    row = checks.loc["replay: recourse of city-bank beyond its cap"]
    flows = plan.optimum.replay.places[CITY]
    lost = float(flows.credit_cost.sum()) * UNIT
    assert row["ok"]
    assert (row["value"] > 1.0) == binds
    assert 0.0 <= row["value"] <= lost
    if binds:
        pool = partner_pool()
        before = pool.balance[pool.place == pool.places.index(CITY)].sum()
        sold = before + float(flows.received.sum()) * UNIT
        assert row["value"] == pytest.approx(lost - cap * sold, rel=1e-9)


def test_a_recourse_of_all_losses_has_no_line_for_its_cap():
    checks = built("law")[1].tables()["checks"]
    assert not checks["check"].str.contains("cap$").any()


# What is told.


def test_partners_are_in_every_table():
    _, plan = built("dear")
    tables = plan.tables()
    sources = tables["accounting"].set_index("item")["source"].to_dict()
    assert sources["bank-g: guaranteed"] == "guaranteed"
    assert sources["bank-j: partner's part"] == "joint_partner"
    assert sources["city-bank: loans sold"] == "transfer_recourse"
    costs = tables["cost_of_funds"].set_index("item")
    # What a joint lender gets: the borrowers' 18% to 21% less its fee of 10% and losses of 3%.
    assert 0.05 < costs.loc["bank-j", "rate"] < 0.11
    todo = tables["actions"].query("action == 'book'")
    booked = plan.optimum.decisions.booked
    assert todo["amount"].sum() == pytest.approx(sum(booked.values()) * UNIT)
    lending = tables["lending"]
    ours = tables["sources_uses"].query("item == 'loans made'")["amount"].sum()
    assert lending["by_partners"].sum() + ours == pytest.approx(lending["originated"].sum())
    limits = tables["limits"]
    for family in ("partner_stock", "partner_flow", "guarantee_multiple"):
        assert (limits["family"] == family).any(), family
    steps = tables["next"].query("action == 'book'").set_index("item")
    assert steps.loc["bank-j", "amount"].sum() == pytest.approx(
        UNIT * sum(x for (_, where, t), x in booked.items() if where == BANK_J and t == 1)
    )
    assert "Limited by the limit of a bank" in steps.loc[["bank-j"], "why"].iloc[0]
    flows = tables["prices"]["what"].str.contains("lends a period")
    assert tables["prices"].loc[flows, "per"].str.endswith("each month").all()
    prices = set(tables["prices"]["what"])
    assert "the limit of bank-g's guaranteed loans" in prices
    assert "the limit of bank-j's joint loans" in prices


def test_why_a_partner_is_not_used():
    p = with_partners({"guaranteed.0.fee": 0.0, "joint.0.limit": 0.0}, LAW)
    plan = solve_plan(p.inputs, p.engine, channels=False)
    said = plan.tables()["unused"].set_index("item")["sentence"].to_dict()
    assert said["bank-j"] == "bank-j is not used: its limit is 0."
    assert "would lose CNY" in said["bank-g"]


def test_the_value_of_a_limit_is_its_finite_difference():
    p, plan = built("dear")
    step = 0.01
    for n, (what, key) in enumerate((("bank-g", "guaranteed"), ("bank-j", "joint"))):
        price = next(x for x in plan.prices if what in x.what)
        wider = [
            replace(x, limit=x.limit + step) if n == m else x
            for m, x in enumerate(p.inputs.partners)
        ]
        more = optimum(replace(p.inputs, partners=tuple(wider)), p.engine).solution.objective
        gain = (more - plan.optimum.solution.objective) / step
        assert gain == pytest.approx(price.value, abs=1e-6), key


def test_room_for_guarantees_has_its_price():
    wide = {"guaranteed.0.fee": 0.15, "guaranteed.0.limit": 50e6, "guaranteed.0.per_period": None}
    p = with_partners({**wide, "guarantor": {"multiple": 0.5, "net_assets": 4.0e6}}, LAW)
    plan = solve_plan(p.inputs, p.engine, channels=False)
    price = next(x for x in plan.prices if x.what == "room for guarantees")
    assert p.inputs.guarantor == GuarantorInputs(0.5, 4.0, 0.0, "")
    wider = replace(p.inputs.guarantor, net_assets=4.0 + 0.02)
    more = optimum(replace(p.inputs, guarantor=wider), p.engine).solution.objective
    assert price.value > 1e-4
    assert (more - plan.optimum.solution.objective) / 0.01 == pytest.approx(price.value, rel=1e-4)
