"""A model's pool in pieces: how a tape is parted, checked as a whole, and stood in for.

:mod:`scfcap.api.spread` asks the pieces for what is wanted, :mod:`scfcap.cluster` says who does
the work.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.quantities import REPLAY_TOLERANCE
from scfcap.tape.partitions import Chunk, DataSet

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.cashflow.chunks import Claim, Part, Recipe
    from scfcap.credit.curves import CurveSet
    from scfcap.pool.snapshot import Pool

#: Told what is done of how much: the stage ("tape", "cash flows"), chunks done, chunks in all.
Progress = Callable[[str, int, int], None]
#: Curves of a model whose pool stands for the whole: the same segments, total and longest loans.
CurvesOf = Callable[["Model"], "CurveSet"]
#: Rules between rows: where one of them rejects, a chunk cannot be judged by itself.
_BETWEEN_ROWS: Final = ("double_pledge", "outlier")


class Crew(Protocol):
    """Who does the work."""

    def count(self) -> int:
        """How many work at a time."""
        ...

    def map(
        self, work: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Generator[Any, None, None]:
        """``work(shared, item)`` of each item, in their order."""
        ...


class Alone:
    """The work is done here, one piece after the other."""

    def count(self) -> int:
        """How many work at a time."""
        return 1

    def map(
        self, work: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Generator[Any, None, None]:
        """``work(shared, item)`` of each item, in their order."""
        for item in items:
            yield work(shared, item)


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


@dataclass(frozen=True)
class Pieces:
    """A pool in pieces, each of which is made where the work on it is done (:func:`pool_of`).

    ``model`` has the curves and the grid of the whole: its segments, total and longest loans.
    ``segments``, ``loans`` and ``total`` [currency] are the whole pool's; ``items`` gives the
    ``count`` pieces, anew each time; ``source`` says how loans are made of them, None where they
    are pools.
    """

    model: Model
    segments: tuple[str, ...]
    loans: int
    total: float
    source: Recipe | None
    items: Callable[[], Iterable[Any]]
    count: int
    name: str = "the pool"

    def refuse_change(self, total: float) -> None:
        """Raise :class:`InputError` where another balance is found than at the first reading."""
        if self.source is None or abs(total - self.total) <= REPLAY_TOLERANCE * max(
            self.total, 1.0
        ):
            return
        raise InputError(
            Problem(
                self.name,
                f"{total:,.2f} outstanding at the second reading, {self.total:,.2f} at the first",
                "a tape that nobody changes while it is read",
                "Run it again when the tape is written.",
            )
        )


def pool_of(source: Recipe | None, item: Any) -> Pool | None:
    """The pool of a piece; None where none of its loans is outstanding."""
    from scfcap.cashflow.chunks import chunk_pool

    made: Pool | None = item if source is None else chunk_pool(source, *item)
    return made


def in_slices(model: Model, rows: int) -> Pieces:
    """A pool that is built as a whole, ``rows`` loans to a piece."""
    from scfcap.cashflow.slices import sliced

    pool = model.pool()
    starts = range(0, len(pool), rows)
    return Pieces(
        model=model,
        segments=pool.segments,
        loans=len(pool),
        total=pool.total,
        source=None,
        items=lambda: (sliced(pool, start, start + rows) for start in starts),
        count=len(starts),
    )


def in_chunks(
    model: Model, data: DataSet, hands: Crew, rows: int, progress: Progress | None, *, owing: bool
) -> Pieces:
    """A tape that is read in chunks of ``rows`` rows, checked as a whole.

    ``owing``: what core enterprises owe is asked for, though no scenario names one. Raises
    :class:`InputError` for the tape.
    """
    chunks = data.chunks(rows)
    if not chunks:
        raise InputError(
            Problem(data.source, "no rows", "at least one loan", "Check that the export is whole.")
        )
    recipe = _recipe(model, data, owing=owing)
    scanned = _scanned(recipe, chunks, hands, progress)
    return Pieces(
        model=_stand_in(model, recipe, scanned.parts),
        segments=tuple(sorted({name for part in scanned.parts for name in part.segments})),
        loans=sum(part.loans for part in scanned.parts),
        total=sum(part.total for part in scanned.parts),
        source=recipe,
        items=lambda: zip(chunks, scanned.dropped, strict=True),
        count=len(chunks),
        name=data.source,
    )


def _recipe(model: Model, data: DataSet, *, owing: bool) -> Recipe:
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
        owing=owing or bool(names_cores(spec.scenarios)),
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
        for part in told(found, "tape", len(chunks), progress):
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
    from scfcap.cashflow.owed import exposures
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
        owed = [part.owed for part in parts if part.owed is not None]
        named = names_cores(model.loaded.spec.scenarios)
        given["exposures"] = exposures(owed, pool.segments, named=named)
    return model.given(**given)


def told(parts: Iterator[Any], stage: str, count: int, progress: Progress | None) -> Iterator[Any]:
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
