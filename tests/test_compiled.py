"""Machine code that several processes keep in one folder."""

from __future__ import annotations

import fcntl
import threading

import numba
import pytest
from numba.core.caching import IndexDataCacheFile

from scfcap.compiled import compiled


def twice(x):
    return x + x


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "code"))


def made_for(value):
    """What keeps the code for one type, compiled as in a process of its own."""
    made = compiled(twice)
    made._cache.disable()
    made(value)
    made._cache.enable()
    (types,) = made.overloads
    return lambda: made._cache.save_overload(types, made.overloads[types])


def test_code_is_kept_and_loaded():
    first, second = compiled(twice), compiled(twice)
    assert (first(2), second(3)) == (4, 6)
    assert sum(first.stats.cache_misses.values()) == 1
    assert sum(second.stats.cache_hits.values()) == 1
    assert not second.stats.cache_misses


def test_two_that_keep_code_at_once_lose_none(monkeypatch):
    """The second comes while the first has read the index and not yet written it."""
    reached, gone = threading.Event(), threading.Event()
    plain = IndexDataCacheFile._save_index

    def late(self, overloads):
        if not reached.is_set():
            reached.set()
            gone.wait(1.0)
        plain(self, overloads)

    keep_whole, keep_real = made_for(1), made_for(1.0)
    monkeypatch.setattr(IndexDataCacheFile, "_save_index", late)
    slow = threading.Thread(target=keep_whole)
    slow.start()
    assert reached.wait(10.0)
    quick = threading.Thread(target=lambda: (keep_real(), gone.set()))
    quick.start()
    slow.join()
    quick.join()
    fresh = compiled(twice)
    assert (fresh(3), fresh(0.25)) == (6, 0.5)
    assert sum(fresh.stats.cache_hits.values()) == 2
    assert not fresh.stats.cache_misses


def test_none_loads_while_another_writes():
    made = compiled(twice)
    made(1)
    fresh = compiled(twice)
    found = []
    with open(f"{made._cache.cache_path}/numba.lock") as lock:  # noqa: PTH123
        fcntl.flock(lock, fcntl.LOCK_EX)
        reader = threading.Thread(target=lambda: found.append(fresh(5)))
        reader.start()
        reader.join(0.5)
        assert found == []
    reader.join()
    assert found == [10]


def test_a_folder_that_cannot_be_locked_serves_all_the_same(monkeypatch):
    def refuse(*_):
        raise OSError

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert (compiled(twice)(2), compiled(twice)(2.5)) == (4, 5.0)


def test_without_a_folder_it_compiles(monkeypatch):
    def nowhere(_):
        raise RuntimeError

    monkeypatch.setattr("scfcap.compiled._Shared", nowhere)
    assert compiled(twice)(2) == 4
