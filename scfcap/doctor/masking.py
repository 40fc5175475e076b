"""What a report for a bug ticket must not say: who, on which machine, in which folder, secrets."""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

#: Variables whose values are taken out wherever they stand.
_SECRET = re.compile(
    r"TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH|COOKIE|PROXY|URL|DSN|INDEX|USER|LOGNAME|HOSTNAME",
    re.IGNORECASE,
)
#: Shortest value that is taken out; shorter ones are words of any text.
_SHORTEST = 3
_PATH = re.compile(
    r"""(?<![\w/.:-])(?:~|[A-Za-z]:(?=\\)|file://)?(?:[/\\][^\s/\\'"<>|:,;()]+)+[/\\]?"""
)
_ADDRESS = re.compile(r"\b[\w+.-]+://\S+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def masked(text: str, environment: Mapping[str, str] | None = None) -> str:
    """``text`` without names of the user and the machine, folders, addresses and the values of
    variables that look secret; of a path its last part stays.

    ``environment`` is the process's own unless another is given.
    """
    for secret in _secrets(os.environ if environment is None else environment):
        text = text.replace(secret, "***")
    text = _ADDRESS.sub("ADDRESS", text)
    text = _PATH.sub(lambda found: "…/" + re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], text)
    for name, word in _persons().items():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", word, text, flags=re.IGNORECASE)
    return text


def _secrets(environment: Mapping[str, str]) -> list[str]:
    """Values of variables with telling names, the longest first."""
    found = {
        value
        for name, value in environment.items()
        if _SECRET.search(name) and len(value) >= _SHORTEST
    }
    return sorted(found, key=len, reverse=True)


def _persons() -> dict[str, str]:
    """Names of the user and of the machine, and what is written in their place."""
    found = {}
    with suppress(OSError, KeyError, ImportError):
        found[getpass.getuser()] = "USER"
    with suppress(RuntimeError):
        found[Path.home().name] = "USER"
    found[platform.node()] = "MACHINE"
    found[platform.node().partition(".")[0]] = "MACHINE"
    return {name: word for name, word in found.items() if len(name) >= _SHORTEST}
