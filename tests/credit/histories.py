"""Histories of loans that follow a known chain of states."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scfcap.tape.history import DEFAULT, REPAID, History, history_from_panel

#: Monthly probabilities between current, 1-30, 31-60, 61-90, 90+, default, repaid.
CHAIN = np.array(
    [
        [0.78, 0.08, 0.00, 0.00, 0.00, 0.005, 0.135],
        [0.35, 0.25, 0.25, 0.00, 0.00, 0.05, 0.10],
        [0.15, 0.10, 0.20, 0.35, 0.00, 0.15, 0.05],
        [0.05, 0.05, 0.10, 0.20, 0.30, 0.28, 0.02],
        [0.02, 0.00, 0.03, 0.05, 0.20, 0.70, 0.00],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)
PAST_DUE = np.array([0, 15, 45, 75, 120, 150, 0])
FIRST = 12 * 46  # January 2016
#: Lags [months] at which a default recovers, and what share of it.
RECOVERED = {1: 0.10, 4: 0.25}
SEVERITY = 0.65


def truth() -> tuple[float, float]:
    """Lifetime default and expected months from current."""
    inner = np.linalg.inv(np.eye(5) - CHAIN[:5, :5])
    return float((inner @ CHAIN[:5, 5])[0]), float(inner[0].sum())


def paths(chain, loans, months, random):
    """States [loans, months + 1] from current on."""
    steps = np.cumsum(chain, axis=1)
    state = np.zeros((loans, months + 1), dtype=np.int64)
    for t in range(months):
        draw = random.random(loans)
        state[:, t + 1] = np.minimum((draw[:, None] > steps[state[:, t]]).sum(axis=1), REPAID)
    return state


def simulate(
    segments=(("a", 4000, CHAIN),),
    *,
    months=60,
    vintages=36,
    seed=1,
    term_months=None,
    seen_from=0,
) -> History:
    """A :class:`History`: loans made over ``vintages`` months, seen to ``months`` after the first.

    Balances stay as lent until a loan is repaid in full, or defaults and is charged off then.
    ``seen_from``: months before this one are not in the file (late entry).
    """
    random = np.random.default_rng(seed)
    loan_rows, panels, base = [], [], 0
    for name, count, chain in segments:
        made = random.integers(0, vintages, count)
        amount = np.round(random.lognormal(8, 0.6, count), 2)
        state = paths(chain, count, months, random)
        age = np.arange(months + 1)
        ended = state >= DEFAULT
        alive = np.cumsum(ended, axis=1) <= 1
        shown = alive & (made[:, None] + age <= months)
        loan, step = np.nonzero(shown)
        now, size = state[loan, step], amount[loan]
        panel = pd.DataFrame(
            {
                "loan": loan + base,
                "month": FIRST + made[loan] + step,
                "opening": np.where(step > 0, size, 0.0),
                "adjusted": np.where(step == 0, size, 0.0),
                "principal": np.where(now == REPAID, size, 0.0),
                "charged_off": np.where(now == DEFAULT, size, 0.0),
                "closing": np.where(now < DEFAULT, size, 0.0),
                "paid": np.where(now == REPAID, size, 0.0),
                "recovered": 0.0,
                "days_past_due": PAST_DUE[now],
            }
        )
        later = [panel]
        fallen = panel[now == DEFAULT]
        for lag, share in RECOVERED.items():
            came = fallen[fallen["month"] + lag <= FIRST + months]
            zero = dict.fromkeys(
                ("opening", "adjusted", "principal", "charged_off", "closing", "paid"), 0.0
            )
            back = np.round(came["charged_off"] * share, 2)
            later.append(came.assign(**zero, month=came["month"] + lag, recovered=back))
        panels += later
        start = pd.to_datetime((FIRST + made).astype("datetime64[M]").astype("datetime64[s]"))
        frame = pd.DataFrame(
            {
                "loan_id": [f"{name}{n}" for n in range(count)],
                "segment": name,
                "origination_date": start,
                "original_balance": amount,
                "rate": 0.15,
                "loan_type": "bullet",
            }
        )
        if term_months is not None:
            due = (FIRST + made + term_months).astype("datetime64[M]").astype("datetime64[s]")
            frame["maturity_date"] = pd.to_datetime(due)
        loan_rows.append(frame)
        base += count
    panel = pd.concat(panels, ignore_index=True)
    panel = panel.sort_values(["loan", "month"], ignore_index=True)
    if seen_from:
        panel = panel[panel["month"] >= FIRST + seen_from].reset_index(drop=True)
        begins = ~panel["loan"].duplicated()
        late = begins & (panel["opening"] > 0)
        assert late.any()
    loans = pd.concat(loan_rows, ignore_index=True)
    return history_from_panel(loans, panel, source="simulated", digest="none")
