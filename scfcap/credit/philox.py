"""Random numbers by counter: Philox 4x32-10, so that a draw depends on its place alone.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel random numbers: as easy as 1, 2, 3
(SC 2011); the test holds the known answers of their library Random123.
"""

from __future__ import annotations

import numpy as np

from scfcap.compiled import compiled

_LOW = 0xFFFFFFFF
_ROUNDS = 10
_Word = int | np.unsignedinteger
_Four = tuple[_Word, _Word, _Word, _Word]


@compiled
def philox(counter: _Four, key: tuple[_Word, _Word]) -> _Four:
    """Four words of 32 bits, from a counter of four and a key of two."""
    low = np.uint64(_LOW)
    half = np.uint64(32)
    a, b = np.uint64(counter[0]), np.uint64(counter[1])
    c, d = np.uint64(counter[2]), np.uint64(counter[3])
    k, m = np.uint64(key[0]), np.uint64(key[1])
    for _ in range(_ROUNDS):
        p = np.uint64(0xD2511F53) * a
        q = np.uint64(0xCD9E8D57) * c
        a, b, c, d = (q >> half) ^ b ^ k, q & low, (p >> half) ^ d ^ m, p & low
        k = (k + np.uint64(0x9E3779B9)) & low
        m = (m + np.uint64(0xBB67AE85)) & low
    return a, b, c, d


@compiled
def uniforms(seed: int, path: int, stream: int, index: int) -> tuple[float, float]:
    """Two numbers in (0, 1], at ``index`` of one of 2^16 ``stream`` s of one of 2^48 paths."""
    low, half = np.uint64(_LOW), np.uint64(32)
    s, p = np.uint64(seed), np.uint64(path)
    place = (p >> half) | (np.uint64(stream) << np.uint64(16))
    a, b, c, d = philox((np.uint64(index), place, p & low, np.uint64(0)), (s & low, s >> half))
    first = (a << np.uint64(21)) ^ (b >> np.uint64(11))
    second = (c << np.uint64(21)) ^ (d >> np.uint64(11))
    scale = 2.0**-53
    return (float(first) + 0.5) * scale, (float(second) + 0.5) * scale


@compiled
def uniform(seed: int, path: int, stream: int, index: int) -> float:
    """A number in (0, 1]."""
    return uniforms(seed, path, stream, index)[0]


@compiled
def normal(seed: int, path: int, stream: int, index: int) -> float:
    """A standard normal number, by the rule of Box and Muller."""
    first, second = uniforms(seed, path, stream, index)
    return np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)  # type: ignore[no-any-return]
