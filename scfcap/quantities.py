"""Money, rates, rounding and tolerances: the one place where they are fixed.

Amounts are floats in one currency and are never cut inside the engines; cents appear only
where a contract pays in cents (``cashflow.contract``). Rates are decimals a year unless a name
says otherwise.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: Relative error allowed in the engines: a pool must tie within this share of its size.
ENGINE_TOLERANCE = 1e-9
#: Relative error allowed between a plan's replay and its program.
REPLAY_TOLERANCE = 1e-6
#: Residual allowed on an unscaled row of the program [money units].
ROW_TOLERANCE = 1e-7
#: Half a cent: what a recalculated workbook may differ by [currency].
HALF_CENT = 0.005


class _Scaled:
    """Marks an amount that follows the size of the book (see ``Model.scaled``)."""


SCALED = _Scaled()

#: Amount of the funding set [currency], at least zero; scaled with the book where a model says so.
#: The bound is beyond any balance sheet and within what the solver can hold.
Money = Annotated[float, Field(ge=0.0, le=1e15, allow_inf_nan=False), SCALED]
#: Amount on one loan or borrower [currency]; never scaled.
LoanAmount = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
#: Annual rate, decimal [1/year].
Rate = Annotated[float, Field(ge=0.0, le=50.0, allow_inf_nan=False)]
#: Cost or yield of funding, decimal [1/year]; above 1 it is a percentage by mistake.
CostRate = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
#: Share, decimal, 0 to 1.
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
