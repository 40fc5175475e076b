import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks" / "campaigns"


def _record() -> ModuleType:
    spec = importlib.util.spec_from_file_location("campaign_record", FOLDER / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


record = _record()


def test_documents_show_what_the_campaigns_left() -> None:
    for found in record.campaigns():
        text = (ROOT / "docs" / found["document"]).read_text(encoding="utf-8")
        shown = record.with_section(text, found["name"], record.section(found))
        assert shown == text, f"run `{found['command']}` again: docs/{found['document']} differs"


def test_every_campaign_has_its_script_and_a_document() -> None:
    scripts = {path.stem for path in FOLDER.glob("*.py")} - {"record"}
    for found in record.campaigns():
        assert found["name"].split("-")[0] in scripts, found["name"]
        assert found["rows"], found["name"]


def test_a_section_is_written_between_its_marks_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "HERE", tmp_path)
    monkeypatch.setattr(record, "DOCS", tmp_path)
    start, end = record.marks("kills")
    document = tmp_path / "faults.md"
    document.write_text(f"# Faults\n\n{start}\nold\n{end}\n\nMore.\n", encoding="utf-8")
    record.keep("kills", "faults.md", "make faults", ["what", "n"], [["a|b", 1200]], 65.0, ["So."])
    text = document.read_text(encoding="utf-8")
    assert "old" not in text
    assert "| a\\|b | 1,200 |" in text
    assert text.startswith("# Faults\n\n")
    assert text.endswith("\n\nMore.\n")
    assert "`make faults`, 20" in text
    assert [found["name"] for found in record.campaigns()] == ["kills"]
    with pytest.raises(ValueError, match="once each"):
        record.keep("other", "faults.md", "x", ["a"], [[1]], 1.0)
    with pytest.raises(ValueError, match="rows have other than 1 fields"):
        record.keep("kills", "faults.md", "x", ["a"], [[1, 2]], 1.0)
    assert document.read_text(encoding="utf-8") == text
