"""What has to hold of a release: its bounds, its list of changes, its targets."""

from __future__ import annotations

import re
import tomllib

import pytest

from scfcap.doctor.packages import release


@pytest.fixture(scope="module")
def project(request):
    path = request.config.rootpath / "pyproject.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def changes(request):
    return (request.config.rootpath / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_oldest_versions_are_the_bounds_themselves(root, project):
    """A bound that no release meets, or that another library forbids, says nothing."""
    text = (root / "requirements" / "minimal.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"(?m)^([\w.-]+)==([\w.]+)", text))
    extras = project["project"]["optional-dependencies"]
    stated = [*project["project"]["dependencies"], *extras["samples"], *extras["cluster"]]
    bounds = dict(requirement.split(">=") for requirement in stated)
    assert len(bounds) > 15
    assert {n: release(pins[n]) for n in bounds} == {n: release(v) for n, v in bounds.items()}


def test_the_changes_stand_by_version_the_newest_first(changes):
    heads = re.findall(r"(?m)^## (.+)$", changes)
    assert heads[0] == "Unreleased"
    versions = [head.split(", ")[0] for head in heads[1:]]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)
    assert versions == sorted(versions, key=release, reverse=True)
    days = [head.split(", ")[1] for head in heads[1:] if ", " in head]
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) for day in days)


def test_a_change_is_a_line_and_a_sentence(changes):
    _, *sections = changes.split("\n## ")
    lines = [line for part in sections for line in part.splitlines()[1:] if line.strip()]
    assert len(lines) > 20
    assert [line for line in lines if not re.fullmatch(r"- .+[.)]`?", line)] == []


@pytest.mark.parametrize(
    "target", ["dist", "test-dist", "test-versions", "minimal", "test-minimal", "lint-container",
               "release-check"]
)  # fmt: skip
def test_the_targets_of_a_release_are_there_and_are_named(root, target):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^{target}:.*## \S", makefile)
    told = "".join(
        (root / "docs" / f"{page}.md").read_text("utf-8") for page in ("releases", "install")
    )
    assert f"make {target}" in told


def test_the_pythons_that_are_promised_are_the_ones_that_are_tried(root, project):
    stated = {
        found[1]
        for text in project["project"]["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text))
    }
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    (tried,) = re.findall(r"(?m)^VERSIONS \?= (.+)$", makefile)
    from scfcap.doctor.machine import NEWEST, OLDEST

    assert set(tried.split()) == stated
    assert {f"{major}.{minor}" for major, minor in (OLDEST, NEWEST)} <= stated
