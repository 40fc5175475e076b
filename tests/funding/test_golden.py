"""Every constraint family against rows written by hand, and the rules of the labelled layer.

The golden files under ``tests/golden/lp`` derive each coefficient from the family's formula; no
command writes them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from scfcap.funding.catalogue import BY_NAME, FAMILIES, build_program
from scfcap.funding.program import Absent, LabelError, Program, Row, Terms, lp_text
from scfcap.funding.variables import declare

from .golden_cases import CASES
from .small_platform import MODEL, platform

GOLDEN = Path(__file__).parents[1] / "golden" / "lp"
FILES = sorted(path.name.removesuffix(".lp") for path in GOLDEN.glob("*.lp"))
#: Most periods and columns of a golden instance.
PERIODS, COLUMNS = 3, 12


@dataclass(frozen=True)
class Line:
    """A row as it is read from text."""

    terms: dict[str, float]
    sense: str
    right: float


def read_rows(text: str) -> tuple[dict[str, Line], set[str]]:
    """Rows by name, and the names of absent rows."""
    rows: dict[str, Line] = {}
    absent: set[str] = set()
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, body = line.split(": ", 1)
        assert name not in rows, f"{name} stands twice"
        assert name not in absent, f"{name} stands twice"
        if body.strip() == "absent":
            absent.add(name)
            continue
        *left, sense, right = body.split()
        assert sense in ("<=", ">=", "="), line
        pairs = list(zip(left[1::2], map(float, left[::2]), strict=True))
        assert len(dict(pairs)) == len(pairs), f"{name} names a column twice"
        rows[name] = Line(dict(pairs), sense, float(right))
    return rows, absent


def read_golden(name: str) -> tuple[dict[str, Line], set[str]]:
    """The golden file of an instance."""
    return read_rows((GOLDEN / f"{name}.lp").read_text(encoding="utf-8"))


def differences(expected: dict[str, Line], found: dict[str, Line]) -> list[str]:
    """What differs between two sets of rows, in words; numbers to 1e-10."""
    out = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    out += [f"{name} is not in the golden file" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        want, got = expected[name], found[name]
        if want.sense != got.sense:
            out.append(f"{name}: {got.sense}, golden {want.sense}")
        if not math.isclose(want.right, got.right, rel_tol=0.0, abs_tol=1e-10):
            out.append(f"{name}: right {got.right:.12g}, golden {want.right:.12g}")
        for column in sorted(want.terms.keys() | got.terms.keys()):
            a, b = want.terms.get(column), got.terms.get(column)
            if a is None or b is None or not math.isclose(a, b, rel_tol=0.0, abs_tol=1e-10):
                out.append(f"{name}: {column} {b}, golden {a}")
    return out


def family_of(name: str) -> str:
    """``family`` of a golden file ``family.lp`` or ``family.variant.lp``."""
    return name.split(".", 1)[0]


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
def test_every_family_has_golden_rows(family):
    assert family in FILES, f"tests/golden/lp/{family}.lp is missing"
    rows, _ = read_golden(family)
    assert rows, f"{family}.lp holds no row"


@pytest.mark.parametrize("name", FILES)
def test_every_golden_file_has_a_family_and_an_instance(name):
    assert family_of(name) in BY_NAME
    assert name in CASES
    rows, absent = read_golden(name)
    assert {row.split("[")[0] for row in rows.keys() | absent} == {family_of(name)}


def test_every_instance_has_a_golden_file():
    assert sorted(CASES) == FILES


@pytest.mark.parametrize("name", FILES)
def test_golden_instances_are_small(name):
    rows, _ = read_golden(name)
    assert CASES[name]().horizon <= PERIODS
    assert len({column for row in rows.values() for column in row.terms}) <= COLUMNS


@pytest.mark.parametrize("name", FILES)
def test_family_yields_the_golden_rows(name):
    family = BY_NAME[family_of(name)]
    book = declare(CASES[name]())
    book.program.add_family(family.name, family.labels(book), family.rows(book))
    expected, absent = read_golden(name)
    found, _ = read_rows(lp_text(book.program, [family.name]))
    assert differences(expected, found) == []
    assert {_text(family.name, key) for _, key in book.program.absent} == absent


def _text(family: str, key: object) -> str:
    return f"{family}[{','.join(map(str, key)) if isinstance(key, tuple) else key}]"


@pytest.mark.parametrize("name", FILES)
def test_the_whole_program_of_a_golden_instance_can_be_built(name):
    program = build_program(declare(CASES[name]()))
    assert {family for family, _ in program._row_index} <= BY_NAME.keys()
    expected, _ = read_golden(name)
    found, _ = read_rows(lp_text(program))
    assert expected.keys() <= found.keys()


GOOD = "cap[1]: +1 x[1] -0.5 y[1] <= 2\n"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("cap[1]: +1 x[1] -0.5000001 y[1] <= 2", "y[1]"),
        ("cap[1]: +1 x[1] +0.5 y[1] <= 2", "y[1]"),
        ("cap[1]: +1 x[1] <= 2", "y[1]"),
        ("cap[1]: +1 x[1] -0.5 y[1] >= 2", "golden <="),
        ("cap[1]: +1 x[1] -0.5 y[1] <= 2.0000001", "right"),
        ("cap[2]: +1 x[1] -0.5 y[1] <= 2", "missing"),
        (GOOD + "cap[2]: +1 x[1] <= 2", "not in the golden file"),
    ],
)
def test_a_row_that_differs_is_named(changed, says):
    expected, _ = read_rows(GOOD)
    assert differences(expected, read_rows(GOOD)[0]) == []
    assert any(says in text for text in differences(expected, read_rows(changed)[0]))


@pytest.fixture
def program() -> Program:
    program = Program("test")
    program.column("x", 1)
    return program


def row(coefficient: float = 1.0, right: float = 1.0, constant: float = 0.0) -> Row:
    """``coefficient * x[1] + constant <= right``."""
    return Row(Terms().add(0, coefficient).plus(constant), "<=", right)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([(("a", 1), row())], r"\('a', 2\)", id="missing"),
        pytest.param(
            [(("a", 1), row()), (("a", 2), row()), (("a", 3), row())],
            r"cap\[\('a', 3\)\] is not among",
            id="extra",
        ),
        pytest.param(
            [(("a", 1), row()), (("a", 1), row())], r"cap\[\('a', 1\)\] stands twice", id="repeated"
        ),
        pytest.param(
            [(("a", 1), Absent("none")), (("a", 1), row())],
            r"cap\[\('a', 1\)\] stands twice",
            id="absent and given",
        ),
        pytest.param([(("a", 1), row(math.nan))], r"cap\[\('a', 1\)\]", id="coefficient NaN"),
        pytest.param([(("a", 1), row(math.inf))], r"cap\[\('a', 1\)\]", id="coefficient infinite"),
        pytest.param([(("a", 1), row(right=math.nan))], r"cap\[\('a', 1\)\]", id="limit NaN"),
        pytest.param([(("a", 1), row(constant=math.nan))], r"cap\[\('a', 1\)\]", id="constant NaN"),
        pytest.param(
            [(("a", 1), Row(Terms().plus(1.0), "<="))],
            r"cap\[\('a', 1\)\] has no variable",
            id="variable-free",
        ),
        pytest.param(
            [(("a", 1), row(0.0))], r"cap\[\('a', 1\)\] has no variable", id="coefficient zero"
        ),
    ],
)
def test_a_family_that_breaks_its_labels_is_refused(program, rows, says):
    with pytest.raises(LabelError, match=says) as caught:
        program.add_family("cap", [("a", 1), ("a", 2)], rows)
    assert re.search(r"\bcap\b", str(caught.value))


def test_columns_are_declared_once_with_real_bounds(program):
    with pytest.raises(LabelError, match=r"x\[1\] is declared twice"):
        program.column("x", 1)
    with pytest.raises(LabelError, match=r"x\[2\] has bounds"):
        program.column("x", 2, lower=math.nan)
    with pytest.raises(LabelError, match=r"x\[2\] has bounds"):
        program.column("x", 2, lower=1.0, upper=0.0)


def test_data_moves_to_the_right_and_absence_is_kept(program):
    program.add_family("cap", [1, 2], [(1, row(2.0, 5.0, 3.0)), (2, Absent("shut"))])
    assert lp_text(program) == "cap[1]: +2 x[1] <= 2\n"
    assert program.absent == {("cap", 2): "shut"}


def test_older_notes_beyond_the_horizon_count_in_the_rolling_window():
    # 18 outstanding at a tenor of 18: 1 was placed in each of the last 18 months, so 11 stand
    # in the twelve months that end with month 1, and none in those that end with month 12.
    p2p = {**MODEL["p2p"], "tenor": 18, "outstanding": 18.0e6, "rolling_12_months": 20.0e6}
    book = declare(platform({"p2p": p2p, "opening": {"net_capital": 80.0e6}}).inputs)
    family = BY_NAME["p2p_rolling"]
    book.program.add_family(family.name, family.labels(book), family.rows(book))
    rows, _ = read_rows(lp_text(book.program))
    assert [rows[f"p2p_rolling[{t}]"].right for t in range(1, 13)] == pytest.approx(range(9, 21))
