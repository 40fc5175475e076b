"""What stage two of the kernel reads and adds up: contracts by class, and what scenarios say."""

from __future__ import annotations

from typing import NamedTuple

from scfcap.credit.curves import CurveSet
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: What compiled loops add up, in order.
OUTCOMES = ("default", "interest", "scheduled", "prepaid", "closing", "struck", "fees")
DEFAULT, PAID_INTEREST, SCHEDULED, PREPAID, CLOSING, STRUCK, PAID_FEES = range(len(OUTCOMES))
#: What is added up besides where a curve has roll rates or events follow the bond market's order:
#: ``owing`` is what the servicer has advanced on loans that default in a period, to be reimbursed
#: as they are recovered; ``loss`` and ``recovery`` are of the bond market's order alone.
LATER_OUTCOMES = ("advanced", "reimbursed", "delinquent", "owing", "loss", "recovery")
ADVANCED, REIMBURSED, DELINQUENT, OWING, LOSS, RECOVERY = range(
    len(OUTCOMES), len(OUTCOMES) + len(LATER_OUTCOMES)
)


#: What is added up last where borrowers draw on lines.
DRAWN = "drawn"


class ClassTable(NamedTuple):
    """Contract flows and clocks of the classes, for compiled code; see ContractFlows."""

    curve: IntArray  # [C]
    cell: IntArray  # [C] row of the result
    first: IntArray  # [C] period (from 0) in which the loans start; -1: they stand at as_of
    part: FloatArray  # [C] share of that period that they stand
    default: FloatArray  # [C, T] exposure to default
    prepaid: FloatArray  # [C, T] exposure to prepayment
    due: FloatArray  # [C, T, 5]
    bins: IntArray  # [C + 1] where the bins of each class begin
    bin_period: IntArray  # [B]
    bin_part: FloatArray  # [B]
    last: FloatArray  # [B, 3]
    bucket: IntArray  # [C] delinquency at as_of
    runs_to: IntArray  # [C] period (from 1) in which the loans mature, where it tells them apart
    draws: IntArray  # [C] part of a line that is drawn further, 0: of no line
    draws_until: IntArray  # [C] day up to which it is


class Said(NamedTuple):
    """What scenarios say of each segment, all [K, S, T]."""

    default: FloatArray
    prepaid: FloatArray
    struck: FloatArray


class Lines(NamedTuple):
    """What is drawn of what is not, and when."""

    intensity: FloatArray  # [K, S, T] a year's
    years: FloatArray  # [T]
    day: IntArray  # [T + 1] day offsets of as_of and of the ends


class Rolls(NamedTuple):
    """Curves that are told by roll rates."""

    rolled: BoolArray  # [S]
    matrix: FloatArray  # [S, 7, 7] probabilities of a period
    prepay_multiple: FloatArray  # [K, S, T]
    late_fee: float
    advances: bool


class Workout(NamedTuple):
    """What becomes of defaulted loans in the bond market's order."""

    severity: FloatArray  # [K, S, T]
    share: FloatArray  # [S, L] of the loan that is liquidated 0, 1, ... periods after it defaults
    advances: bool


def outcomes(curves: CurveSet) -> tuple[str, ...]:
    """Names of what is added up for ``curves``."""
    plain = curves.order == "survivors" and not curves.has_roll_rates.any()
    names = OUTCOMES if plain else (*OUTCOMES, *LATER_OUTCOMES)
    return (*names, DRAWN) if curves.draw_intensity.any() else names
