"""The tables of a ledger, and the steps that lead to them from older versions.

Amounts are integer cents, days ISO texts. What must never happen is forbidden here, whatever a
program asks: two holders of a loan, two live deliveries of it, a journal that is rewritten, a
balance that moves without a reason.
"""

from __future__ import annotations

from typing import Final

#: Marks a file as a ledger (``PRAGMA application_id``): the letters SCFL.
APPLICATION: Final = 0x5343464C

_LOANS = """
CREATE TABLE loans (
    id INTEGER PRIMARY KEY,
    loan TEXT NOT NULL UNIQUE,
    opened TEXT NOT NULL,
    first INTEGER NOT NULL CHECK (first > 0),
    balance INTEGER NOT NULL CHECK (balance >= 0),
    status TEXT NOT NULL,
    paid INTEGER,
    interest INTEGER,
    recovered INTEGER
) STRICT
"""
# left_price is what the holder was paid when the loan left; prices are null for pledges.
_HOLDINGS = """
CREATE TABLE holdings (
    id INTEGER PRIMARY KEY,
    loan INTEGER NOT NULL REFERENCES loans (id),
    channel TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT CHECK (until >= since),
    bought INTEGER NOT NULL CHECK (bought > 0),
    price INTEGER CHECK (price >= 0),
    delivery INTEGER REFERENCES deliveries (id),
    left_by INTEGER REFERENCES deliveries (id),
    left_balance INTEGER,
    left_price INTEGER,
    CHECK ((until IS NULL) = (left_by IS NULL)),
    CHECK ((until IS NULL) = (left_balance IS NULL))
) STRICT
"""
_NO_OVERLAP = """
CREATE TRIGGER no_overlap BEFORE INSERT ON holdings
WHEN EXISTS (
    SELECT 1 FROM holdings
    WHERE loan = NEW.loan AND (until IS NULL OR until > NEW.since)
)
BEGIN SELECT RAISE(ABORT, 'a loan would have two holders'); END
"""
_FIXED_HOLDINGS = """
CREATE TRIGGER fixed_holdings
BEFORE UPDATE OF loan, channel, since, bought, price, delivery ON holdings
BEGIN SELECT RAISE(ABORT, 'a holding may end, and not change'); END
"""
# source: digest of the moves that it comes from. intent: the day for which sending has begun.
_DELIVERIES = """
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    date TEXT NOT NULL,
    origin TEXT NOT NULL,
    destination TEXT NOT NULL CHECK (destination <> origin),
    channel TEXT GENERATED ALWAYS AS
        (CASE destination WHEN 'own_capital' THEN origin ELSE destination END) VIRTUAL,
    direction TEXT GENERATED ALWAYS AS
        (CASE destination WHEN 'own_capital' THEN 'out' ELSE 'in' END) VIRTUAL,
    status TEXT NOT NULL CHECK (status IN (
        'proposed', 'sent', 'confirmed', 'refused', 'part-refused', 'settled', 'cancelled')),
    source TEXT NOT NULL,
    loans INTEGER NOT NULL CHECK (loans > 0),
    balance INTEGER NOT NULL,
    price INTEGER NOT NULL,
    file TEXT,
    digest TEXT,
    intent TEXT,
    sent TEXT,
    answered TEXT,
    closed TEXT,
    CHECK (status IN ('proposed', 'cancelled') OR (sent IS NOT NULL AND digest IS NOT NULL)),
    CHECK (intent IS NULL OR (status = 'proposed' AND file IS NOT NULL AND digest IS NOT NULL)),
    CHECK ((closed IS NOT NULL) = (status IN ('refused', 'settled', 'cancelled')))
) STRICT
"""
_LINES = """
CREATE TABLE lines (
    delivery INTEGER NOT NULL REFERENCES deliveries (id),
    loan INTEGER NOT NULL REFERENCES loans (id),
    balance INTEGER NOT NULL CHECK (balance > 0),
    price INTEGER CHECK (price >= 0),
    reason TEXT NOT NULL,
    answer TEXT CHECK (answer IN ('accepted', 'refused')),
    answer_reason TEXT NOT NULL DEFAULT '',
    confirmation INTEGER REFERENCES confirmations (id),
    closed TEXT,
    how TEXT CHECK (how IN ('settled', 'refused', 'cancelled', 'lapsed')),
    PRIMARY KEY (delivery, loan),
    CHECK ((closed IS NULL) = (how IS NULL))
) STRICT, WITHOUT ROWID
"""
_CONFIRMATIONS = """
CREATE TABLE confirmations (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    file TEXT NOT NULL,
    date TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    refused INTEGER NOT NULL
) STRICT
"""
_TAPES = """
CREATE TABLE tapes (
    date TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    loans INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    interest_stated INTEGER NOT NULL
) STRICT, WITHOUT ROWID
"""
# One row where a tape moved a loan: before + drawn = principal + loss + unexplained + balance.
_RECEIPTS = """
CREATE TABLE receipts (
    loan INTEGER NOT NULL REFERENCES loans (id),
    date TEXT NOT NULL,
    holding INTEGER NOT NULL REFERENCES holdings (id),
    before INTEGER NOT NULL,
    drawn INTEGER NOT NULL CHECK (drawn >= 0),
    principal INTEGER NOT NULL,
    loss INTEGER NOT NULL,
    unexplained INTEGER NOT NULL,
    balance INTEGER NOT NULL CHECK (balance >= 0),
    interest INTEGER NOT NULL,
    recovered INTEGER NOT NULL,
    PRIMARY KEY (loan, date),
    CHECK (before + drawn = principal + loss + unexplained + balance)
) STRICT, WITHOUT ROWID
"""
_EVENTS = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    date TEXT NOT NULL,
    what TEXT NOT NULL,
    delivery INTEGER REFERENCES deliveries (id),
    loans INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT
"""
_FORWARD = """
CREATE TRIGGER events_go_forward BEFORE INSERT ON events
WHEN NEW.date < (SELECT max(date) FROM events)
BEGIN SELECT RAISE(ABORT, 'the journal goes forward in days'); END
"""
_FIXED = """
CREATE TRIGGER events_stay_{0} BEFORE {0} ON events
BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END
"""
_INDICES = (
    "CREATE UNIQUE INDEX one_holder ON holdings (loan) WHERE until IS NULL",
    "CREATE UNIQUE INDEX one_promise ON lines (loan) WHERE closed IS NULL",
    "CREATE UNIQUE INDEX once_from_a_source ON deliveries (source, origin, destination)"
    " WHERE status <> 'cancelled'",
    "CREATE INDEX holdings_by_loan ON holdings (loan, since)",
    "CREATE INDEX holdings_by_channel ON holdings (channel, since)",
    "CREATE INDEX lines_by_loan ON lines (loan)",
    "CREATE INDEX receipts_by_holding ON receipts (holding)",
)

#: Statements that make version k of a ledger from version k - 1, for k from 1. A step that was
#: ever shipped stays as it is; a change is a further step.
STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        *(_LOANS, _CONFIRMATIONS, _DELIVERIES, _HOLDINGS, _LINES, _TAPES, _RECEIPTS, _EVENTS),
        *_INDICES,
        *(_NO_OVERLAP, _FIXED_HOLDINGS, _FORWARD),
        *(_FIXED.format(word) for word in ("UPDATE", "DELETE")),
    ),
)
