"""The only writer of model files: behaviour of segments goes into ``model.toml``, all else stays.

Comments, order and layout of the file are kept. The new file is written beside the old one, loaded
as a trial, and only then takes its place; the old one stays as ``model.toml.bak``.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from scfcap.errors import InputError, Problem
from scfcap.schema.actuals import Actuals
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.load import LoadedModel, load_model, shipped

#: Digits that a written figure keeps.
DIGITS = 6
_HEADING = re.compile(r"(?m)^[ \t]*\[")
_CREDIT = re.compile(r"""[ \t]*\[\[?[ \t]*["']?credit["']?[ \t]*[].]""")


def write_credit(
    loaded: LoadedModel,
    curves: Mapping[str, SegmentCredit],
    notes: Mapping[str, Sequence[str]],
) -> tuple[Path, Path]:
    """State ``curves`` in the model's file, with lines of comment by segment; returns both files.

    ``[credit]`` gets ``source = "stated"``; a segment that the file states with the same values
    stays as it stands. Figures are cut to :data:`DIGITS` significant digits.

    Returns the file written and that which keeps what stood there before.

    Raises:
        InputError: the model is a shipped one, or the file cannot be written, or would not load.
    """
    path = [file for file in loaded.files if file.parent == loaded.folder][-1]
    _refuse_shipped(path, loaded)
    wanted = {name: rounded(curve) for name, curve in curves.items()}
    text = _read(path)
    try:
        new = _with_credit(text, wanted, notes)
    except TOMLKitError as error:
        raise _unwritable(path, str(error)) from error
    backup = path.with_name(f"{path.name}.bak")
    aside, kept = (path.with_name(f".{path.name}.{os.getpid()}.{end}") for end in ("new", "old"))
    try:
        aside.write_text(new, encoding="utf-8", newline="")
        _try(aside, path, wanted)
        kept.write_bytes(path.read_bytes())
        kept.replace(backup)
        aside.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    finally:
        for scratch in (aside, kept):
            scratch.unlink(missing_ok=True)
    return path, backup


def override_text(key: str, value: object) -> str:
    """``KEY=VALUE``, as ``--set`` takes it, of a number, text, date, sequence or mapping.

    Raises :class:`InputError` for a value that TOML has none for, such as None.
    """
    try:
        return f"{key}={_written(value)}"
    except (TypeError, ValueError) as error:
        raise InputError(
            Problem(
                f"overrides: {key}",
                f"{value!r}",
                "a number, text, true or false, a date, or a list or table of such",
            )
        ) from error


def _written(value: object) -> str:
    """A value as TOML on one line."""
    if hasattr(value, "tolist"):  # of numpy
        value = value.tolist()
    if isinstance(value, PurePath):
        value = str(value)
    if isinstance(value, Mapping):
        pairs = (f"{tomlkit.key(str(k)).as_string()} = {_written(v)}" for k, v in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    return tomlkit.item(value).as_string()


def rounded(curve: SegmentCredit) -> SegmentCredit:
    """``curve`` with shares of :data:`DIGITS` significant digits, also of what they lack of one."""
    values = {name: _cut(value) if isinstance(value, float) else value for name, value in curve}
    return SegmentCredit(**values)


def _cut(share: float) -> float:
    """``share`` to so many places that it, and what it lacks of one, keep their digits."""
    least = min(share, 1.0 - share)
    places = DIGITS - 1 - math.floor(math.log10(least)) if least > 0.0 else DIGITS
    return round(share, places)


def _refuse_shipped(path: Path, loaded: LoadedModel) -> None:
    if not path.resolve().is_relative_to(shipped("models").resolve()):
        return
    name = loaded.folder.name
    raise InputError(
        Problem(
            str(path),
            "a shipped model",
            "a model of your own",
            f"Copy it first: scfcap init DIR --from {name}, then scfcap credit DIR --write.",
        )
    )


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def _with_credit(
    text: str, curves: Mapping[str, SegmentCredit], notes: Mapping[str, Sequence[str]]
) -> str:
    """``text`` with the curves; outside the tables of credit not a character changes.

    Only where these cannot be told by their headings is the whole text written anew.
    """
    whole = _edited(text, curves, notes)
    rest, credit, tail = _parted(text)
    try:
        spliced = rest + _edited(credit, curves, notes) + tail
        same = tomlkit.parse(spliced).unwrap() == tomlkit.parse(whole).unwrap()
    except TOMLKitError:
        same = False
    return spliced if same else whole


def _parted(text: str) -> tuple[str, str, str]:
    """What stands before the tables of credit, these, and what stands after."""
    headings = [match.start() for match in _HEADING.finditer(text)] + [len(text)]
    own = [n for n, start in enumerate(headings[:-1]) if _CREDIT.match(text, start)]
    if not own:
        return text.rstrip("\n") + "\n\n", "", ""
    start, end = headings[own[0]], headings[own[-1] + 1]
    return text[:start], text[start:end], text[end:]


def _edited(
    text: str, curves: Mapping[str, SegmentCredit], notes: Mapping[str, Sequence[str]]
) -> str:
    document = tomlkit.parse(text)
    credit = _table_of(document, "credit")
    credit["source"] = "stated"
    segments = _table_of(credit, "segments", super_table=True)
    for name, curve in curves.items():
        if name in segments and _same(segments[name], curve):
            continue
        table = tomlkit.table()
        for line in notes.get(name, ()):
            table.add(tomlkit.comment(" ".join(line.split())))
        for key, value in curve.model_dump(mode="json", exclude_none=True).items():
            if key != "run_on" or value:
                table.add(key, _item(value))
        table.add(tomlkit.nl())
        segments[name] = table
    return tomlkit.dumps(document)


def actuals_text(actuals: Actuals, comment: Sequence[str] = ()) -> str:
    """A file of actuals as TOML below lines of ``comment``; what is nothing is left out."""
    document = tomlkit.document()
    for line in comment:
        document.add(tomlkit.comment(line))
    said = actuals.model_dump(exclude_none=True)
    for key, value in said.items():
        if key == "loans":
            rows = tomlkit.aot()
            for row in value:
                rows.append(_table(row))
            document.add(key, rows)
        elif isinstance(value, dict) and key in ("p2p", "company"):
            document.add(key, _table(value))
        elif isinstance(value, dict):
            named = tomlkit.table(is_super_table=True)
            for name, record in value.items():
                named.add(name, _table(record))
            document.add(key, named)
        else:
            document.add(key, value)
    return tomlkit.dumps(document)


def _table(record: Mapping[str, Any]) -> Table:
    """A record of actuals; what must be stated even where it is nothing stays."""
    table = tomlkit.table()
    for key, value in record.items():
        kept = key in ("closing", "cash", "net_capital", "notes", "draws")
        if kept or (value != 0.0 and value not in ({}, ())):
            table.add(key, _item(list(value) if isinstance(value, tuple) else value))
    return table


def _item(value: Any) -> Any:
    """A value as TOML has it: tables inside one line."""
    if isinstance(value, list):
        array = tomlkit.array()
        for each in value:
            array.append(_item(each))
        return array
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for key, each in value.items():
            table.add(key, _item(each))
        return table
    return value


def _table_of(parent: Any, key: str, *, super_table: bool = False) -> Any:
    """The table at ``key``, made where there is none; an inline one becomes a plain one."""
    found = parent.get(key)
    if found is not None and not isinstance(found, InlineTable):
        return found
    table: Table = tomlkit.table(super_table)
    for name, value in (found or {}).items():
        table.add(name, value)
    parent[key] = table
    return parent[key]


def _same(table: Any, curve: SegmentCredit) -> bool:
    try:
        return SegmentCredit.model_validate(table.unwrap()) == curve
    except ValueError:
        return False


def _try(aside: Path, path: Path, wanted: Mapping[str, SegmentCredit]) -> None:
    """Load the new file, and see that it says what it should."""
    found = load_model(aside).spec.credit
    missing = [name for name in wanted if found.segments.get(name) != wanted[name]]
    if found.source != "stated" or missing:
        raise _unwritable(path, f"its form ({', '.join(missing) or 'source'} would not hold)")


def _unwritable(path: Path, why: str) -> InputError:
    return InputError(
        Problem(
            str(path),
            f"cannot be changed: {why}",
            "a file that may be written, with [credit] as a table of its own",
            "Take the figures of `scfcap credit MODEL --out DIR` over by hand.",
        )
    )
