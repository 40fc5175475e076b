"""A bug ticket says nothing of who has the bug, or where."""

from __future__ import annotations

import getpass
import platform
from pathlib import Path

import pytest

from scfcap.doctor.masking import masked

HOME = "/home"


@pytest.fixture
def person(monkeypatch):
    """A user and a machine with names of their own."""
    monkeypatch.setattr(getpass, "getuser", lambda: "liwei")
    monkeypatch.setattr(Path, "home", lambda: Path(f"{HOME}/li.wei"))
    monkeypatch.setattr(platform, "node", lambda: "bank-desk-7.example.com")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"cannot import name 'x' from 'numpy' ({HOME}/liwei/env/numpy/__init__.py)",
         "cannot import name 'x' from 'numpy' (…/__init__.py)"),
        (r"DLL load failed: C:\Users\liwei\env\_highs.pyd", r"DLL load failed: …/_highs.pyd"),
        ("No such file: '~/deals/client-a.toml'", "No such file: '…/client-a.toml'"),
        ("liwei may not read it", "USER may not read it"),
        ("LIWEI@bank-desk-7.example.com", "ADDRESS"),
        ("on bank-desk-7: refused", "on MACHINE: refused"),
        ("https://liwei:pw@pypi.corp/simple is down", "ADDRESS is down"),
        ("token s3cr3t-value was refused", "token *** was refused"),
        ("pip install 'scfcap[samples]'", "pip install 'scfcap[samples]'"),
        ("2.0 GiB and/or 3/4 of it", "2.0 GiB and/or 3/4 of it"),
        ("/var/lib/li.wei/", "…/USER"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("person")
def test_names_folders_and_secrets_are_taken_out(text, kept):
    assert masked(text, {"REGISTRY_TOKEN": "s3cr3t-value", "LANG": "GiB"}) == kept


def test_a_secret_that_holds_another_is_taken_out_whole():
    assert masked("abc-def-ghi", {"A_KEY": "def", "B_SECRET": "abc-def-ghi"}) == "***"


def test_the_environment_of_the_process_is_the_one_that_counts(monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "hunter2-hunter2")
    assert masked("it said hunter2-hunter2") == "it said ***"


def test_a_user_without_a_name_or_home_has_nothing_to_hide(monkeypatch):
    def nobody(*_):
        raise KeyError

    def homeless():
        raise RuntimeError

    monkeypatch.setattr(getpass, "getuser", nobody)
    monkeypatch.setattr(Path, "home", homeless)
    assert masked("all is well", {}) == "all is well"
