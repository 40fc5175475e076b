"""What holds for any deal over any pool.

Deals have two to six classes, two phases, a trigger, a reserve, sometimes a line and a hedge; the
pools lose so much that about a third of the scenarios reach the mezzanine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.deal.assets import GivenAssets
from scfcap.deal.engine import Surroundings, _Run, run_deal
from scfcap.deal.outcome import BY_TRANCHE, WHOLE, DealRun
from scfcap.quantities import FloatArray
from scfcap.schema.deal import DealSpec

from .dealing import deal_of, pool_of, spec_of, tuples
from .test_engine_restart import after, assert_goes_on, opening_of

ALL = ["income", "collection", "reserve"]
#: Where what comes in goes to.
COMES = {"interest": "income", "recovery": "income", "cash_yield": "income",
         "hedge_received": "income", "principal_collected": "collection",
         "sold": "collection"}  # fmt: skip
EXAMPLES = settings(max_examples=30, derandomize=True, deadline=None)


@dataclass(frozen=True)
class Case:
    """A deal on its pools, with the paths of an index."""

    spec: DealSpec
    pool: FloatArray
    flows: Mapping[str, FloatArray]
    index: FloatArray

    @property
    def periods(self) -> int:
        return int(self.index.shape[1] - 1)

    def assets(self, rows: Any = slice(None)) -> GivenAssets:
        return pool_of(self.pool[rows], **{key: each[rows] for key, each in self.flows.items()})

    def run(self, rows: Any = slice(None), **options: Any) -> DealRun:
        around = Surroundings({"i": self.index[rows]})
        return run_deal(deal_of(self.spec, self.periods), self.assets(rows), around, **options)


def classes(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """One to five classes of notes and the equity."""
    count = draw(st.integers(1, 5))
    sizes = [draw(st.floats(0.2, 1.0)) / (j + 1) for j in range(count)]
    cushion = draw(st.floats(0.01, 0.15))
    notes = {}
    for j, size in enumerate(sizes):
        terms: dict[str, Any] = {"share": (1.0 - cushion) * size / sum(sizes)}
        kind = draw(st.sampled_from(["fixed", "fixed", "floating", "zero"]))
        if kind == "floating":
            terms |= {"kind": kind, "index": "i", "margin": draw(st.floats(0.0, 0.05))}
        elif kind == "zero":
            terms |= {"kind": kind, "issue_price": 0.9}
        else:
            terms |= {"coupon": draw(st.floats(0.0, 0.12))}
            terms |= {"interest_on_shortfall": draw(st.booleans())}
        notes[f"N{j + 1}"] = terms
    return notes | {"E": {"kind": "equity", "share": cushion}}


def steps(draw: st.DrawFn, terms: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Pro rata in the first phase; in the second each class before the next."""
    names = [name for name in terms["tranches"] if name != "E"]
    bearing = [name for name in names if terms["tranches"][name].get("kind") != "zero"]
    support = ["income", *terms.get("lines", {}), "reserve"]
    fees = [{"pay": "fee", "to": ["trustee", "servicer"], "from": support}]
    fees += [{"pay": "hedge", "to": "swap", "from": "income"}] if "hedges" in terms else []
    line = [{"pay": "line", "to": "liquidity", "from": "income"}] if "lines" in terms else []
    out = [
        {"pay": "write_off", "to": names[::-1], "when": "payment > 2"},
        {"pay": "residual", "to": "E", "from": ALL, "when": "notes <= 0"},
    ]
    first = [{"pay": "interest", "to": bearing, "from": support}] if bearing else []
    share = draw(st.floats(0.1, 1.0))
    shared = {"pay": "principal", "to": names, "up_to": "collected_principal", "share": share}
    reserve = [{"pay": "account", "to": "reserve", "from": "income"}]
    second = []
    for name in names:
        after = ["income", "reserve"]
        second += [{"pay": "interest", "to": name, "from": after}] if name in bearing else []
        second += [{"pay": "principal", "to": name, "from": ["collection", "income"]}]
    leak = {"pay": "residual", "to": "E", "from": "income", "keep": "target.reserve"}
    return {
        "usual": [*fees, *first, *line, *reserve, shared, leak, *out],
        "sequential": [*fees, *line, *second, *out],
    }


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A deal, and three scenarios of its pool: calm, bad, middling."""
    terms: dict[str, Any] = {
        "day_count": draw(st.sampled_from(["30/360", "act/360", "act/act-icma"])),
        "cents": draw(st.sampled_from([False, False, False, True])),
        "phases": [
            {"name": "usual", "until": date(2021, 6, 30)},
            {"name": "sequential", "when": "trigger.losses", "stays": draw(st.booleans())},
        ],
        "collections": {"interest": "income", "recovery": "income"},
        "accounts": {
            "income": {},
            "reserve": {
                "initial": "0.01 * notes",
                "target": draw(st.sampled_from(["0.015 * notes", "0.01 * pool", 3.0])),
                "earns": draw(st.floats(0.0, 0.05)),
                "interest_to": "income",
            },
        },
        "fees": {
            "trustee": {"amount": draw(st.floats(0.0, 9.0)), "upfront": 1.0},
            "servicer": {"rate": draw(st.floats(0.0, 0.02)), "cap": 8.0, "arrears_rate": 0.05},
        },
        "tranches": classes(draw),
        "measures": {"rate": {"of": "losses / pool_opening", "mean_of": 2}},
        "triggers": {
            "losses": {"test": "measure.rate > 0.01", "after": draw(st.integers(1, 2))}
            | ({"cure": "measure.rate < 0.005"} if draw(st.booleans()) else {})
        },
        "settlement": {"delay_days": draw(st.sampled_from([0, 15]))},
    }
    if draw(st.booleans()):
        terms["lines"] = {
            "liquidity": {"commitment": "0.05 * notes", "rate": 0.04, "fee_rate": 0.002}
        }
    if draw(st.booleans()):
        terms["hedges"] = {"swap": {"notional": "0.5 * pool", "pay_rate": 0.03,
                                    "receive_index": "i", "to": "income"}}  # fmt: skip
    if draw(st.booleans()):
        terms["calls"] = {"clean_up": {"when": "pool < 0.1 * pool_at_closing"}}
    terms["waterfall"] = steps(draw, terms)
    return pools(spec_of(terms), draw(st.integers(0, 2**32 - 1)), draw(st.integers(8, 24)))


def pools(spec: DealSpec, seed: int, periods: int) -> Case:
    random = np.random.default_rng(seed)
    held = np.full(3, 1000.0)
    pace, loss = random.uniform(0.02, 0.15, 3), np.array([0.002, 0.12, 0.005])
    rows = []
    for _ in range(periods):
        default = held * loss * random.uniform(0.0, 2.0, 3) * random.integers(0, 2, 3)
        principal = (held - default) * pace * random.uniform(0.0, 2.0, 3)
        interest = held * random.uniform(0.0, 0.015, 3)
        recovery = default * random.uniform(0.0, 0.5, 3)
        held = held - default - principal
        rows.append((principal, interest, default, recovery))
    principal, interest, default, recovery = np.array(rows).transpose(1, 2, 0)
    flows = {"principal": principal, "interest": interest, "default": default,
             "recovery": recovery}  # fmt: skip
    index = np.abs(0.03 + np.cumsum(random.normal(0.0, 0.006, (3, periods + 1)), axis=1))
    return Case(spec, np.full(3, 1000.0), flows, index)


def opening_cash(result: DealRun) -> FloatArray:
    """What all accounts hold before each period [T, K]."""
    held = result.cash.sum(axis=1)
    return np.concatenate([result.closing.accounts[None], held[:-1]])


@EXAMPLES
@given(cases())
def test_sources_are_uses(case: Case) -> None:
    """Of the whole deal in each period and scenario."""
    result = case.run()
    came = sum(result.of(name) for name in (*COMES, "line_drawn"))
    went = sum(result.of(name).sum(axis=1) for name in ("interest_paid", "principal", "residual"))
    went = went + result.fee_paid.sum(axis=1).T + result.of("hedge_paid") + result.of("line_paid")
    held = result.cash.sum(axis=1)
    before = np.concatenate([result.closing.accounts[None], held[:-1]])
    np.testing.assert_allclose(before.T + came - went, held.T, atol=1e-8)


@settings(EXAMPLES, max_examples=15)
@given(cases())
def test_each_account_is_what_its_steps_make_it(case: Case) -> None:
    """The steps that were paid, taken from their sources in order by hand, leave what is there."""
    result = case.run(trace=True, watch=[f"drawn.{name}" for name in case.spec.lines])
    for k in range(3):
        held = dict.fromkeys(result.deal.accounts, 0.0)
        held["reserve"] = float(result.closing.accounts[k])
        drawn = 0.0
        for t in range(case.periods):
            for name, account in COMES.items():
                held[account] += float(result.of(name)[k, t])
            drawn = replayed(result, held, drawn, k, t)
            np.testing.assert_allclose(list(held.values()), result.cash[t, :, k], atol=1e-8)


def replayed(result: DealRun, held: dict[str, float], drawn: float, k: int, t: int) -> float:
    """Take what the steps of a date paid out of ``held``; gives what is then drawn on the line."""
    assert result.trace is not None
    phase = result.deal.spec.phases[result.phase[t, k]].name
    for step in result.deal.waterfall[phase]:
        after = drawn
        if result.watch and result.watched is not None:
            after = float(result.watched[0, step.row, t, k])
        line, drawn = after - drawn, after
        if step.spec.pay in ("write_off", "write_up"):
            continue
        paid = float(result.trace[2, step.row, t, k])
        rest = paid - line if step.spec.pay != "line" else paid
        for source in step.spec.sources:
            if source in held:
                taken = min(rest, held[source])
                held[source] -= taken
                rest -= taken
        assert abs(rest) < 1e-8
        if step.spec.pay == "account":
            held["reserve"] += paid
    return drawn


@EXAMPLES
@given(cases())
def test_balances_roll_and_nothing_is_negative_or_overpaid(case: Case) -> None:
    result = case.run(trace=True)
    before = np.concatenate(
        [result.original.T[:, :, None], result.of("balance")[:, :, :-1]], axis=2
    )
    rolled = before - result.of("principal") - result.of("written_off") + result.of("written_up")
    np.testing.assert_allclose(rolled + result.of("accreted"), result.of("balance"), atol=1e-8)
    for values in (result.tranche, result.whole, result.cash, result.fee_paid, result.fee_owed):
        assert values.min() >= 0.0
    assert result.trace is not None
    due, available, paid = result.trace
    assert (paid <= due + 1e-9).all()
    moves = [step.row for step in result.deal.steps if step.spec.pay != "write_off"]
    assert (paid[moves] <= available[moves] + 1e-9).all()
    owed = result.of("interest_due") - result.of("interest_paid")
    assert owed.min() >= -1e-9
    np.testing.assert_allclose(result.of("owed"), owed, atol=1e-8)
    assert (result.of("principal") <= before + 1e-9).all()


@EXAMPLES
@given(cases())
def test_the_senior_comes_first(case: Case) -> None:
    """In the second phase no class has principal while one before it stands, nor interest while
    one before it is owed some; and the equity has nothing while notes stand.
    """
    result = case.run()
    later, notes = result.phase.T == 1, len(result.deal.tranches) - 1
    stood = result.of("balance") + result.of("written_off")
    for senior in range(notes):
        stands = later & (stood[:, senior] > 1e-6)
        unpaid = later & (result.of("owed")[:, senior] > 1e-6)
        for junior in range(senior + 1, notes):
            assert (result.of("principal")[:, junior][stands] <= 1e-8).all()
            assert (result.of("interest_paid")[:, junior][unpaid] <= 1e-8).all()
    standing = later & (result.of("balance")[:, :notes].sum(axis=1) > 0.0)
    assert (result.of("residual", "E")[standing] == 0.0).all()


@settings(EXAMPLES, max_examples=15)
@given(cases(), st.sampled_from([1e-2, 3.7, 1e6]))
def test_all_amounts_scale(case: Case, factor: float) -> None:
    """Currency is a unit: but for deals in cents, which have one of their own."""
    spec = spec_of(case.spec.model_dump(by_alias=True) | {"cents": False})
    data = spec.model_dump(by_alias=True)
    places = [(data["fees"]["trustee"], "amount"), (data["fees"]["trustee"], "upfront"),
              (data["fees"]["servicer"], "cap")]  # fmt: skip
    reserve = data["accounts"]["reserve"]
    places += [(reserve, "target")] if isinstance(reserve["target"], float) else []
    for table, key in places:
        table[key] *= factor
    flows = {key: each * factor for key, each in case.flows.items()}
    scaled = replace(case, spec=spec_of(data), pool=case.pool * factor, flows=flows).run()
    plain = replace(case, spec=spec).run()
    for name in (*BY_TRANCHE, *WHOLE):
        np.testing.assert_allclose(
            scaled.of(name), plain.of(name) * factor, rtol=1e-9, atol=1e-7 * factor, err_msg=name
        )
    np.testing.assert_allclose(scaled.fee_paid, plain.fee_paid * factor, atol=1e-8 * factor)
    assert (scaled.phase == plain.phase).all()


@settings(EXAMPLES, max_examples=15)
@given(cases())
def test_scenarios_do_not_touch_each_other(case: Case) -> None:
    together = case.run()
    for k in range(3):
        alone = case.run(slice(k, k + 1))
        for name in (*BY_TRANCHE, *WHOLE):
            np.testing.assert_allclose(
                alone.of(name)[0], together.of(name)[k], rtol=1e-12, atol=1e-12, err_msg=name
            )
        assert (alone.cash[:, :, 0] == together.cash[:, :, k]).all()
        assert (alone.phase[:, 0] == together.phase[:, k]).all()


@settings(EXAMPLES, max_examples=20)
@given(cases(), st.integers(1, 23), st.integers(0, 2))
def test_a_restart_at_any_date_gives_the_same(case: Case, stop: int, k: int) -> None:
    row, period = slice(k, k + 1), min(stop, case.periods - 1)
    whole = case.run(row)
    around = Surroundings({"i": case.index[row]})
    going = _Run(
        deal_of(case.spec, case.periods), case.assets(row), around, None, trace=False, watch=()
    )
    for t in range(1, period + 1):
        going._period(t)
    opening = opening_of(going)
    again = spec_of(case.spec.model_dump(by_alias=True) | {"opening": tuples(opening)})
    left = after(case.assets(row), period, sold=opening["called"])
    rest = Surroundings({"i": case.index[row, period:]})
    part = run_deal(deal_of(again, case.periods - period), left, rest)
    assert_goes_on(whole, part, period)


def test_the_cases_reach_the_mezzanine_in_about_a_third() -> None:
    """Counted over the deals that Hypothesis draws for the tests above."""
    hit: list[bool] = []
    seen = dict.fromkeys(("line", "hedge", "both phases", "cents", "called"), 0)

    @settings(EXAMPLES, max_examples=160, database=None, derandomize=True)
    @given(cases())
    def count(case: Case) -> None:
        result = case.run()
        notes = len(result.deal.tranches) - 1
        if notes > 1:
            lost = result.of("written_off").sum(axis=2)
            hit.extend((lost[:, 1:notes] > 0.0).any(axis=1).tolist())
        seen["line"] += bool(result.drawn.size and result.drawn.max() > 0.0)
        seen["hedge"] += bool(result.of("hedge_received").max() > 0.0)
        seen["both phases"] += len(np.unique(result.phase)) == 2
        seen["cents"] += case.spec.cents
        seen["called"] += bool(result.called.any())

    count()
    assert 0.25 < np.mean(hit) < 0.45, np.mean(hit)
    assert len(hit) > 100
    assert min(seen.values()) >= 5, seen
