"""Memory that ends is told with what a tape of that size takes, and what the process may have."""

from __future__ import annotations

import resource

import pytest

import scfcap
from scfcap.api import memory
from scfcap.errors import InputError


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
    assert problem.found.startswith("not enough memory for 7.63 MiB more")
    need = (memory.BASE + memory.LOAN * 1_000_000) / 2**30  # the same sum by hand
    assert problem.expected == f"about {need:.1f} GiB for 1,000,000 loans"
    assert "--workers" in problem.action


def test_the_least_limit_on_the_process_is_told(monkeypatch):
    limits = {resource.RLIMIT_AS: 3 * 2**30, resource.RLIMIT_DATA: 2 * 2**30}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[kind], limits[kind]))
    monkeypatch.setattr(memory, "_GROUPS", ())
    assert memory.allowed() == 2 * 2**30
    told = str(memory.exhausted(MemoryError()))
    assert told.startswith("memory: found not enough memory: this process may have 2.0 GiB")
    limits[resource.RLIMIT_DATA] = limits[resource.RLIMIT_AS] = resource.RLIM_INFINITY
    assert memory.allowed() is None


def test_the_limit_of_a_group_of_processes_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    for name, text in (("none", "max\n"), ("some", "1073741824\n")):
        (tmp_path / name).write_text(text)
    files = tuple(str(tmp_path / name) for name in ("none", "some", "absent"))
    monkeypatch.setattr(memory, "_GROUPS", files)
    assert memory.allowed() == 2**30
