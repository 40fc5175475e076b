"""Texts and numbers of loans that limits name, worked out from the tape."""

from __future__ import annotations

import numpy as np

from scfcap.expressions import TRUE, UNKNOWN, Texts
from scfcap.quantities import BoolArray, FloatArray
from scfcap.verify.claim import Claim
from scfcap.verify.ground import Ground
from scfcap.verify.layout import ColumnText, LimitsText, NumberText


class Made:
    """What a definition in the limits' file gives for each loan; shape (loans,).

    ``able`` (loans, channels): where loans may go. Methods raise
    :class:`scfcap.expressions.ExpressionError` where a column is not on the tape.
    """

    def __init__(self, found: Ground, limits: LimitsText, claim: Claim, able: BoolArray) -> None:
        self.found, self.claim, self.able = found, claim, able
        self.today = claim.today
        self.keys = tuple(channel.key for channel in limits.channels)
        self.defined = {number.name: number for number in limits.numbers}

    def texts(self, column: ColumnText) -> Texts:
        """The texts of a column."""
        if column.how == "today":
            return Texts(self.today.astype(np.int32), self.keys)
        if column.how == "known":
            lost = np.isnan(self.found.numbers(column.of))
            return Texts(np.where(lost, -1, 0).astype(np.int32), ("known",))
        if column.how == "given":
            held = self.claim.columns[column.name]
            return Texts(held.codes, held.labels)
        return self.found.texts(column.of)

    def number(self, number: NumberText) -> FloatArray:
        """The numbers of a definition."""
        if number.how == "part":
            here = self.today == self.keys.index(number.channel)
            return np.where(here, number.share_there, number.share)
        if number.how == "advance":
            return self._advance(number)
        if number.how == "given":
            return self.claim.numbers[number.name]
        if number.how == "product":
            made = np.ones(len(self.found))
            for name in number.factors:
                made = made * self.number(self.defined[name])
            return made
        return np.nan_to_num(self.found.numbers(number.of), nan=0.0)

    def _advance(self, number: NumberText) -> FloatArray:
        able = self.able[:, self.keys.index(number.channel)]
        rate = np.full(len(self.found), np.inf)
        open_ = np.ones(len(self.found), dtype=np.bool_)
        for each in number.rates:
            answer = self.found.answers(each.test)
            counts = open_ & ((answer == TRUE) | (answer == UNKNOWN))
            rate[counts] = np.minimum(rate[counts], each.rate)
            open_ &= answer != TRUE
        rate[open_] = np.minimum(rate[open_], number.otherwise)
        return np.where(able, rate, 0.0)
