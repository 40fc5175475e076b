"""Who is named in a model's loans, and the mask that keeps them out of what is sent on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.report.privacy import COLUMNS, Mask, numbered, secret_of
from scfcap.schema.base import names_given
from scfcap.schema.pool import GROUP, Groups
from scfcap.schema.privacy import read_key, write_key

if TYPE_CHECKING:
    from scfcap.api.model import Model


def mask_of(model: Model, key: Path | None = None) -> Mask:
    """Numbers for all whom the tape, related groups and the model's scenarios name.

    They are drawn from the tape itself: the same tape, the same numbers. ``key`` is a file that
    keeps them from one tape to the next, and tells them back; it is read if it is there, and
    written. Raises :class:`~scfcap.errors.InputError` where the file cannot be used, or where the
    model calls something by the name of a borrower or buyer, which could not be masked.
    """
    return model.once(f"mask {key}", lambda: _mask(model, key))


def _mask(model: Model, key: Path | None) -> Mask:
    columns = _columns(model)
    found: dict[str, set[str]] = {}
    for kind, names in _identities(model, columns):
        found.setdefault(kind, set()).update(names)
    known = {} if key is None else read_key(key)
    numbers = numbered(found, secret_of(model.tape().frame), known)
    if key is not None:
        told = {kind: {str(k): int(n) for k, n in each.items()} for kind, each in numbers.items()}
        write_key(key, told)
    mask = Mask(numbers, columns, _limits(model))
    _refuse_shared_names(model, mask)
    return mask


def _columns(model: Model) -> dict[str, str]:
    """Kind by column that holds identities."""
    spec, frame = model.loaded.spec, model.tape().frame
    missing = [name for name in spec.tape.identity if name not in frame]
    if missing:
        raise InputError(
            Problem(
                model.loaded.where(("tape", "identity")),
                ", ".join(missing),
                "columns of the tape",
                "Keep them (tape.keep), or leave them out.",
            )
        )
    groups = spec.pool.groups
    more = dict.fromkeys((*spec.tape.identity, *(groups.columns if groups else ())), "name")
    if groups is not None:
        more |= {groups.member: "borrower"}
    return {**more, **COLUMNS}


def _identities(model: Model, columns: dict[str, str]) -> Iterator[tuple[str, Iterable[str]]]:
    frame, spec = model.tape().frame, model.loaded.spec
    for column, kind in columns.items():
        if column in frame:
            yield kind, frame[column].dropna().astype("str").unique()
    if spec.pool.groups is not None:
        yield from _grouped(model, spec.pool.groups)
    yield "buyer", model.exposures().cores
    if spec.orders is not None:
        yield "borrower", spec.orders.seller_limits
        yield "buyer", spec.orders.buyer_limits
    cores = [getattr(each, "core", None) for each in spec.concentration]
    for scenario in spec.scenarios.values():
        cores += [getattr(shock, "core", None) for shock in scenario.shocks]
    yield "buyer", [core for core in cores if core and not core.startswith("#")]


def _grouped(model: Model, groups: Groups) -> Iterator[tuple[str, Iterable[str]]]:
    """Related groups by what they are called, and all who are named in them."""
    from scfcap.pool.build import Around, columns_of

    spec = model.loaded.spec
    around = Around.of(spec, model.loaded.tape_folder)
    labels = columns_of(model.tape(), spec.pool, around).added[GROUP].labels
    yield "group", pd.Series(labels, dtype="object").astype("str")
    yield "group", groups.names
    for members in (*groups.names.values(), *groups.links):
        yield "borrower", members
    if around.members is not None:
        yield "group", map(str, around.members.groups)
        yield "borrower", map(str, around.members.members)


def _limits(model: Model) -> dict[tuple[str, str], str]:
    """Column by limit on concentrations."""
    return {
        (name, limit.label): limit.column
        for name, each in model.loaded.spec.pool.eligibility.items()
        for limit in each.concentrations
    }


def _refuse_shared_names(model: Model, mask: Mask) -> None:
    spec = model.loaded.spec
    bare = spec.model_copy(
        update={
            "pool": spec.pool.model_copy(update={"groups": None}),
            "orders": None if spec.orders is None else spec.orders.model_copy(
                update={"seller_limits": {}, "buyer_limits": {}}
            ),
        }
    )  # fmt: skip
    segments = model.tape().frame["segment"].cat.categories
    shared = [name for name in (*names_given(bare), *segments) if mask.is_identity(str(name))]
    if shared:
        raise InputError(
            Problem(
                "--privacy masked",
                f"a name of the model that is also one of the tape's: {shared[0]!r}",
                "names of segments, lenders, series and limits that are nobody's",
                "Call it otherwise in the model.",
            )
        )
