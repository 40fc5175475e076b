"""The files of a model's folder: TOML, and the tables in CSV that it names; files put in place."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from scfcap.errors import InputError, Problem
from scfcap.schema.bounds import BoundError, read_toml
from scfcap.schema.messages import Key
from scfcap.schema.shipped import shipped

#: Largest model file that is read [bytes].
SIZE_LIMIT = 1 << 20
#: Letters of the states of a matrix that a message repeats.
_MOST_SAID = 300


@dataclass(frozen=True)
class Source:
    """A parsed file: where it stands and what it says."""

    path: Path
    label: str
    content: bytes
    data: Mapping[str, Any]


def put_in_place(
    path: Path, data: bytes, expected: str, action: str = "", *, where: str = "", mode: int = 0o666
) -> Path:
    """Write ``data`` to ``path``: aside, then renamed, so that no part ever has the name.

    ``mode`` are the rights of the file, less the user's mask. Raises
    :class:`~scfcap.errors.InputError` where it cannot be written: at ``where`` (else ``path``),
    with what is ``expected`` and what to do.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
        aside.replace(path)
    except OSError as error:
        found = f"cannot be written ({error.strerror or error})"
        raise InputError(Problem(where or str(path), found, expected, action)) from error
    finally:
        aside.unlink(missing_ok=True)
    return path


def parse(path: Path, label: str) -> Source:
    """Read one TOML file; every fault becomes one problem with its line."""
    content, text = text_of(path, label)
    try:
        data = read_toml(text)
    except BoundError as error:
        raise InputError(Problem(label, error.found, error.expected)) from error
    except ValueError as error:
        raise InputError(_syntax_problem(label, text, str(error))) from error
    return Source(path, label, content, data)


def text_of(path: Path, label: str) -> tuple[bytes, str]:
    """Content of one file in UTF-8, bounded in size, as bytes and as text."""
    try:
        content = regular(path, SIZE_LIMIT)
        text = content.decode("utf-8-sig")
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror})"
        raise InputError(Problem(str(path), found, "a readable file")) from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            Problem(f"{label} line {line}", "a byte that is not UTF-8", "a text file in UTF-8")
        ) from error
    return content, text


def regular(path: Path, most: int) -> bytes:
    """Content of a file of up to ``most`` bytes. Raises :class:`InputError` where it is larger, or
    a pipe or device, which may never end; OSError where it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise InputError(Problem(str(path), "no regular file", "a file", "Copy it into one."))
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        size = f"{path.stat().st_size:,} bytes"
        raise InputError(Problem(str(path), size, f"at most {most:,} bytes"))
    return content


def _syntax_problem(label: str, text: str, message: str) -> Problem:
    position = re.search(r"\(at line (\d+), column (\d+)\)", message)
    words = re.sub(r"\s*\(at .*\)$", "", message)
    words = words[:1].lower() + words[1:]
    if position is None:
        end = "the end of the file" if "end of document" in message else "a value"
        return Problem(label, end, f"valid TOML ({words})")
    number = int(position[1])
    line = text.splitlines()[number - 1].strip() if number <= text.count("\n") + 1 else ""
    action = ""
    if re.search(r"=\s*[\d._]+\s*%", line):
        action = "Write rates and shares as decimals, without a percent sign: 0.12 for 12%."
    elif "overwrite" in message or "twice" in message:
        action = "A key or table may stand only once; take one of them out."
    where = f"{label} line {number}, column {position[2]}"
    return Problem(where, f"`{line[:60]}`", f"valid TOML ({words})", action)


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256 of all ``parts``, each with its length before it."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


def inside(folder: Path, path: str) -> Path | None:
    """``folder / path`` if that stays inside ``folder``, symbolic links followed; else None."""
    target = (folder / path).resolve()
    stays = not Path(path).is_absolute() and target.is_relative_to(folder.resolve())
    return target if stays else None


def held_inside(folder: Path, path: Path, label: str) -> Path:
    """``path``, which lies in ``folder``, links followed. Raises :class:`InputError` otherwise.

    What is shipped is trusted: some installers put links in its place.
    """
    kinds: tuple[Literal["models", "reports"], ...] = ("models", "reports")
    ours = ".." not in path.parts and any(path.is_relative_to(shipped(kind)) for kind in kinds)
    if ours or path.resolve().is_relative_to(folder.resolve()):
        return path
    found = "a link that leaves its folder"
    raise InputError(Problem(label, found, "a file in it", "Copy the file there."))


def _matrix(name: str, folders: Sequence[Path], where: str) -> Source:
    """``roll_rates`` of a TOML file, or rows by state of a CSV file that begins with a row of them.

    A TOML file without that key is the table of rows itself.
    """
    expected = "the name of a CSV or TOML file in the model's folder"
    path = _in_folders(name, folders)
    if path is None or path.suffix not in (".csv", ".toml"):
        raise InputError(Problem(where, f'"{name}"', expected))
    if path.suffix == ".toml":
        source = parse(path, name)
        return replace(source, data={"roll_rates": source.data.get("roll_rates", source.data)})
    content, text = text_of(path, name)
    lines = _lines(text, name)
    rows: dict[str, Any] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            rows[line[0]] = dict(zip(lines[0][1:], map(float, line[1:]), strict=True))
        except ValueError as error:
            here = f"{name} line {number}"
            states = ", ".join(lines[0][1:])
            if len(states) > _MOST_SAID:
                states = f"the {len(lines[0]) - 1} of the first line"
            wanted = f"a state and a number for each of {states}"
            raise InputError(Problem(here, ",".join(line)[:60], wanted)) from error
    return Source(path, name, content, {"roll_rates": rows})


def _lines(text: str, name: str) -> list[list[str]]:
    """Cells of a CSV file by line, empty lines left out."""
    try:
        rows = csv.reader(io.StringIO(text, newline=""))
        return [[cell.strip() for cell in row] for row in rows if row]
    except csv.Error as error:
        raise InputError(Problem(name, str(error), "a CSV file")) from error


def with_matrices(
    data: Mapping[str, Any], folders: Sequence[Path], where: Callable[[Key], str]
) -> tuple[dict[str, Any], list[Source]]:
    """``data`` with the roll rates that it names as files written out, and the files read."""
    credit = dict(table_of(data, "credit"))
    read: dict[str, Source] = {}

    def whole(table: Any, key: Key) -> Any:
        name = table.get("roll_rates") if isinstance(table, Mapping) else None
        if not isinstance(name, str):
            return table
        if name not in read:
            read[name] = _matrix(name, folders, where((*key, "roll_rates")))
        return {**table, **read[name].data}

    segments = table_of(credit, "segments")
    if segments:
        credit["segments"] = {
            name: whole(table, ("credit", "segments", name)) for name, table in segments.items()
        }
    if isinstance(credit.get("where"), list):
        credit["where"] = [
            whole(table, ("credit", "where", k)) for k, table in enumerate(credit["where"])
        ]
    return ({**data, "credit": credit} if read else dict(data)), [read[n] for n in sorted(read)]


def table_of(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A table of ``data``; empty where there is none."""
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def with_actuals(
    data: Mapping[str, Any], folders: Sequence[Path], where: Callable[[Key], str]
) -> tuple[dict[str, Any], list[Source]]:
    """``data`` with the actuals that deals name as CSV files written out, and the files read."""
    read: list[Source] = []
    deals = dict(table_of(data, "deals"))
    for name, deal in deals.items():
        stated = deal.get("actuals") if isinstance(deal, Mapping) else None
        if isinstance(stated, str):
            source = _rows(stated, folders, where(("deals", name, "actuals")))
            read.append(source)
            deals[name] = {**deal, "actuals": source.data["rows"]}
    return ({**data, "deals": deals} if read else dict(data)), read


def _rows(name: str, folders: Sequence[Path], where: str) -> Source:
    """A CSV file with a header: a table a row, numbers and days where cells are such."""
    path = _in_folders(name, folders)
    if path is None or path.suffix != ".csv":
        raise InputError(
            Problem(where, f'"{name}"', "the name of a CSV file in the model's folder")
        )
    content, text = text_of(path, name)
    lines = _lines(text, name)
    if not lines:
        raise InputError(Problem(name, "an empty file", "a header and a row a period"))
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(lines[0]):
            found = f"{len(line)} cells"
            raise InputError(Problem(f"{name} line {number}", found, f"{len(lines[0])}"))
        rows.append({k: _cell(v) for k, v in zip(lines[0], line, strict=True) if v})
    return Source(path, name, content, {"rows": rows})


def _cell(text: str) -> float | date | str:
    """A number or a day, if ``text`` is one."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _in_folders(name: str, folders: Sequence[Path]) -> Path | None:
    """The first file of that name inside one of ``folders``."""
    paths = [path for folder in folders if (path := inside(folder, name)) is not None]
    return next((path for path in paths if path.is_file()), None)
