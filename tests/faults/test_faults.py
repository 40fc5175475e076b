"""What faults of the machine and of whoever runs it do to a command: exit code, words, files.

The same trials, and more of them, are the campaign of ``make faults``.
"""

from __future__ import annotations

import sys

import pytest

from . import hindered, kills
from .commands import COMMANDS
from .server import serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")

NAMED = {command.name: command for command in COMMANDS}
#: Of each way to write one: a run folder, a file, a folder, a database.
KILLED = [
    ("check", "act", 0.7), ("schema", "act", 0.6), ("init", "act", 0.7),
    ("ledger --open", "time", 0.9),
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def known(server, tmp_path_factory):
    """``known(NAME)``: a command that nothing disturbs, run once."""
    found = {}

    def of(name):
        if name not in found:
            place = tmp_path_factory.mktemp("known")
            found[name] = kills.undisturbed(server, NAMED[name], place)
        return found[name]

    return of


@pytest.mark.parametrize(("name", "how", "where"), KILLED)
def test_a_killed_command_leaves_nothing_half_and_runs_again(
    server, known, tmp_path, name, how, where
):
    found = kills.kill(server, NAMED[name], known(name), how, where, tmp_path)
    assert found.wrong == ()
    assert found.killed or how == "time"  # this run may be faster than the one before


#: What the suite tries; the campaign tries all.
TRIED = (
    "SIGINT", "full disk", "no files there", "closed", "full output", "read-only", "schema to head",
    "too little data",
)  # fmt: skip


@pytest.mark.parametrize("name", TRIED)
def test_a_hindered_command_says_so_and_leaves_nothing_half(server, tmp_path, name):
    tried = hindered.CASES[name](server, tmp_path / "work")
    if tried is None:
        pytest.skip("mounts are not permitted here")
    assert tried.kept, tried
