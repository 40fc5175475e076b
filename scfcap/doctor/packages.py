"""Which libraries are installed, and whether they are as new as scfcap asks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

DISTRIBUTION = "scfcap"
#: Modules that are called otherwise than the package they come in.
_MODULES = {"charset-normalizer": "charset_normalizer"}
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:>=\s*([0-9.]+))?[^;]*(?:;\s*(.*))?$")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")


@dataclass(frozen=True)
class Package:
    """A library that scfcap asks for: ``bound`` is the oldest version that will do, ``extra`` the
    optional part that needs it, ``installed`` the version that is there; each empty if there is
    none.
    """

    name: str
    bound: str
    extra: str
    installed: str

    @property
    def module(self) -> str:
        """What it is imported as."""
        return _MODULES.get(self.name, self.name)

    @property
    def too_old(self) -> bool:
        """Whether a version is there that is older than the bound."""
        return bool(self.installed) and release(self.installed) < release(self.bound)


def asked() -> list[Package]:
    """The libraries that the installed package states, in its order; none where it states none."""
    try:
        stated = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    return [package for text in stated if (package := _read(text)) is not None]


def installed(name: str) -> str:
    """The version of a library; empty where it is not installed."""
    try:
        return version(name) or ""
    except PackageNotFoundError:
        return ""


def release(text: str) -> tuple[int, ...]:
    """``"2.2.3rc1"`` as ``(2, 2, 3)``, without the zeros at its end."""
    numbers = re.match(r"\d+(?:\.\d+)*", text)
    found = [int(part) for part in numbers[0].split(".")] if numbers else []
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def wanted(packages: Sequence[Package]) -> str:
    """Packages as ``pip install`` takes them."""
    return " ".join(f"'{p.name}>={p.bound}'" if p.bound else p.name for p in packages)


def _read(text: str) -> Package | None:
    """One line of the metadata; None where it is not of the form that scfcap states."""
    found = _REQUIREMENT.match(text)
    if found is None:
        return None
    name, bound, marker = found[1].lower().replace("_", "-"), found[2] or "", found[3] or ""
    extra = _EXTRA.search(marker)
    return Package(name, bound, extra[1] if extra else "", installed(name))
