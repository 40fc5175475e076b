"""What the shell completes: asked as bash, zsh and fish ask, and once by bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scfcap.cli.main import app
from scfcap.schema.keys import settable

ASKED = "_SCFCAP_COMPLETE"


def complete(shell: str, line: str) -> str:
    """What the program answers where ``line`` is typed, up to its end, and completion asked for."""
    words = line.split(" ")
    how = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    environment = {ASKED: f"complete_{shell}", **how[shell]}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        done = CliRunner().invoke(app, [], prog_name="scfcap")
    assert done.exit_code == 0, done.output
    return done.stdout


def words(line: str) -> list[str]:
    return complete("bash", line).split()


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run_folder(tmp_path):
    """``run_folder(PATH)``: something that is taken for what a run wrote."""

    def make(place: str) -> Path:
        (tmp_path / place / "tables").mkdir(parents=True)
        (tmp_path / place / "manifest.json").write_text("{}")
        return tmp_path / place

    return make


def test_commands_and_options():
    assert words("scfcap p") == ["pool", "project", "plan", "propose"]
    assert {"--set", "--report", "--page"} <= set(words("scfcap run alibaba-2013 --"))
    assert words("scfcap run alibaba-2013 --language ") == ["en", "zh"]


def test_shipped_models_and_folders_that_hold_one(tmp_path):
    assert words("scfcap run aliba") == ["alibaba-2013", "alibaba-2013-cn2008"]
    for name in ("mine", "sub/inner", "sub/other", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.toml").touch()
    (tmp_path / "sub" / "none").mkdir()
    assert "mine" in words("scfcap check ")
    assert words("scfcap check mi") == ["mine"]
    assert words("scfcap check sub/") == ["sub/inner", "sub/other"]
    assert words("scfcap check no/such/") == []
    assert words("scfcap init x --from ware") == ["warehouse"]


def test_run_folders_the_newest_first(run_folder):
    for day in ("2024-01-05", "2024-03-01"):
        run_folder(f"reports/out/mini/{day}")
    run_folder("kept")
    assert words("scfcap report ") == [
        "reports/out/mini/2024-03-01", "reports/out/mini/2024-01-05", "kept",
    ]  # fmt: skip
    assert words("scfcap compare kept reports/out/mini/2024-01") == ["reports/out/mini/2024-01-05"]
    assert words("scfcap quote mini --run ke") == ["kept"]


def test_report_packs_shipped_and_the_models_own(tmp_path):
    (tmp_path / "mine" / "reports").mkdir(parents=True)
    (tmp_path / "mine" / "model.toml").touch()
    (tmp_path / "mine" / "reports" / "board.toml").touch()
    assert "board" not in words("scfcap run alibaba-2013 --report ")
    assert {"board", "treasury"} <= set(words("scfcap run mine --report "))


def test_keys_of_the_model_that_is_named():
    assert words("scfcap run alibaba-2013 --set lenders.bank-a.li") == ["lenders.bank-a.limit="]
    assert words("scfcap plan alibaba-2013 --tape x --set plan.peri") == ["plan.periods="]
    assert words("scfcap plan --set plan.peri") == ["plan.periods="]
    assert words("scfcap plan alibaba-2013 --set plan.periods=1") == []


def test_zsh_and_fish_show_what_the_model_states():
    assert complete("zsh", "scfcap plan alibaba-2013 --set plan.objec").startswith(
        '_arguments \'*: :(("plan.objective=":'
    )
    (line,) = complete("fish", "scfcap plan warehouse --set plan.periods").splitlines()
    key, told = line.split("\t")
    assert (key, told) == ("plan.periods=", f"now {settable('warehouse')['plan.periods']}")


def test_every_key_that_a_shipped_model_states_is_offered_and_can_be_set():
    from scfcap.schema.load import load_model

    offered = settable("alibaba-2013")
    assert {"as_of", "tape.platform.loans", "lenders.bank-a.limit"} <= set(offered)
    assert all(offered.values())
    plain = {k: v for k, v in offered.items() if v.replace(".", "").isdecimal() and v[0] != "."}
    assert len(plain) > 50
    texts = [f"{key}={value}" for key, value in plain.items()]
    assert load_model("alibaba-2013", texts).spec == load_model("alibaba-2013").spec


def test_of_a_model_that_cannot_be_read_the_keys_without_names(tmp_path):
    (tmp_path / "model.toml").write_text("not toml", encoding="utf-8")
    assert "plan.periods" in settable(str(tmp_path), "plan.")
    assert settable(str(tmp_path), "lenders.") == {}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_for_the_shell_that_asks(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, f"/bin/{shell}"))
    shown = CliRunner().invoke(app, ["--show-completion"], prog_name="scfcap")
    assert (shown.exit_code, ASKED in shown.stdout) == (0, True)
    done = CliRunner().invoke(app, ["--install-completion"], prog_name="scfcap")
    assert done.exit_code == 0, done.output
    kept = {
        "bash": ".bash_completions/scfcap.sh",
        "zsh": ".zfunc/_scfcap",
        "fish": ".config/fish/completions/scfcap.fish",
    }
    assert ASKED in (tmp_path / kept[shell]).read_text(encoding="utf-8")


def test_bash_itself_completes(tmp_path):
    """The script as it is shown, in a real bash: Tab after a word is a call of its function."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    (tmp_path / "scfcap").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scfcap "$@"\n')
    (tmp_path / "scfcap").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shellingham.detect_shell", lambda: ("bash", bash))
        script = CliRunner().invoke(app, ["--show-completion"], prog_name="scfcap").stdout
    typed = (
        f"{script}\nCOMP_WORDS=(scfcap init x --from ware)\nCOMP_CWORD=4\n"
        '_scfcap_completion scfcap\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    places = os.pathsep.join(path for path in sys.path if path)
    environment = {
        **os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": places
    }  # fmt: skip
    done = subprocess.run(
        [bash, "--norc", "-c", typed], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("warehouse\n", "")


def test_a_home_that_cannot_be_written_is_said_in_words(tmp_path):
    environment = {
        **os.environ, "HOME": os.devnull, "SHELL": "/bin/bash",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }  # fmt: skip
    code = (
        "import shellingham, sys; shellingham.detect_shell = lambda: ('bash', 'bash');"
        "sys.argv = ['scfcap', '--install-completion']; import scfcap.__main__ as m; m.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr
    assert "--show-completion" in done.stderr
