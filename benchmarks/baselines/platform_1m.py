"""The payments on simulated loans, as a numpy user would write them: one shop after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from scfcap.synthetic.draws import keys
from scfcap.synthetic.lives import Lives
from scfcap.synthetic.platform import PRODUCTS

GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
STRIDE = 16
RATE = np.array([p.rate for p in PRODUCTS])
PREPAY = np.array([p.prepay for p in PRODUCTS])


def draw(key: int, index: Any) -> Any:
    """SplitMix64 at a position, as a share of one."""
    z = np.uint64(key) + (index.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)).astype(float) + 0.5) * 2.0**-53


def cents(amount: Any) -> Any:
    return np.floor(amount + 0.5).astype(np.int64)


def payments_by_shop(lives: Lives) -> pd.DataFrame:
    """Payments up to ``as_of``, as ``Lives.payments`` has them."""
    loans, fates = lives.books.loans, lives.books.fates
    key = int(keys(lives.spec.seed, 12)[8])
    frame = pd.DataFrame({**loans._asdict(), **fates._asdict()})
    factor = lives.network.factor[lives.calendar.table.month[loans.day]]
    frame["ease"] = np.exp(0.25 * factor) / np.exp(0.25 * factor).mean()
    for slot in range(7):
        frame[f"u{slot}"] = draw(key, frame["number"].to_numpy() * STRIDE + slot)
    columns = {name: cells.to_numpy() for name, cells in frame.items()}
    order = np.argsort(columns["shop"], kind="stable")
    cuts = np.flatnonzero(np.diff(columns["shop"][order])) + 1
    rows: list[Any] = []
    for chosen in np.split(order, cuts):
        one = {name: cells[chosen] for name, cells in columns.items()}
        _shop(rows, chosen, one, lives)
    loan, day, principal, interest, recovery = np.concatenate(rows, axis=1)
    kept = day <= lives.calendar.days
    return pd.DataFrame(
        {
            "loan": loan[kept].astype(np.int32),
            "date": lives.calendar.dates(day[kept]),
            "principal": principal[kept] / 100.0,
            "interest": interest[kept] / 100.0,
            "recovery": recovery[kept] / 100.0,
        }
    )


def _shop(rows: list[Any], loan: Any, one: dict[str, Any], lives: Lives) -> None:
    """Add the payments of one shop: bullets and lines at once, then instalments, then defaults."""
    whole = cents(one["amount"] * 100.0)
    balance = whole.copy()
    fell = one["due"] + 90
    plain = one["product"] != 2
    paying = one["cause"] == 0
    end = one["due"] + one["late"]
    credit = one["product"] == 1
    with np.errstate(divide="ignore", invalid="ignore"):
        pace = PREPAY[one["product"]] * one["ease"] / 365.0
        held = np.where(credit, -np.log(one["u1"]) / pace, 1e6).astype(np.int64) + 1
    end = np.where(paying & (held < one["term"]), one["day"] + held, end)
    room = np.minimum(end, one["due"]) - one["day"] - 1
    part = (whole * 0.5 * one["u2"] ** 2).astype(np.int64)
    line = credit & (one["u0"] < 0.5) & (room > 0) & (part > 0)
    rate = RATE[one["product"]]
    when = one["day"] + 1 + (one["u3"] * room).astype(np.int64)
    if line.any():
        due = cents(whole * rate * (when - one["day"]) / 365.0)
        rows.append(np.array([loan, when, part, due, 0 * loan])[:, line])
        balance -= np.where(line, part, 0)
    final = plain & paying
    since = np.where(line, when, one["day"])
    due = cents(balance * rate * (end - since) / 365.0)
    rows.append(np.array([loan, end, balance, due, 0 * loan])[:, final])
    for k in np.flatnonzero(~plain):
        balance[k], fell[k] = _instalments(rows, loan[k], {n: v[k] for n, v in one.items()}, lives)
    for k in np.flatnonzero(~paying & (fell <= lives.calendar.days)):
        off = fell[k] + 150 + int(one["u4"][k] * 31)
        most = 0.1 if one["cause"][k] == 2 else 0.5
        total = int(balance[k] * most * one["u5"][k])
        lag = 15 + int(-30.0 * np.log(one["u6"][k]))
        thirds = np.array([total // 3, total // 3, total - 2 * (total // 3)])
        days = fell[k] + lag * np.arange(1, 4)
        before, zero = days < off, np.zeros(3, np.int64)
        cells = [zero + loan[k], days, thirds * before, zero, thirds * ~before]
        rows.append(np.array(cells)[:, thirds > 0])


def _instalments(rows: list[Any], loan: int, one: dict[str, Any], lives: Lives) -> tuple[int, int]:
    """Add those of one loan; returns the balance left and the day of default."""
    start = lives.calendar.dates([one["day"]])[0]
    due = [
        (pd.Timestamp(start) + pd.DateOffset(months=j)).date() - lives.calendar.start
        for j in range(1, one["term"] + 1)
    ]
    days = np.array([gap.days for gap in due])
    count = one["term"] if one["cause"] == 0 else one["miss"] - 1
    balance, rate = int(one["amount"]) * 100, RATE[2] / 12.0
    level = int(cents(balance * rate / (1.0 - (1.0 + rate) ** -one["term"])))
    paid = []
    for j in range(count):
        interest = int(cents(balance * rate))
        part = balance if j + 1 == one["term"] else min(balance, level - interest)
        paid.append((part, interest))
        balance -= part
    when = days.copy()
    if one["late_at"]:
        at = one["late_at"] - 1
        when[at:] = np.maximum(when[at:], days[at] + one["late"])
    if count:
        money = np.array(paid).T
        zero = np.zeros(count, np.int64)
        rows.append(np.array([zero + loan, when[:count], *money, zero]))
    return balance, int(days[one["miss"] - 1]) + 90 if one["cause"] else 0
