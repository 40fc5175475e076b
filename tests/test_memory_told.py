"""A tape that takes more memory than there may be is refused before it is read; memory that ends
is told with what the tape takes, and what the process may have.
"""

from __future__ import annotations

import resource
import subprocess
import sys

import pandas as pd
import pytest

import scfcap
from scfcap import allowance
from scfcap.api import memory
from scfcap.errors import InputError

MIB = 2**20


@pytest.fixture(autouse=True)
def limits(monkeypatch, tmp_path):
    """Limits of the process that a test sets; it is in no group."""
    found = {}
    monkeypatch.setattr(
        resource, "getrlimit", lambda kind: (found.get(kind, resource.RLIM_INFINITY),) * 2
    )
    monkeypatch.setattr(allowance, "_OURS", tmp_path / "no-group")
    return found


@pytest.fixture
def model():
    return scfcap.load("alibaba-2013", overrides={"tape.platform.loans": 1_000_000})


def test_a_station_that_has_no_memory_tells_the_need(model, monkeypatch):
    def starved(*_):
        msg = "Unable to allocate 7.63 MiB for an array"
        raise MemoryError(msg)

    monkeypatch.setattr("scfcap.api.sources.read", starved)
    with pytest.raises(InputError) as told:
        model.pool()
    (problem,) = told.value.problems
    assert problem.found == "not enough memory for 7.63 MiB more"
    need = (memory.RESIDENT.base + memory.RESIDENT.loan * 1_000_000) / 2**30  # by hand
    assert problem.expected == f"about {need:.1f} GiB for 1,000,000 loans"
    assert "--workers" in problem.action


def test_the_least_limit_on_the_process_is_told(limits):
    limits |= {resource.RLIMIT_AS: 3 * 2**30, resource.RLIMIT_DATA: 2 * 2**30}
    assert allowance.allowed() == 2 * 2**30
    told = str(memory.exhausted(MemoryError()))
    assert told.startswith("memory: found not enough memory: this process may have 2.0 GiB")
    limits.clear()
    assert allowance.allowed() is None


@pytest.mark.parametrize(
    ("number", "kind"),
    [(resource.RLIMIT_AS, memory.SPACE), (resource.RLIMIT_DATA, memory.DATA)],
    ids=["address space", "data"],
)
def test_a_million_loans_are_refused_below_what_they_take_before_one_is_made(
    model, limits, monkeypatch, number, kind
):
    made = []

    def read(*_, **__):
        made.append(True)
        raise AssertionError

    monkeypatch.setattr("scfcap.tape.read.read_tape", read)
    monkeypatch.setattr("scfcap.api.sources._generated", lambda _: None)
    limits[number] = kind.needed(1_000_000) - 1
    with pytest.raises(InputError) as told:
        model.pool()
    assert made == []
    (problem,) = told.value.problems
    assert problem.found.startswith("1,000,000 loans where this process may have ")
    assert problem.found.endswith(kind.name)
    assert problem.expected.startswith("about ")
    limits[number] += 1
    with pytest.raises(AssertionError):
        model.pool()
    assert made == [True]


def test_limits_of_the_group_and_of_those_above_it_count(monkeypatch, tmp_path):
    top = tmp_path / "cgroup"
    (top / "a" / "b").mkdir(parents=True)
    (top / "memory" / "c").mkdir(parents=True)
    ours = tmp_path / "ours"
    ours.write_text("4:cpu:/x\n0::/a/b\n3:memory:/c\n", encoding="utf-8")
    monkeypatch.setattr(allowance, "_GROUPS", top)
    monkeypatch.setattr(allowance, "_OURS", ours)
    assert allowance.allowed() is None
    for place, text, least in (
        ("a/b/memory.max", "max\n", None),
        ("a/memory.max", "4294967296\n", 2**32),
        ("a/b/memory.high", "3221225472\n", 3 * 2**30),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", 3 * 2**30),  # none, as Linux says
        ("memory/c/memory.limit_in_bytes", "1073741824\n", 2**30),
    ):
        (top / place).write_text(text, encoding="ascii")
        assert allowance.allowed() == least, place


def test_rows_of_files_are_known_before_they_are_read(tmp_path):
    frame = pd.DataFrame({"loan_id": [f"loan {k:06}" for k in range(50_000)], "rate": 0.125})
    for name, write in (("a.csv", frame.to_csv), ("b.parquet", frame.to_parquet)):
        write(tmp_path / name, index=False)
        tape = scfcap.load("alibaba-2013", tape=tmp_path / name)
        found = memory.size_of(tape)
        assert found[0] == str(tmp_path / name)
        assert found[1] == pytest.approx(50_000, rel=1e-3)
    packed = tmp_path / "c.csv.gz"
    frame.to_csv(packed, index=False)
    assert memory.size_of(scfcap.load("alibaba-2013", tape=packed)) == (str(packed), 0)


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on address space is Linux's")
def test_libraries_take_less_address_space_where_it_is_limited():
    code = (
        "import resource, runpy, sys\n"
        "if sys.argv.pop(1) == 'limited':\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.RLIM_INFINITY))\n"
        "import scfcap.__main__ as entry\n"
        "entry._spare_address_space()\n"
        "import numpy, pyarrow as pa\n"
        "held = pa.array(range(100_000))\n"
        "print(open('/proc/self/status').read().split('VmPeak:')[1].split()[0])\n"
    )
    took = {
        how: int(subprocess.check_output([sys.executable, "-c", code, how])) // 1024
        for how in ("limited", "free")
    }
    assert took["limited"] < 600  # [MiB], all libraries mapped; Arrow's own allocator alone: 1,024
    assert took["free"] > took["limited"] + 500
