"""Limits of the Chinese rules, and retention rules, from the files that are shipped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from scfcap.deal.retention import Kept, retention_frame
from scfcap.funding.program import Solution
from scfcap.schema.law import calendar_of
from scfcap.schema.load import read_regime, retention_rules
from scfcap.schema.regime import Regime

from .book import Figure, Witness, golden, near
from .programs import Draft

MODELS = Path(__file__).parents[2] / "models"
CAPS = "optimisation/regulatory_caps"
BY = "schema.law.calendar_of, funding.program.solve"

FUNDS = ("bank", "shareholder", "peer", "abs_third_party")
CASES: dict[str, dict[str, Any]] = {
    "cn_2008_without_abs": {"caps": {"bank": ({"bank"}, 0.5)}},
    "cn_2008_with_abs_retained_10pct": {"caps": {"bank": ({"bank"}, 0.5)}, "retained": 0.10},
    "cn_2008_with_abs_retained_5pct": {"caps": {"bank": ({"bank"}, 0.5)}, "retained": 0.05},
    "cq_2012_bank_and_repo_1.0_shareholder_1.0_peer_0.3_without_abs": {
        "caps": {
            "bank": ({"bank"}, 1.0),
            "shareholder": ({"shareholder"}, 1.0),
            "peer": ({"peer"}, 0.3),
        }
    },
    "cn_2017_m_0.5": {"caps": {"total": ({"bank", "abs_third_party"}, 0.5)}, "retained": 0.1},
    "cn_2017_chongqing_m_2.3": {
        "caps": {"total": ({"bank", "abs_third_party"}, 2.3)},
        "retained": 0.1,
    },
    "cn_2020_1_plus_4": {
        "caps": {"ns": ({"bank"}, 1.0), "std": ({"abs_third_party"}, 4.0)},
        "retained": 0.1,
    },
    "cn_2020_1_plus_4_joint_share_0.30": {
        "caps": {"ns": ({"bank"}, 1.0), "std": ({"abs_third_party"}, 4.0)},
        "retained": 0.1,
        "share": 0.3,
    },
}


def managed(
    caps: Mapping[str, tuple[set[str], float]],
    retained: float | None = None,
    share: float = 1.0,
) -> Solution:
    """Most managed loans; a fund that no cap names is closed, but for ABS where it is retained."""
    named = set().union(*(funds for funds, _ in caps.values()))
    upper = {"own_book": math.inf, "abs_pool": 0.0 if retained is None else math.inf}
    upper |= {fund: math.inf if fund in named else 0.0 for fund in FUNDS} | {"all": math.inf}
    if retained is not None:
        upper["abs_third_party"] = math.inf
    kept = 1.0 if retained is None else retained
    draft = Draft(upper)
    borrowed = dict.fromkeys(("bank", "shareholder", "peer"), -1.0)
    draft.row("funding", {"own_book": 1.0, "abs_pool": kept} | borrowed, "<=", 1.0)
    draft.row("sold", {"abs_third_party": 1.0, "abs_pool": kept - 1.0}, "=", 0.0)
    draft.row("managed", {"all": share, "own_book": -1.0, "abs_pool": -1.0}, "<=", 0.0)
    for name, (funds, multiple) in caps.items():
        draft.row(f"cap {name}", dict.fromkeys(sorted(funds), 1.0), "<=", multiple)
    return draft.solved({"all": 1.0})


#: Case of the table: the shipped regime, a place and day, retained share, own share of each loan.
SHIPPED: dict[str, tuple[str, date, float | None, bool]] = {
    "cn_2008_without_abs": ("cn", date(2013, 12, 31), None, False),
    "cn_2008_with_abs_retained_10pct": ("cn", date(2017, 11, 30), 0.10, False),
    "cn_2008_with_abs_retained_5pct": ("cn", date(2008, 5, 4), 0.05, False),
    "cq_2012_bank_and_repo_1.0_shareholder_1.0_peer_0.3_without_abs": (
        "cn-chongqing", date(2017, 11, 30), None, False,
    ),
    "cn_2017_m_0.5": ("cn", date(2017, 12, 1), 0.10, False),
    "cn_2017_chongqing_m_2.3": ("cn-chongqing", date(2017, 12, 1), 0.10, False),
    "cn_2020_1_plus_4": ("cn", date(2020, 9, 16), 0.10, False),
    "cn_2020_1_plus_4_joint_share_0.30": ("cn_2020_draft", date(2020, 11, 2), 0.10, True),
}  # fmt: skip
#: Caps of the regimes by the table's names.
ROWS = {"bank_repo": "bank", "non_standard": "ns", "standardised": "std"}


@cache
def regimes() -> dict[str, Regime]:
    """Every shipped regime by name."""
    return {path.stem: read_regime(path) for path in (MODELS / "regimes").glob("*.toml")}


def managed_by(law: Regime, retained: float | None, share: float = 1.0) -> Solution:
    """Most managed loans under the law; its weights are 0 or 1, and net capital is net assets."""
    caps = {}
    for cap in law.caps:
        assert set(cap.weights.values()) == {1.0}
        caps[ROWS.get(cap.name, cap.name)] = (set(cap.weights) & set(FUNDS), cap.multiple)
    assert not law.closed_channels & set().union(*(funds for funds, _ in caps.values()))
    return managed(caps, retained, share)


#: Most managed loans in a place on a day, in units of net capital: 1 + m by the local multiple,
#: 1 + 1 + 4 from 2020 on.
PLACES = (
    ("cn-shenzhen", date(2014, 2, 27), 1.5),
    ("cn-shenzhen", date(2014, 2, 28), 3.0),
    ("cn-shenzhen", date(2018, 1, 1), 3.0),
    ("cn-hainan", date(2018, 1, 1), 3.0),
    ("cn-sichuan", date(2013, 1, 1), 2.0),
    ("cn-liaoning", date(2020, 9, 15), 2.0),
    ("cn-guangdong", date(2020, 9, 16), 6.0),
    ("cn", date(2025, 1, 17), 6.0),
)


def caps_in_closed_form() -> Iterator[Witness]:
    """Most managed loans for one unit of net capital, from shipped regimes; and its prices."""
    expected = golden(CAPS)["expected"]
    source, found, prices = "closed forms of the rules", [], []
    for name, (place, day, retained, joint) in SHIPPED.items():
        law = calendar_of(place, regimes()).holding(day)
        share = 1.0
        if joint:
            assert law.joint_share is not None
            share = law.joint_share.least
        solution = managed_by(law, retained, share)
        said = name.replace("_", " ")
        found.append(near(said, expected[name]["managed"], solution.objective, 1e-9))
        prices += _prices(said, solution, expected[name]["duals"])
    yield Witness("Most managed loans under a shipped regime, of net capital", BY, source,
                  "closed form", tuple(found), table=CAPS)  # fmt: skip
    yield Witness("Prices of its limits", BY, source, "closed form", tuple(prices),
                  table=CAPS)  # fmt: skip


def _prices(said: str, solution: Solution, duals: Mapping[str, float]) -> list[Figure]:
    out = []
    for row, dual in duals.items():
        family = row if row in ("funding", "managed") else f"cap {row}"
        out.append(near(f"{said}, {row}", dual, solution.duals(family)[0], 1e-6))
    return out


def caps_as_the_text_reads() -> Witness:
    """The same cases with the caps retyped from the table, without any file of ours."""
    expected, found = golden(CAPS)["expected"], []
    for name, case in CASES.items():
        solution, said = managed(**case), name.replace("_", " ")
        found.append(near(said, expected[name]["managed"], solution.objective, 1e-9))
        found += _prices(said, solution, expected[name]["duals"])
    return Witness("The same with the caps retyped", "funding.program.solve",
                   "closed forms of the rules", "closed form", tuple(found),
                   table=CAPS)  # fmt: skip


def places() -> Witness:
    """With notes only where they count."""
    found = []
    for place, day, most in PLACES:
        law = calendar_of(place, regimes()).holding(day)
        counts = any("abs_third_party" in cap.weights for cap in law.caps)
        ours = managed_by(law, 0.1 if counts else None).objective
        found.append(near(f"{place}, {day}", most, ours, 1e-9))
    return Witness("Most managed loans in a place on a day, of net capital", BY,
                   "1 + m of the place; 1 + 1 + 4 from 2020 on", "by hand", tuple(found),
                   )  # fmt: skip


#: Retyped from the texts: multiple of each cap, share of one borrower, of a group, banks that may
#: lend. Regime, citation, whether the text itself or a summary of it was read.
TEXTS: dict[str, tuple[str, dict[str, float]]] = {
    "cn_2008": (
        "Yinjianfa [2008] No. 23", {"bank": 0.5, "one borrower": 0.05, "lending banks": 2},
    ),
    "cq_2012": (
        "Yujinfa [2012] No. 11, Chongqing", {"bank_repo": 1.0, "shareholder": 1.0, "peer": 0.3},
    ),
    "cn_2017_141": ("Zhengzhibanhan [2017] No. 141; 0.5 of 2008", {"total": 0.5}),
    "cn_2020_86": (
        "Yinbaojianbanfa [2020] No. 86",
        {"non_standard": 1.0, "standardised": 4.0, "one borrower": 0.10, "a group": 0.15},
    ),
    "cn_2020_draft": (
        "CBIRC draft of 2 November 2020, arts. 12, 13",
        {"non_standard": 1.0, "standardised": 4.0, "own share of a joint loan": 0.30},
    ),
    "cn_2024_26": (
        "Jingui [2024] No. 26",
        {"non_standard": 1.0, "standardised": 4.0, "one borrower": 0.10, "a group": 0.15},
    ),
    "shenzhen_2014": ("Shenzhen, 2014", {"total": 2.0}),
    "hainan_2014": ("Hainan, 2014", {"total": 2.0}),
}  # fmt: skip


def stated(law: Regime) -> dict[str, float]:
    """Multiples and limits of a regime by the names of :data:`TEXTS`."""
    found = {cap.name: cap.multiple for cap in law.caps}
    if law.single_borrower is not None and law.single_borrower.share is not None:
        found["one borrower"] = law.single_borrower.share
    if law.group is not None and law.group.share is not None:
        found["a group"] = law.group.share
    if law.bank_lenders is not None:
        found["lending banks"] = law.bank_lenders.most
    if law.joint_share is not None:
        found["own share of a joint loan"] = law.joint_share.least
    return found


def multiples() -> Iterator[Witness]:
    """Numbers of the rules as shipped beside those of the texts."""
    for name, (source, limits) in TEXTS.items():
        ours = stated(regimes()[name])
        figures = tuple(near(key, value, ours[key], 0.0) for key, value in limits.items())
        yield Witness(f"Limits of `{name}`", "schema.load.read_regime", source, "cited", figures,
                      )  # fmt: skip


# Retention.

RULES = ("cn_2013", "cn_2017", "eu_2017", "us_2014")
#: Shares kept of 75, 15 and 10, the senior class first, and which of RULES are met: the junior of
#: 10%; 5% of each; 6% of each class but one; half the junior; the junior and some senior; 4% of
#: each and a tenth of the junior more, 0.04 + 0.10 x 0.10; nothing.
RETAINED: dict[tuple[float, ...], tuple[bool, ...]] = {
    (0.0, 0.0, 1.0): (True, True, True, True),
    (0.05, 0.05, 0.05): (True, True, True, True),
    (0.06, 0.0, 0.06): (False, False, False, False),
    (0.0, 0.0, 0.5): (True, True, False, True),
    (0.10, 0.0, 1.0): (False, True, True, True),
    (0.04, 0.04, 0.14): (False, False, False, True),
    (0.0, 0.0, 0.0): (False, False, False, False),
}


def kept(
    share: list[float], size: tuple[float, ...] = (75.0, 15.0, 10.0), pool: float = 100.0
) -> dict[str, bool]:
    """Which rules are met, by any form; shares kept from the senior class down."""
    rules = retention_rules(MODELS / "alibaba-2013")
    what = Kept(np.array(size), np.array(share), np.ones(len(size)), pool)
    frame = retention_frame(what, rules, date(2024, 6, 30))
    assert (frame["source"] != "").all()
    return dict(frame.groupby("rule")["met"].any())


def retention() -> Iterator[Witness]:
    """Which rules a retention meets (1) or not (0), and by how much."""
    texts = {
        "cn_2013": "PBC and CBRC notice [2013] No. 21",
        "cn_2017": "exchanges' listing guide of 2017-12-15",
        "eu_2017": "Regulation (EU) 2017/2402, art. 6(3)",
        "us_2014": "12 CFR 244.4",
    }
    met = {share: kept(list(share)) for share in RETAINED}
    for place, name in enumerate(RULES):
        figures = tuple(
            near(" / ".join(f"{s:.0%}" for s in share), wanted[place], met[share][name], 0.0)
            for share, wanted in RETAINED.items()
        )
        yield Witness(f"Whether a retention meets `{name}`", "deal.retention.retention_frame",
                      texts[name], "by hand", figures, "0 or 1")  # fmt: skip
    rules = retention_rules(MODELS / "alibaba-2013")
    what = Kept(np.array([80.0, 20.0]), np.array([0.1, 0.5]), np.ones(2), 100.0)
    frame = retention_frame(what, rules, date(2014, 1, 1)).set_index(["rule", "kind"])
    amounts = (
        near("EU, vertical, beyond 5%", 0.05, frame.loc[("eu_2017", "vertical"), "margin"], 1e-12),
        near(
            "US, vertical and horizontal", 0.1 + 0.2 * 0.4,
            frame.loc[("us_2014", "combined"), "kept"], 1e-12,
        ),
    )  # fmt: skip
    yield Witness("What is kept of 80 and 20, 10% and 50% of them",
                  "deal.retention.retention_frame", "arts. as above", "by hand", amounts, "share",
                  )  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from multiples()
    yield from caps_in_closed_form()
    yield caps_as_the_text_reads()
    yield places()
    yield from retention()
