"""Freezing a pool: SIZE loans of 17 columns, ten rules, five concentration limits.

One limit is a share of what remains once all limits are applied. Ours also makes what the
baseline leaves out: what each rule alone keeps out, averages and effective numbers of debtors by
stratum, the largest names, the digests.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from baselines.pool_1m import PandasPool, pool_with_pandas

from scfcap.pool.build import build_pool
from scfcap.pool.snapshot import Pool
from scfcap.schema.pool import Concentration, EligibilitySet, PoolSpec, Rule
from scfcap.tape.schema import Tape

NAME = "pool_1m"
SIZE = 1_000_000
SMOKE = 20_000
BARS = {"seconds": 1.0}

AS_OF = date(2013, 12, 31)
RULES = (
    'status == "current"',
    "days_past_due <= 0",
    "1 <= remaining_days <= 365",
    "rate >= 0.06",
    "original_balance <= 1_000_000",
    "score >= 520",
    'region not in ("Tibet", "Qinghai")',
    'loan_type != "revolving_line"',
    "age_days <= 180",
    "current_balance / original_balance > 0.05",
)
LIMITS = (
    Concentration(column="borrower_id", share=5e-5, treatment="cut_back"),
    Concentration(column="buyer_id", share=0.03, base="after", treatment="cut_back"),
    Concentration(column="region", share=0.12, treatment="cut_back"),
    Concentration(column="buyer_id", share=0.10, top=5),
    Concentration(column="segment", share=0.40),
)
SPEC = PoolSpec(
    eligibility={
        "bank": EligibilitySet(
            rules=tuple(Rule(test=test) for test in RULES), concentrations=LIMITS
        )
    },
    stratify_by=("segment", "region", "status"),
)
_REGIONS = ["Zhejiang", "Guangdong", "Jiangsu", "Shanghai", "Fujian", "Beijing", "Tibet", "Qinghai"]
_WEIGHTS = [0.22, 0.2, 0.18, 0.15, 0.12, 0.09, 0.02, 0.02]


def build(size: int, folder: Path) -> Tape:
    """A seeded tape as the reader gives it. Nothing goes into ``folder``."""
    assert folder.is_dir()
    random = np.random.default_rng(20131231)
    age = random.integers(0, 200, size)
    term = age + random.integers(1, 300, size)
    amount = np.round(random.lognormal(9.0, 1.0, size), 2) + 1.0
    start = np.datetime64(AS_OF, "s") - age.astype("timedelta64[D]")
    late = random.random(size) < 0.03
    buyer = random.zipf(1.6, size) % 400
    frame = pd.DataFrame(
        {
            "loan_id": pd.Series([f"L{n:09d}" for n in random.permutation(size)], dtype="str"),
            "borrower_id": pd.Series(
                [f"S{n:07d}" for n in random.integers(0, max(size * 3 // 10, 1), size)], dtype="str"
            ),
            "buyer_id": pd.Series([f"CE{n:03d}" for n in buyer], dtype="str").where(
                random.random(size) < 0.4
            ),
            "segment": _category(random.choice(["order", "credit", "pledge"], size)),
            "loan_type": _category(random.choice(["order", "bullet", "revolving_line"], size)),
            "origination_date": start,
            "maturity_date": start + term.astype("timedelta64[D]"),
            "original_balance": amount,
            "current_balance": np.round(amount * random.uniform(0.02, 1.0, size), 2) + 0.01,
            "rate": np.round(random.uniform(0.04, 0.24, size), 4),
            "days_past_due": np.where(late, random.integers(1, 90, size), 0),
            "status": _category(np.where(late, "late", "current")),
            "channel": _category(np.where(random.random(size) < 0.7, "own_capital", "p2p")),
            "region": _category(random.choice(_REGIONS, size, p=_WEIGHTS)),
            "score": np.where(random.random(size) < 0.05, np.nan, random.integers(450, 800, size)),
            "paid_principal": 0.0,
            "instalment": 0.0,
        }
    )
    empty = pd.DataFrame()
    return Tape(frame, empty, empty, empty, AS_OF, "tape", "digest")


def _category(values: np.ndarray) -> pd.Categorical:
    return pd.Categorical(values.astype(object))


def ours(inputs: Tape) -> Pool:
    """Rules, limits, tables, arrays."""
    return build_pool(inputs, SPEC)


def baseline(inputs: Tape) -> PandasPool:
    """pandas: a mask a rule, groupby and map a limit, repeated for what remains; groupby tables"""
    return pool_with_pandas(inputs.frame, AS_OF)


def check(a: Pool, b: PandasPool) -> None:
    """Same answers, same amounts counted, same tables."""
    np.testing.assert_array_equal(a.eligibility["bank"], b.answers)
    np.testing.assert_allclose(a.counted["bank"], b.counted, rtol=1e-9, atol=1e-6)
    rules = a.tables["eligibility"]
    np.testing.assert_array_equal(rules["loans_alone"], b.alone)
    np.testing.assert_array_equal(rules["loans_in_sequence"], b.in_sequence)
    usable = a.tables["usable"].iloc[0]
    np.testing.assert_allclose(usable["usable_balance"], b.counted.sum(), rtol=1e-9)
    for column, table in b.strata.items():
        mine = a.tables[f"stratification_{column}"].set_index("name")
        np.testing.assert_allclose(mine["balance"], table["balance"], rtol=1e-9)
        np.testing.assert_array_equal(mine["loans"], table["loans"])
    assert 0.0 < usable["excess"] < usable["eligible_balance"]
