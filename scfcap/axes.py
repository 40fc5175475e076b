"""Names of channels, loan types and statuses. One concept, one name."""

from __future__ import annotations

from typing import Final, Literal, get_args

# Channels: where principal sits, or who funds it.
OWN: Final = "own_capital"
BANK_DEBT: Final = "bank_debt"
BANK_TRANSFER: Final = "bank_transfer"
SECURITIZATION: Final = "securitization"
P2P: Final = "p2p"
GUARANTEED_BANK: Final = "guaranteed_bank"
JOINT_LENDING: Final = "joint_lending"
OUTSIDE_CHANNELS: Final = (
    BANK_DEBT,
    BANK_TRANSFER,
    SECURITIZATION,
    P2P,
    GUARANTEED_BANK,
    JOINT_LENDING,
)

#: Loan types, in the order of their codes in the kernels.
LOAN_TYPES: Final = (
    "level_payment",
    "equal_principal",
    "interest_only_bullet",
    "bullet",
    "revolving_line",
    "order",
    "flat_fee",
)
LEVEL_PAYMENT, EQUAL_PRINCIPAL, INTEREST_ONLY_BULLET, BULLET, REVOLVING_LINE, ORDER = range(6)
FLAT_FEE: Final = 6
#: Loan types that are paid once, with their interest, at maturity.
PAID_ONCE: Final = ("bullet", "order")

#: How often a contract is paid: months and days from one payment to the next; both 0: once.
PAYMENT_STEPS: Final = {
    "day": (0, 1),
    "week": (0, 7),
    "2 weeks": (0, 14),
    "month": (1, 0),
    "quarter": (3, 0),
    "half year": (6, 0),
    "year": (12, 0),
    "at maturity": (0, 0),
}

#: How days make a share of a year, in the order of the codes in the kernels.
DayCount = Literal[
    "30/360",
    "30E/360",
    "30/360-us",
    "act/365",
    "act/360",
    "act/act-isda",
    "act/act-icma",
    "act/act-afb",
]
DAY_COUNTS: Final[tuple[str, ...]] = get_args(DayCount)

#: Where a payment goes whose day is closed, in the order of their codes.
Convention = Literal[
    "unadjusted", "following", "modified_following", "preceding", "modified_preceding"
]
CONVENTIONS: Final[tuple[str, ...]] = get_args(Convention)

#: What a loan may be at ``as_of``.
STATUSES: Final = ("current", "late", "default", "repaid", "charged_off")


def place(channel: str, name: str = "") -> str:
    """Key of a place where principal sits: ``own_capital``, ``securitization:series-1``."""
    return f"{channel}:{name}" if name else channel


def channel_of(key: str) -> str:
    """Channel of a place key."""
    return key.split(":", 1)[0]
