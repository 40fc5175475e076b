"""A projection too large for one memory or one machine: chunk by chunk, alone or over Dask.

A tape that is a Parquet data set is read twice, a chunk at a time: first every row is checked and
what the whole must know is kept (segments, longest terms, repeated loans, faults), then each chunk
becomes loans, and these flows, which are added in the order of the chunks. So no more is held than
a chunk for each worker and the flows, and eight bytes a loan on disk; and the sum is that of the
single pass.

Where a tape cannot be read so (see :func:`~scfcap.api.chunked.streamed`), the pool is built as
ever, and its loans are projected in slices.
"""

from __future__ import annotations

import logging
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from scfcap import __version__
from scfcap.api.chunked import (
    Alone,
    Crew,
    CurvesOf,
    Pieces,
    Progress,
    in_chunks,
    in_slices,
    streamed,
)
from scfcap.api.spread import cash_flows, one_loan, paths
from scfcap.api.workers import ended, held_back
from scfcap.errors import InputError, Problem
from scfcap.tape import limits
from scfcap.tape.partitions import CHUNK_ROWS

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.cashflow.distribution import Distribution
    from scfcap.cashflow.explain import LoanExplanation
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.credit.curves import CurveSet

#: How long to wait for a scheduler [s].
CONNECT: Final = 10.0
#: How long to wait for its first worker, and for one to come back [s].
PATIENCE: Final = 30.0
#: How often to look for workers while waiting [s].
_STEP: Final = 1.0


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
    curves than the model's scenarios; it is handed a model whose pool stands for the whole one.

    Raises:
        InputError: the tape, the model, the address, or workers that cannot do their work.
        InvariantError: money was created or lost.
    """
    with crew(workers, address) as hands:
        pieces = _pieces(model, hands, chunk_rows, progress, owing=curves_of is not None)
        curves = (curves_of or _stated)(pieces.model)
        return cash_flows(pieces, hands, curves, progress)


def project_paths(
    model: Model,
    count: int,
    seed: int = 0,
    *,
    chunk_rows: int = CHUNK_ROWS,
    workers: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
) -> tuple[PoolCashflow, Distribution]:
    """The cash flows of a model's pool in its scenarios, and over ``count`` Monte Carlo paths.

    As ``model.cashflow()`` and ``model.distribution(count, seed)`` give them, in chunks: the tape
    is checked once for both. Paths and chunks are both spread over the workers. Arguments and
    errors as of :func:`project_tape`.
    """
    from scfcap.api.drawing import projected_draw
    from scfcap.cashflow.distribution import refuse_count

    refuse_count(count)
    with crew(workers, address) as hands:
        pieces = _pieces(model, hands, chunk_rows, progress, owing=True)
        flows = cash_flows(pieces, hands, _stated(pieces.model), progress)
        drawn = projected_draw(pieces.model, seed)
        return flows, paths(pieces, hands, drawn, count, progress)


def explain_tape(
    model: Model,
    loan_id: str,
    scenario: str | None = None,
    *,
    chunk_rows: int = CHUNK_ROWS,
    workers: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
) -> LoanExplanation:
    """Every figure of one loan, as ``model.explain(loan_id, scenario)`` gives them, in chunks.

    The tape is checked, the loan's chunk found, and those that survive like it are counted in all
    chunks. Arguments and errors as of :func:`project_tape`; also :class:`InputError` where there
    is no such loan.
    """
    with crew(workers, address) as hands:
        pieces = _pieces(model, hands, chunk_rows, progress)
        wanted = scenario or model.loaded.spec.plan.scenario
        return one_loan(pieces, hands, loan_id, wanted, progress)


def _pieces(
    model: Model,
    hands: Crew,
    chunk_rows: int,
    progress: Progress | None,
    *,
    owing: bool = False,
) -> Pieces:
    if chunk_rows < 1:
        raise InputError(Problem("chunk_rows", str(chunk_rows), "at least 1 row"))
    data = streamed(model)
    if data is None:
        return in_slices(model, chunk_rows)
    return in_chunks(model, data, hands, chunk_rows, progress, owing=owing)


def _stated(model: Model) -> CurveSet:
    return model.projection_curves()


def too_large(model: Model) -> bool:
    """Whether a tape has more rows than are read as a whole, but can be read in chunks."""
    data = streamed(model)
    return data is not None and data.rows > limits.MAX_ROWS


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
    with _quiet(), _client(distributed, workers, address, where) as client:
        yield Dask(client, where)


@contextmanager
def _quiet() -> Iterator[None]:
    """What Dask has to say of lost connections is said by us."""
    logger = logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _client(
    distributed: Any, workers: int | None, address: str | None, where: str
) -> Iterator[Any]:
    if address is None:
        with ExitStack() as stack:
            with held_back():
                try:
                    local = distributed.LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        dashboard_address="127.0.0.1:0",
                        silence_logs=logging.ERROR,
                    )
                except RuntimeError as error:
                    msg = "a worker that ended as it began"
                    raise ended(msg) from error
                cluster = stack.enter_context(local)
                client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
            yield client
        return
    from distributed.comm.addressing import get_address_host

    try:
        get_address_host(address)  # a client of what is no address waits long to be taken down
        client = distributed.Client(address, timeout=CONNECT, set_as_default=False)
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

    def count(self) -> int:
        """How many work at a time."""
        return max(1, self._threads())

    def map(
        self, work: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Generator[Any, None, None]:
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
                if len(under_way) > 2 * self.count():
                    yield self._result(under_way.popleft())
            while under_way:
                yield self._result(under_way.popleft())
        finally:
            with suppress(OSError):  # the scheduler may be gone
                self._client.cancel([common, *under_way])

    def _threads(self) -> int:
        from distributed.comm.core import CommClosedError

        try:
            return sum(int(count) for count in self._client.nthreads().values())
        except CommClosedError as error:
            raise self._lost(error) from None

    def _submit(self, *task: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            return self._client.submit(*task, pure=False)

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError

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
            idle = 0.0 if self._threads() else idle + _STEP
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
