"""``scfcap run --page``: each pack as a page beside its workbook."""

from __future__ import annotations

import json


def test_a_page_stands_beside_each_workbook_and_is_listed(scfcap, mini, tmp_path):
    folder, out = mini(), tmp_path / "out"
    (folder / "reports").mkdir()
    for name in ("one", "two"):
        text = f'title = "Pack {name}"\nsheets = ["pool"]\nfile_name = "{name}.xlsx"\n'
        (folder / "reports" / f"{name}.toml").write_text(text, encoding="utf-8")
    asked = ("--page", "--json", "--report", "one", "--report", "two")
    done = scfcap("run", folder, "--out", out, *asked)
    assert done.exit_code == 0, done.stderr
    assert {"one.html", "one.xlsx", "two.html", "two.xlsx"} <= set(json.loads(done.stdout)["files"])
    for name in ("one", "two"):
        html = (out / f"{name}.html").read_text(encoding="utf-8")
        assert f"<title>Pack {name}: " in html
        assert 'data-table="pool_summary"' in html
        assert 'data-table="plan_limits"' not in html
