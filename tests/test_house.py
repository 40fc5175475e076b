"""The house keeps its order: versions, locks, layout, what a wheel carries."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import scfcap

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def _stated(*keys: str) -> list[str]:
    """Requirements of the core, and of the extras and groups in ``keys``."""
    found = list(PROJECT["project"]["dependencies"])
    tables = PROJECT["project"]["optional-dependencies"], PROJECT["dependency-groups"]
    for key in keys:
        found += next(table[key] for table in tables if key in table)
    return found


def _name(requirement: str) -> str:
    return re.split(r"[<>=!~ ;\[]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def _tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_the_version_is_stated_once_and_the_same():
    assert scfcap.__version__ == PROJECT["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {scfcap.__version__}" in changelog


@pytest.mark.parametrize("requirement", _stated("samples", "peers", "test", "lint", "build"))
def test_dependencies_have_lower_bounds_only(requirement):
    assert re.fullmatch(r"[A-Za-z0-9_-]+>=[0-9.]+", requirement)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_pins_and_no_address(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    pins = [line for line in lines if not line.lstrip().startswith("#")]
    assert pins
    for line in pins:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[^ ;]+( ; .+)?", line), line
    assert not re.search(r"://|file:|--|@ ", "\n".join(lines))


@pytest.mark.parametrize(
    ("lock", "keys"),
    [
        ("lock.txt", ("samples", "test", "lint", "build")),
        ("peers.txt", ("samples", "peers", "test", "build")),
        ("minimal.txt", ("samples", "cluster", "test", "build")),
    ],
)
def test_a_lock_covers_what_is_stated(lock, keys):
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    locked = {_name(line) for line in text.splitlines() if "==" in line}
    assert {_name(requirement) for requirement in _stated(*keys)} <= locked


def test_the_licence_is_the_one_stated():
    assert PROJECT["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("target", ["demo", "test", "test-all", "bench", "check", "lock"])
def test_the_makefile_has_the_target_and_builds_the_environment_first(target):
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^{target}: \$\(STAMP\)", text)


def test_a_missing_python_is_said_in_words():
    done = subprocess.run(
        ["make", "venv", "PYTHON=python-that-is-not-there", "VENV=.venv-none"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "'python-that-is-not-there' does not run here" in done.stderr
    assert not (ROOT / ".venv-none").exists()


def test_names_of_test_files_are_unique():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("folder", ["models", "reports"])
def test_models_and_reports_are_data_only(folder):
    kinds = {path.suffix for path in _tracked() if path.is_relative_to(ROOT / folder)}
    assert kinds <= {".toml", ".md", ".csv", ".gz", ".parquet"}


def test_no_file_names_a_place_on_somebodys_machine():
    pattern = re.compile(rb"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/")
    found = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if path.suffix in {".py", ".md", ".toml", ".txt", ".json", ".yml", ""}
        and path != Path(__file__)
        and pattern.search(path.read_bytes())
    ]
    assert found == []


def test_stated_data_must_be_there_and_others_may_be_missing(tmp_path, request):
    plugins = [p for _, p in request.config.pluginmanager.list_name_plugin()]
    find_data = next(p.find_data for p in plugins if hasattr(p, "find_data"))
    (tmp_path / "there").mkdir()
    assert find_data("there", str(tmp_path), Path("nowhere")) == tmp_path / "there"
    assert find_data("there", "", tmp_path) == tmp_path / "there"
    with pytest.raises(pytest.fail.Exception, match="has no data set missing"):
        find_data("missing", str(tmp_path), tmp_path)
    with pytest.raises(pytest.skip.Exception, match="missing is not at hand"):
        find_data("missing", "", tmp_path)
