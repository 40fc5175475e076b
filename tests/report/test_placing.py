"""Folders put in place: of several writers the last, what a dead one left is tidied away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scfcap.errors import InputError
from scfcap.report.placing import aside, placed, restore


def write(out, text):
    with placed(out) as folder:
        for name in ("a", "b"):
            (folder / name).write_text(text)


def told(out):
    return {path.name: path.read_text() for path in out.iterdir()}


def test_writers_at_once_each_leave_a_whole_folder(tmp_path):
    out = tmp_path / "out"
    texts = [f"{k}" for k in range(24)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda text: write(out, text), texts))
    assert told(out) in [{"a": text, "b": text} for text in texts]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("step", ["first", "second"])
def test_an_interrupt_between_the_renames_keeps_what_stood_there(tmp_path, monkeypatch, step):
    out = tmp_path / "out"
    write(out, "older")
    rename, count = Path.rename, iter(("first", "second", "back"))

    def interrupted(path, target):
        if next(count) == step:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(out, "newer")
    assert told(out) == {"a": "older", "b": "older"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_writer_left_is_put_back_or_taken_away(tmp_path):
    out = tmp_path / "out"
    write(out, "older")
    killed = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from scfcap.report.placing import placed\n"
        "rename, calls = Path.rename, []\n"
        "def dies(path, target):\n"
        "    if calls: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    calls.append(rename(path, target))\n"
        "Path.rename = dies\n"
        "with placed(Path(sys.argv[1])) as folder: (folder / 'a').write_text('half')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", killed, str(out)], env=dict(os.environ), check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert not out.exists()
    assert len(list(tmp_path.iterdir())) == 2
    restore(out)
    assert told(out) == {"a": "older", "b": "older"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_living_writer_is_at_work_on_stays(tmp_path):
    out = tmp_path / "out"
    with placed(out) as folder:
        (folder / "a").write_text("mine")
        write(out, "theirs")
        restore(out)
        assert folder.is_dir()
        assert told(out) == {"a": "theirs", "b": "theirs"}
    assert told(out) == {"a": "mine"}
    with aside(out) as folder:
        assert folder.parent == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_another_name_is_nobodys_leftover(tmp_path):
    for name in (".out.new", ".out.x.new", ".out-2.01234567.new", ".outer.01234567.old"):
        (tmp_path / name).mkdir()
    write(tmp_path / "out", "text")
    assert len(list(tmp_path.iterdir())) == 5


def test_a_place_that_takes_no_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "file" / "out", "text")
