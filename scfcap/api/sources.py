"""What a model reads: its tape, its loans' history, and what it says of where they come from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.report.files import manifest
from scfcap.schema.tape import TapeSpec

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.report.quality import Quality
    from scfcap.synthetic.lives import Lives
    from scfcap.tape.history import History
    from scfcap.tape.rollforward import RollForward
    from scfcap.tape.schema import Tape


def read(model: Model, spec: TapeSpec) -> Tape:
    """The checked loan tape, as ``spec`` says; loans that the model itself makes, made.

    Raises :class:`~scfcap.errors.InputError` for the tape, and, before it is read, where it takes
    more memory than there may be.
    """
    from scfcap.api.memory import refuse_too_many
    from scfcap.tape.read import read_tape

    refuse_too_many(model)
    return read_tape(
        spec,
        as_of=model.loaded.spec.as_of,
        folder=model.loaded.tape_folder,
        path=model.tape_path,
        frame=_generated(model),
    )


def _generated(model: Model) -> pd.DataFrame | None:
    """Loans of a tape that the model makes; None where it is read."""
    spec, lives = model.loaded.spec, model.lives()
    if lives is not None:
        from scfcap.synthetic.lives import held_tape

        return held_tape(lives, spec)
    if model.tape_path is not None or spec.tape.source != "platform":
        return None
    from scfcap.synthetic.platform import generate

    assert spec.tape.platform is not None
    return generate(spec.tape.platform, spec)


def lives(model: Model) -> Lives | None:
    """The simulated platform, where the tape comes from one."""
    spec = model.loaded.spec
    if model.tape_path is not None or spec.tape.source != "lives" or spec.tape.lives is None:
        return None
    from scfcap.synthetic.lives import simulate

    return simulate(spec.tape.lives, spec.as_of)


def history(model: Model) -> History:
    """What the loans did month by month. Raises InputError where ``[history]`` is absent."""
    from scfcap.tape.performance import read_performance

    spec, lives = model.loaded.spec, model.lives()
    if spec.history is None and lives is not None:
        return lives.history()
    if spec.history is None:
        raise InputError(
            Problem(
                "model.toml: history",
                "nothing",
                "a table [history] that says where the loans' performance is",
            )
        )
    return read_performance(
        spec.history,
        None if spec.history.kind == "tapes" else model.tape(),
        folder=model.loaded.tape_folder,
        path=model.tape_path,
        as_of=spec.as_of,
        mapping=spec.tape,
    )


def roll_forward(model: Model, before: str | Path, on: date) -> RollForward:
    """What became of the loans of an earlier tape: see :meth:`Model.roll_forward`."""
    from scfcap.tape.read import read_tape
    from scfcap.tape.rollforward import roll_forward

    loaded = model.loaded
    earlier = read_tape(loaded.spec.tape, as_of=on, folder=loaded.tape_folder, path=Path(before))
    return roll_forward(earlier, model.tape())


def check(model: Model, before: tuple[str | Path, date] | None = None) -> Quality:
    """The tape, what is wrong with it, and what came before the plan: see :meth:`Model.check`."""
    from scfcap.pool.closed_days import unpublished_days
    from scfcap.report.quality import Quality
    from scfcap.tape.checks import RejectedRows

    limit = model.loaded.spec.tape.reject_limit
    try:
        tape = read(model, model.loaded.spec.tape.model_copy(update={"reject_limit": 1.0}))
    except RejectedRows as error:  # not one row is left
        found = (error.findings, error.rejects, error.reasons)
        origin = manifest(model.provenance(None), {})
        return Quality(model.loaded, origin, *found, len(error.rejects), limit)
    rows = len(tape.frame) + len(tape.rejects)
    origin = manifest(model.provenance(tape), {})
    found = (tape.findings, tape.rejects, tape.reasons)
    quality = Quality(model.loaded, origin, *found, rows, limit, tape)
    if not quality.refused:
        model.keep(tape=tape)
        model.deals()
        model.inputs()
        quality = replace(quality, notes=unpublished_days(model.pool()))
        if before is not None:
            return replace(quality, moved=model.roll_forward(*before))
    return quality


def provenance(model: Model, tape: Tape | None) -> dict[str, Any]:
    """What went in: model, files, digests (SHA-256), seed, overrides."""
    spec, loaded = model.loaded.spec, model.loaded
    return {
        "model": spec.name,
        "as_of": spec.as_of.isoformat(),
        "files": [path.name for path in loaded.files],
        "digests": {"model": loaded.digest, "tape": None if tape is None else tape.digest},
        "seed": getattr(getattr(spec.tape, spec.tape.source, None), "seed", None),
        "overrides": list(loaded.overrides),
        "tape": None if model.tape_path is None else model.tape_path.name,
        **({} if model.taken is None else {"overrides_from": model.taken.manifest()}),
    }


def origin(model: Model, *, whole: bool) -> dict[str, Any]:
    """Provenance; of a tape that was read in chunks the digest of what its footers say."""
    if whole or model.kept("tape") is not None:
        return model.provenance(model.tape())
    from scfcap.tape.read import partitioned

    said = model.provenance(None)
    data = partitioned(model.loaded.spec.tape, model.loaded.tape_folder, model.tape_path)
    if data is not None:
        said["digests"]["tape"] = f"footers {data.digest}"
    return said


def month_given(value: str | date) -> date:
    """A day of the month that a user names as ``2019-02``. Raises :class:`InputError`."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if len(value) > 7 else f"{value}-01")
    except ValueError:
        raise InputError(Problem("month", repr(value), "a month such as 2019-02")) from None
