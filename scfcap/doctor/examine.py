"""Everything looked at, in the order in which it is told."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from scfcap import __version__
from scfcap.doctor import machine
from scfcap.doctor.child import Answer, ask
from scfcap.doctor.findings import GREEN, RED, YELLOW, Finding
from scfcap.doctor.masking import masked
from scfcap.doctor.packages import DISTRIBUTION, Package, asked, wanted
from scfcap.doctor.probes import IMPORT

_AGAIN = "python -m pip install --force-reinstall"
_REPORT = "Report it with this table: scfcap doctor --out ticket.md."


@dataclass(frozen=True)
class Examination:
    """What was found, and the versions of all libraries that scfcap asks for."""

    findings: tuple[Finding, ...]
    packages: tuple[Package, ...]
    system: str

    @property
    def broken(self) -> bool:
        """Whether something that is needed does not work."""
        return any(finding.light == RED for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """The same in the types of JSON."""
        return {
            "schema_version": 1,
            "scfcap": __version__,
            "python": platform.python_version(),
            "system": self.system,
            "broken": self.broken,
            "findings": [asdict(finding) for finding in self.findings],
            "packages": [asdict(package) for package in self.packages],
        }


def examine() -> Examination:
    """Look at everything; nothing that is found leads to an error."""
    packages = asked()
    there = [p for p in packages if p.installed or not p.extra]
    probes = ("solver", "compiled", "models", "fonts")
    answers = ask([*(IMPORT + p.module for p in there), *probes])
    needed = [p for p in packages if not p.extra]
    findings = [
        _looked(machine.python, "python"),
        _ours(),
        *_libraries(needed, answers),
        *_extras([p for p in packages if p.extra], answers),
        _solver(answers["solver"]),
        _compiled(answers["compiled"]),
        _models(answers["models"]),
        *(_looked(look, name) for name, look in _MACHINE.items()),
        _fonts(answers["fonts"]),
        *(_looked(look, name) for name, look in _BESIDE.items()),
    ]
    return Examination(
        tuple(_private(finding) for finding in findings),
        tuple(packages),
        f"{platform.system()} {platform.machine()}",
    )


_MACHINE: dict[str, Callable[[], Finding]] = {
    "memory": machine.memory,
    "disk": machine.disk,
    "this folder": machine.here,
    "temporary files": machine.temporary,
    "encoding": machine.encoding,
    "terminal": machine.terminal,
}
_BESIDE: dict[str, Callable[[], Finding]] = {
    "LibreOffice": machine.office,
    "Chromium": machine.browser,
    "SCFCAP_DATA": machine.data,
}


def _looked(look: Callable[[], Finding], name: str) -> Finding:
    """What ``look`` finds; a system on which it cannot look is told as that."""
    try:
        return look()
    except Exception as error:
        return Finding(name, YELLOW, f"cannot be told ({type(error).__name__}: {error})", _REPORT)


def _private(finding: Finding) -> Finding:
    return Finding(finding.name, finding.light, masked(finding.found), masked(finding.action))


def _ours() -> Finding:
    """The package itself: its version, and whether the installed package is the one that runs."""
    checkout = (Path(__file__).parents[2] / "pyproject.toml").is_file()
    found = f"{__version__}, {'from a checkout' if checkout else 'installed'}"
    try:
        stated = distribution(DISTRIBUTION).version
    except PackageNotFoundError:
        action = "Without its metadata versions are not checked; pip install brings them."
        return Finding("scfcap", YELLOW, f"{__version__}, not installed as a package", action)
    if stated != __version__:
        action = "Two versions are mixed; uninstall scfcap, and install it again."
        return Finding("scfcap", YELLOW, f"{found}; the metadata say {stated}", action)
    return Finding("scfcap", GREEN, found)


def _libraries(packages: Sequence[Package], answers: Mapping[str, Answer]) -> list[Finding]:
    """One line for all libraries that are needed, or one for each that does not do."""
    faults = [fault for package in packages if (fault := _fault(package, answers, RED))]
    if faults or not packages:
        return faults
    return [Finding("libraries", GREEN, f"all {len(packages)} as new as needed, and they import")]


def _fault(package: Package, answers: Mapping[str, Answer], light: Any) -> Finding | None:
    install = f"python -m pip install {wanted([package])}"
    if not package.installed:
        return Finding(package.name, light, "not installed", install)
    if package.too_old:
        found = f"{package.installed} is older than {package.bound}"
        return Finding(package.name, light, found, install)
    error = answers[IMPORT + package.module].error
    if error:
        found = f"{package.installed} does not import: {error}"
        return Finding(package.name, light, found, f"{_AGAIN} {package.name}")
    return None


def _extras(packages: Sequence[Package], answers: Mapping[str, Answer]) -> list[Finding]:
    """A line for each optional part: what of it is lacking."""
    found = []
    for extra in dict.fromkeys(package.extra for package in packages):
        part = [package for package in packages if package.extra == extra]
        missing = [package.name for package in part if not package.installed]
        faults = [f for p in part if p.installed and (f := _fault(p, answers, YELLOW))]
        name = f"scfcap[{extra}]"
        if missing:
            text = f"not installed: {', '.join(missing)}"
            found.append(Finding(name, YELLOW, text, f"python -m pip install '{name}'"))
        elif not faults:
            found.append(Finding(name, GREEN, "installed"))
        found += faults
    return found


def _solver(answer: Answer) -> Finding:
    if answer.error:
        action = f"{_AGAIN} pulp highspy"
        return Finding("solver", RED, f"does not solve: {answer.error}", action)
    x, y = float(answer.found["x"]), float(answer.found["y"])
    if abs(x - 1.6) > 1e-9 or abs(y - 1.2) > 1e-9:
        found = f"solves wrongly: ({x:.12g}, {y:.12g}) where (1.6, 1.2) is the optimum"
        return Finding("solver", RED, found, _REPORT)
    return Finding("solver", GREEN, "HiGHS solves a program of two rows through PuLP")


def _compiled(answer: Answer) -> Finding:
    name = "compiled loops"
    if answer.error:
        found = f"do not compile: {answer.error}"
        return Finding(name, RED, found, f"{_AGAIN} numba llvmlite")
    if answer.found["value"] != 5.0:
        return Finding(name, RED, f"compute {answer.found['value']} where 5.0 is right", _REPORT)
    if not answer.found["kept"]:
        action = "Each start compiles anew; set NUMBA_CACHE_DIR to a folder of yours."
        return Finding(name, YELLOW, "compile, but there is no place to keep them", action)
    how = "read from the last time" if answer.found["ready"] else "compiled and kept"
    return Finding(name, GREEN, f"{how} in {answer.found['seconds']:.1f} s")


def _models(answer: Answer) -> Finding:
    if answer.error:
        return Finding("shipped models", RED, f"do not load: {answer.error}", f"{_AGAIN} scfcap")
    count = len(answer.found["names"])
    if not count:
        return Finding("shipped models", RED, "none", f"{_AGAIN} scfcap")
    return Finding("shipped models", GREEN, f"all {count} load")


def _fonts(answer: Answer) -> Finding:
    name = "Chinese letters"
    if answer.error:
        return Finding(name, YELLOW, f"cannot be told: {answer.error}")
    names = answer.found["names"]
    if names:
        return Finding(name, GREEN, str(names[0]))
    action = "For pictures in Chinese install a font (Debian: apt-get install fonts-noto-cjk)."
    return Finding(name, YELLOW, "no font has them", action)
