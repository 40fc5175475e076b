"""LibreOffice at work on a workbook: recalculated, or as PDF; in a profile of its own, offline.

Each call makes a profile that is thrown away. In it LibreOffice works every formula out anew,
whatever value the file holds beside it, runs no macro, and follows no link out of the file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from scfcap.errors import InputError, Problem

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
