"""The bill of materials: what a plain install brings, as CycloneDX, from the lock.

    python requirements/sbom.py dist/scfcap.cdx.json

What scfcap itself needs is followed from package to package by what each one states of itself;
the versions are the lock's. Extras of ours, and what only tests and tools need, are not in it. The
same lock gives the same bytes: no time, no random number.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "lock.txt"
FORMAT = "1.6"


def canonical(name: str) -> str:
    """A package's name as indices write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    """Lines of the lock by package."""
    lines = [line.strip() for line in LOCK.read_text(encoding="utf-8").splitlines()]
    return {canonical(re.split(r"==", line)[0]): line for line in lines if "==" in line}


def runtime(name: str = "scfcap") -> set[str]:
    """Packages that ``name`` needs on some system or Python, itself not among them."""
    found: set[str] = set()
    open_ = [name]
    while open_:
        try:
            stated = distribution(open_.pop()).requires or []
        except PackageNotFoundError:  # needed on another system or Python
            continue
        for text in stated:
            needed = Requirement(text)
            if needed.marker is not None and "extra" in str(needed.marker):
                continue
            key = canonical(needed.name)
            if key not in found:
                found.add(key)
                open_.append(key)
    return found


def main() -> int:
    """Write the bill to the file that is named; returns the exit code."""
    out = Path(sys.argv[1])
    pins = locked()
    lines = [pins[name] for name in sorted(runtime()) if name in pins]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [
            *(
                sys.executable,
                "-W",
                "ignore::UserWarning",
                "-m",
                "cyclonedx_py",
                "requirements",
                str(listed),
            ),
            *("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "library"),
            *("--sv", FORMAT, "--output-reproducible", "--validate", "-o", str(out)),
        ]
        done = subprocess.run(command, check=False)
    if done.returncode == 0:
        sys.stdout.write(f"{out}: {len(lines)} packages, CycloneDX {FORMAT}, validated\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
