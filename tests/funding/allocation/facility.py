"""The ten loans of ``facility_allocation_10.json`` as a program."""

from __future__ import annotations

from typing import Any

import numpy as np

from scfcap.funding.allocation.program import AllocationProgram, Attribute, Row, Term
from tests.witnesses.book import golden


def facility() -> tuple[AllocationProgram, dict[str, Any]]:
    """The published instance and what it expects."""
    told = golden("optimisation/facility_allocation_10")
    stated, expected = told["statement"], told["expected"]
    loans, channels = stated["loans"], stated["channels"]

    def column(name: str) -> np.ndarray:
        return np.array([loan[name] for loan in loans], dtype=np.float64)

    balance, tenor, score = column("balance"), column("tenor_days"), column("score")
    cost = np.array([channel["cost"] for channel in channels])
    margin = (column("apr") - column("annual_loss"))[:, None] - cost
    cores = tuple(sorted({loan["core"] for loan in loans}))
    eligible = np.ones((10, 3), dtype=bool)
    eligible[:, 1] = tenor <= 120
    eligible[:, 2] = score >= 3
    abs_ = 2
    rows = [
        Row(f"capacity_{c['name']}", "most", c["capacity"], (Term(k, 1.0),), c["capacity"])
        for k, c in enumerate(channels)
    ]
    share = stated["abs_core_share_max"]
    rows += [
        Row(
            f"abs_core_{core}",
            "share",
            0.0,
            (Term(abs_, 1.0, "core", (k,)), Term(abs_, -share)),
            share,
            core,
        )
        for k, core in enumerate(cores)
    ]
    least, most = stated["abs_score_min"], stated["bank_tenor_max_days"]
    rows.append(
        Row(
            "abs_score",
            "average",
            0.0,
            (Term(abs_, -1.0, number="score"), Term(abs_, least)),
            least,
        )
    )
    rows.append(
        Row("bank_tenor", "average", 0.0, (Term(1, 1.0, number="tenor"), Term(1, -most)), most)
    )
    codes = np.array([cores.index(loan["core"]) for loan in loans], dtype=np.int32)
    program = AllocationProgram(
        loan_id=np.array([str(loan["id"]) for loan in loans], dtype=object),
        balance=balance,
        channels=tuple(channel["name"] for channel in channels),
        value=balance[:, None] * margin * (tenor / 365.0)[:, None],
        eligible=eligible,
        must=np.zeros(10, dtype=bool),
        today=np.full(10, -1, dtype=np.int16),
        attributes={"core": Attribute(codes, cores)},
        numbers={"score": score, "tenor": tenor},
        rows=tuple(rows),
    )
    return program, expected
