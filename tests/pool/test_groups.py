"""Related borrowers count as one: by columns, names, links and files, joined by way of others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from scfcap.errors import InputError
from scfcap.pool.build import build_pool
from scfcap.pool.columns import Columns
from scfcap.pool.groups import grouped, read_memberships
from scfcap.schema.pool import Concentration, EligibilitySet, Groups, PoolSpec
from scfcap.tape.schema import Tape


def groups_of(tape: Tape, groups: Groups, folder: Path | None = None) -> list[str | None]:
    listed = read_memberships(folder / "related.csv")[0] if folder else None
    found = grouped(Columns(tape.frame, tape.as_of), groups, listed)
    return [None if code < 0 else str(found.labels[code]) for code in found.codes]


def test_named_groups_and_links(tape: Tape) -> None:
    # Borrowers are p, p, q, r, s, t, u.
    assert groups_of(tape, Groups(names={"North": ("q", "s")})) == [
        *("p", "p", "North", "r", "North", "t", "u")
    ]
    assert groups_of(tape, Groups(links=(("u", "p"), ("t", "u")))) == [
        *("p", "p", "q", "r", "s", "p", "p")
    ]
    both = Groups(names={"North": ("q", "s"), "South": ("s", "x")}, links=(("x", "r"),))
    assert groups_of(tape, both) == ["p", "p", "North", "North", "North", "t", "u"]


def test_shared_values_make_a_group(tape: Tape) -> None:
    # The buyer m stands on a loan of p and on one of r.
    assert groups_of(tape, Groups(columns=("buyer_id",))) == ["p", "p", "q", "p", "s", "t", "u"]
    shared = replace(tape, frame=tape.frame.assign(owner=["o1", None, "o2", None, "o2", "o1", ""]))
    assert groups_of(shared, Groups(columns=("owner", "buyer_id"))) == [
        *("p", "p", "q", "p", "q", "p", "u")
    ]


def test_a_file_of_members(tape: Tape, tmp_path: Path) -> None:
    (tmp_path / "related.csv").write_text("member,group\nq,North\ns,North\nnobody,North\n")
    assert groups_of(tape, Groups(path="related.csv"), tmp_path)[2:5] == ["North", "r", "North"]
    (tmp_path / "related.csv").write_text("borrower,group\nq,North\n")
    with pytest.raises(InputError, match="the columns member and group"):
        groups_of(tape, Groups(path="related.csv"), tmp_path)


def test_a_limit_on_groups(tape: Tape) -> None:
    spec = PoolSpec(
        groups=Groups(names={"North": ("q", "s")}),
        eligibility={
            "e": EligibilitySet(
                concentrations=(Concentration(column="group", share=0.4, treatment="cut_back"),)
            )
        },
    )
    pool = build_pool(tape, spec)
    table = pool.tables["concentrations"].set_index("value")
    assert table["balance"].to_dict() == {"North": 450.0, "p": 300.0, "r": 250.0}
    assert table.loc["North", "excess"] == pytest.approx(50.0)
    assert pool.tables["largest_group"]["value"].tolist()[0] == "North"


def test_what_cannot_be_grouped(tape: Tape) -> None:
    with pytest.raises(InputError, match=r"Did you mean buyer_id\?"):
        groups_of(tape, Groups(columns=("buyer",)))
    clash = replace(tape, frame=tape.frame.assign(group="x"))
    with pytest.raises(InputError, match="made by one of them"):
        groups_of(clash, Groups(links=(("p", "q"),)))
    with pytest.raises(ValidationError, match="no columns, path, names or links"):
        Groups.model_validate({})


def test_a_limit_on_groups_that_nobody_states(tape: Tape) -> None:
    limit = Concentration(column="group", share=0.4)
    spec = PoolSpec(eligibility={"e": EligibilitySet(concentrations=(limit,))})
    with pytest.raises(InputError, match=r"State \[pool\.groups\]"):
        build_pool(tape, spec)


def test_a_missing_member_has_no_group(tape: Tape) -> None:
    frame = tape.frame.assign(buyer=pd.Series(["m", None, None, "n", "m", None, None], dtype="str"))
    found = groups_of(replace(tape, frame=frame), Groups(member="buyer", links=(("m", "n"),)))
    assert found == ["m", None, None, "m", "m", None, None]
