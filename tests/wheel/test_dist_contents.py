"""What a wheel and a source distribution carry, and what they must not."""

from __future__ import annotations

import email
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

import scfcap

from .conftest import build


@pytest.fixture(scope="module")
def in_wheel(built):
    with zipfile.ZipFile(built.wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def in_sdist(built):
    with tarfile.open(built.sdist) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def _tracked(root, *places):
    done = subprocess.run(
        ["git", "ls-files", "-z", *places], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return {name for name in done.stdout.split("\0") if name and (root / name).is_file()}


def test_a_wheel_carries_every_file_of_the_package_with_models_and_reports(in_wheel, root):
    ours = _tracked(root, "scfcap")
    shipped = {f"scfcap/_shipped/{name}" for name in _tracked(root, "models", "reports")}
    assert {name for name in in_wheel if name.startswith("scfcap/")} >= ours | shipped
    assert {
        "scfcap/py.typed", "scfcap/report/page/vendor/echarts.min.js",
        "scfcap/report/page/assets/page.html",
        "scfcap/_shipped/models/alibaba-2013/model.toml",
        "scfcap/_shipped/models/regimes/cn_2008.toml",
        "scfcap/_shipped/reports/treasury.toml",
    } <= set(in_wheel)  # fmt: skip
    assert any(name.startswith("scfcap/report/labels/zh") for name in in_wheel)


def test_the_licences_of_what_is_carried_are_in_the_metadata(in_wheel, root):
    licences = f"scfcap-{scfcap.__version__}.dist-info/licenses/"
    for name in ("LICENSE", *(f"scfcap/report/page/vendor/{x}" for x in ("LICENSE", "NOTICE"))):
        assert in_wheel[licences + name] == (root / name).read_bytes()


def test_the_metadata_say_what_a_reader_asks(in_wheel):
    (name,) = (name for name in in_wheel if name.endswith(".dist-info/METADATA"))
    told = email.message_from_bytes(in_wheel[name])
    assert (told["Name"], told["Version"]) == ("scfcap", scfcap.__version__)
    assert told["Requires-Python"] == ">=3.11"
    assert told["License-Expression"] == "Apache-2.0"
    for minor in (11, 12, 13):
        assert f"Programming Language :: Python :: 3.{minor}" in told.get_all("Classifier")
    assert "Typing :: Typed" in told.get_all("Classifier")
    assert told.get_payload().startswith("# scfcap")
    assert told["Project-URL"] is None  # no address is stated before there is one
    assert "scfcap = scfcap.__main__:main" in next(
        text.decode() for name, text in in_wheel.items() if name.endswith("entry_points.txt")
    )


_NOT_OURS = ("__pycache__", ".pyc", ".nbi", ".nbc", ".venv", "tests/", "benchmarks/", "reports/out")


@pytest.mark.parametrize("part", [*_NOT_OURS, "rejects", ".xlsx", ".ipynb"])
def test_neither_carries_caches_tests_or_results(in_wheel, in_sdist, part):
    assert [name for name in (*in_wheel, *in_sdist) if part in name] == []


def test_a_source_distribution_carries_what_a_reader_needs(in_sdist, root):
    wanted = _tracked(root, "scfcap", "models", "reports") | {
        "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "requirements/lock.txt",
        "docs/architecture.md",
    }  # fmt: skip
    assert wanted <= set(in_sdist)


def test_the_same_checkout_gives_the_same_bytes_also_by_way_of_the_source_distribution(
    built, unpacked, tmp_path
):
    wheel, sdist = build(unpacked, tmp_path, "wheel", "sdist")
    assert wheel.read_bytes() == built.wheel.read_bytes()
    assert sdist.read_bytes() == built.sdist.read_bytes()
    assert Path(wheel).name == built.wheel.name
