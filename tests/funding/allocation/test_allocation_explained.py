"""Explanations of loans and channels against dense arithmetic and re-solved relaxations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scfcap.errors import InputError
from scfcap.funding.allocation import outright
from scfcap.funding.allocation.explain import SAME, Explained, position_of
from scfcap.funding.allocation.explain_channels import channel_balances, channel_limits
from scfcap.funding.allocation.explain_words import loan_sentences
from scfcap.funding.allocation.program import (
    UNPLACED,
    AllocationProgram,
    Attribute,
    Row,
    Term,
    matrix,
)
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.row_words import limit_of
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.solve import allocate
from tests.funding.allocation.assembled_sample import assembled_of
from tests.funding.allocation.facility import facility

LOANS = 300


def rounded(program: AllocationProgram) -> Allocation:
    """The relaxation's prices with each loan where it is best, whatever the rows say."""
    bound, dual = outright.relaxed(program) or (0.0, np.zeros(0))
    net = dense(program, dual)
    choice = net.argmax(axis=1)
    choice[choice == len(program.channels)] = UNPLACED
    choice = choice.astype(np.int16)
    return Allocation(program, choice, dual, bound, program.worth(choice), program.activity(choice))


def dense(program: AllocationProgram, dual: np.ndarray) -> np.ndarray:
    """``v - sum_r y_r a_r`` by whole matrices, row by row; last, nowhere."""
    net = program.value.copy()
    for row, price in zip(program.rows, dual, strict=True):
        net -= price * program.coefficients(row)
    net[~program.eligible] = -np.inf
    nowhere = np.where(program.must, -np.inf, 0.0)
    return np.hstack([net, nowhere[:, None]])


@pytest.fixture(scope="module")
def many() -> Allocation:
    return rounded(sample("many", LOANS))


@pytest.fixture(scope="module")
def solved() -> Allocation:
    return allocate(facility()[0])


def test_nets_are_those_of_whole_matrices(many: Allocation) -> None:
    explained = Explained.of(assembled_of(many.program), many)
    expected = dense(many.program, many.dual)
    assert (many.dual > 0.0).sum() > 10
    assert (np.isfinite(explained.net) == np.isfinite(expected)).all()
    kept = np.isfinite(expected)
    scale = many.program.balance.max()
    assert explained.net[kept] == pytest.approx(expected[kept], abs=1e-12 * scale)


def test_named_rows_are_the_two_that_weigh_most(many: Allocation) -> None:
    program = many.program
    frame = Explained.of(assembled_of(program), many).to_frame()
    rows = np.stack(
        [d * program.coefficients(r) for r, d in zip(program.rows, many.dual, strict=True)]
    )
    names = np.array([row.name for row in program.rows])
    for prefix, column in (("", "channel"), ("other_", "other")):
        for i in range(LOANS):
            place = str(frame[column].iloc[i]) if not pd.isna(frame[column].iloc[i]) else ""
            charged = np.zeros(len(names))
            if place:
                charged = rows[:, i, program.channels.index(place)]
            largest = np.sort(np.abs(charged))[::-1][:2]
            for k in (1, 2):
                amount, name = (frame[f"{prefix}{what}_{k}"].iloc[i] for what in ("amount", "row"))
                assert abs(amount) == pytest.approx(largest[k - 1], rel=1e-9, abs=1e-12)
                if largest[k - 1] > 0.0:
                    assert amount == pytest.approx(charged[names == name][0], rel=1e-9)
                else:
                    assert pd.isna(name)


def test_some_loans_are_told_as_all_are(many: Allocation) -> None:
    assembled = assembled_of(many.program)
    chosen = np.array([7, 3, 250])
    some = Explained.of(assembled, many, chosen)
    whole = Explained.of(assembled, many)
    pd.testing.assert_frame_equal(
        some.to_frame(), whole.to_frame().iloc[chosen].reset_index(drop=True)
    )


def test_options_are_the_three_best(many: Allocation) -> None:
    options = Explained.of(assembled_of(many.program), many).options()
    net = dense(many.program, many.dual)
    for i, loan in enumerate(many.program.loan_id[:50]):
        mine = options[options["loan_id"] == loan]
        best = np.sort(net[i])[::-1]
        assert mine["net"].tolist() == pytest.approx(best[np.isfinite(best)][:3].tolist())
        assert mine["rank"].tolist() == list(range(1, len(mine) + 1))
        assert (mine["value"] - mine["price"]).tolist() == pytest.approx(mine["net"].tolist())
    assert options["chosen"].sum() == LOANS


def test_the_loss_is_what_the_best_other_place_leaves_less(many: Allocation) -> None:
    frame = Explained.of(assembled_of(many.program), many).to_frame()
    net = dense(many.program, many.dual)
    at = np.where(many.choice < 0, net.shape[1] - 1, many.choice)
    mine = net[np.arange(LOANS), at]
    net[np.arange(LOANS), at] = -np.inf
    other = net.max(axis=1)
    has = np.isfinite(other)
    assert frame["loss"].to_numpy()[has] == pytest.approx((mine - other)[has], abs=1e-6)
    assert frame["loss"].isna().to_numpy().tolist() == (~has).tolist()
    assert (frame.loc[~has, "decided"] == "only_place").all()


def test_prices_against_whole_loans(solved: Allocation) -> None:
    """Of ten loans some go where prices alone would not have them: that is said of them."""
    frame = Explained.of(assembled_of(solved.program), solved).to_frame()
    loss, same = frame["loss"].to_numpy(), SAME * frame["balance"].to_numpy()
    against = loss < -same
    assert against.any()
    assert ((frame["decided"] == "whole_loans").to_numpy() == against).all()


def test_each_closed_channel_says_why(many: Allocation) -> None:
    program = many.program
    unknown = ~program.eligible & (np.arange(LOANS) % 2 == 0)[:, None]
    others = Explained.of(assembled_of(program, unknown), many).others()
    choice = np.array([*program.channels, ""], dtype=object)[many.choice]
    assert len(others) == LOANS * 4 - (many.choice >= 0).sum()
    at = pd.Index(program.loan_id).get_indexer(others["loan_id"])
    channel = others["channel"].cat.codes.to_numpy()
    assert (choice[at] != others["channel"].astype(str).to_numpy()).all()
    closed, doubt = ~program.eligible[at, channel], unknown[at, channel]
    assert ((others["status"] == "undetermined") == doubt).all()
    assert ((others["status"] == "refused") == (closed & ~doubt)).all()
    assert (others["reason"].astype(str) == np.where(closed, "score >= 520", "")).all()
    assert (others["less"].isna() == closed).all()


def two_places(churn: float) -> Allocation:
    """One loan at home that would earn 3 more elsewhere, and a price on its change."""
    program = AllocationProgram(
        loan_id=np.array(["L"], dtype=object),
        balance=np.array([100.0]),
        channels=("own_capital", "p2p:x"),
        value=np.array([[1.0, 4.0]]),
        eligible=np.ones((1, 2), dtype=bool),
        must=np.ones(1, dtype=bool),
        today=np.zeros(1, dtype=np.int16),
        rows=(Row("churn", "churn", 50.0, (Term(1, 1.0),), 50.0),),
    )
    choice = np.zeros(1, dtype=np.int16)
    dual = np.array([churn])
    return Allocation(program, choice, dual, 4.0, 1.0, program.activity(choice))


@pytest.mark.parametrize(
    ("churn", "decided", "status", "less"),
    [
        (0.05, "no_churn", "no_churn", 2.0),
        (0.03, "equal", "equal", 0.0),
        (0.01, "whole_loans", "whole_loans", -2.0),
    ],
)
def test_a_loan_that_stays_says_what_keeps_it(
    churn: float, decided: str, status: str, less: float
) -> None:
    found = two_places(churn)
    explained = Explained.of(assembled_of(found.program), found)
    assert explained.to_frame()["decided"].tolist() == [decided]
    others = explained.others()
    assert others["status"].tolist() == [status]
    assert others["less"].tolist() == pytest.approx([less])


def test_a_least_ticket_into_which_nothing_moves_is_named() -> None:
    found = replace(two_places(0.01), tickets={"p2p:x": True})
    others = Explained.of(assembled_of(found.program), found).others()
    assert others["status"].tolist() == ["ticket"]


def test_sentences_of_a_loan_that_a_limit_on_changes_keeps() -> None:
    found = two_places(0.05)
    explained = Explained.of(assembled_of(found.program), found)
    assert loan_sentences(explained) == (
        "Loan L, CNY 100.00: stays in own capital.",
        "In own capital it is worth CNY 1.00, and no limit that binds is touched.",
        "It stays: elsewhere it would leave more, but for the limit on changes of channel.",
        "Next best: in P2P x it is worth CNY 4.00, the limits charge CNY 5.00 (CNY 5.00 for the "
        "most that changes its channel, CNY 50.00), so that CNY -1.00 is left.",
        "Put there, it would lose CNY 2.00 at these prices.",
    )


def test_sentences_say_why_a_channel_is_closed(many: Allocation) -> None:
    program = many.program
    k = int(np.flatnonzero(~program.eligible[:, 2] & program.eligible[:, 1])[0])
    explained = Explained.of(assembled_of(program), many, np.array([k]))
    said = loan_sentences(explained)
    assert "Not securitization series: score >= 520." in said
    unknown = ~program.eligible
    explained = Explained.of(assembled_of(program, unknown), many, np.array([k]))
    assert explained.others()["status"].tolist().count("undetermined") > 0
    assert "Not securitization series: score >= 520." in loan_sentences(explained)


def test_a_loan_is_found_by_its_id(many: Allocation) -> None:
    ids = many.program.loan_id
    assert position_of(ids, str(ids[42])) == 42
    with pytest.raises(InputError, match="no loan with this id"):
        position_of(ids, "L?")


def moved(program: AllocationProgram, name: str, by: float) -> AllocationProgram:
    """The program with one limit's stated figure moved: right side, share or mean."""
    rows = []
    for row in program.rows:
        if row.name == name and row.kind in ("share", "average"):
            sign = np.sign(next(t.weight for t in row.terms if t.attribute or t.number))
            terms = tuple(
                t if t.attribute or t.number else replace(t, weight=t.weight - sign * by)
                for t in row.terms
            )
            rows.append(replace(row, terms=terms, stated=row.stated + by))
        elif row.name == name:
            rows.append(replace(row, right=row.right + (-by if row.kind == "least" else by)))
        else:
            rows.append(row)
    return replace(program, rows=tuple(rows))


@pytest.fixture(scope="module")
def split() -> tuple[AllocationProgram, pd.DataFrame]:
    """A program whose every loan is cut in four by the relaxation's own shares, so that a
    placement of whole loans is the relaxation's: its limits as they are told.
    """
    whole = sample("many", 120)
    _, first = outright.relaxed(whole)
    priced = [row for row, price in zip(whole.rows, first, strict=True) if price > 0.0]
    program = replace(whole, rows=tuple(priced))
    bound, dual = outright.relaxed(program)
    x = relaxed_shares(program).ravel()
    taken = np.flatnonzero(x > 1e-9)
    loans, channels = np.divmod(taken, 4)
    part = x[taken]

    def cut(values: np.ndarray) -> np.ndarray:
        return values[loans]

    pieces = replace(
        program,
        loan_id=np.arange(len(taken)).astype(str).astype(object),
        balance=cut(program.balance) * part,
        value=cut(program.value) * part[:, None],
        eligible=cut(program.eligible),
        must=cut(program.must),
        today=cut(program.today),
        attributes={k: replace(a, codes=cut(a.codes)) for k, a in program.attributes.items()},
        numbers={k: cut(v) for k, v in program.numbers.items()},
    )
    choice = channels.astype(np.int16)
    found = Allocation(pieces, choice, dual, bound, bound, pieces.activity(choice))
    return program, channel_limits(assembled_of(pieces), found)


def relaxed_shares(program: AllocationProgram) -> np.ndarray:
    """The relaxation's placement, shape (loans, channels)."""
    from scipy.optimize import linprog

    rows, pairs = matrix(program)
    once = outright.assignment(program, pairs).toarray()
    must = program.must
    found = linprog(
        -program.value.ravel()[pairs],
        A_ub=np.vstack([rows.toarray(), once[~must]]),
        b_ub=np.append(program.right, np.ones((~must).sum())),
        A_eq=once[must],
        b_eq=np.ones(must.sum()),
        bounds=(0.0, 1.0),
        method="highs",
    )
    x = np.zeros(program.value.size)
    x[pairs] = found.x
    return x.reshape(program.value.shape)


def test_prices_are_the_slopes_of_the_optimum(
    split: tuple[AllocationProgram, pd.DataFrame],
) -> None:
    """What a step more of each limit earns, by re-solving with a thousandth of it both ways."""
    program, limits = split
    priced = limits[limits["price"] > 1e-6]
    base = outright.relaxed(program)[0]
    seen = set()
    for row in priced.groupby(["kind", "side"]).head(1).itertuples():
        part = 1e-4 if row.kind == "share" else 1e-3
        step = row.step * part
        sign = -1.0 if row.side == "least" else 1.0
        up = outright.relaxed(moved(program, row.limit, sign * step))
        down = outright.relaxed(moved(program, row.limit, -sign * step))
        assert up is not None
        assert down is not None
        right, left = (up[0] - base) / part, (base - down[0]) / part
        if right == pytest.approx(left, rel=1e-2):
            assert row.earns == pytest.approx(right, rel=2e-2), row.limit
            seen.add((row.kind, row.side))
    assert {("share", "most"), ("average", "least"), ("average", "most"), ("most", "most")} <= seen


def test_measured_figures_are_plain_sums(many: Allocation) -> None:
    program, choice = many.program, many.choice
    limits = channel_limits(assembled_of(program), many).set_index("limit")
    bank = choice == 1
    balance = program.balance[bank]
    regions = program.attributes["region"]
    held = balance[regions.codes[bank] == 3].sum() / balance.sum()
    share = limits.loc["bank_transfer:bank region-4"]
    assert share["measured"] == pytest.approx(held)
    assert share["room_stated"] == pytest.approx(share["stated"] - held)
    mean = limits.loc["bank_transfer:bank mean score"]
    score = np.average(program.numbers["score"][bank], weights=balance)
    assert mean["measured"] == pytest.approx(score)
    assert (mean["stated"], mean["side"], mean["unit"]) == (622.0, "least", "score")
    assert mean["room_stated"] == pytest.approx(score - 622.0)
    least = limits.loc["p2p:platform least"]
    assert least["measured"] == pytest.approx(program.balance[choice == 3].sum())
    most = limits.loc["bank_transfer:bank most"]
    assert most["headroom"] == pytest.approx(most["stated"] - balance.sum())


def test_room_that_a_row_is_given_beyond_its_limit_is_not_measured(many: Allocation) -> None:
    program = many.program
    names = ("bank_transfer:bank region-4", "bank_transfer:bank mean score")
    rows = tuple(replace(row, right=9_999.0) if row.name in names else row for row in program.rows)
    eased = replace(many, program=replace(program, rows=rows))
    one, other = (
        channel_limits(assembled_of(x.program), x).set_index("limit").loc[list(names)]
        for x in (many, eased)
    )
    for column in ("measured", "room_stated", "stated"):
        assert other[column].tolist() == pytest.approx(one[column].tolist())
    assert (other["headroom"] - one["headroom"]).tolist() == pytest.approx([9_999.0] * 2)


@pytest.mark.parametrize(
    ("row", "what", "stated", "unit"),
    [
        # A mean of a joint lender's part, over the loans that have the number.
        (
            Row("p2p:x: mean score, least", "average", 0.0,
                (Term(1, -1.0, "score is known", (0,), "score times partner part of p2p:x"),
                 Term(1, 600.0, "score is known", (0,), "partner part of p2p:x")), 600.0),
            "the least mean score in P2P x", 600.0, "score",
        ),
        # Own capital's amount with what counts there too.
        (
            Row("own_capital: most", "most", 5.0e6, (Term(0, 1.0), Term(1, 0.3)), 5.0e6),
            "the most in own capital, with P2P x", 5.0e6, "currency",
        ),
        # A concentration that is stated as an amount, a cap that is stated as a share.
        (
            Row("p2p:x: each region: N", "share", 70.0, (Term(1, 1.0, "region", (0,)),), 70.0, "N"),
            "the most of region N in P2P x", 70.0, "currency",
        ),
        (
            Row("each region: N", "cap", 0.0, (Term(1, 1.0, "region", (0,)), Term(1, -0.1)), 0.1,
                "N"),
            "the share of region N in P2P x", 0.1, "share",
        ),
        (
            Row("top", "share", 0.0, (Term(1, 1.0, "region", (0, 1)), Term(1, -0.1)), 0.1, "N, S"),
            "the share of 2 values of region together in P2P x", 0.1, "share",
        ),
        (
            Row("p2p:x: cover", "cover", -50.0, (Term(1, -1.0, number="advance"),), 50.0),
            "what the loans of P2P x must cover", 50.0, "currency",
        ),
        (
            Row("p2p:x: ticket", "ticket", -40.0, (Term(1, -1.0), Term(1, 1.0, "t", (1,))), 40.0),
            "the least that moves into P2P x if any does", 40.0, "currency",
        ),
        (
            Row("p2p:x: most", "most", 9.0, (Term(1, 1.0, number="what stands then"),), 9.0),
            "the most in P2P x, counted by what stands then", 9.0, "currency",
        ),
        (Row("churn", "churn", 80.0, (Term(1, 1.0),), 0.3), "the most that changes its channel",
         80.0, "currency"),
    ],
)  # fmt: skip
def test_limits_in_words(row: Row, what: str, stated: float, unit: str) -> None:
    limit = limit_of(two_places(0.0).program, row)
    assert (limit.what, limit.stated, limit.unit) == (what, stated, unit)
    assert limit.more == (row.kind not in ("cover", "ticket", "average"))


def test_a_channel_balance_rolls_forward(many: Allocation) -> None:
    program = many.program
    frame = channel_balances(assembled_of(program), many)
    for unit in ("", "_loans"):
        left = frame[f"before{unit}"] + frame[f"new{unit}"] + frame[f"from_others{unit}"]
        left = left - frame[f"out{unit}"]
        assert left.to_numpy() == pytest.approx(frame[f"after{unit}"].to_numpy())
    assert frame["after_loans"].sum() == len(program)
    assert frame["before"].sum() == pytest.approx(program.balance.sum())
    assert frame["value"].sum() == pytest.approx(many.value)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            Row("m", "most", 2.0e7, (Term(1, 1.0),), 2.0e7),
            "CNY 1,000,000 more of the most in P2P x (CNY 20,000,000) earns up to CNY 8,877.",
        ),
        (
            Row("l", "least", -2.0e6, (Term(1, -1.0),), 2.0e6),
            "CNY 100,000 less of the least in P2P x (CNY 2,000,000) earns up to CNY 888.",
        ),
        (
            Row("m", "most", 1.0e-11, (Term(1, 1.0),), 1.0e-11),
            "CNY 1.00 more of the most in P2P x (CNY 0) earns up to CNY 0.008877.",
        ),
        (
            Row("s", "share", 0.0, (Term(1, 1.0, "core", (0,)), Term(1, -0.25)), 0.25, "A"),
            "1 percentage point more of the share of core A in P2P x (25%) earns about CNY 8,877.",
        ),
        (
            Row("a", "average", 0.0, (Term(1, -1.0, number="score"), Term(1, 600.0)), 600.0),
            "1 less of the least mean score in P2P x (600) earns about CNY 887,700.",
        ),
    ],
)
def test_a_price_in_words(row: Row, sentence: str) -> None:
    """A price of 0.008877 on 100 million held: a point of it is 1 million, a unit all of it."""
    found = two_places(0.0)
    core = Attribute(np.zeros(1, dtype=np.int32), ("A",))
    program = replace(
        found.program,
        balance=np.array([1.0e8]),
        rows=(row,),
        attributes={"core": core},
        numbers={"score": np.array([640.0])},
    )
    choice = np.ones(1, dtype=np.int16)
    priced = Allocation(program, choice, np.array([0.008877]), 4.0, 4.0, program.activity(choice))
    assert channel_limits(assembled_of(program), priced)["sentence"].tolist() == [sentence]
