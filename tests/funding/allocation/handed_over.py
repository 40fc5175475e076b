"""A funding date small enough to look at: a buyer, a series, a pledge, a joint lender, own book.

Every third loan has no score, some are late, one id begins like a formula. Loans are placed by
hand, so that each movement is there.
"""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from scfcap.funding.allocation.assembled import Assembled, Funder, Target
from scfcap.funding.allocation.program import AllocationProgram, Row, Term
from scfcap.funding.allocation.result import Allocation
from scfcap.pool.columns import Columns
from scfcap.pool.eligibility import evaluate
from scfcap.pool.snapshot import UNDETERMINED
from scfcap.schema.allocation import AllocationChannel, Average
from scfcap.schema.plan import Buyer, Draw, Lender, Tenor
from scfcap.schema.pool import (
    AdvanceRate,
    BorrowingBaseSpec,
    Concentration,
    EligibilitySet,
    PoolSpec,
    Reserve,
    Rule,
)

AS_OF = date(2013, 12, 31)
OWN, BUYER, SERIES, LINE, PARTNER = range(5)
KEYS = (
    "own_capital", "bank_transfer:city", "securitization:series-1", "bank_debt:line-a",
    "joint_lending:partner",
)  # fmt: skip
#: What each takes, and how much of one borrower.
SETS = {
    "buyer": EligibilitySet(
        rules=(
            Rule(name="not late", test="days_past_due <= 0"),
            Rule(name="score of 500", test="score >= 500"),
        ),
        concentrations=(
            Concentration(name="one borrower", column="borrower_id", share=0.2),
            Concentration(name="top 3", column="borrower_id", amount=90_000.0, top=3),
        ),
    ),
    "vehicle": EligibilitySet(rules=(Rule(test="days_past_due <= 0"),)),
    "line": EligibilitySet(
        rules=(
            Rule(name="up to 30 days past due", test="days_past_due <= 30"),
            Rule(name="score of 450", test="score >= 450"),
        ),
        concentrations=(
            Concentration(
                name="one borrower", column="borrower_id", share=0.25, treatment="cut_back"
            ),
        ),
    ),
}
BASE = BorrowingBaseSpec(
    eligibility="line",
    pledged='channel == "bank_debt:line-a"',
    advance_rates=(
        AdvanceRate(name="good score", test="score >= 600", rate=0.85),
        AdvanceRate(name="late", test="days_past_due > 0", rate=0.5),
    ),
    otherwise=0.6,
    lender="line-a",
    reserves=(Reserve(name="dilution", share=0.05),),
)
POOL = PoolSpec(eligibility=SETS, borrowing_base={"line-a": BASE})


def spec_of(drawn: float = 20_000.0) -> Any:
    """What of a model the lists need: pool, lenders, buyers."""
    lender = Lender(
        name="line-a",
        limit=200_000.0,
        tenors=(Tenor(periods=3, rate=0.07),),
        draws=(Draw(amount=drawn, rate=0.07, maturity=date(2014, 3, 31)),),
    )
    buyer = Buyer(name="city", price=0.987, limit=1e6, eligibility="buyer")
    return SimpleNamespace(pool=POOL, lenders=(lender,), buyers=(buyer,))


def tape(count: int = 60) -> pd.DataFrame:
    """Outstanding loans as the pool has them."""
    random = np.random.default_rng(7)
    k = np.arange(count)
    frame = pd.DataFrame(
        {
            "loan_id": [f"L{i:03d}" for i in k],
            "borrower_id": [f"b{i % 11}" for i in k],
            "segment": "order",
            "origination_date": "2013-11-01",
            "maturity_date": [f"2014-0{1 + i % 6}-15" for i in k],
            "current_balance": np.round(2_000.0 + 9_000.0 * random.random(count), 2),
            "rate": np.round(0.12 + 0.1 * random.random(count), 4),
            "days_past_due": np.where(k % 9 == 4, 12, np.where(k % 13 == 5, 45, 0)),
            "score": np.where(k % 3 == 2, np.nan, 460.0 + 5.0 * k),
            "channel": np.array(KEYS, dtype=object)[_today(count)],
        }
    )
    frame.loc[0, "loan_id"], frame.loc[1, "borrower_id"] = "=1+1", "@SUM(A1)"
    frame.loc[3, "loan_id"] = "-2,5"
    for name in ("origination_date", "maturity_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    frame["channel"] = frame["channel"].astype("category")
    return frame


def _today(count: int) -> np.ndarray:
    return np.arange(count) % 5


def handed_over(count: int = 60) -> tuple[Assembled, Allocation]:
    """The date and the loans placed: most stay, every seventh goes where it may, some are new."""
    frame = tape(count)
    columns = Columns(frame, AS_OF)
    today = _today(count).astype(np.int16)
    today[10:12] = -1
    answers, _ = evaluate(columns, POOL)
    refused = np.zeros((count, len(KEYS)), dtype=np.int16)
    undetermined = np.zeros((count, len(KEYS)), dtype=bool)
    reasons = ["", "undetermined, a value is missing: score", "held by x, which keeps it"]
    for channel, name in ((BUYER, "buyer"), (SERIES, "vehicle"), (LINE, "line")):
        found = answers[name]
        for k, rule in enumerate(SETS[name].rules):
            reasons.append(f"not eligible: {rule.label}")
            refused[found.first == k, channel] = len(reasons) - 1
        unknown = found.answer == UNDETERMINED
        refused[unknown, channel], undetermined[unknown, channel] = 1, True
    reasons.append("smaller than 2,500")
    small = (columns.balance < 2_500.0) & (refused[:, BUYER] == 0)
    refused[small, BUYER] = len(reasons) - 1
    refused[50:53, BUYER] = np.where(refused[50:53, BUYER] == 0, 2, refused[50:53, BUYER])
    here = np.flatnonzero(today >= 0)
    pledged = today == LINE
    refused[here[~pledged[here]], today[here[~pledged[here]]]] = 0
    program = AllocationProgram(
        loan_id=frame["loan_id"].to_numpy(dtype=object),
        balance=columns.balance,
        channels=KEYS,
        value=columns.balance[:, None] * np.array([0.02, 0.03, 0.025, 0.022, 0.01]),
        eligible=refused == 0,
        must=np.ones(count, dtype=bool),
        today=today,
        rows=(Row("bank_transfer:city: most", "most", 9e5, (Term(BUYER, 1.0),), 9e5),),
    )
    choice = _placed(program)
    parts = {PARTNER: 0.7}
    funders = []
    for c, key in enumerate(KEYS):
        rules = {BUYER: "buyer", SERIES: "vehicle", LINE: "line"}.get(c)
        stated = AllocationChannel()
        if c == BUYER:
            stated = AllocationChannel(averages=(Average(column="score", least=520.0),))
        chosen = None if rules is None else SETS[rules]
        base = "line-a" if c == LINE else None
        funders.append(Funder(key, stated, Target(), rules, chosen, base, parts.get(c, 1.0)))
    assembled = Assembled(
        program, tuple(funders), columns, AS_OF, "CNY", tuple(reasons), refused, undetermined
    )
    worth = program.worth(choice)
    dual = np.zeros(1)
    return assembled, Allocation(program, choice, dual, worth, worth, program.activity(choice))


def _placed(program: AllocationProgram) -> np.ndarray:
    count = len(program)
    choice = np.maximum(program.today, 0)
    lost = ~program.eligible[np.arange(count), choice]
    choice[lost] = OWN
    for channel, at in ((BUYER, 0), (SERIES, 1), (LINE, 2)):
        own = np.flatnonzero((choice == OWN) & program.eligible[:, channel])
        choice[own[at::4]] = channel
    released = np.flatnonzero(choice == LINE)[::5]
    choice[released] = OWN
    return choice.astype(np.int16)
