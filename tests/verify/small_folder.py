"""A tape of forty loans, an allocation of it, and its folder: all worked out loan by loan."""

from __future__ import annotations

import csv
import hashlib
import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from scfcap.funding.allocation.program import AllocationProgram, Attribute, Row, Term
from scfcap.funding.allocation.result import Allocation
from scfcap.report.proof import About, proof_of
from tests.verify.plain_proof import left_side, proven, up

AS_OF = date(2024, 6, 30)
KEYS = ("own_capital", "bank_transfer:b", "bank_debt:line", "joint_lending:j")
OWN, BANK, LINE, JOINT = range(4)
COST, INCOME, LOSS, MOVE = (
    (0.06, 0.05, 0.055, 0.07),
    (1.0, 0.9, 1.0, 0.6),
    (1.0, 0.2, 1.0, 0.5),
    0.001,
)
REGIONS = ("N", "S", "F", "")


def tape_rows(seed: int = 3, loans: int = 40) -> list[dict[str, Any]]:
    """Loans as the tape has them; some owe nothing, some lack a score, region or channel."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(loans):
        start = AS_OF - timedelta(days=int(rng.integers(5, 200)))
        original = round(float(np.exp(rng.normal(7.0, 1.0))), 2)
        rows.append(
            {
                "loan_id": f"L{k:03}",
                "segment": ("order", "credit")[k % 2],
                "loan_type": "bullet",
                "origination_date": start.isoformat(),
                "maturity_date": (AS_OF + timedelta(days=int(rng.integers(10, 300)))).isoformat(),
                "original_balance": original,
                "current_balance": original,
                "rate": round(float(rng.uniform(0.08, 0.18)), 4),
                "status": "repaid" if k % 13 == 5 else "current",
                "channel": ("", *KEYS)[int(rng.integers(5))],
                "region": REGIONS[int(rng.integers(4))],
                "score": "" if k % 9 == 4 else int(rng.integers(520, 780)),
            }
        )  # fmt: skip
    for row in rows:
        if row["status"] == "repaid":
            row["current_balance"] = 0.0
    return rows


def places(loan: dict[str, Any]) -> list[bool]:
    """Where a loan may go, rule by rule."""
    channel = loan["channel"]
    today = KEYS.index(channel) if channel else -1
    frozen = today >= 0 and loan["region"] in ("F", "")  # of "" it is not known
    stays = frozen or today in (BANK, JOINT)
    score, old = loan["score"], (AS_OF - date.fromisoformat(loan["origination_date"])).days
    good = score != "" and score >= 600
    bank = today == BANK or (good and loan["current_balance"] >= 300.0)
    line = (today == LINE and stays) or (good and old >= 30)
    may = [True, bank, line, today in (-1, JOINT)]
    may = [able and (not stays or today == c) for c, able in enumerate(may)]
    promised = loan["segment"] == "order" and score != "" and score >= 700
    return [c == BANK for c in range(4)] if promised and may[BANK] else may


def worth(loan: dict[str, Any], c: int, life: float, loss: float) -> float:
    """Value of a loan in a channel: income less losses and costs over its life."""
    channel = loan["channel"]
    comes = channel != KEYS[c]
    move = (0.002 if c == BANK else 0.0) * comes + MOVE * (comes and channel != "")
    income = (loan["rate"] * INCOME[c] - COST[c]) * life
    return float(loan["current_balance"] * (income - loss * LOSS[c] - move))


def advance(loan: dict[str, Any], able: bool) -> float:
    """What the line advances on a loan."""
    if not able:
        return 0.0
    if loan["region"] == "":
        return 0.5  # it may be in N, which has the lower rate
    return 0.5 if loan["region"] == "N" else 0.8


def allocation(rows: list[dict[str, Any]], seed: int = 3) -> tuple[Allocation, About, np.ndarray]:
    """A placement with the limits that it keeps, what is said of it, and life and loss by loan."""
    rng = np.random.default_rng(seed)
    loans = [row for row in rows if row["status"] != "repaid"]
    count = len(loans)
    life, loss = rng.uniform(0.1, 0.8, count), rng.uniform(0.0, 0.05, count)
    life[-(count // 10) :] = 0.0  # past their maturity, with a loss still to come
    able = np.array([places(loan) for loan in loans])
    today = np.array([KEYS.index(x["channel"]) if x["channel"] else -1 for x in loans])
    score = np.array([0.0 if x["score"] == "" else float(x["score"]) for x in loans])
    region = np.array([REGIONS.index(x["region"]) if x["region"] else -1
                       for x in loans])  # fmt: skip
    numbers = {
        "score": score,
        "advance": np.array([advance(x, a) for x, a in zip(loans, able[:, LINE], strict=True)]),
        "partner": np.where(today == JOINT, 1.0, 0.7),
    }
    numbers["score of partner"] = score * numbers["partner"]
    program = AllocationProgram(
        loan_id=np.array([x["loan_id"] for x in loans], dtype=object),
        balance=np.array([x["current_balance"] for x in loans]),
        channels=KEYS,
        value=np.array([[worth(x, c, life[k], loss[k]) for c in range(4)]
                        for k, x in enumerate(loans)]),
        eligible=able,
        must=np.ones(count, dtype=bool),
        today=today.astype(np.int16),
        attributes={
            "region": Attribute(region.astype(np.int32), REGIONS[:3]),
            "today": Attribute(today.astype(np.int32), KEYS),
            "score known": Attribute(
                np.array([-1 if x["score"] == "" else 0 for x in loans], dtype=np.int32), ("known",)
            ),
        },
        numbers=numbers,
    )  # fmt: skip
    choice = np.where(able, rng.random((count, 4)), -1.0).argmax(axis=1)
    limits = _rows(program, choice)
    price = rng.exponential(0.01, len(limits)) * (rng.random(len(limits)) < 0.6)
    found = proven(replace(program, rows=limits), choice, price)
    return found, _about(limits), np.stack([life, loss])


def _share(program: AllocationProgram, choice: np.ndarray) -> float:
    """The largest share of a region in the bank's list, a little above."""
    there = choice == BANK
    codes, balance = program.attributes["region"].codes, program.balance
    most = max(balance[there & (codes == c)].sum() for c in range(3))
    return math.ceil(most / balance[there].sum() * 1e4 + 1) / 1e4


def _rows(program: AllocationProgram, choice: np.ndarray) -> tuple[Row, ...]:
    share = _share(program, choice)
    rows = [
        Row("bank: most", "most", 0.0, (Term(BANK, 1.0),)),
        Row("bank: score", "average", 0.0,
            (Term(BANK, -1.0, "score known", (0,), "score"),
             Term(BANK, 600.0, "score known", (0,)))),
        Row("joint: score", "average", 0.0,
            (Term(JOINT, -1.0, number="score of partner"), Term(JOINT, 610.0, number="partner"))),
        Row("line: cover", "cover", 0.0, (Term(LINE, -1.0, number="advance"),)),
        Row("churn", "churn", 0.0,
            tuple(Term(c, 1.0, "today", tuple(x for x in range(4) if x != c)) for c in range(4))),
    ]  # fmt: skip
    rows = [replace(row, right=up(left_side(program, row, choice))) for row in rows]
    for code, name in enumerate(("N", "S")):
        terms = (Term(BANK, 1.0, "region", (code,)), Term(BANK, -share))
        rows.append(Row(f"bank: region: {name}", "share", 0.0, terms, share, name))
    return tuple(rows)


def _about(rows: tuple[Row, ...]) -> About:
    share = rows[-1].stated
    score = {"name": "score", "test": "score >= 600"}
    channels: dict[str, dict[str, Any]] = {
        KEYS[OWN]: {},
        KEYS[BANK]: {"tests": [score, {"name": "size", "test": "current_balance >= 300"}],
                     "releases": False, "move_cost": 0.002},
        KEYS[LINE]: {"tests": [score, {"name": "age", "test": "age_days >= 30"}], "retests": True},
        KEYS[JOINT]: {"new_only": True, "releases": False, "part": 0.7},
    }  # fmt: skip
    for c, key in enumerate(KEYS):
        channels[key] |= {"cost": COST[c], "income_share": INCOME[c], "loss_share": LOSS[c]}
    more = {
        "frozen": 'region == "F"',
        "promised": [{"name": "large orders", "test": 'segment == "order" and score >= 700',
                      "channel": KEYS[BANK]}],
        "columns": [
            {"name": "region", "how": "column", "of": "region"},
            {"name": "today", "how": "today"},
            {"name": "score known", "how": "known", "of": "score"},
        ],
        "numbers": [
            {"name": "score", "how": "column", "of": "score"},
            {"name": "advance", "how": "advance", "channel": KEYS[LINE], "otherwise": 0.8,
             "rates": [{"test": 'region == "N"', "rate": 0.5}]},
            {"name": "partner", "how": "part", "channel": KEYS[JOINT], "share": 0.7,
             "share_there": 1.0},
            {"name": "score of partner", "how": "product", "factors": ["score", "partner"]},
        ],
        "names": [{"name": "bank: region", "column": "region", "top": 1, "share": share,
                   "weights": [{"channel": KEYS[BANK]}]}],
        "worth": {"how": "stated", "move_cost": MOVE},
    }  # fmt: skip
    names = {row.name: "bank: region" for row in rows if row.kind == "share"}
    return About(AS_OF.isoformat(), "CNY", channels=channels, more=more, names=names)


def write_tape(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The tape as CSV."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_folder(folder: Path, seed: int = 3) -> Path:
    """A model's tape, and the folder of an allocation of it."""
    folder.mkdir()
    rows = tape_rows(seed)
    tape = write_tape(folder / "tape.csv", rows)
    found, about, (life, loss) = allocation(rows, seed)
    stated = {
        "name": tape.name,
        "sha256": hashlib.sha256(tape.read_bytes()).hexdigest(),
        "mapping": {"source": "file", "path": tape.name},
        "folder": str(folder),
    }
    rates = {"rate": np.array([x["rate"] for x in rows if x["status"] != "repaid"]),
             "life": life, "expected_loss": loss}  # fmt: skip
    out = folder / "allocation"
    out.mkdir()
    for name, content in proof_of(found, replace(about, tape=stated, prices=rates)).files().items():
        (out / name).write_bytes(content)
    return out
