"""LibreOffice at work on a workbook: recalculated, or as PDF; in a profile of its own, offline.

:func:`proved` shows that a workbook recalculates to the figures it holds. The workbook that is
delivered stays the one that we wrote: it has the engine's values beside its formulas, and keeps
charts, comments and names as they were made.

Each call makes a profile that is thrown away. In it LibreOffice works every formula out anew,
whatever value the file holds beside it, runs no macro, and follows no link out of the file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from openpyxl import load_workbook

from scfcap.errors import InputError, InvariantError, Problem
from scfcap.quantities import HALF_CENT
from scfcap.report.book import address

Kind = Literal["xlsx", "pdf"]
#: Longest that LibreOffice may take over the files of a call [seconds].
TIMEOUT = 300.0
_FILTERS: dict[Kind, str] = {
    "xlsx": "xlsx:Calc MS Excel 2007 XML",
    "pdf": "pdf:calc_pdf_Export",
}
_SETTINGS = (
    ("org.openoffice.Office.Calc/Formula/Load", "OOXMLRecalcMode", 0),  # always
    ("org.openoffice.Office.Calc/Content/Update", "Link", 2),  # never
    ("org.openoffice.Office.Common/Security/Scripting", "MacroSecurityLevel", 3),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    # A proxy at the discard port: what would go out does not.
    ("org.openoffice.Inet/Settings", "ooInetProxyType", 2),
    ("org.openoffice.Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPProxyPort", 9),
    ("org.openoffice.Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPSProxyPort", 9),
)


def office() -> str | None:
    """Where LibreOffice's program is, or None where it is not installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def require_office(asked: str) -> str:
    """LibreOffice's program; :class:`~scfcap.errors.InputError` where ``asked`` cannot be done."""
    found = office()
    if found is None:
        raise InputError(
            Problem(
                asked,
                "LibreOffice is not installed (no soffice on the PATH)",
                "LibreOffice Calc, which works the workbook's formulas out",
                f"Install it (Debian: apt-get install libreoffice-calc), or leave out {asked}.",
            )
        )
    return found


def converted(
    files: Sequence[Path], kind: Kind, folder: Path, *, asked: str = "--recalculate"
) -> list[Path]:
    """``files`` as LibreOffice writes them, in ``folder``: recalculated workbooks, or PDFs.

    A result has its file's name with ``kind`` as its suffix; ``folder`` is made where it is
    missing and must not be that of the files. Raises :class:`~scfcap.errors.InputError` where
    LibreOffice is not installed, fails, or takes longer than :data:`TIMEOUT`; ``asked`` is the
    option that wants it.
    """
    program = require_office(asked)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scfcap-office-") as place:
        profile = Path(place) / "profile"
        _write_profile(profile)
        command = [
            program, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore",
            "--nolockcheck", "--convert-to", _FILTERS[kind], "--outdir", str(folder),
            *(str(path.absolute()) for path in files),
        ]  # fmt: skip
        said = _run(command, Path(place), asked)
    made = [folder / f"{path.stem}.{kind}" for path in files]
    missing = [path.name for path in made if not path.is_file()]
    if missing:
        raise _failed(asked, f"wrote no {', '.join(missing)} ({said[-300:] or 'it said nothing'})")
    return made


@dataclass(frozen=True)
class Proof:
    """What a recalculation by LibreOffice found: equal in all ``figures``, numbers and texts.

    ``largest`` is the largest difference [of the figure's unit], at ``where``.
    """

    program: str
    figures: int
    largest: float
    where: str

    def manifest(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self) | {"tolerance": HALF_CENT, "equal": True}


def proved(path: Path) -> Proof:
    """The proof that a workbook recalculates to the figures that stand in it.

    Raises :class:`~scfcap.errors.InvariantError` where a figure moves by more than half a cent, a
    text changes or a cell becomes an error; :class:`~scfcap.errors.InputError` as
    :func:`converted` does.
    """
    with tempfile.TemporaryDirectory(prefix="scfcap-proof-") as place:
        (again,) = converted([path], "xlsx", Path(place))
        with again.open("rb") as new, path.open("rb") as old, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            books = [load_workbook(file, read_only=True, data_only=True) for file in (old, new)]
            figures, largest, where, moved = 0, 0.0, "", []
            for cell, stated, found in _pairs(*books):
                if isinstance(stated, int | float) and isinstance(found, int | float):
                    off, figures = abs(stated - found), figures + 1
                    if off > largest:
                        largest, where = off, cell
                    if off > HALF_CENT:
                        moved.append(f"{cell}: {stated!r} becomes {found!r}")
                elif (stated or None) != (found or None):
                    moved.append(f"{cell}: {stated!r} becomes {found!r}")
    if moved:
        said = f"{len(moved)} cells, such as {'; '.join(moved[:3])}"
        raise InvariantError(f"{path.name} does not recalculate to its own figures: " + said)
    return Proof("LibreOffice", figures, largest, where)


def _pairs(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every cell of both workbooks: where it stands, what it holds in each."""
    for name in old.sheetnames:
        sheets = [book[name] for book in (old, new)]
        for sheet in sheets:
            sheet.reset_dimensions()
        stated, found = (
            {
                (cell.row, cell.column): cell.value
                for row in sheet.iter_rows()
                for cell in row
                if cell.value is not None
            }
            for sheet in sheets
        )
        for at in sorted(stated.keys() | found.keys()):
            yield f"{name} {address(*at)}", stated.get(at), found.get(at)


def _write_profile(profile: Path) -> None:
    items = "\n".join(
        f'<item oor:path="/{path}"><prop oor:name="{name}" oor:op="fuse">'
        f"<value>{value}</value></prop></item>"
        for path, name, value in _SETTINGS
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<oor:items xmlns:oor="http://openoffice.org/2001/registry">\n'
        f"{items}\n</oor:items>\n"
    )
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(text, encoding="utf-8")


def _run(command: Sequence[str], place: Path, asked: str) -> str:
    """Run LibreOffice; what it said. Whatever it started ends with it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    with subprocess.Popen(
        command,
        cwd=place,
        env={**kept, "HOME": str(place), "TMPDIR": str(place)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise _failed(asked, f"did not end within {TIMEOUT:.0f} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise _failed(asked, f"ended with code {process.returncode} ({said.strip()[-300:]})")
    return said.strip()


def _failed(asked: str, found: str) -> InputError:
    return InputError(
        Problem(
            asked,
            f"LibreOffice {found}",
            "LibreOffice Calc, which works the workbook's formulas out",
            f"Try it by hand: soffice --headless --convert-to pdf FILE. Or leave out {asked}.",
        )
    )
