"""No test may ask another machine anything: an attempt is an error, and fails the test."""

from __future__ import annotations

import socket
import sys
from typing import Any

#: What was asked since the last look, by event.
asked: list[str] = []
#: Audit events of Python by which a process asks another, and where the address stands in each.
_ADDRESS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "urllib.Request": 0,
}
_OWN = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", None, socket.gethostname())


def shut() -> None:
    """From now on an attempt to ask another machine raises an error."""
    sys.addaudithook(_look)


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _ADDRESS and not _within(event, arguments):
        asked.append(f"{event} {arguments[_ADDRESS[event]]}")
        msg = f"the network is shut to tests: {asked[-1]}"
        raise OSError(msg)


def _within(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether it stays on this machine. A datagram's socket that is connected sends nothing."""
    address = arguments[_ADDRESS[event]]
    if event == "urllib.Request":
        return str(address).startswith("file:")
    if event == "socket.connect" and arguments[0].type & socket.SOCK_DGRAM:
        return True
    if event in ("socket.connect", "socket.sendto"):
        if not isinstance(address, tuple):  # a socket of Unix
            return True
        address = address[0]
    return (address.decode() if isinstance(address, bytes) else address) in _OWN
