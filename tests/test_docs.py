"""What the documents tell a reader to do works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import scfcap
from scfcap.api.deals import deal_case
from scfcap.axes import LOAN_TYPES, STATUSES
from scfcap.cli.main import app
from scfcap.schema.deal import CollectionsSpec, SettlementSpec
from scfcap.schema.deal_parts import (
    AccountSpec,
    CallSpec,
    FeeSpec,
    HedgeSpec,
    LineSpec,
    MeasureSpec,
    PhaseSpec,
    TrancheSpec,
    TriggerSpec,
)
from scfcap.tape.rules.catalogue import rules_frame
from scfcap.tape.schema import COLUMNS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# Blocks of a tutorial belong together: tests/test_tutorials.py.
APART = [page for page in PAGES if not page.name.startswith("tutorial-")]


def _blocks(language: str) -> list[tuple[str, str]]:
    """Fenced blocks of one language: page and number, text."""
    found = []
    for page in APART:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
        found += [(f"{page.name}-{k}", block) for k, block in enumerate(blocks)]
    return found


@pytest.mark.parametrize(("name", "code"), _blocks("python"), ids=lambda x: x[:24])
def test_python_examples_run(name, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, name, "exec"), {"__name__": "__example__"})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("block", _blocks("sh"), ids=lambda block: block[0])
def test_commands_in_order_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in block[1].splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "scfcap"
        done = CliRunner().invoke(app, [*words[1:], "--quiet"], catch_exceptions=False)
        assert (done.exit_code, done.output) == (0, ""), line


# A pack in the documents is tried by the tests of packs.
_PARTS = [block for block in _blocks("toml") if "\nsheets = " not in block[1]]


@pytest.mark.parametrize("block", _PARTS, ids=lambda block: block[0])
def test_parts_of_models_project(block, tmp_path):
    (tmp_path / "model.toml").write_text(f'base = "alibaba-2013"\n{block[1]}', encoding="utf-8")
    model = scfcap.load(tmp_path, overrides={"tape.platform.loans": 500})
    assert (model.cashflow().to_frame().groupby("scenario")["interest"].sum() > 0).all()
    for name in re.findall(r"^\[deals\.(\w+)\]$", block[1], flags=re.MULTILINE):
        run = deal_case(model, name).run()
        assert run.of("interest_paid").sum() > 0.0
        assert run.of("principal").sum() > 0.0


def test_the_readme_has_an_example():
    assert any(name.startswith("README") for name, _ in _blocks("python"))


def _commands() -> list[str]:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    return sorted(
        set(re.findall(r"(?:^(?: {4})?|`)(?:\.venv/bin/)?(scfcap [^`\n#]+)", text, re.MULTILINE))
    )


@pytest.mark.parametrize("command", _commands())
def test_commands_named_in_the_documents_exist(command):
    words = shlex.split(re.sub(r"\[.*?\]", "", command))[1:]
    known = {c.name: c.callback for c in app.registered_commands}
    assert words[0] in known or words[0].startswith("-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_names_every_column_of_a_tape_and_every_word_in_it():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("### Your own tape")[2]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    needed = {name: row[2].strip() for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert needed == {c.name: "yes" if c.required else "no" for c in COLUMNS}
    words = set(re.findall(r"`(\w+)`", "".join(row[3] for row in rows)))
    assert {*LOAN_TYPES, *STATUSES} <= words


def test_the_page_on_tapes_lists_every_rule():
    text = (ROOT / "docs" / "tapes.md").read_text(encoding="utf-8")
    listed = set()
    for line in text.splitlines():
        if found := re.match(r"\| `(\w+)` \| (.*?) \| (\w+)(, fixed)? \| (.*) \|$", line):
            reason, columns, severity, fixed, meaning = found.groups()
            names = re.findall(r"`(\w+)`", columns) or [""]
            listed |= {(name, reason, severity, bool(fixed), meaning) for name in names}
    frame = rules_frame()
    rules = zip(
        *(frame[c] for c in ("column", "reason", "severity", "fixed", "meaning")), strict=True
    )
    assert listed == set(rules)


def test_the_page_on_deals_lists_every_key_of_their_parts():
    text = (ROOT / "docs" / "deals.md").read_text(encoding="utf-8")
    table = text.partition("## All keys of the parts")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE))
    classes = text.partition("## Classes")[2].partition("\n## ")[0]
    parts = {
        "`[collections]`": CollectionsSpec, "`[accounts.NAME]`": AccountSpec,
        "`[fees.NAME]`": FeeSpec, "`[lines.NAME]`": LineSpec, "`[hedges.NAME]`": HedgeSpec,
        "`[measures.NAME]`": MeasureSpec, "`[triggers.NAME]`": TriggerSpec,
        "`[[phases]]`": PhaseSpec, "`[calls.NAME]`": CallSpec, "`[settlement]`": SettlementSpec,
    }  # fmt: skip
    for place, schema in parts.items():
        assert set(re.findall(r"`(\w+)`", rows[place])) >= set(schema.model_fields), place
    said = set(re.findall(r"`(\w+)", rows["`[tranches.NAME]`"] + classes))
    assert said >= set(TrancheSpec.model_fields)
