"""Every station works with the network shut: nothing is fetched, and nothing is told to anybody.

Commands here run in a process of their own. All that tests do in theirs is watched by
``tests/network.py``.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests import network
from tests.cli.conftest import COLUMNS, MODEL, loans

SHUT = """
    import sys

    asked = []

    def hook(event, arguments):
        if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname",
                     "socket.sendto", "socket.bind", "urllib.Request"):
            asked.append((event, str(arguments)))
            raise OSError(f"the network is shut: {event}")

    sys.addaudithook(hook)
"""
COMMANDS = """
    from typer.testing import CliRunner
    from scfcap.cli.main import app

    small = ["--set", "plan.periods=2", "--set", "plan.contingency=[]"]
    for command in (
        ["init", "copy"], ["schema"], ["map", "mini/tape.csv"], ["check", "mini"],
        ["pool", "mini"], ["project", "mini"], ["plan", "mini", *small],
        ["run", "mini", *small, "--out", "out", "--page"], ["report", "out"],
        ["compare", "out", "out"], ["propose", "mini", *small, "--line", "1e3", "--tenor", "1"],
        ["quote", "mini", *small, "--run", "out", "--amount", "100", "--tenor", "30",
         "--segment", "order"],
        ["ledger", "mini", "--file", "l.sqlite", "--open"],
    ):
        done = CliRunner().invoke(app, command)
        print(command[0], done.exit_code, done.stderr[-300:] if done.exit_code else "")
    print("asked", asked)
"""


def _child(folder: Path, script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SHUT) + textwrap.dedent(script)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_hook_shuts_the_network(tmp_path: Path) -> None:
    script = """
        import socket
        for ask in (lambda: socket.create_connection(("192.0.2.1", 80), 1),
                    lambda: socket.getaddrinfo("localhost", 80)):
            try:
                ask()
            except OSError as error:
                print(error)
    """
    assert _child(tmp_path, script).count("the network is shut") == 2


def test_a_test_that_asks_another_machine_fails() -> None:
    for ask in (
        lambda: socket.create_connection(("192.0.2.1", 80), 1),
        lambda: socket.getaddrinfo("example.org", 80),
    ):
        with pytest.raises(OSError, match="the network is shut to tests"):
            ask()
    assert len(network.asked) == 2
    network.asked.clear()


def test_commands_ask_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "mini"
    folder.mkdir()
    (folder / "model.toml").write_text(MODEL, encoding="utf-8")
    lines = [list(COLUMNS), *loans()]
    text = "".join(",".join(map(str, line)) + "\n" for line in lines)
    (folder / "tape.csv").write_text(text, encoding="utf-8")
    said = _child(tmp_path, COMMANDS).splitlines()
    ended = {line.split()[0]: line for line in said[:-1]}
    assert said[-1] == "asked []"
    assert len(ended) == 13
    for line in ended.values():
        assert line.split()[1] == "0", line


@pytest.mark.parametrize("word", ["urllib.request", "http.client", "requests", "smtplib", "ftplib"])
def test_no_file_of_ours_knows_how_to_ask(word: str) -> None:
    package = Path(__file__).parents[2] / "scfcap"
    texts = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    assert [path for path, text in texts.items() if f"import {word}" in text] == []
