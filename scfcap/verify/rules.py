"""Which loan may go where, by the stated tests and the tape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from scfcap.axes import OWN
from scfcap.expressions import FALSE, TRUE
from scfcap.quantities import BoolArray, IntArray
from scfcap.verify.ground import Ground
from scfcap.verify.layout import ChannelText, LimitsText

Answers = npt.NDArray[np.int8]


def may_go(
    found: Ground, limits: LimitsText, today: IntArray, kept: Mapping[int, BoolArray]
) -> BoolArray:
    """Where each loan may go, shape (loans, channels).

    ``kept`` by channel: loans that the plan does not know there, and that may not come in.

    1. A loan that is frozen, or of which that is not known, or whose present channel does not
       release, stays where it is.
    2. A channel takes in no loan if it is closed, none that has a channel if it takes new ones
       only, and none that does not meet each of its tests. A loan that is there already is not
       tested; where the channel retests, one that may leave is. Own capital takes every loan.
    3. A loan that is promised to a channel goes there, if it may by 1 and 2, and nowhere else; the
       first promise that holds counts.

    Raises :class:`scfcap.expressions.ExpressionError` where a test does not fit the tape.
    """
    count, channels = len(found), limits.channels
    has = today >= 0
    stays = np.zeros(count, dtype=np.bool_)
    if limits.frozen is not None:
        stays |= has & (found.answers(limits.frozen) != FALSE)
    for c, channel in enumerate(channels):
        if not channel.releases:
            stays |= today == c
    able = np.empty((count, len(channels)), dtype=np.bool_)
    for c, channel in enumerate(channels):
        here = today == c
        able[:, c] = ~stays | here
        if channel.key != OWN:
            able[:, c] &= _takes(found, channel, here, has, here & stays)
            able[:, c] &= ~kept[c] | here if c in kept else True
    _promise(found, limits, able)
    return able


def _takes(
    found: Ground, channel: ChannelText, here: BoolArray, has: BoolArray, kept: BoolArray
) -> BoolArray:
    """Loans that a channel takes or keeps."""
    passed = kept.copy() if channel.retests else here.copy()
    tested = np.ones(len(found), dtype=np.bool_)
    for test in channel.tests:
        tested &= found.answers(test.test) == TRUE
    passed |= tested
    if channel.closed:
        passed &= here
    if channel.new_only:
        passed &= here | ~has
    return passed


def _promise(found: Ground, limits: LimitsText, able: BoolArray) -> None:
    keys = [channel.key for channel in limits.channels]
    kept = np.zeros(len(found), dtype=np.bool_)
    for promise in limits.promised:
        if promise.channel not in keys:
            continue
        c = keys.index(promise.channel)
        now = (found.answers(promise.test) == TRUE) & ~kept & able[:, c]
        able[now] = False
        able[now, c] = True
        kept |= now
