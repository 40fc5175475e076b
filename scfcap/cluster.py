"""A projection too large for one memory or one machine: chunk by chunk, alone or over Dask.

A tape that is a Parquet data set is read twice, a chunk at a time: first every row is checked and
what the whole must know is kept (segments, longest terms, repeated loans, faults), then each chunk
becomes loans, and these flows, which are added in the order of the chunks. So no more is held than
a chunk for each worker and the flows, and eight bytes a loan on disk; and the sum is that of the
single pass.

Where a tape cannot be read so (see :func:`streamed`), the pool is built as ever, and its loans are
projected in slices.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final, Protocol

import pandas as pd

from scfcap import __version__
from scfcap.errors import InputError, Problem
from scfcap.tape.partitions import CHUNK_ROWS, Chunk, DataSet

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.cashflow.chunks import Claim, Part, Recipe
    from scfcap.cashflow.flows import Flows
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.credit.curves import CurveSet

#: Told what is done of how much: the stage ("tape", "cash flows"), chunks done, chunks in all.
Progress = Callable[[str, int, int], None]
#: Curves of a model whose pool stands for the whole: the same segments, total and longest loans.
CurvesOf = Callable[["Model"], "CurveSet"]
#: How long to wait for a scheduler, for its first worker, and for one to come back [s].
PATIENCE: Final = 30.0
#: How often to look for workers while waiting [s].
_STEP: Final = 1.0
#: Rules between rows: where one of them rejects, a chunk cannot be judged by itself.
_BETWEEN_ROWS: Final = ("double_pledge", "outlier")


def project_tape(
    model: Model,
    *,
    chunk_rows: int = CHUNK_ROWS,
    workers: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
    curves_of: CurvesOf | None = None,
) -> PoolCashflow:
    """The cash flows of a model's pool, as ``model.cashflow()`` gives them, in chunks.

    ``workers``: processes of this machine; ``address``: a Dask scheduler instead; neither: here.
    ``chunk_rows`` of the tape are held at a time (a row group at least). ``curves_of`` gives other
    curves than the model's scenarios, such as Monte Carlo paths; it is handed a model whose pool
    stands for the whole one.

    Raises:
        InputError: the tape, the model, the address, or workers that cannot do their work.
        InvariantError: money was created or lost.
    """
    if chunk_rows < 1:
        raise InputError(Problem("chunk_rows", str(chunk_rows), "at least 1 row"))
    of = curves_of or (lambda chosen: chosen.curves())
    data = streamed(model)
    with crew(workers, address) as hands:
        if data is None:
            return _sliced(model, hands, of, chunk_rows, progress)
        return _streamed(model, data, hands, of, (chunk_rows, curves_of is not None), progress)


def streamed(model: Model) -> DataSet | None:
    """The tape as a data set that is read in chunks; None where it must be read as a whole.

    As a whole are read: tapes that are not Parquet; rows that ``[tape.group]`` folds to loans;
    amounts with currencies, of which the most frequent counts; rules that reject rows for what
    stands in others; equal rows that are dropped and have no id of their own; behaviour by groups
    of related borrowers; and a tape from which curves, or the delays of buyers, are estimated.
    """
    from scfcap.tape.read import partitioned

    spec = model.loaded.spec
    tape = spec.tape
    by_number = tape.derive.get("loan_id")
    numbered = by_number is not None and by_number.how == "row_number"
    judged = any(
        said == "error" and rule.rpartition(".")[2] in _BETWEEN_ROWS
        for rule, said in tape.rules.items()
    )
    whole = (
        spec.credit.source != "stated"
        or spec.orders is not None
        or (bool(spec.credit.where) and spec.pool.groups is not None)
        or tape.group is not None
        or bool(tape.currency_text)
        or judged
        or (tape.duplicates == "drop_equal" and numbered)
    )
    return None if whole else partitioned(tape, model.loaded.tape_folder, model.tape_path)


def _sliced(
    model: Model, hands: Crew, curves_of: CurvesOf, rows: int, progress: Progress | None
) -> PoolCashflow:
    """Flows of a pool that is built as a whole."""
    from scfcap.cashflow.chunks import added, sliced

    pool = model.pool()
    curves = curves_of(model)
    slices = (sliced(pool, start, start + rows) for start in range(0, len(pool), rows))
    parts = hands.map(_slice_flows, curves, slices)
    flows = added(_told(parts, "cash flows", -(-len(pool) // rows), progress), pool.segments)
    return _cashflow(curves, pool.segments, flows)


def _streamed(
    model: Model,
    data: DataSet,
    hands: Crew,
    curves_of: CurvesOf,
    how: tuple[int, bool],
    progress: Progress | None,
) -> PoolCashflow:
    from scfcap.cashflow.chunks import added

    chunk_rows, others = how
    chunks = data.chunks(chunk_rows)
    if not chunks:
        raise InputError(
            Problem(data.source, "no rows", "at least one loan", "Check that the export is whole.")
        )
    recipe = _recipe(model, data, others)
    scanned = _scanned(recipe, chunks, hands, progress)
    curves = curves_of(_stand_in(model, recipe, scanned.parts))
    items = zip(chunks, scanned.dropped, strict=True)
    found = hands.map(_flows, (recipe, curves), items)
    segments = tuple(sorted({name for part in scanned.parts for name in part.segments}))
    flows = added(_told(found, "cash flows", len(chunks), progress), segments)
    return _cashflow(curves, segments, flows)


def _cashflow(curves: CurveSet, segments: tuple[str, ...], flows: Flows) -> PoolCashflow:
    from scfcap.cashflow.project import PoolCashflow

    flows.check()
    return PoolCashflow(curves.scenarios, segments, curves.grid, flows)


def _recipe(model: Model, data: DataSet, others: bool) -> Recipe:
    from scfcap.cashflow.chunks import Recipe
    from scfcap.credit.stress import names_cores
    from scfcap.pool.build import Around
    from scfcap.schema.pool import PoolSpec
    from scfcap.tape.references import reference_lists

    spec, folder = model.loaded.spec, model.loaded.tape_folder
    around = Around.of(spec.model_copy(update={"pool": PoolSpec()}), folder)
    return Recipe(
        data=data,
        spec=spec.tape,
        as_of=spec.as_of,
        known=reference_lists(spec.tape, folder),
        around=replace(around, lenders=(), stated_for_book=None),
        owing=others or bool(names_cores(spec.scenarios)),
    )


@dataclass(frozen=True)
class _Scanned:
    """What the first reading found, and the loans of each chunk that stand in an earlier one."""

    parts: tuple[Part, ...]
    dropped: tuple[tuple[str, ...], ...]


def _scanned(
    recipe: Recipe, chunks: Sequence[Chunk], hands: Crew, progress: Progress | None
) -> _Scanned:
    """Check every row. Raises :class:`InputError` where too many are faulty, or none is left."""
    from scfcap.cashflow.chunks import Repeats
    from scfcap.cashflow.settle import NOTHING, judge, settle
    from scfcap.tape.checks import none_left

    parts: list[Part] = []
    with tempfile.TemporaryDirectory(prefix="scfcap-") as folder:
        repeats = Repeats(Path(folder))
        found = hands.map(_scan, recipe, ((chunk, ()) for chunk in chunks))
        for part in _told(found, "tape", len(chunks), progress):
            repeats.add(part.ids)
            parts.append(replace(part, ids=part.ids[:0]))
        twice = repeats.found()
    if not sum(part.rows for part in parts):
        raise none_left(recipe.data.source, recipe.data.rows)
    settled = NOTHING
    if len(twice):
        listed = list(hands.map(_claims, (recipe, twice), iter(chunks)))
        settled = settle(listed, equal_goes=recipe.spec.duplicates == "drop_equal")
        again = [k for k, ids in enumerate(settled.dropped) if ids]
        for k, part in zip(
            again,
            hands.map(_scan, recipe, ((chunks[k], settled.dropped[k]) for k in again)),
            strict=True,
        ):
            parts[k] = replace(part, ids=part.ids[:0])
    judge(recipe, parts, settled)
    return _Scanned(tuple(parts), settled.dropped or ((),) * len(chunks))


def _stand_in(model: Model, recipe: Recipe, parts: Sequence[Part]) -> Model:
    """The model with a few loans for all: its segments, its total, its longest loans, and who owes
    what through which buyer, so that its curves and its grid are those of the whole.
    """
    from scfcap.cashflow.chunks import joined
    from scfcap.credit.exposure import measure
    from scfcap.credit.stress import names_cores
    from scfcap.pool.build import loans_of
    from scfcap.tape.schema import Tape

    frame = joined([part.longest for part in parts])
    segments = sorted({name for part in parts for name in part.segments})
    frame["segment"] = frame["segment"].cat.set_categories(segments)
    none = pd.DataFrame()
    tape = Tape(frame, none, none, none, recipe.as_of, recipe.data.source, recipe.data.digest)
    few = loans_of(tape, recipe.around)
    size = sum(part.total for part in parts) / few.total
    pool = replace(few, balance=few.balance * size)
    given: dict[str, object] = {"tape": tape, "pool": pool}
    if recipe.owing:
        owed = pd.concat([part.owed for part in parts if part.owed is not None])
        named = names_cores(model.loaded.spec.scenarios)
        given["exposures"] = measure(owed, pool.segments, named=named)
    return model.given(**given)


def _told(parts: Iterator[Any], stage: str, count: int, progress: Progress | None) -> Iterator[Any]:
    """``parts``, of which ``progress`` is told as they come."""
    tell = progress or (lambda *_: None)
    tell(stage, 0, count)
    for done, part in enumerate(parts, start=1):
        yield part
        tell(stage, done, count)


def _scan(recipe: Recipe, item: tuple[Chunk, tuple[str, ...]]) -> Part:
    from scfcap.cashflow.chunks import scan

    return scan(recipe, *item)


def _claims(shared: tuple[Recipe, Any], chunk: Chunk) -> list[Claim]:
    from scfcap.cashflow.chunks import claims

    return claims(shared[0], chunk, shared[1])


def _flows(shared: tuple[Recipe, CurveSet], item: tuple[Chunk, tuple[str, ...]]) -> Any:
    from scfcap.cashflow.chunks import chunk_flows

    return chunk_flows(shared[0], *item, shared[1])


def _slice_flows(curves: CurveSet, pool: Any) -> Any:
    from scfcap.cashflow.chunks import slice_flows

    return slice_flows(pool, curves)


class Crew(Protocol):
    """Who does the work."""

    def map(
        self, work: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Iterator[Any]:
        """``work(shared, item)`` of each item, in their order."""
        ...


class Alone:
    """The work is done here, one piece after the other."""

    def map(
        self, work: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Iterator[Any]:
        """``work(shared, item)`` of each item, in their order."""
        for item in items:
            yield work(shared, item)


@contextmanager
def crew(workers: int | None, address: str | None) -> Iterator[Crew]:
    """Workers of this machine, or of the scheduler at ``address``; else who asks works alone.

    Raises :class:`InputError` where Dask is not installed, the scheduler cannot be reached or has
    no worker, or a worker has another version of scfcap.
    """
    if workers is not None and address is not None:
        raise InputError(
            Problem("--cluster", "--workers too", "one of the two: a cluster has its own workers")
        )
    if workers is not None and workers < 1:
        raise InputError(Problem("--workers", str(workers), "at least 1"))
    if workers is None and address is None:
        yield Alone()
        return
    where = "--workers" if address is None else f"--cluster {address}"
    try:
        import distributed
    except ImportError:
        raise InputError(
            Problem(
                where,
                "no package distributed",
                "the optional packages for clusters",
                "Install them with: pip install 'scfcap[cluster]'",
            )
        ) from None
    with _client(distributed, workers, address, where) as client:
        yield Dask(client, where)


@contextmanager
def _client(
    distributed: Any, workers: int | None, address: str | None, where: str
) -> Iterator[Any]:
    if address is None:
        with (
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.ERROR,
            ) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(
            Problem(
                where,
                f"no scheduler there ({said})",
                "the address of a running Dask scheduler, such as tcp://host:8786",
                "Start one with `dask scheduler`, or correct the address.",
            )
        ) from None
    with client:
        _fit(client, where)
        yield client


def _fit(client: Any, where: str) -> None:
    """Refuse a cluster without workers, or whose workers have another scfcap."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        versions = client.run(_version)
    except TimeoutError:
        raise _nobody(where) from None
    except ImportError as error:
        said = str(error).splitlines()[0]
        action = f"Install scfcap {__version__} where the workers run."
        raise InputError(Problem(where, f"workers without it ({said})", "scfcap", action)) from None
    others = sorted({theirs for theirs in versions.values() if theirs != __version__})
    if others:
        raise InputError(
            Problem(
                where,
                f"workers with scfcap {', '.join(others)}",
                f"scfcap {__version__} on each, as here",
                "Install the same version on all.",
            )
        )


def _version() -> str:
    return __version__


def _nobody(where: str) -> InputError:
    return InputError(
        Problem(
            where,
            f"no worker for {PATIENCE:.0f} seconds",
            "at least one",
            "Start workers with `dask worker ADDRESS`, or see why they have ended.",
        )
    )


@dataclass(frozen=True)
class _Refused:
    """What a worker finds wrong with the user's input: errors of ours do not travel."""

    problems: tuple[Problem, ...]


def _work(work: Callable[[Any, Any], Any], shared: Any, item: Any) -> Any:
    try:
        return work(shared, item)
    except InputError as error:
        return _Refused(error.problems)


def _given(value: Any) -> Any:
    return value


class Dask:
    """The work is spread over a Dask cluster; what a lost worker had is done again by another."""

    def __init__(self, client: Any, where: str) -> None:
        self._client = client
        self._where = where

    def map(
        self, work: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Iterator[Any]:
        """``work(shared, item)`` of each item, in their order; few are under way at a time.

        Raises :class:`InputError` for what a worker finds, where workers keep dying, and where
        none is left.
        """
        # As a task, and not scattered, so that it too outlives the workers that hold it.
        common = self._submit(_given, shared)
        under_way: deque[Any] = deque()
        try:
            for item in items:
                under_way.append(self._submit(_work, work, common, item))
                if len(under_way) >= self._most():
                    yield self._result(under_way.popleft())
            while under_way:
                yield self._result(under_way.popleft())
        finally:
            self._client.cancel([common, *under_way])

    def _most(self) -> int:
        threads = sum(int(count) for count in self._client.nthreads().values())
        return 2 * max(1, threads) + 1

    def _submit(self, *task: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            return self._client.submit(*task, pure=False)

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError

        try:
            self._wait(future)
            found = future.result()
        except KilledWorker as error:
            raise self._deadly(str(error.task)) from None
        except (FutureCancelledError, CommClosedError) as error:
            raise self._lost(error) from None
        if isinstance(found, _Refused):
            raise InputError(found.problems)
        return found

    def _wait(self, future: Any) -> None:
        """Until ``future`` has ended, as long as there are workers."""
        ended = Event()
        future.add_done_callback(lambda _: ended.set())
        idle = 0.0
        while not ended.wait(_STEP):
            idle = 0.0 if self._client.nthreads() else idle + _STEP
            if idle >= PATIENCE:
                raise _nobody(self._where)

    def _deadly(self, task: str) -> InputError:
        return InputError(
            Problem(
                self._where,
                f"a piece of work that several workers did not survive ({task})",
                "workers with memory for a chunk of the tape",
                "Give each worker more memory, or write the tape with smaller row groups.",
            )
        )

    def _lost(self, error: Exception) -> InputError:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return InputError(
            Problem(
                self._where,
                f"a scheduler that went away ({said})",
                "one that runs until the work is done",
                "Start it again, and the command.",
            )
        )
