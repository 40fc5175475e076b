"""The site of the documentation: what it links to, lists and draws is there and current."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from scfcap.cli.main import app
from scfcap.schema.load import json_schema

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@cache
def _module(path: str) -> ModuleType:
    """A module of the documentation's own, by its path below ``docs``."""
    name = f"docs_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, DOCS / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _linked() -> list[tuple[str, str]]:
    found = [link for page in PAGES for link in _module("_ext/linked.py").links(page)]
    return sorted(set(found))


@pytest.mark.parametrize(("name", "path"), _linked(), ids=lambda x: x.rpartition(".")[2])
def test_a_function_that_a_document_links_to_exists(name, path):
    assert _module("_ext/linked.py").target(name, path) is not None


def test_the_mathematics_links_each_symbol_to_code():
    text = (DOCS / "mathematics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!symbol|---)(.+) \|$", text, flags=re.MULTILINE)
    assert len(rows) >= 80
    assert [row for row in rows if "](../scfcap/" not in row] == []
    assert [row for row in rows if not row.rsplit("|", 1)[1].strip()] == []  # a source


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("scfcap.credit.vasicek.no_such", "../scfcap/credit/vasicek.py"),
        ("scfcap.credit.vasicek.quantile", "../scfcap/credit/contagion.py"),
        ("scfcap.credit.no_such.f", "../scfcap/credit/no_such.py"),
        ("scfcap.credit.survival.effective", "../scfcap/credit/survival.py"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(name, path):
    with pytest.raises(LookupError):
        _module("_ext/linked.py").target(name, path)


def _slugs(page: Path) -> set[str]:
    """Anchors of a page's headings, as Git hosts and the site make them."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    heads = re.findall(r"^#{1,4} (.+)$", text, flags=re.MULTILINE)
    plain = [unicodedata.normalize("NFKC", head.lower()) for head in heads]
    return {re.sub(r"[^\w\- ]", "", head).strip().replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_headings_lead_to_headings(page):
    links = re.findall(r"\]\(([\w-]*(?:\.md)?)#([^)]+)\)", page.read_text(encoding="utf-8"))
    wrong = [
        (name, slug) for name, slug in links if slug not in _slugs(DOCS / name if name else page)
    ]
    assert wrong == []


def _listed() -> list[str]:
    """Patterns of the navigation, in order."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [line for tree in trees for line in tree.split() if re.match(r"[a-z]", line)]


def test_every_document_stands_in_the_navigation_once():
    below = ["reports-*"]  # ``BELOW`` of site_pages: under reports.md
    patterns = [each for each in _listed() if "-{" not in each] + below
    names = [path.stem for kind in ("*.md", "*.ipynb") for path in DOCS.glob(kind)]
    found = {name: [pattern for pattern in patterns if Path(name).match(pattern)] for name in names}
    assert {name: hits for name, hits in found.items() if len(hits) != 1} == {"index": []}


def test_the_reference_has_every_command_and_option():
    page = _module("_ext/commands.py").page()
    names = [str(command.name or command.callback.__name__) for command in app.registered_commands]
    assert re.findall(r"^## (.+)$", page, flags=re.MULTILINE) == names
    assert page.count("`--quiet`, `-q`") == len(names)
    assert "| `--set` | `FIELD=VALUE`, repeatable |" in page
    rows = re.findall(r"^\| `.*$", page, flags=re.MULTILINE)
    assert [row for row in rows if row.endswith("|  |")] == []  # every one says what it means


def test_the_reference_has_every_key_of_a_model():
    parts = _module("_ext/model_keys.py").parts()
    listed = {part.schema.__name__: {key.name for key in part.keys} for part in parts}
    schema = json_schema("model")
    known = {name.rpartition("__")[2]: each for name, each in schema["$defs"].items()}
    stated = {name: set(each["properties"]) for name, each in known.items() if "properties" in each}
    assert set(listed) == {"Model", *stated}
    assert listed["Model"] | {"base"} == set(schema["properties"])
    silent = [(part.place, key.name) for part in parts for key in part.keys if not key.meaning]
    assert silent == []


def test_the_reference_says_units_bounds_and_defaults():
    parts = {part.place: part for part in _module("_ext/model_keys.py").parts()}
    lender = {key.name: key for key in parts["[[lenders]]"].keys}
    assert (lender["limit"].unit, lender["limit"].default) == ("currency", "required")
    assert lender["commitment_fee"].unit == "1/year"
    plan = {key.name: key for key in parts["[plan]"].keys}
    assert (plan["periods"].type, plan["periods"].default) == ("whole number, 1 to 120", "`12`")


def test_the_picture_of_imports_is_current():
    imports = _module("pictures/imports.py")
    packages, counted = imports.counted()
    drawn = imports.drawn()
    assert set(drawn) == set(counted), "make pictures"
    assert {package for package, other in drawn if package == other} == set(packages)
    assert all(packages.index(other) <= packages.index(package) for package, other in drawn)


def test_pictures_are_small_and_shown():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    text += (DOCS / "_ext" / "site_links.py").read_text(encoding="utf-8")
    for picture in (DOCS / "pictures").iterdir():
        if picture.suffix in (".png", ".svg"):
            assert picture.stat().st_size <= 150_000, picture.name
            assert f"(pictures/{picture.name})" in text, picture.name


def _glossary() -> list[tuple[str, str, str, str]]:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [(row[0], row[1], row[2], row[3]) for row in rows if row[0] != "term"]


def test_the_glossary_says_in_chinese_what_reports_say():
    labels: dict[str, set[str]] = {}
    for path in (ROOT / "scfcap" / "report" / "labels" / "zh").glob("*.toml"):
        for english, chinese in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if isinstance(chinese, str):
                labels.setdefault(english.lower(), set()).add(chinese)
    entries = _glossary()
    assert len({term for term, *_ in entries}) == len(entries) >= 100
    shared = [(term, chinese) for term, chinese, *_ in entries if term.lower() in labels]
    assert len(shared) >= 80
    wrong = [(term, chinese) for term, chinese in shared if chinese not in labels[term.lower()]]
    assert wrong == []


def test_each_term_has_chinese_a_meaning_and_a_place():
    for term, chinese, meaning, where in _glossary():
        assert chinese == "P2P" or re.search(r"[\u4e00-\u9fff]", chinese), term
        assert len(meaning) > 8, term
        assert re.fullmatch(r"\[[\w-]+\]\([\w-]+\.md(#[\w-]+)?\)", where), term


def test_the_page_of_the_architecture_is_read_in_five_minutes():
    words = (DOCS / "architecture.md").read_text(encoding="utf-8").split()
    assert len(words) <= 1_200  # at some 240 a minute
