"""The wheel and the source distribution of this checkout, built once."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

#: Second of the day that all built files bear.
EPOCH = "1700000000"


@dataclass(frozen=True)
class Built:
    """What ``make dist`` builds."""

    wheel: Path
    sdist: Path


def build(folder: Path, into: Path, *targets: str) -> list[Path]:
    """Build the project in ``folder``; what came out, by name."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(into)]
    done = subprocess.run(
        [*command, *(word for target in targets for word in ("-t", target))],
        cwd=folder, env={"SOURCE_DATE_EPOCH": EPOCH, "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return sorted(into.iterdir())


@pytest.fixture(scope="session")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both, built from the checkout."""
    wheel, sdist = build(root, tmp_path_factory.mktemp("dist"), "wheel", "sdist")
    return Built(wheel, sdist)


@pytest.fixture(scope="session")
def unpacked(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    into = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built.sdist) as archive:
        archive.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return folder
