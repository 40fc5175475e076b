"""Names of channels, loan types and statuses. One concept, one name."""

from __future__ import annotations

from typing import Final

# Channels: where principal sits, or who funds it.
OWN: Final = "own_capital"
BANK_DEBT: Final = "bank_debt"
BANK_TRANSFER: Final = "bank_transfer"
SECURITIZATION: Final = "securitization"
P2P: Final = "p2p"
OUTSIDE_CHANNELS: Final = (BANK_DEBT, BANK_TRANSFER, SECURITIZATION, P2P)

#: Loan types, in the order of their codes in the kernels.
LOAN_TYPES: Final = (
    "level_payment",
    "equal_principal",
    "interest_only_bullet",
    "bullet",
    "revolving_line",
    "order",
)
LEVEL_PAYMENT, EQUAL_PRINCIPAL, INTEREST_ONLY_BULLET, BULLET, REVOLVING_LINE, ORDER = range(6)

#: What a loan may be at ``as_of``.
STATUSES: Final = ("current", "late", "default", "repaid", "charged_off")


def place(channel: str, name: str = "") -> str:
    """Key of a place where principal sits: ``own_capital``, ``securitization:series-1``."""
    return f"{channel}:{name}" if name else channel


def channel_of(key: str) -> str:
    """Channel of a place key."""
    return key.split(":", 1)[0]
